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
from .compute_grid import Lines, over_grid
from .context import Context
from .decoder_graph import Layer, decoder_graph
from .few_layers import of_few
from .program import Program, program, run, structure
from .prompt import Settings
from .recipes import Recipe, recipe_of, rotates


def buffer_bytes(context: Context) -> Number | None:
    """The compute buffer at a point or over a grid; None for a family whose graph is not built here."""
    model = context.deployment.model
    recipe, settings = recipe_of(model), settings_of(context)
    if recipe is None:
        return None
    if isinstance(settings.tokens, int) and isinstance(settings.cells, int):
        return _replayed(model, recipe, settings).bytes
    alike = replace(settings, tokens=0, outputs=0, sequences=0, streams=0, cells=0, window_cells=0)
    return over_grid(settings, partial(_run_program, model, recipe), _known(model, recipe, alike))


def at_points(settings: Settings, replayed: Callable[[Settings], Replay]) -> Number:
    """Bytes at a point, or over a grid."""
    if isinstance(settings.tokens, int) and isinstance(settings.cells, int):
        return replayed(settings).bytes
    return over_grid(settings, replayed)


@lru_cache(maxsize=64)
def _known(model: ModelShape, recipe: Recipe, alike: Settings) -> Lines:
    """What was found before for contexts of one kind."""
    return {}


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
    layers, kinds = _stack(model, recipe, structure(settings))
    return of_few(kinds, lambda kept: _run(model, recipe, settings, [layers[i] for i in kept]))


@lru_cache(maxsize=4096)
def _run_program(model: ModelShape, recipe: Recipe, settings: Settings) -> Replay:
    """The same without building a graph, but for what was alive."""
    alike = structure(settings)
    layers, kinds = _stack(model, recipe, alike)

    def run_kept(kept: tuple[int, ...]) -> Replay:
        found = _program(model, recipe, alike, kept)
        return _run(model, recipe, settings, [layers[i] for i in kept]) if found is None else run(found, settings)

    return of_few(kinds, run_kept)


@lru_cache(maxsize=256)
def _program(model: ModelShape, recipe: Recipe, alike: Settings, kept: tuple[int, ...]) -> Program | None:
    layers = _stack(model, recipe, alike)[0]
    chosen = [layers[i] for i in kept]
    return program(alike, lambda probe: decoder_graph(probe, model.hidden_size, model.vocab_size, chosen, recipe))


@lru_cache(maxsize=256)
def _stack(model: ModelShape, recipe: Recipe, alike: Settings) -> tuple[tuple[Layer, ...], tuple[int, ...]]:
    """The layers, and a number for each that is equal for layers alike."""
    layers = layers_of(model, recipe, alike)
    return layers, tuple(layers.index(layer) for layer in layers)


def _run(model: ModelShape, recipe: Recipe, settings: Settings, layers: Sequence[Layer]) -> Replay:
    graph = decoder_graph(settings, model.hidden_size, model.vocab_size, layers, recipe)
    return replay(graph, settings.alignment, settings.on_device)


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
