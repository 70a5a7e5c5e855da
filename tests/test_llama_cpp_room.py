"""What llama.cpp has no room for: sequences, and the tensors of a graph; what the engine itself starts with, and what not."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.live.amounts import amounts, needed
from dashboard.live.reach import largest_batches
from dashboard.trade_offs.growth import growth_lines, growths
from memory_model import InputError, Scenario, fit, sweep
from memory_model.conversation.course import Conversation, course
from memory_model.levers import Asked, three_cheapest
from memory_model.levers.change import deployed
from memory_model.resolve import resolve

M3 = Scenario("minimax-m3", engine="llama.cpp", weights="q8_0", device="m3-ultra-512gb")
PHI = Scenario("phi-4", engine="llama.cpp", weights="q8_0", batch_size=2)


def asked(scenario: Scenario, **keys: Any) -> Scenario:
    return replace(scenario, **keys)


def starts(scenario: Scenario) -> bool:
    try:
        resolve(scenario)
    except InputError:
        return False
    return True


@pytest.mark.parametrize(
    ("keys", "engine_starts"),
    [
        ({"batch_size": 11}, True),
        ({"batch_size": 12}, False),
        ({"batch_size": 12, "step_tokens": 942}, False),
        ({"batch_size": 12, "step_tokens": 943}, True),
        ({"batch_size": 27, "step_tokens": 1989}, False),
        ({"batch_size": 27, "step_tokens": 1990}, True),
        ({"batch_size": 28, "step_tokens": 2048}, False),
        ({"batch_size": 14, "step_tokens": 1100, "kv_cache": "q8_0"}, False),
        ({"batch_size": 14, "step_tokens": 1101, "kv_cache": "q8_0"}, True),
        ({"batch_size": 14, "step_tokens": 1090, "kv_cache": "q8_0:fp16"}, False),
        ({"batch_size": 14, "step_tokens": 1091, "kv_cache": "q8_0:fp16"}, True),
        ({"batch_size": 20, "step_tokens": 2048, "context_length": 64}, False),
        ({"batch_size": 20, "step_tokens": 2048, "context_length": 256}, True),
        ({"batch_size": 256, "step_tokens": 256}, True),
        ({"batch_size": 256, "kv_unified": True}, True),
        ({"batch_size": 256, "attention": "plain"}, True),
    ],
)
def test_minimax_m3_has_room_for_as_many_streams_as_the_engine_starts_with(keys, engine_starts: bool):
    """The engine's own log: `graph: nodes`, and where it stops with `not enough space in the context's memory pool`."""
    assert starts(asked(M3, **keys)) is engine_starts


@pytest.mark.parametrize(
    ("keys", "engine_starts"),
    [
        ({"kv_cache": "q8_0"}, False),
        ({"kv_cache": "q8_0", "gpu_layers": 20}, False),
        ({"kv_cache": "q8_0", "kv_unified": True}, True),
        ({"kv_cache": "q8_0", "batch_size": 1}, True),
        ({"kv_cache": "q8_0:fp16"}, True),
        ({"kv_cache": "fp16:q8_0", "batch_size": 256}, True),
        ({"kv_cache": "q8_0", "model": "phi-4-mini-instruct"}, True),
        ({"kv_cache": "q8_0", "model": "phi-3-mini-4k-instruct"}, True),
        ({"kv_cache": "q4_0", "model": "phi-3-medium-128k-instruct"}, False),
    ],
)
def test_phi_of_40_layers_with_a_rotated_cache_takes_one_stream(keys, engine_starts: bool):
    """The engine stops in its scheduler (ggml-impl.h ggml_hash_find_or_insert), or logs the nodes of its graph."""
    assert starts(asked(PHI, **keys)) is engine_starts


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (asked(PHI, batch_size=257), r"^batch_size: 257 sequences are more than the 256 that llama.cpp takes; use 256"),
        (asked(M3, batch_size=12), r"^batch_size: .* 12 streams .* 37,693 tensors .* use 11 or fewer, or step_tokens of 943"),
        (asked(M3, batch_size=256), r"^batch_size: .* use 11 or fewer, or kv_unified$"),
        (asked(PHI, kv_cache="q8_0"), r"^batch_size: .* cache in q8_0.* use kv_unified, or kv_cache fp16$"),
    ],
)  # fmt: skip
def test_what_has_no_room_is_refused_with_a_repair(scenario: Scenario, said: str):
    with pytest.raises(InputError, match=said):
        resolve(scenario)


def test_a_grid_bears_points_that_the_engine_refuses():
    grid = sweep(M3, context_length=[512, 8192], batch_size=[1, 11, 12, 257])
    assert np.isfinite(grid.bytes).tolist() == [[True, True, False, False]] * 2
    assert sorted({*grid.to_frame()["batch_size"]}) == [1, 11]
    table = needed(amounts(resolve(M3), [512, 8192], [11, 12]))
    assert np.isinf(table[:, 1]).all()
    assert (table[:, 0] == grid.bytes[:, 1]).all()


def test_many_streams_are_refused_in_no_time():
    """A graph of 256 streams took ten seconds to build."""
    deployment = resolve(M3)
    amounts(deployment, [8192], [1])
    begun = time.process_time()
    amounts(deployment, [256, 8192, 65_536], [12, 64, 128, 192, 256])
    assert time.process_time() - begun < 0.5


def test_nothing_reaches_beyond_what_the_engine_starts_with():
    small = Scenario("qwen3-0.6b", engine="llama.cpp", weights="q4_k_m", device="h100-sxm-80gb", context_length=256)
    assert fit(small).max_batch_size == 256
    assert largest_batches(resolve(small), [256, 512]).tolist() == [256, 256]


def test_growth_is_shown_where_the_engine_starts():
    scenario = Scenario("qwen3-0.6b", engine="llama.cpp", weights="q4_k_m", context_length=8192, batch_size=256)
    assert growth_lines(scenario, "batch")[0].numbers == (1, 2, 4, 8, 16, 32, 64, 128, 256)
    cache = next(growth for growth in growths(scenario, "batch") if growth.component == "kv_cache")
    assert cache.slope == pytest.approx(1)
    assert any(found.repeats for found in cache.grown)


def test_remedies_pass_over_what_is_refused_and_come_back_where_it_is_not():
    """512 sequences run on no llama.cpp; that is no reason to leave it out for 2."""
    many = Scenario("llama-3.1-8b", device="h100-sxm-80gb", batch_size=512, context_length=8192)
    for remedy in three_cheapest(Asked(many), 3):
        deployed(remedy.asked)
    few = three_cheapest(Asked(asked(many, batch_size=2, context_length=2**18)), 3)
    assert any(change.id == "engine-llama.cpp" for remedy in few for change in remedy.changes)


def test_a_conversation_of_more_users_than_the_engine_takes_is_refused():
    with pytest.raises(InputError, match="batch_size: 300 sequences"):
        course(resolve(asked(PHI, batch_size=1)), Conversation(0, ((100, 100),), users=300))
