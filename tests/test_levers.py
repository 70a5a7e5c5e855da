"""Levers: what each change does to a model, where the waterfall's ends meet, and what makes a scenario fit."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations

import pytest

from dashboard.levers.chain import text_of
from dashboard.own_models import deployed as deployed_on_the_page
from memory_model import InputError, Scenario, estimate, load_model
from memory_model.estimate import amounts, amounts_within, breakdown
from memory_model.levers import (
    CHANGES,
    KINDS,
    Asked,
    Price,
    Remedy,
    change_of,
    changes_for,
    cheapest,
    deployed,
    integer_keys,
    memory,
    search,
    students,
    suggested,
    three_cheapest,
    waterfall,
    with_keys,
)
from memory_model.levers.change import Change, after
from memory_model.presets import engines
from memory_model.resolve import resolve

LLAMA = Asked(Scenario("llama-3.1-70b", context_length=131_072, device="h100-sxm-80gb"))


def asked(model: str, **keys: object) -> Asked:
    return Asked(Scenario(model, **{"device": "h100-sxm-80gb", **keys}))  # type: ignore[arg-type]


def component(state: Asked, name: str) -> int:
    return int(memory(state)[name].bytes)


# --- changes ---------------------------------------------------------------------------------------------------------


def test_every_change_has_a_name_of_its_own_and_words():
    assert len({change.id for change in CHANGES}) == len(CHANGES)
    for change in CHANGES:
        assert change.kind in KINDS and change.words.endswith(".") and len(change.label) <= 32, change.id
        assert change.id == text_of((change_of(change.id),))


@pytest.mark.parametrize("engine", ["transformers", "vllm", "llama.cpp"])
@pytest.mark.parametrize(
    "model", ["llama-3.1-8b", "gpt-oss-20b", "gemma-3-27b-it", "deepseek-v2-lite", "falcon-mamba-7b"]
)
def test_what_is_offered_runs_and_changes_something(engine: str, model: str):
    start = asked(model, engine=engine, batch_size=4)
    before = memory(start)
    offered = changes_for(start)
    assert len(offered) >= 5
    assert [change.price for change in offered] == sorted(change.price for change in offered)
    for change in offered:
        after = memory(change.apply(start))
        parts = [(part.name, part.bytes) for part in (*after, *after.host)]
        assert parts != [(part.name, part.bytes) for part in (*before, *before.host)], change.id


def test_an_engine_is_offered_only_formats_that_it_loads():
    for name in ("transformers", "vllm", "llama.cpp"):
        ids = {change.id for change in changes_for(asked("llama-3.1-8b", engine=name))}
        assert ("weights-q4_k_m" in ids) == (name == "llama.cpp")
        assert ("gpus-2" in ids) == (name != "transformers")
        assert f"engine-{name}" not in ids
    assert "engine-vllm" not in {change.id for change in changes_for(Asked(Scenario("qwen3-8b", device="m4-max-64gb")))}


@pytest.mark.parametrize(
    ("engine", "model", "fewest"), [("vllm", "qwen3-32b", 4), ("sglang", "qwen3-32b", 4), ("llama.cpp", "qwen3-32b", 3)]
)
def test_more_of_the_same_device_is_offered_the_fewest_that_suffice(engine: str, model: str, fewest: int):
    """32 B parameters and 20 sequences of 32,768 tokens on 80 GB: what somebody thinks of first who buys devices."""
    start = asked(model, engine=engine, batch_size=20, context_length=32_768, device="h100-sxm-80gb")
    alone = [
        remedy for remedy in three_cheapest(start) if [change.slot for change in remedy.changes] == ["tensor_parallel"]
    ]
    assert [remedy.gpus for remedy in alone] == [fewest]
    for count in range(1, fewest):
        way = "pipeline_parallel" if engine == "llama.cpp" else "tensor_parallel"
        try:
            deployment = deployed(replace(start, scenario=replace(start.scenario, **{way: count})))
        except InputError:
            continue
        assert amounts(deployment).bytes > deployment.engine.memory_limit(deployment)


def test_several_devices_are_no_reason_to_take_up_an_engine_that_divides_no_layer():
    for remedy in three_cheapest(LLAMA, 9):
        assert remedy.gpus == 1 or remedy.asked.scenario.engine != "llama.cpp"


def test_memory_that_is_one_with_the_computers_is_not_multiplied():
    ids = {change.id for change in changes_for(asked("llama-3.1-8b", engine="llama.cpp", device="m4-max-64gb"))}
    assert not any(name.startswith("gpus-") for name in ids)


def test_sizes_of_tensor_parallel_are_valid_ones():
    """Qwen2.5 7B has 28 query heads: 2 and 4 GPUs divide them, 8 do not."""
    ids = {change.id for change in changes_for(asked("qwen2.5-7b-instruct", engine="vllm"))}
    assert {"gpus-2", "gpus-4"} <= ids and "gpus-8" not in ids


@pytest.mark.parametrize(
    ("model", "change", "name", "share"),
    [
        ("llama-3.1-8b", "kv-heads-half", "kv_cache", 1 / 2),
        ("llama-3.1-8b", "kv-heads-quarter", "kv_cache", 1 / 4),
        ("llama-3.1-8b", "layers-half", "kv_cache", 1 / 2),
        ("llama-2-7b", "kv-heads-half", "kv_cache", 1 / 2),  # as many KV heads as query heads
        ("gpt2", "layers-half", "kv_cache", 1 / 2),  # the key is n_layer
        ("llama-3.1-8b", "latent-attention", "kv_cache", (512 + 64) / (2 * 8 * 128)),
        ("gemma-3-27b-it", "layers-half", "kv_cache", 1 / 2),
        ("llama-3.1-8b", "context-half", "kv_cache", 1 / 2),
    ],
)
def test_an_edited_key_does_to_the_cache_what_its_number_says(model: str, change: str, name: str, share: float):
    start = asked(model, engine="vllm" if change == "latent-attention" else "transformers", context_length=8192)
    after = change_of(change).apply(start)
    if change == "latent-attention":  # transformers expands the row; vLLM keeps it
        assert component(after, name) == component(start, name) * share
    else:
        assert component(after, name) == pytest.approx(component(start, name) * share, rel=1e-9)


def test_a_window_in_every_layer_makes_llama_a_mistral():
    """Mistral 7B is Llama's layout with a window; decoding then keeps 4,096 tokens of every layer."""
    start = asked("llama-3.1-8b", context_length=32_768, phase="decode")
    after = change_of("window-4096").apply(start)
    assert deployed(after).model.parameters() == load_model("llama-3.1-8b").parameters()
    assert component(after, "kv_cache") * 8 == component(start, "kv_cache")


