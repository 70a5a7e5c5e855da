"""Attention with a cache, as llama.cpp builds it (llama-graph.cpp build_qkv, build_attn, build_attn_mha)."""

from __future__ import annotations

from dataclasses import replace

from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from .graph import FLOAT32, Source, Tensor, computed, root, stored, view
from .placement import GPU_ALIGNMENT
from .prompt import HALF, CacheInputs, Prompt


def attention(
    prompt: Prompt,
    mixer: Attention,
    cache: CacheInputs,
    normed: Source,
    *,
    rotated: bool = True,
    tempered: bool = False,
    norms_values: bool = False,
    gate_apart: bool = False,
) -> Tensor:
    """Queries, keys and values, the cache, and the output projection.

    `tempered`: queries are scaled by their position; `gate_apart`: the gate is projected on its own, from the input.
    """
    n = prompt.tokens
    if gate_apart:
        mixer = replace(mixer, output_gate=False)
    queries, keys, values = _projections(prompt, mixer, normed)
    if norms_values:
        values = computed("values, normed", values.shape, values)
    if rotated or mixer.qk_norm or gate_apart:
        queries = computed("queries", queries.shape, queries, *([prompt.positions] if rotated else ()))
        keys = computed("keys", keys.shape, keys, *([prompt.positions] if rotated else ()))
    if tempered:
        queries = computed("queries", queries.shape, queries, prompt.temperatures, overwrites=True)
    attended = attend(prompt, mixer, cache, queries, keys, values)
    if mixer.output_gate:
        gate = computed("output gate", (mixer.output_width, n), _projected(queries))
        gate = computed("output gate", gate.shape, gate, overwrites=True)
        attended = computed("gated attention", gate.shape, attended, gate, overwrites=True)
    if gate_apart:
        gate = prompt.matmul(normed, mixer.output_width, "output gate")
        gate = computed("output gate", gate.shape, gate, overwrites=True)
        attended = computed("gated attention", gate.shape, attended, gate, overwrites=True)
    return prompt.matmul(attended, prompt.hidden_size, "attention output")


def _projections(prompt: Prompt, mixer: Attention, normed: Source) -> tuple[Source, Source, Source]:
    heads, groups = mixer.num_attention_heads, mixer.num_key_value_heads
    widths = (mixer.query_width * (2 if mixer.output_gate else 1), mixer.key_width, mixer.value_width)
    if mixer.fused:
        joined = prompt.matmul(normed, sum(widths), "queries, keys and values")
        projected = (joined, joined, joined)
    else:
        names = ("projected queries", "projected keys", "values")
        projected = tuple(prompt.matmul(normed, width, name) for width, name in zip(widths, names))  # type: ignore[assignment]
        if mixer.k_eq_v:
            projected = (*projected[:2], projected[1])
    queries, keys, values = projected
    return (
        prompt.heads(queries, heads, mixer.head_dim),
        prompt.heads(keys, groups, mixer.head_dim),
        prompt.heads(values, groups, mixer.v_head_dim),
    )


def _projected(queries: Source) -> Source:
    """The projection that queries were taken from, which also holds their gate."""
    return root(queries).sources[0]


def attend(
    prompt: Prompt, mixer: Attention, cache: CacheInputs, queries: Source, keys: Source, values: Source
) -> Source:
    """Stores keys and values and reads the whole cache; one row a token of all heads' outputs."""
    graph, n, settings = prompt.graph, prompt.tokens, prompt.settings
    fused_values = mixer.fused and cache.value_rotation is None
    if cache.key_rotation is not None:
        queries, keys = (_rotate(prompt, cache.key_rotation, source) for source in (queries, keys))
    if cache.value_rotation is not None:
        values = _rotate(prompt, cache.value_rotation, values, scattered=mixer.fused)
    for source in (queries, keys, values) if cache.stores_keys_first else (queries, values, keys):
        graph.add(source)
    prompt.store("keys stored", keys, cache.keys)
    if fused_values and not settings.flash:
        values = computed("values, contiguous", (mixer.value_width, n), values)
    prompt.store("values stored", values, cache.values)
    rows = (mixer.key_width, mixer.value_width)
    if settings.flash:
        attended: Source = flash(prompt, cache, queries, mixer.num_attention_heads, mixer.v_head_dim, rows)
    else:
        weights = scores(prompt, cache, queries, mixer.num_attention_heads)
        apart = computed("attention output by heads", (mixer.v_head_dim, n, mixer.num_attention_heads), weights)
        attended = computed("attention output of heads", (mixer.output_width, n), view(apart))
    graph.add(attended)
    if cache.value_rotation is not None:
        attended = _rotate(prompt, cache.value_rotation, attended)
    return attended if attended.shape == (mixer.output_width, n) else view(attended, mixer.output_width, n)


