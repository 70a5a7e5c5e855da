"""Whole graphs, from the token embedding to the logits (src/models of llama.cpp 0c1e57098)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ...blocks.attention import Attention
from ...blocks.compressed_attention import CompressedAttention
from ...blocks.lightning import LightningAttention
from ...blocks.mlp import MixtureOfExperts
from ...blocks.sparse_attention import IndexedLatentAttention
from .graph import Graph, Source, Tensor, computed, root, view
from .graph_altup import merged, spread
from .graph_blocks import blocks_of
from .graph_compressed import compressed_attention, pasts_of
from .graph_feed_forward import mixture
from .graph_layer_inputs import layer_inputs
from .graph_lightning import decays
from .graph_residuals import Residuals
from .graph_sparse import picks
from .graph_streams import Streams
from .prompt import CacheInputs, Prompt, Settings
from .recipe import Recipe
from .stack import Layer, Stack


def decoder_graph(
    settings: Settings, hidden_size: int, vocab_size: int, layers: Sequence[Layer], recipe: Recipe
) -> Graph:
    """Embedding, layers, logits."""
    prompt = Prompt(settings, hidden_size, recipe.positions_per_token)
    if recipe.mixed_streams:
        return _of_mixed_streams(prompt, vocab_size, layers, recipe)
    embedding = prompt.embedding(1 + recipe.deep_embeddings)
    if recipe.scales_embedding:
        embedding = computed("scaled embedding", embedding.shape, embedding, overwrites=True)
    if not recipe.layer_inputs:
        prompt.graph.add(embedding)
    stack = _stack(prompt, layers, recipe, embedding)
    rows = view(embedding, hidden_size, settings.tokens) if recipe.deep_embeddings else embedding
    stream: Source = rows
    if recipe.learned_positions:
        positions = computed("position embedding", stream.shape, prompt.positions, on_host=True)
        stream = prompt.add_up(stream, positions, "stream")
    if recipe.embedding_norm:
        stream = stack.norm(stream, "normed embedding")
    if recipe.streams > 1:
        stream = spread(prompt, embedding, recipe.streams)
    for index, layer in enumerate(layers):
        prompt.graph.mark(root(stream))
        stream = stack.build(layer, stream, is_last=index == len(layers) - 1 and recipe.rows_after == "attention")
        if index < recipe.deep_embeddings:
            stream = prompt.add_up(stream, rows, "stream with its own embedding")
    prompt.graph.streams.append(root(stream))
    if recipe.streams > 1:
        stream = prompt.only_outputs(merged(prompt, root(stream)))
    if stack.residuals:
        stream = prompt.only_outputs(stack.residuals.mixed(stream, "outputs", len(layers)))
    stack.finish(stream, vocab_size)
    return prompt.graph


def _stack(prompt: Prompt, layers: Sequence[Layer], recipe: Recipe, embedding: Tensor) -> Stack:
    """What all layers share."""
    index_widths = [layer.mixer.index_head_dim for layer in layers if isinstance(layer.mixer, IndexedLatentAttention)]
    heads = [layer.mixer.num_attention_heads for layer in layers if isinstance(layer.mixer, LightningAttention)]
    inputs = layer_inputs(prompt, embedding, *recipe.layer_inputs) if recipe.layer_inputs else None
    caches = _caches(prompt, layers)
    return Stack(
        prompt,
        recipe,
        caches,
        inputs,
        picks(prompt, index_widths[0]) if index_widths else None,
        decays(prompt, heads[0]) if heads else None,
        Residuals(prompt) if recipe.residual_block else None,
        blocks_of(prompt, caches[False]) if prompt.settings.blocks else None,
    )


def _of_mixed_streams(prompt: Prompt, vocab_size: int, layers: Sequence[Layer], recipe: Recipe) -> Graph:
    """Layers that mix several streams, and attend to a window and a compressed past (deepseek4.cpp)."""
    embedding = prompt.embedding()
    mixers = [layer.mixer for layer in layers if isinstance(layer.mixer, CompressedAttention)]
    index_width = max((mixer.index_head_dim for mixer in mixers), default=0)
    pasts, streams = pasts_of(prompt, mixers[0].head_dim, index_width), Streams(prompt, recipe.mixed_streams)
    prompt.graph.add(pasts.window.mask)
    stream = streams.spread(embedding)
    for layer in layers:
        prompt.graph.mark(stream)
        mixer, mlp = layer.mixer, layer.mlp
        assert isinstance(mixer, CompressedAttention) and isinstance(mlp, MixtureOfExperts)
        stream = streams.around(stream, partial(compressed_attention, pasts, mixer), "mixers")
        stream = streams.around(stream, partial(mixture, prompt, mlp, recipe.routing), "MLPs")
    prompt.graph.streams.append(stream)
    prompt.finish(prompt.norm(streams.joined(stream), name="normed stream"), vocab_size)
    return prompt.graph


def _caches(prompt: Prompt, layers: Sequence[Layer]) -> dict[bool, CacheInputs]:
    """The inputs of the layers with and without a window; head sizes that differ are not rotated."""
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
