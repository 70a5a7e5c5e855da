"""Random scenarios over models, engines and all their options: a result whose parts add up, or an InputError."""

import json
import random
import time

import pytest

from memory_model import COMPONENTS, InputError, Scenario
from memory_model.estimate import breakdown, over_grid
from memory_model.presets import CACHE_FORMATS, devices, engines, model_presets, weight_schemes
from memory_model.resolve import resolve
from memory_model.result import result
from memory_model.scenario import CHOICES, ENGINE_OPTIONS, KEYS

SEED, STEPS = 6, 80
LENGTHS = (1, 2, 17, 255, 4096, 8192, 100_003, 131_072, 2**20, 2**30)
SEQUENCES = (1, 2, 3, 7, 64, 1000, 2**20)
OPTIONS = {
    "step_tokens": (1, 3, 512, 2048, 8192, 2**30),
    "max_num_seqs": (1, 3, 256, 1024, 2**20),
    "tensor_parallel": (1, 2, 3, 4, 8, 16, 1024),
    "pipeline_parallel": (1, 2, 3, 4, 8, 1024),
    "placement": CHOICES["placement"],
    "cache_implementation": CHOICES["cache_implementation"],
    "gpu_layers": (0, 1, 5, 32, 33, 9_999),
    **{name: (True, False) for name, key in KEYS.items() if key.is_flag},
    **dict.fromkeys((name for name, key in KEYS.items() if key.is_share), (0.01, 0.5, 0.9, 1.0)),
}


def scenario(chance: random.Random) -> dict[str, object]:
    """One scenario; three in four hold only what their engine knows, half have a device, whose limits take longest."""
    engine = chance.choice(list(engines().values()))
    knows = chance.random() < 0.75
    facts = engine.facts
    keys = {
        "model": chance.choice(list(model_presets())),
        "engine": facts.name,
        "context_length": chance.choice(LENGTHS),
        "batch_size": chance.choice(SEQUENCES),
        "device": chance.choice(["none", chance.choice(list(devices()))]),
        "phase": chance.choice(CHOICES["phase"]),
        "parts": chance.choice(CHOICES["parts"]),
    }
    for key, values in (
        ("weights", ["published", *weight_schemes()]),
        ("kv_cache", [*CACHE_FORMATS, "q8_0:f16", "f16:q4_0"]),
        ("attention", facts.attention if knows else CHOICES["attention"]),
        ("logits", facts.logits if knows else CHOICES["logits"]),
        ("engine_version", [facts.short_version for facts in engine.versions]),
    ):
        if chance.random() < 0.5:
            keys[key] = chance.choice(list(values))
    options = engine.own_options if knows else ENGINE_OPTIONS
    for key in chance.sample(list(options), min(len(options), chance.randint(0, 3))):
        keys[key] = chance.choice(OPTIONS[key])
    return keys


def outcome(keys: dict[str, object]) -> str:
    """`refused`, or `adds up` after every law was checked. Raises AssertionError, or what the model raises."""
    try:
        asked = Scenario(**keys)
        found = result(asked)
    except InputError as error:
        assert len(str(error)) > 10 and "\n" not in str(error), keys
        return "refused"
    assert tuple(found["components"]) == COMPONENTS
    assert all(type(size) is int and size >= 0 for size in (*found["components"].values(), *found["host"].values()))
    assert sum(found["components"].values()) == found["total"] > 0 or asked.placement == "cpu", keys
    json.dumps(found, allow_nan=False)
    memory = breakdown(resolve(asked))
    for part in memory:
        for moment in part.moments:
            assert sum(int(term.bytes) for term in moment.terms) <= int(part.bytes), keys
    grid = over_grid(resolve(asked), [asked.context_length], [asked.batch_size])
    assert float(grid.bytes[0, 0]) == pytest.approx(found["total"], rel=1e-9), keys
    return "adds up"


def walk(seed: int, steps: int) -> dict[str, int]:
    """How many random scenarios were refused, and how many add up."""
    chance, counts = random.Random(seed), {"refused": 0, "adds up": 0}
    for _ in range(steps):
        counts[outcome(scenario(chance))] += 1
    return counts


def test_every_random_scenario_adds_up_or_is_refused_with_a_reason():
    counts = walk(SEED, STEPS)
    assert min(counts.values()) > STEPS // 10, counts


def test_the_largest_scenarios_take_no_longer():
    for engine in engines():
        begun = time.process_time()
        sequences = 256 if engine == "llama.cpp" else 2**20
        found = result(Scenario("qwen3-0.6b", engine=engine, context_length=2**30, batch_size=sequences))
        assert found["total"] > 2**50 and time.process_time() - begun < 5
