"""The least time and price of a whole answer, what the cache saves of it, and where there is no bound."""

import json

import pytest

from memory_model import InputError, Scenario
from memory_model.__main__ import main
from memory_model.resolve import resolve
from memory_model.speed import (
    answer_bound,
    at_context,
    price,
    refusal,
    seconds_per_token,
    time_bound,
)
from memory_model.step_work import decode_step, prefill
from memory_model.without_cache import cache_trade

H100 = "h100-sxm-80gb"


def deployed(model="llama-3.1-8b", **keys):
    return resolve(Scenario(**({"model": model, "device": H100} | keys)))


def test_the_answer_is_the_sum_of_its_steps():
    deployment = deployed(context_length=1000, batch_size=4)
    bound = answer_bound(deployment, 5, price_per_hour=7.2)
    steps = [seconds_per_token(at_context(deployment, 1000 + i)) for i in (1, 2, 3, 4)]
    assert bound.decode_seconds == pytest.approx(sum(steps))
    assert bound.prefill_seconds == time_bound(deployment, prefill(deployment)).seconds
    assert bound.price_per_answer == pytest.approx(bound.seconds * 7.2 / 3600 / 4)
    assert bound.price_per_million_tokens == pytest.approx(bound.price_per_answer / 5 * 1e6)
    assert bound.tokens_per_second == pytest.approx(4 * 5 / bound.seconds)
    assert answer_bound(deployment, 5).price_per_answer is None
    later = answer_bound(deployment, 5, prompt_tokens=200, past=800)
    assert later.prefill_seconds < bound.prefill_seconds and later.decode_seconds == bound.decode_seconds


def test_several_gpus_are_paid_for():
    deployment = deployed(engine="vllm", tensor_parallel=2)
    assert answer_bound(deployment, 10, price_per_hour=1).devices == 2
    assert price(1800, 2.0, devices=2) == 2.0
    with pytest.raises(InputError, match="price_per_hour: expected a price of 0 or more"):
        price(1, -1)


def test_what_the_cache_saves():
    deployment = deployed(context_length=8192)
    trade = cache_trade(deployment, 100)
    assert trade.kept_bytes == 2 * 32 * 8 * 128 * 2 * 8291
    assert trade.last_without.flops == prefill(at_context(deployment, 8291)).flops
    assert trade.last_with.flops == decode_step(at_context(deployment, 8291)).flops
    again = [prefill(at_context(deployment, 8192 + i)).flops for i in range(100)]
    assert trade.without_cache.flops == pytest.approx(sum(again), rel=1e-12)
    once = again[0] + sum(decode_step(at_context(deployment, 8192 + i)).flops for i in range(1, 100))
    assert trade.flops_repeated == pytest.approx(sum(again) / once) == pytest.approx(99.2, abs=0.1)
    assert trade.without_cache.seconds > trade.with_cache.seconds
    off = deployed(context_length=8291, use_cache=False)
    assert decode_step(off).flops == trade.last_without.flops


def test_a_model_whose_steps_are_all_alike():
    """Mamba keeps states alone: no step depends on the context."""
    deployment = deployed("falcon-mamba-7b", context_length=500)
    bound = answer_bound(deployment, 11)
    assert bound.decode_seconds == pytest.approx(10 * seconds_per_token(deployment))
    trade = cache_trade(deployment, 11)
    assert trade.with_cache.flops == prefill(deployment).flops + 10 * decode_step(deployment).flops
    assert trade.with_cache.seconds == pytest.approx(bound.seconds)
    again = sum(prefill(at_context(deployment, 500 + more)).flops for more in range(11))
    assert trade.without_cache.flops == pytest.approx(again, rel=1e-12)


@pytest.mark.parametrize(
    "keys,why",
    [
        ({"device": "none"}, "no device is chosen"),
        ({"engine": "llama.cpp", "placement": "cpu"}, "host memory"),
    ],
)
def test_no_bound_where_figures_are_missing(keys, why):
    deployment = deployed(**keys)
    assert seconds_per_token(deployment) is None and why in refusal(deployment)


def test_apple_states_no_compute_rate():
    """So there is a bound for a token, and none for a prompt, which compute would bind."""
    deployment = deployed(device="m4-max-128gb")
    assert seconds_per_token(deployment) == decode_step(deployment).bytes / 546e9
    assert time_bound(deployment, prefill(deployment)) is None and answer_bound(deployment, 10) is None


def test_the_command_line_prints_the_same(capsys):
    arguments = ["speed", "llama-3.1-8b", "--device", H100, "--price-per-hour", "3"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["decode"]["bytes"] == 16_083_591_168 and found["decode"]["binds"] == "memory"
    assert found["answer"]["price_per_million_tokens"] == pytest.approx(4.22, abs=0.01)
    assert found["evidence"] == "assumed"
    assert main(arguments) == 0
    assert "at most 208.3 tokens a second" in capsys.readouterr().out
    assert main(["speed", "gpt2"]) == 2
    assert main(["speed", "gpt2", "--device", H100, "--price-per-hour", "nan"]) == 2
    assert "price_per_hour: expected a price of 0 or more" in capsys.readouterr().err
