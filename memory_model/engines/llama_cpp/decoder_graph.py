"""Whole graphs, from the token embedding to the logits (src/models of llama.cpp 0c1e57098)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from ...blocks.mlp import DenseMlp, MixtureOfExperts
from ...tensors import Mixer, Mlp
from .graph import Graph, Source, Tensor
from .graph_attention import attention, latent_attention
from .graph_feed_forward import Routing, dense, mixture
from .prompt import CacheInputs, Prompt, Settings
from .recipes import Recipe


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a stack: what it does, whether it sees a window, whether it rotates queries and keys."""

    mixer: Mixer | None
    mlp: Mlp | None
    window: bool = False
    rotated: bool = True


def decoder_graph(
    settings: Settings, hidden_size: int, vocab_size: int, layers: Sequence[Layer], recipe: Recipe
) -> Graph:
    """One norm, a mixer, one norm, an MLP; each added to the stream."""
    prompt = Prompt(settings, hidden_size)
    caches = _caches(prompt, layers)
    stream: Tensor = prompt.embedding()
    for layer in layers:
        is_last = layer is layers[-1] and recipe.rows_after == "attention"
        normed = prompt.norm(stream) if recipe.normed_input else stream
        mixed: Tensor = _mix(prompt, layer, caches, normed)
        if is_last:
            mixed, stream = prompt.only_outputs(mixed), prompt.only_outputs(stream)
        stream = prompt.add_up(mixed, stream, "stream after attention")
        entering = prompt.norm(stream) if recipe.normed_input else stream
        fed = _feed(prompt, layer.mlp, recipe.routing, entering)
        pair = (stream, fed) if recipe.residual_first else (fed, stream)
        stream = prompt.add_up(*pair, "stream")
    _finish(prompt, stream, vocab_size, recipe)
    return prompt.graph


def _finish(prompt: Prompt, stream: Tensor, vocab_size: int, recipe: Recipe) -> None:
    if recipe.rows_after == "layers":
        normed = prompt.norm(prompt.only_outputs(stream), name="normed stream")
        prompt.finish(normed, vocab_size, keep=stream)
    elif recipe.rows_after == "norm":
        everyone = prompt.norm(stream, name="normed stream")
        prompt.finish(prompt.only_outputs(everyone), vocab_size, keep=everyone)
    else:
        prompt.finish(prompt.norm(stream, name="normed stream"), vocab_size)


def _mix(prompt: Prompt, layer: Layer, caches: dict[bool, CacheInputs], normed: Source) -> Tensor:
    cache = caches[layer.window]
    if isinstance(layer.mixer, Attention):
        return attention(prompt, layer.mixer, cache, normed, rotated=layer.rotated)
    assert isinstance(layer.mixer, LatentAttention)
    return latent_attention(prompt, layer.mixer, cache, normed)


def _feed(prompt: Prompt, mlp: Mlp | None, routing: Routing, entering: Tensor) -> Tensor:
    if isinstance(mlp, MixtureOfExperts):
        return mixture(prompt, mlp, routing, entering)
    assert isinstance(mlp, DenseMlp)
    return dense(prompt, mlp, entering)


def _caches(prompt: Prompt, layers: Sequence[Layer]) -> dict[bool, CacheInputs]:
    settings = prompt.settings
    values = max((layer.mixer.value_width for layer in layers if isinstance(layer.mixer, Attention)), default=0)
    found = {}
    for window in (False, True):
        widths = {_widths(layer.mixer) for layer in layers if layer.window is window and layer.mixer is not None}
        key, value = widths.pop() if len(widths) == 1 else (1, 1)
        cells = settings.window_cells if window else settings.cells
        found[window] = prompt.cache_inputs(cells, key, value, values, settings.window_cells > 0)
    return found


def _widths(mixer: Mixer) -> tuple[int, int]:
    """Head sizes of keys and values; 1 for latent rows, which are not rotated."""
    return (mixer.head_dim, mixer.v_head_dim) if isinstance(mixer, Attention) else (1, 1)
