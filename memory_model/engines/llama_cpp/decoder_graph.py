"""Whole graphs, from the token embedding to the logits (src/models of llama.cpp 0c1e57098)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...blocks.attention import Attention
from ...blocks.delta_net import GatedDeltaNet
from ...blocks.latent_attention import LatentAttention
from ...blocks.mamba2 import Mamba2
from ...blocks.mlp import DenseMlp, MixtureOfExperts
from ...blocks.parallel import AttentionAndMamba2
from ...tensors import Mixer, Mlp
from .graph import Graph, Source, Tensor
from .graph_attention import attention, latent_attention
from .graph_feed_forward import Routing, dense, mixture
from .graph_recurrent import delta_net, mamba2
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
    for index, layer in enumerate(layers):
        prompt.graph.mark()
        is_last = index == len(layers) - 1 and recipe.rows_after == "attention"
        if layer.mixer is not None:
            stream = _mixed(prompt, layer, caches, recipe, stream, is_last=is_last)
        if layer.mlp is not None:
            entering = prompt.norm(stream) if recipe.normed_input else stream
            fed = _feed(prompt, layer.mlp, recipe.routing, entering)
            pair = (stream, fed) if recipe.residual_first else (fed, stream)
            stream = prompt.add_up(*pair, "stream")
    _finish(prompt, stream, vocab_size, recipe)
    return prompt.graph


def _mixed(
    prompt: Prompt, layer: Layer, caches: dict[bool, CacheInputs], recipe: Recipe, stream: Tensor, *, is_last: bool
) -> Tensor:
    normed = prompt.norm(stream) if recipe.normed_input else stream
    if isinstance(layer.mixer, AttentionAndMamba2):
        attended = _mix(prompt, layer.mixer.attention, layer, caches, normed)
        both = prompt.add_up(attended, mamba2(prompt, layer.mixer.recurrence, prompt.norm(stream)), "both mixers")
        stream = prompt.add_up(both, stream, "stream after mixers")
        return prompt.only_outputs(stream) if is_last else stream
    mixed = _mix(prompt, layer.mixer, layer, caches, normed)
    if is_last:
        mixed, stream = prompt.only_outputs(mixed), prompt.only_outputs(stream)
    return prompt.add_up(mixed, stream, "stream after attention")


def _finish(prompt: Prompt, stream: Tensor, vocab_size: int, recipe: Recipe) -> None:
    if recipe.rows_after == "layers":
        normed = prompt.norm(prompt.only_outputs(stream), name="normed stream")
        prompt.finish(normed, vocab_size, keep=stream)
    elif recipe.rows_after == "norm":
        everyone = prompt.norm(stream, name="normed stream")
        prompt.finish(prompt.only_outputs(everyone), vocab_size, keep=everyone)
    else:
        prompt.finish(prompt.norm(stream, name="normed stream"), vocab_size)


def _mix(prompt: Prompt, mixer: Mixer | None, layer: Layer, caches: dict[bool, CacheInputs], normed: Tensor) -> Source:
    cache = caches[layer.window]
    if isinstance(mixer, Attention):
        return attention(prompt, mixer, cache, normed, rotated=layer.rotated)
    if isinstance(mixer, LatentAttention):
        return latent_attention(prompt, mixer, cache, normed)
    if isinstance(mixer, Mamba2):
        return mamba2(prompt, mixer, normed)
    assert isinstance(mixer, GatedDeltaNet)
    return delta_net(prompt, mixer, normed)


def _feed(prompt: Prompt, mlp: Mlp | None, routing: Routing, entering: Tensor) -> Tensor:
    if isinstance(mlp, MixtureOfExperts):
        return mixture(prompt, mlp, routing, entering)
    assert isinstance(mlp, DenseMlp)
    return dense(prompt, mlp, entering)


def _caches(prompt: Prompt, layers: Sequence[Layer]) -> dict[bool, CacheInputs]:
    settings = prompt.settings
    mixers = [(layer.window, getattr(layer.mixer, "attention", layer.mixer)) for layer in layers]
    values = max((mixer.value_width for _, mixer in mixers if isinstance(mixer, Attention)), default=0)
    found = {}
    for window in (False, True):
        widths = {
            (mixer.head_dim, mixer.v_head_dim)
            for windowed, mixer in mixers
            if windowed is window and isinstance(mixer, Attention)
        }
        key, value = widths.pop() if len(widths) == 1 else (1, 1)
        cells = settings.window_cells if window else settings.cells
        found[window] = prompt.cache_inputs(cells, key, value, values, settings.window_cells > 0)
    return found