def _rotate(prompt: Prompt, rotation: Tensor, source: Source, *, scattered: bool = False) -> Source:
    """The product with a Hadamard matrix, which spreads outliers before rows are quantised."""
    if scattered:
        source = computed(f"{root(source).name}, contiguous", source.shape, source)
    turned = computed(f"{root(source).name}, rotated", source.shape, rotation, view(source, *source.shape))
    return view(turned, *source.shape)


def flash(prompt: Prompt, cache: CacheInputs, queries: Source, heads: int, width: int, rows: tuple[int, int]) -> Tensor:
    """The fused operation. On CUDA its result carries float16 copies of rows that are not float16.

    ggml-cuda fattn-common.cuh ggml_cuda_flash_attn_ext_get_f16_extra_data; float32 rows are cast before.
    `rows`: values of one cell that are copied, of keys and of values (0 where values are a part of the keys).
    """
    settings, n = prompt.settings, prompt.tokens
    size = width * heads * n * FLOAT32
    cast = []
    for values, number_format in zip(rows, (settings.key_format, settings.value_format)):
        copied = settings.streams * cache.cells * values * 2
        if number_format == "fp32":
            cast.append(Tensor("cache cast to float16", (values, cache.cells), copied))
        elif number_format not in HALF and settings.on_device and values:
            size += -size % GPU_ALIGNMENT + copied
    return computed("attention output of heads", (width, heads, n), view(queries), *cast, cache.mask, size=size)


def scores(prompt: Prompt, cache: CacheInputs, queries: Source, heads: int) -> Tensor:
    """The matrix of attention weights: scores that the softmax overwrites."""
    shape = (cache.cells, prompt.tokens, heads)
    found = computed("attention scores", shape, view(queries))
    return computed("attention weights", shape, found, cache.mask, overwrites=True)


def latent_attention(
    prompt: Prompt, mixer: LatentAttention, cache: CacheInputs, normed: Source, *, tempered: bool = False
) -> Tensor:
    """Queries absorbed into the latent space, where all heads share one row (src/models/deepseek2.cpp)."""
    graph, n, heads, settings = prompt.graph, prompt.tokens, mixer.num_attention_heads, prompt.settings
    latent, turned = mixer.kv_lora_rank, mixer.qk_rope_head_dim
    if mixer.q_lora_rank is None:
        queries = prompt.matmul(normed, mixer.query_width, "projected queries")
    else:
        low = prompt.norm(prompt.matmul(normed, mixer.q_lora_rank, "low-rank queries"))
        queries = prompt.matmul(low, mixer.query_width, "projected queries")
    joined = prompt.matmul(normed, latent + turned, "latent and key")
    key = computed("rotated key", (turned, 1, n), view(joined), prompt.positions)
    normed_latent = prompt.norm(view(joined, latent, n), name="latent")
    rotated = computed("rotated queries", (turned, heads, n), view(queries), prompt.positions)
    absorbed = computed("absorbed queries", (latent, n, heads), view(queries))
    joined_queries = computed("queries", (latent + turned, heads, n), view(absorbed), rotated)
    joined_key = computed("keys", (latent + turned, 1, n), view(normed_latent), key)
    if tempered:
        joined_queries = computed("queries", joined_queries.shape, joined_queries, prompt.temperatures, overwrites=True)
    for source in (joined_queries, normed_latent, joined_key):
        graph.add(source)
    graph.add(stored("latent rows stored", joined_key, cache.keys))
    if settings.flash:
        copied = latent if settings.key_format == "fp32" else 0
        attended = flash(prompt, cache, joined_queries, heads, latent, (latent + turned, copied))
        expanded = computed("expanded attention output", (mixer.v_head_dim, n, heads), view(attended))
    else:
        size = latent * cache.cells * settings.streams * (FLOAT32 if settings.key_format == "fp32" else 2)
        transposed = Tensor("cache, transposed", (cache.cells, latent), size)
        weights = scores(prompt, cache, joined_queries, heads)
        attended = computed("attention output by heads", (latent, n, heads), transposed, weights)
        expanded = computed("expanded attention output", (mixer.v_head_dim, n, heads), attended)
    output = computed("attention output of heads", (mixer.output_width, n), view(expanded))
    graph.add(output)
    return prompt.matmul(output, prompt.hidden_size, "attention output")
