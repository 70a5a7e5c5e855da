"""The exact size of the compute buffer, by replaying ggml's allocator over the graph of a worst-case prompt."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from ...amount import Number, largest
from ...blocks.compressed_attention import CompressedAttention
from ...gguf.view import SPLIT, split
from ...model_shape import LayerGroup, ModelShape
from ...tensors import CacheEntry
from ...units import smaller
from .allocator import Replay, replay
from .compiled import programs
from .compute_grid import Lines, over_grid
from .context import Context
from .decoder_graph import decoder_graph
from .few_layers import of_few
from .kernels import few_tokens, reads_alone
from .multiples import structure
from .picked_tokens import picked_tokens, token_block
from .program import Program, run
from .prompt import FAR, NEAR, Settings
from .recipe import Recipe, rotates
from .recipes import recipe_of
from .stack import Layer
from .steps import Steps, whole_steps


def buffer_bytes(context: Context) -> Number | None:
    """The compute buffer at a point or over a grid; None for a family whose graph is not built here."""
    model = context.deployment.model
    recipe = recipe_of(model)
    if recipe is None:
        return None
    sizes: list[Any] = []
    for settings in reserved(context):
        if is_point(settings):
            sizes.append(_replayed(model, recipe, settings).bytes)
        else:
            sizes.append(over_points(settings, partial(_run_program, model, recipe), (model, recipe)))
    return largest(sizes)


def over_points(settings: Settings, replayed: Callable[[Settings], Replay], of: Hashable) -> Number:
    """Bytes at a point, or over a grid. `of`: what `replayed` depends on besides."""
    if is_point(settings):
        return replayed(settings).bytes
    alike = replace(
        settings, tokens=0, outputs=0, sequences=0, streams=0, cells=0, window_cells=0, picked=0, others=0, far_cells=0
    )

    def told_apart(point: Settings) -> Replay:
        """By the kernel, too, which changes sizes alone."""
        found = replayed(point)
        return replace(found, trace=hash((found.trace, point.fewness)))

    return over_grid(settings, told_apart, _known(of, alike))


def is_point(settings: Settings) -> bool:
    """Whether all numbers are whole ones, not arrays."""
    return isinstance(settings.tokens, int) and isinstance(settings.cells, int)


@lru_cache(maxsize=128)
def _known(of: Hashable, alike: Settings) -> Lines:
    """What was found before for contexts of one kind."""
    return {}


def fullest_moment(context: Context) -> Replay | None:
    """The replay at a point, with what was alive when the buffer last grew; None for a family without a graph."""
    model = context.deployment.model
    recipe = recipe_of(model)
    if recipe is None:
        return None
    return max((_replayed(model, recipe, settings) for settings in reserved(context)), key=lambda found: found.bytes)


def reserved(context: Context) -> tuple[Settings, ...]:
    """The prompts that a context reserves memory for: of all sequences, for some models also of one alone
    (llama-context.cpp sched_reserve)."""
    settings = settings_of(context)
    recipe = recipe_of(context.deployment.model)
    if settings.block and context.placement.is_whole:
        return settings, next_tokens(settings)
    if recipe is None or not recipe.reserves_alone:
        return (settings,)
    tokens = context.prompt
    outputs = smaller(tokens, context.most_outputs)
    return settings, replace(settings, tokens=tokens, outputs=outputs, sequences=1, others=context.sequences - 1)


def next_tokens(settings: Settings) -> Settings:
    """One token of every sequence, which memory is reserved for, too: mostly less than for a prompt."""
    return replace(settings, tokens=settings.sequences, outputs=settings.sequences)


def settings_of(context: Context) -> Settings:
    """What the graph of a context depends on."""
    model, cache, device = context.deployment.model, context.deployment.cache_format, context.deployment.device
    generation = device.generation if device else ""
    windows = {context.window_of(entry.window) for group in model.layers for entry in _entries(group)} - {None}
    window_cells: Any = largest([context.cells_of(window) for window in windows])
    return Settings(
        tokens=context.step,
        outputs=context.outputs,
        sequences=context.sequences,
        streams=context.streams,
        cells=context.rows_of(NEAR) if context.compresses else context.cells,
        window_cells=window_cells,
        picked=picked_of(context),
        others=0,
        flash=context.flash,
        values_as_rows=context.values_as_rows,
        key_format=cache.key.name,
        value_format=cache.value.name,
        on_device=context.on_gpu,
        far_cells=context.rows_of(FAR) if context.compresses else 0,
        row_bytes=_row_bytes(context),
        block=token_block(model),
        few_tokens=few_tokens(generation, cache) if context.on_gpu else 0,
        reads_alone=reads_alone(generation),
    )


def picked_of(context: Context) -> Any:
    """How many tokens indexers pick; of whole blocks only with flash attention, in streams of one sequence (minimax-m3.cpp)."""
    model = context.deployment.model
    picked = smaller(context.rows_of(NEAR) if context.compresses else context.cells, picked_tokens(model))
    if not token_block(model):
        return picked
    return picked * context.streams_alone if context.flash else 0


def _row_bytes(context: Context) -> int:
    """Bytes of a row that stands for several tokens."""
    mixers = (group.mixer for group in context.deployment.model.layers)
    width = next((mixer.head_dim for mixer in mixers if isinstance(mixer, CompressedAttention)), 0)
    plane = context.deployment.cache_format.key.planes[0]
    return int(width * plane.bits // (8 * plane.columns))


def _entries(group: LayerGroup) -> tuple[CacheEntry, ...]:
    return () if group.mixer is None else tuple(entry for entry in group.mixer.cache() if entry.grows)


@lru_cache(maxsize=4096)
def _replayed(model: ModelShape, recipe: Recipe, settings: Settings) -> Replay:
    layers, kinds = stack_of(model, recipe, structure(settings))
    return of_few(kinds, lambda kept: _run(model, recipe, settings, [layers[i] for i in kept]))


@lru_cache(maxsize=4096)
def _run_program(model: ModelShape, recipe: Recipe, settings: Settings) -> Replay:
    """The same without building a graph, but for what was alive."""
    found = _program(model, recipe, structure(settings))
    return _replayed(model, recipe, settings) if found is None else run(found, settings, settings.alignment)


@lru_cache(maxsize=256)
def _program(model: ModelShape, recipe: Recipe, alike: Settings) -> Program | None:
    layers, kinds = stack_of(model, recipe, alike)

    def steps_of(probe: Settings, kept: Sequence[int]) -> Steps:
        graph = decoder_graph(probe, model.hidden_size, model.vocab_size, [layers[i] for i in kept], recipe)
        return whole_steps(graph, probe.on_device)

    found = programs(alike, kinds, steps_of)
    return None if found is None else found[0]


@lru_cache(maxsize=256)
def stack_of(model: ModelShape, recipe: Recipe, alike: Settings) -> tuple[tuple[Layer, ...], tuple[int, ...]]:
    """The layers, and a number for each that is equal for layers alike; the first may add embeddings of their own."""
    layers, own = layers_of(model, recipe, alike), recipe.deep_embeddings
    return layers, (*range(own), *(layers.index(layer, own) for layer in layers[own:]))


def _run(model: ModelShape, recipe: Recipe, settings: Settings, layers: Sequence[Layer]) -> Replay:
    graph = decoder_graph(settings, model.hidden_size, model.vocab_size, layers, recipe)
    return replay(graph, settings.alignment, settings.on_device)


def layers_of(model: ModelShape, recipe: Recipe, settings: Settings) -> tuple[Layer, ...]:
    """The stack in order."""
    order = sorted((index, group) for group, found in enumerate(model.layers) for index in found.layers)
    return tuple(_layer(model, recipe, model.layers[group], settings, index) for index, group in order)


def _layer(model: ModelShape, recipe: Recipe, group: LayerGroup, settings: Settings, index: int) -> Layer:
    group = split(group) if model.modeling in SPLIT else group
    mixer = group.mixer
    windows = [entry.window for entry in _entries(group)] or [getattr(mixer, "window", None)]
    windowed = bool(settings.window_cells) and any(windows)
    blocks = index // recipe.residual_block + 1 if recipe.residual_block else 0
    return Layer(mixer, group.mlp, windowed, rotates(recipe, model, index, mixer), index < recipe.sparse_layers, blocks)
