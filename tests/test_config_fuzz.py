"""A broken config.json never gives a traceback or a silent wrong number, whatever is broken in it."""

import copy
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_model import InputError, Scenario
from memory_model.architectures import FAMILIES, read_config
from memory_model.estimate import breakdown
from memory_model.presets import model_presets
from memory_model.resolve import resolve

PRESETS = {preset.config["model_type"]: preset.config for preset in model_presets().values()}
"""One config of each model_type."""
NONSENSE = [
    None,
    True,
    False,
    -1,
    -(10**9),
    2**63,
    10**30,
    1e308,
    math.nan,
    math.inf,
    0.5,
    "",
    "x",
    "12",
    [],
    [1],
    {},
    {"a": 1},
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(config, prefix=()):
    """The paths of all keys, nested ones included."""
    for key, value in config.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from places(value, (*prefix, key))


def changed(config, path, value):
    """The config with the key at a path set to a value, or left out where that is `...`."""
    config = copy.deepcopy(config)
    section = config
    for key in path[:-1]:
        section = section[key]
    if value is ...:
        del section[path[-1]]
    else:
        section[path[-1]] = value
    return config


def total(config):
    """Bytes of weights and cache; raises InputError for what is not understood."""
    shape = read_config(config, "x")
    memory = breakdown(resolve(Scenario(model="x", context_length=4096), shape))
    assert shape.parameters() > 0
    return memory["weights"].bytes, memory["kv_cache"].bytes


def held(config):
    """The same without the activations, which take five times as long."""
    shape = read_config(config, "x")
    deployment = resolve(Scenario(model="x", context_length=4096, phase="prefill"), shape)
    return deployment.engine.weights(deployment).bytes, deployment.engine.kv_cache(deployment).bytes


def some_places(config):
    """Every place of a config, or fifty evenly chosen ones of a long one (Kimi K3 lists its layers one by one)."""
    found = list(places(config))
    return found[:: -(-len(found) // 50)]


@pytest.mark.parametrize("name", list(PRESETS))
def test_any_key_missing_is_a_default_or_a_clear_error(name):
    for path in some_places(PRESETS[name]):
        try:
            total(changed(PRESETS[name], path, ...))
        except InputError as error:
            assert str(error).startswith("x › "), error


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_negative_or_absurd_dimension_is_refused_or_not_used(name):
    expected = held(PRESETS[name])
    for path in some_places(PRESETS[name]):
        for value in (-1, 10**30, "x", [[]]):
            try:
                assert held(changed(PRESETS[name], path, value)) == expected, (path, value)
            except InputError as error:
                assert str(error).startswith("x › "), error


@given(name=st.sampled_from(sorted(PRESETS)), data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nonsense_anywhere_is_a_number_or_a_clear_error(name, data):
    config = PRESETS[name]
    path = data.draw(st.sampled_from(list(places(config))))
    value = data.draw(st.sampled_from(NONSENSE) | JSON)
    try:
        assert all(amount >= 0 for amount in total(changed(config, path, value)))
    except InputError as error:
        assert str(error)


def test_an_infinite_number_where_a_switch_is_read_switches_nothing_on():
    config = PRESETS["gemma4"]
    path = next(path for path in places(config) if path[-1] == "final_logit_softcapping")
    assert total(changed(config, path, float("inf"))) == total(changed(config, path, None))


@given(keys=st.dictionaries(st.text(max_size=20), JSON, max_size=8), family=st.sampled_from(FAMILIES))
@settings(max_examples=200, deadline=None)
def test_unknown_keys_beside_a_model_type_are_survived(keys, family):
    try:
        total(keys | {"model_type": family.model_type})
    except InputError as error:
        assert str(error)


@pytest.mark.parametrize(
    "keys", [None, [], "llama", 3, {}, {"model_type": 3}, {"model_type": ["llama"]}, {"model_type": None}]
)
def test_what_is_no_config_is_refused(keys):
    with pytest.raises(InputError):
        read_config(keys, "x")


@pytest.mark.parametrize(
    ("name", "path", "value", "message"),
    [  # found by trying nine broken values in every place of every known config
        ("kimi_k25", ("text_config", "quantization_config", "config_groups", "group_0"), None, "group_0: empty"),
        ("qwen3_vl", ("vision_config", "deepstack_visual_indexes"), [], ""),
    ],
)
def test_what_once_gave_a_traceback(name, path, value, message):
    config = changed(PRESETS[name], path, value)
    if message:
        with pytest.raises(InputError, match=message):
            total(config)
    else:
        assert total(config) < total(PRESETS[name])