def test_students_are_smaller_of_the_family_and_read_the_same_tokens():
    assert [change.id for change in students("llama-3.1-70b")] == [
        "student-llama-3.1-8b",
        "student-llama-3.2-3b-instruct",
        "student-llama-3.2-1b-instruct",
    ]
    assert students("own-0123456789ab") == () and students("gpt2") == ()
    student = change_of("student-llama-3.1-8b").apply(LLAMA)
    assert memory(student).bytes == estimate(replace(LLAMA.scenario, model="llama-3.1-8b")).bytes


# --- waterfall -------------------------------------------------------------------------------------------------------


def test_the_ends_of_the_waterfall_meet():
    ids = ("steps-512", "weights-awq-int4", "engine-vllm", "cache-fp8", "gpus-2", "kv-heads-half", "weights-q4_k_m")
    steps = waterfall(LLAMA, [change_of(id_) for id_ in ids])
    assert steps[0].before.bytes == memory(LLAMA).bytes
    for one, two in pairwise(steps):
        assert one.after is two.before
    for step in steps:
        assert sum(step.difference.values()) == step.bytes == int(step.after.bytes) - int(step.before.bytes)
        assert memory(step.asked).bytes == step.after.bytes
    assert memory(LLAMA).bytes + sum(step.bytes for step in steps) == steps[-1].after.bytes
    assert [bool(step.problem) for step in steps] == [False] * 6 + [True]
    assert steps[-1].bytes == 0 and "q4_k_m" in steps[-1].problem


