"""The exact size of the compute buffer, by replaying ggml's allocator over the graph of a worst-case prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from ...amount import Number, largest
from ...blocks.attention import Attention
from ...model_shape import LayerGroup, ModelShape
from ...tensors import CacheEntry
from .allocator import Replay, replay
from .compute_grid import over_grid
from .context import Context
from .decoder_graph import Layer, decoder_graph
from .prompt import Settings
from .recipes import Recipe, recipe_of, rotates


def buffer_bytes(context: Context) -> Number | None:
    """The compute buffer at a point or over a grid; None for a family whose graph is not built here."""
    model = context.deployment.model
    recipe, settings = recipe_of(model), settings_of(context)
    if recipe is None:
        return None
    return at_points(settings, partial(_replayed, model, recipe))


def at_points(settings: Settings, replayed: Callable[[Settings], Replay]) -> Number:
    """Bytes at a point, or over a grid."""
    if all(isinstance(number, int) for number in (settings.tokens, settings.cells, settings.sequences)):
        return replayed(settings).bytes
    return over_grid(settings, replayed)


def fullest_moment(context: Context) -> Replay | None:
    """The replay at a point, with what was alive when the buffer last grew; None for a family without a graph."""
    recipe = recipe_of(context.deployment.model)
    return None if recipe is None else _replayed(context.deployment.model, recipe, settings_of(context))


def settings_of(context: Context) -> Settings:
    """What the graph of a context depends on."""
    model, cache = context.deployment.model, context.deployment.cache_format
    windows = {context.window_of(entry.window) for group in model.layers for entry in _entries(group)} - {None}
    window_cells: Any = largest([context.cells_of(window) for window in windows])
    return Settings(
        tokens=context.step,
        outputs=context.outputs,
        sequences=context.sequences,
        streams=context.streams,
        cells=context.cells,
        window_cells=window_cells,
        flash=context.flash,
        key_format=cache.key.name,
        value_format=cache.value.name,
        on_device=context.on_gpu,
    )


def _entries(group: LayerGroup) -> tuple[CacheEntry, ...]:
    return () if group.mixer is None else tuple(entry for entry in group.mixer.cache() if entry.grows)


@lru_cache(maxsize=4096)
def _replayed(model: ModelShape, recipe: Recipe, settings: Settings) -> Replay:
    """Of as few layers as have the same buffer as the whole stack.

    Layers repeat, and so does what is where when one begins: once that has come back, what lies between may be left
    out any number of times.
    """
    layers = layers_of(model, recipe, settings)
    first, period = repetition(layers)
    wanted = first + max(2 * period + 1, 4)
    while 3 * wanted < 2 * len(layers):
        dropped = (len(layers) - wanted) // period * period
        found = _run(model, recipe, settings, (*layers[:first], *layers[first + dropped :]))
        cycle = _cycle(found.states, first, period)
        if cycle and dropped % cycle == 0:
            return found
        if cycle:
            kept = (*layers[:first], *layers[first + dropped // cycle * cycle :])
            return _run(model, recipe, settings, kept)
        wanted *= 2
    return _run(model, recipe, settings, layers)


def _run(model: ModelShape, recipe: Recipe, settings: Settings, layers: Sequence[Layer]) -> Replay:
    graph = decoder_graph(settings, model.hidden_size, model.vocab_size, layers, recipe)
    return replay(graph, settings.alignment, settings.on_device)


def repetition(layers: Sequence[object]) -> tuple[int, int]:
    """Where layers begin to repeat, and after how many, so that two rounds end soonest; (0, their number) if never."""
    count = len(layers)
    best = (0, count)
    for period in range(1, count // 2 + 1):
        unlike = (i + 1 for i in range(count - period - 1, -1, -1) if layers[i] != layers[i + period])
        first = next(unlike, 0)
        if first + 2 * period < min(count, best[0] + 2 * best[1]):
            best = (first, period)
    return best


def _cycle(states: tuple[object, ...], first: int, period: int) -> int:
    """After how many layers everything is where it was; 0 if that is not seen."""
    for end in range(first + 1, len(states)):
        for begin in range(end - period, first, -period):
            if states[begin] == states[end]:
                return end - begin
    return 0


def layers_of(model: ModelShape, recipe: Recipe, settings: Settings) -> tuple[Layer, ...]:
    """The stack in order."""
    order = sorted((index, group) for group, found in enumerate(model.layers) for index in found.layers)
    return tuple(_layer(model, recipe, model.layers[group], settings, index) for index, group in order)


def _layer(model: ModelShape, recipe: Recipe, group: LayerGroup, settings: Settings, index: int) -> Layer:
    windowed = bool(settings.window_cells) and any(entry.window for entry in _entries(group))
    mixer = group.mixer
    if recipe.split and isinstance(mixer, Attention):
        mixer = replace(mixer, fused=False)
    return Layer(mixer, group.mlp, windowed, rotates(model, index, mixer))
