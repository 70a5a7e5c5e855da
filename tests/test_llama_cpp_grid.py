"""llama.cpp's compute buffer over grids: programs of places against whole graphs, and grids against points."""

from functools import cache, partial

import numpy as np
import pytest

from memory_model import Scenario, estimate
from memory_model.engines.llama_cpp import compute_buffer
from memory_model.engines.llama_cpp.allocator import Replay
from memory_model.engines.llama_cpp.context import Context
from memory_model.engines.llama_cpp.few_layers import of_few
from memory_model.engines.llama_cpp.multiples import multiples_in, readable, structure, terms
from memory_model.engines.llama_cpp.recipes import recipe_of
from memory_model.estimate import over_grid
from memory_model.resolve import resolve


@cache
def context(model, attention, kv_cache, sequences):
    keys = {"attention": attention, "kv_cache": kv_cache, "batch_size": sequences, "context_length": 3000}
    return Context(resolve(Scenario(model=model, engine="llama.cpp", weights="q8_0", **keys)))


@pytest.mark.parametrize("sequences", [1, 3])
@pytest.mark.parametrize("attention", ["flash", "plain"])
@pytest.mark.parametrize("model", ["llama-3.1-8b", "gemma-3-27b-it", "deepseek-v2-lite", "gpt-oss-20b", "qwen3-0.6b"])
def test_repeated_layers_change_nothing(model, attention, sequences):
    found = context(model, attention, "f16", sequences)
    shape, settings = found.deployment.model, compute_buffer.settings_of(found)
    recipe = recipe_of(shape)
    layers = compute_buffer.layers_of(shape, recipe, settings)
    assert len(layers) == shape.num_hidden_layers
    whole = compute_buffer._run(shape, recipe, settings, layers)
    assert compute_buffer.buffer_bytes(found) == whole.bytes


HYBRIDS = ["granite-4.0-h-small", "nvidia-nemotron-3-nano-30b-a3b-bf16", "jamba-v0.1", "qwen3-next-80b-a3b-instruct"]


@pytest.mark.parametrize("sequences", [1, 3])
@pytest.mark.parametrize("attention", ["flash", "plain"])
@pytest.mark.parametrize("model", [*HYBRIDS, "gemma-3-27b-it", "deepseek-v2-lite", "gpt-oss-20b", "llama-3.1-8b"])
def test_a_program_does_what_the_whole_graph_does(model, attention, sequences):
    found = context(model, attention, "f16", sequences)
    shape, settings = found.deployment.model, compute_buffer.settings_of(found)
    recipe = recipe_of(shape)
    whole = compute_buffer._run(shape, recipe, settings, compute_buffer.layers_of(shape, recipe, settings))
    assert compute_buffer._run_program(shape, recipe, settings).bytes == whole.bytes


def test_a_program_joins_blocks_as_the_engine_does():
    """Empty tensors leave empty blocks behind, by which free blocks come out of order and stay apart."""
    asked = {"kv_cache": "q4_0", "step_tokens": 64, "logits": "all", "context_length": 100}
    found = Context(resolve(Scenario(model="granite-4.0-h-small", engine="llama.cpp", weights="bf16", **asked)))
    shape, settings = found.deployment.model, compute_buffer.settings_of(found)
    recipe = recipe_of(shape)
    whole = compute_buffer._run(shape, recipe, settings, compute_buffer.layers_of(shape, recipe, settings))
    assert compute_buffer._run_program(shape, recipe, settings).bytes == whole.bytes


def test_layers_that_add_an_embedding_of_their_own_are_not_like_the_others():
    """Three sequences of Qwen3-VL, whose first three layers have one."""
    asked = {"kv_cache": "q4_0", "batch_size": 3, "context_length": 3000, "logits": "all"}
    found = Context(resolve(Scenario(model="qwen3-vl-8b-instruct", engine="llama.cpp", **asked)))
    shape, settings = found.deployment.model, compute_buffer.settings_of(found)
    recipe = recipe_of(shape)
    whole = compute_buffer._run(shape, recipe, settings, compute_buffer.layers_of(shape, recipe, settings))
    assert compute_buffer._replayed(shape, recipe, settings).bytes == whole.bytes == 319_553_536