def test_the_order_counts_but_the_end_is_one():
    changes = [change_of(id_) for id_ in ("kv-heads-half", "context-half", "weights-fp8")]
    forth, back = waterfall(LLAMA, changes), waterfall(LLAMA, changes[::-1])
    assert forth[-1].after.bytes == back[-1].after.bytes
    assert forth[0].bytes != back[-1].bytes


# --- the cheapest ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "engine", "device"),
    [
        ("llama-3.1-70b", "transformers", "h100-sxm-80gb"),
        ("llama-3.1-70b", "vllm", "h100-sxm-80gb"),
        ("gpt-oss-120b", "llama.cpp", "rtx-4090"),
        ("deepseek-v3", "vllm", "h100-sxm-80gb"),
    ],
)
def test_remedies_fit_and_none_of_their_changes_is_idle(model: str, engine: str, device: str):
    start = Asked(Scenario(model, engine=engine, device=device, context_length=131_072))
    found = three_cheapest(start)
    assert 1 <= len(found) <= 3
    assert [remedy.price for remedy in found] == sorted({remedy.price for remedy in found})
    for remedy in found:
        deployment = deployed(remedy.asked)
        assert memory(remedy.asked).bytes == remedy.memory.bytes <= deployment.engine.memory_limit(deployment)
        assert remedy.price < Price.TRAINING and remedy.headroom >= 0
        for left_out in remedy.changes:
            state = start
            try:
                for change in remedy.changes:
                    state = state if change is left_out else change.apply(state)
                less = deployed(state)
            except InputError:
                continue
            assert memory(state).bytes > less.engine.memory_limit(less), f"{left_out.id} is not needed"


def test_remedies_do_not_depend_on_what_was_asked_before():
    """A search remembers what was too large at fewer tokens, or cannot run; one that remembers nothing answers alike."""
    places = [(131_072, 1), (8192, 4), (40_000, 16), (262_144, 1), (1024, 64), (40_000, 1)]
    states = [replace(LLAMA, scenario=replace(LLAMA.scenario, context_length=c, batch_size=b)) for c, b in places]

    def anew(state: Asked) -> tuple[Remedy, ...]:
        cheapest._found.cache_clear()
        return three_cheapest(state)

    search._known.cache_clear()
    remembering = [anew(state) for state in states]
    for state, found in zip(states, remembering):
        search._known.cache_clear()
        assert anew(state) == found


@pytest.mark.parametrize("model", ["llama-3.1-8b", "gemma-3-27b-it", "qwen3-30b-a3b"])
def test_whether_changes_run_together_does_not_depend_on_the_sliders(model: str):
    """But for those that ask for less: half of one sequence is none. What cannot run is not asked about again."""
    changes = [change for change in changes_for(asked(model)) if change.slot not in search.WORKLOAD]

    def runs(together: tuple[Change, ...], tokens: int, sequences: int) -> bool:
        try:
            after(asked(model, context_length=tokens, batch_size=sequences), *together)
        except InputError:
            return False
        return True

    pairs = list(permutations(changes, 2))[::7]
    found = {pair: {runs(pair, *place) for place in ((256, 1), (9001, 5), (1_048_576, 64))} for pair in pairs}
    assert all(len(answers) == 1 for answers in found.values())
    assert {answer for answers in found.values() for answer in answers} == {True, False}


def test_a_search_goes_on_where_it_was_left():
    cheapest._found.cache_clear()
    whole = three_cheapest(LLAMA)
    cheapest._found.cache_clear()
    assert three_cheapest(LLAMA, 1) == whole[:1]
    assert three_cheapest(LLAMA) == whole and three_cheapest(LLAMA, 2) == whole[:2]


def test_more_than_what_fits_is_not_worked_out(monkeypatch):
    """llama.cpp alone makes gpt-oss-120b fit, so that layers on the host, whose graphs take longest, are idle beside it."""
    asked_about = []

    def counted(deployment, limit):
        asked_about.append(deployment.options.gpu_layers)
        return amounts_within(deployment, limit)

    monkeypatch.setattr(search, "amounts_within", counted)
    cheapest._found.cache_clear()
    found = three_cheapest(asked("gpt-oss-120b", context_length=131_072))
    assert all(remedy.asked.scenario.gpu_layers is None for remedy in found)
    on_host = [layers for layers in asked_about if layers is not None]
    assert on_host and len(on_host) == len(set(on_host)), "each share of the layers once, whatever it goes with"


def test_what_fits_needs_no_remedy():
    assert three_cheapest(asked("llama-3.1-8b")) == ()
    assert three_cheapest(Asked(Scenario("llama-3.1-405b"))) == ()


def test_the_suggestion_makes_it_fit_or_saves_most():
    remedy = three_cheapest(LLAMA)[0]
    assert suggested(LLAMA) == remedy.changes
    small = suggested(asked("llama-3.1-8b"))
    assert small[0].id == "weights-awq-int4" and all(change.price <= Price.WEIGHTS_4_BIT for change in small)


# --- the editor ------------------------------------------------------------------------------------------------------


def test_every_whole_number_of_every_kind_of_config_can_be_set_to_itself():
    for model in ("llama-3.1-8b", "gemma-3-27b-it", "gpt2", "deepseek-v3", "qwen3-next-80b-a3b-instruct"):
        shape = load_model(model)
        keys = integer_keys(shape)
        assert any(key.endswith(("num_hidden_layers", "n_layer")) for key in keys)
        assert with_keys(shape, keys).parameters() == shape.parameters()


def test_a_key_with_a_dot_in_it_is_no_section():
    start = Asked(Scenario("smollm2-135m-instruct"))  # whose config has a `transformers.js_config`
    changed = change_of("latent-attention").apply(start)
    assert memory(changed)["kv_cache"].bytes > 0


def test_lists_follow_the_number_of_layers():
    shape = with_keys(load_model("gpt-oss-20b"), {"num_hidden_layers": 36})
    assert shape.num_hidden_layers == 36 and len(shape.config["layer_types"]) == 36  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"num_key_value_heads": 3}, "3 does not divide 32 query heads"),
        ({"num_hidden_layers": 0}, "num_hidden_layers"),
        ({"rope_theta": 1}, "unknown key"),
        ({"hidden_size": 2**40}, "expected a whole number up to"),
    ],
)
def test_a_number_that_cannot_be_is_said(values: dict[str, int], problem: str):
    with pytest.raises(InputError, match=problem):
        with_keys(load_model("llama-3.1-8b"), values)


# --- the link --------------------------------------------------------------------------------------------------------


def test_every_format_that_an_engine_is_said_to_take_is_offered_and_loads():
    for name, engine in engines().items():
        weights = [f"weights-{format_}" for format_ in engine.facts.offered_weights]
        caches = [f"cache-{format_}" for format_ in engine.facts.offered_caches]
        assert weights
        for change in weights + caches:
            assert resolve(change_of(change).apply(Asked(Scenario("llama-3.1-8b", engine=name))).scenario)


def test_half_of_the_layers_counts_the_output_layer():
    """DeepSeek-V2-Lite: 27 layers and the output layer, of which llama.cpp's --n-gpu-layers 14 is half."""
    asked = Asked(Scenario("deepseek-v2-lite", engine="llama.cpp"))
    assert change_of("gpu-layers-half").apply(asked).scenario.gpu_layers == 14


def test_on_the_cpu_alone_levers_and_pages_look_at_what_the_host_holds():
    scenario = Scenario("gpt2", engine="llama.cpp", placement="cpu", device="rtx-4090", context_length=512)
    seen = breakdown(deployed_on_the_page(scenario))
    assert [(part.name, part.bytes) for part in seen][:3] == [
        (part.name, part.bytes) for part in estimate(scenario).host
    ]
    assert (seen["overhead"].bytes, seen.host, deployed_on_the_page(scenario).device) == (0, (), None)
    (step,) = waterfall(Asked(scenario), [change_of("weights-q4_k_m")])
    after = estimate(replace(scenario, weights="q4_k_m"))
    assert step.bytes == sum(part.bytes for part in after.host) - seen.bytes < 0