def test_every_graph_is_a_program():
    """Sizes that are no sums of multiples would be replayed one by one, which is slow."""
    for model in (
        *HYBRIDS,
        "falcon-h1-7b-base",
        "gpt2",
        "minimax-text-01",
        "deepseek-v4-flash",
        "mistral-small-4-119b-2603",
    ):
        found = context(model, "flash", "q8_0", 1)
        shape, settings = found.deployment.model, compute_buffer.settings_of(found)
        assert compute_buffer._program(shape, recipe_of(shape), structure(settings)) is not None


def test_multiples_are_read_off_the_digits_of_a_size():
    large = readable(structure(compute_buffer.settings_of(context("gemma-3-27b-it", "flash", "f16", 3))))
    of = terms(large)
    wanted = (7, 4 * 5376, 0, 5, 3, 2, 2**40, 0, 12, 9)[: len(of)]
    assert multiples_in(sum(k * term for k, term in zip(wanted, of, strict=True)), of) == wanted
    assert multiples_in(large.tokens // 2, of) is None


def test_layers_in_a_row_are_left_out_only_if_they_leave_everything_as_it_was():
    """Ten layers alike and another: three of the ten, unless what is where still changes behind the third."""

    def replayed(moving, kept):
        asked.append(kept)
        return Replay(len(kept), (), 0, tuple([min(layer, moving)] for layer in kept))

    for moving, wanted in ((2, [(0, 1, 2, 10)]), (5, [(0, 1, 2, 10), tuple(range(11))])):
        asked = []
        of_few((0,) * 10 + (1,), partial(replayed, moving))
        assert asked == wanted


@pytest.mark.parametrize("keys", [{}, {"kv_cache": "q8_0"}, {"attention": "plain", "kv_unified": True}])
@pytest.mark.parametrize(
    "model", ["llama-3.1-8b", "gemma-2-9b", "deepseek-v2-lite", "granite-4.0-h-small", "deepseek-v4-flash"]
)
def test_a_grid_is_as_exact_as_its_points(model, keys):
    asked = {"model": model, "engine": "llama.cpp", "weights": "q8_0"} | keys
    contexts = sorted({int(n) for n in np.geomspace(1, 2**17, 40)})
    grid = over_grid(resolve(Scenario(**asked)), contexts, [1, 5]).components["activations"]
    for i, length in enumerate(contexts):
        for j, batch in enumerate((1, 5)):
            found = estimate(Scenario(**asked, context_length=length, batch_size=batch))["activations"]
            assert grid[i, j] == found.bytes


@pytest.mark.parametrize("model", ["qwen3-30b-a3b", "gpt-oss-20b", "gemma-3-4b-it", "llama-2-7b"])
@pytest.mark.parametrize("keys", [{}, {"gpu_layers": 9}])
def test_a_grid_knows_where_the_kernel_for_one_token_ends(model, keys):
    """Rows in BF16 are copied from 8,192 cells on, for one token alone and groups of more than four heads."""
    asked = {"model": model, "engine": "llama.cpp", "weights": "q8_0", "kv_cache": "bf16", "step_tokens": 1} | keys
    contexts = [256, 1024, 7_936, 7_937, 8_192, 8_193, 20_000]
    grid = over_grid(resolve(Scenario(**asked)), contexts, [1, 3]).components["activations"]
    for i, length in enumerate(contexts):
        for j, batch in enumerate((1, 3)):
            assert (
                grid[i, j] == estimate(Scenario(**asked, context_length=length, batch_size=batch))["activations"].bytes
            )


def test_a_grid_of_enormous_contexts_is_exact_too():
    """Products beyond 64 bits: scores of 256 sequences that see each other's cells."""
    asked = {"model": "llama-3.1-8b", "engine": "llama.cpp", "attention": "plain", "kv_unified": True}
    contexts, batches = [300, 9_000, 18_000, 47_000, 70_000, 300_000, 2**30], [100, 256]
    grid = over_grid(resolve(Scenario(**asked)), contexts, batches).components["activations"]
    for i, length in enumerate(contexts):
        for j, batch in enumerate(batches):
            found = estimate(Scenario(**asked, context_length=length, batch_size=batch))["activations"]
            assert grid[i, j] == float(found.bytes)
