"""Attention with a cache, as llama.cpp builds it (llama-graph.cpp build_qkv, build_attn, build_attn_mha)."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from ...blocks.sparse_attention import BlockSparseAttention, IndexedLatentAttention
from .graph import FLOAT32, Source, Tensor, View, columns, computed, root, stored, values_of, view
from .graph_blocks import Blocks, store
from .graph_sparse import Picks
from .placement import GPU_ALIGNMENT
from .prompt import HALF, CacheInputs, Prompt
from .recipe import Recipe


def attention(
    prompt: Prompt,
    mixer: Attention,
    cache: CacheInputs,
    normed: Source,
    recipe: Recipe,
    *,
    rotated: bool = True,
    blocks: Blocks | None = None,
) -> Tensor:
    """Queries, keys and values, the cache, and the output projection. `blocks`: attention is to those picked."""
    n = prompt.tokens
    if recipe.gate_apart:
        mixer = replace(mixer, output_gate=False)
    queries, keys, values = _projections(prompt, mixer, normed)
    if recipe.norms_values and values:
        values = computed("values, normed", values.shape, values)
    if recipe.norms_rotated and keys:
        queries = prompt.norm(
            computed("rotated queries", queries.shape, queries, prompt.positions), name="normed queries"
        )
        keys = prompt.norm(computed("rotated keys", keys.shape, keys, prompt.positions), name="normed keys")
    elif rotated or mixer.qk_norm or recipe.gate_apart:
        positions = [prompt.positions] if rotated else []
        queries = computed("queries", queries.shape, queries, *positions)
        keys = computed("keys", keys.shape, keys, *positions) if keys else None
    if recipe.tempers(rotated):
        queries = computed("queries", queries.shape, queries, prompt.temperatures, overwrites=True)
    if blocks and isinstance(mixer, BlockSparseAttention):
        attended = _attend_blocks(prompt, mixer, cache, blocks, normed, (queries, keys, values))
    else:
        attended = attend(prompt, mixer, cache, queries, keys, values)
    if mixer.output_gate:
        gate = computed("output gate", (mixer.output_width, n), _projected(queries))
        gate = computed("output gate", gate.shape, gate, overwrites=True)
        attended = computed("gated attention", gate.shape, attended, gate, overwrites=True)
    if recipe.gate_apart or mixer.gate_width:
        attended = gated_output(prompt, normed, attended, mixer.gate_width)
    return prompt.matmul(attended, prompt.hidden_size, "attention output")


def gated_output(prompt: Prompt, normed: Source, attended: Source, width: int = 0) -> Tensor:
    """What attention puts out, by a gate with a matrix of its own: of every value, or of so many, one a head."""
    gate = prompt.matmul(normed, width or attended.shape[0], "gate of the output")
    gate = computed("output gate", gate.shape, gate, overwrites=True)
    return computed("gated attention", attended.shape, attended, gate, overwrites=True)


def _projections(prompt: Prompt, mixer: Attention, normed: Source) -> tuple[Source, Source | None, Source | None]:
    """Queries, keys and values; no keys and values where those of an earlier layer are read."""
    heads, groups = mixer.num_attention_heads, mixer.num_key_value_heads
    if mixer.shares_kv:
        alone = prompt.matmul(normed, mixer.query_width, "projected queries")
        return prompt.heads(alone, heads, mixer.head_dim), None, None
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
    if mixer.qk_norm == "full":
        queries, keys = prompt.norm(queries, name="normed queries"), prompt.norm(keys, name="normed keys")
    n = prompt.tokens
    return (
        columns(queries, mixer.query_width, mixer.head_dim, heads, n),
        columns(keys, mixer.key_width, mixer.head_dim, groups, n),
        columns(values, mixer.value_width, mixer.v_head_dim, groups, n),
    )


def _projected(queries: Source) -> Source:
    """The projection that queries were taken from, which also holds their gate."""
    return root(queries).sources[0]


def attend(
    prompt: Prompt,
    mixer: Attention,
    cache: CacheInputs,
    queries: Source,
    keys: Source | None,
    values: Source | None,
) -> Source:
    """Stores keys and values, if there are any, and reads the whole cache; one row a token of all heads' outputs."""
    graph, n, settings = prompt.graph, prompt.tokens, prompt.settings
    if cache.key_rotation is not None:
        queries = _rotate(prompt, cache.key_rotation, queries)
    if keys and values:
        _store(prompt, mixer, cache, queries, keys, values)
    else:
        graph.add(queries)
    rows = (mixer.key_width, mixer.value_width)
    if settings.flash:
        attended: Source = flash(prompt, cache, queries, mixer.num_attention_heads, mixer.v_head_dim, rows)
    else:
        transposed = [_transposed(prompt, mixer, cache)] if settings.values_as_rows else []
        weights = scores(prompt, cache, queries, mixer.num_attention_heads)
        shape = (mixer.v_head_dim, n, mixer.num_attention_heads)
        apart = computed("attention output by heads", shape, *transposed, weights)
        attended = computed("attention output of heads", (mixer.output_width, n), view(apart))
    graph.add(attended)
    if settings.flash:
        attended = values_of(attended, mixer.output_width, n)
    if cache.value_rotation is not None:
        attended = _rotate(prompt, cache.value_rotation, attended)
    return attended


def _transposed(prompt: Prompt, mixer: Attention, cache: CacheInputs) -> Tensor:
    """Values that lie as keys do, transposed where they are read."""
    settings = prompt.settings
    size = mixer.value_width * cache.cells * settings.streams * (FLOAT32 if settings.value_format == "fp32" else 2)
    return Tensor("cache, transposed", (cache.cells, mixer.value_width), size)


def _attend_blocks(
    prompt: Prompt,
    mixer: BlockSparseAttention,
    cache: CacheInputs,
    blocks: Blocks,
    normed: Source,
    projected: tuple[Source, Source | None, Source | None],
) -> Source:
    """As `attend`, where an indexer's key is stored first (minimax-m3.cpp)."""
    queries, keys, values = projected
    assert keys is not None and values is not None
    store(prompt, mixer, blocks, normed)
    if cache.key_rotation is not None:
        queries = _rotate(prompt, cache.key_rotation, queries)
    _store(prompt, mixer, replace(cache, stores_keys_first=True), queries, keys, values)
    attended = blocks.attend(mixer, cache, normed, queries)
    return attended if cache.value_rotation is None else _rotate(prompt, cache.value_rotation, attended)


def _store(prompt: Prompt, mixer: Attention, cache: CacheInputs, queries: Source, keys: Source, values: Source) -> None:
    if cache.key_rotation is not None:
        keys = _rotate(prompt, cache.key_rotation, keys)
    if cache.value_rotation is not None:
        values = _rotate(prompt, cache.value_rotation, values)
    for source in (queries, keys, values) if cache.stores_keys_first else (queries, values, keys):
        prompt.graph.add(source)
    prompt.store("keys stored", keys, cache.keys)
    if mixer.fused and cache.value_rotation is None and not prompt.settings.values_as_rows:
        values = computed("values, contiguous", (mixer.value_width, prompt.tokens), values)
    prompt.store("values stored", values, cache.values)


def _rotate(prompt: Prompt, rotation: Tensor, source: Source) -> Source:
    """The product with a Hadamard matrix, which spreads outliers before rows are quantised."""
    if isinstance(source, View) and source.span != prod(source.shape) * FLOAT32:
        source = computed(f"{root(source).name}, contiguous", source.shape, source)
    read = source if isinstance(source, View) else view(source, *source.shape)
    return view(computed(f"{root(source).name}, rotated", source.shape, rotation, read), *source.shape)


def flash(prompt: Prompt, cache: CacheInputs, queries: Source, heads: int, width: int, rows: tuple[int, int]) -> Tensor:
    """The fused operation. On CUDA its result carries float16 copies of rows that are not float16.

    ggml-cuda fattn-common.cuh ggml_cuda_flash_attn_ext_get_f16_extra_data; float32 rows are cast before.
    `rows`: values of one cell that are copied, of keys and of values (0 where values are a part of the keys).
    """
    settings, n = prompt.settings, prompt.tokens
    size = width * heads * n * FLOAT32
    group = heads * queries.shape[0] // rows[0]
    as_stored = settings.reads_as_stored(queries.shape[0], group, cache.cells)
    cast = []
    for name, values, number_format in zip(("keys", "values"), rows, (settings.key_format, settings.value_format)):
        copied = settings.streams * cache.cells * values * 2
        if number_format == "fp32":
            cast.append(Tensor(f"{name} cast to float16", (values, cache.cells), copied))
        elif number_format not in HALF and settings.on_device and values and not as_stored:
            size += -size % GPU_ALIGNMENT + copied
    return computed("attention output of heads", (width, heads, n), view(queries), *cast, cache.mask, size=size)


def scores(prompt: Prompt, cache: CacheInputs, queries: Source, heads: int) -> Tensor:
    """The matrix of attention weights: scores that the softmax overwrites."""
    shape = (cache.cells, prompt.tokens, heads)
    found = computed("attention scores", shape, view(queries))
    return computed("attention weights", shape, found, cache.mask, overwrites=True)


def latent_attention(
    prompt: Prompt,
    mixer: LatentAttention,
    cache: CacheInputs,
    normed: Source,
    *,
    rotated: bool = True,
    tempered: bool = False,
    picks: Picks | None = None,
) -> Tensor:
    """Queries absorbed into the latent space, where all heads share one row (src/models/deepseek2.cpp).

    `picks`: attention is to the tokens that indexers pick.
    """
    graph, n, heads, settings = prompt.graph, prompt.tokens, mixer.num_attention_heads, prompt.settings
    latent, turned = mixer.kv_lora_rank, mixer.qk_rope_head_dim
    low = normed
    if mixer.q_lora_rank is not None:
        low = prompt.norm(prompt.matmul(normed, mixer.q_lora_rank, "low-rank queries"))
    if picks and isinstance(mixer, IndexedLatentAttention):
        picks.store(mixer, normed)
        picks.pick(mixer, normed, low)
    queries = prompt.matmul(low, mixer.query_width, "projected queries")
    joined = prompt.matmul(normed, latent + turned, "latent and key")
    key: Source = view(joined, turned, 1, n)
    turning: Source = view(queries, turned, heads, n)
    normed_latent = prompt.norm(view(joined, latent, n), name="latent")
    if rotated:
        key = computed("rotated key", key.shape, key, prompt.positions)
        turning = computed("rotated queries", turning.shape, turning, prompt.positions)
    absorbed = computed("absorbed queries", (latent, n, heads), view(queries))
    joined_queries = computed("queries", (latent + turned, heads, n), view(absorbed), turning)
    joined_key = computed("keys", (latent + turned, 1, n), view(normed_latent), key)
    if tempered:
        joined_queries = computed("queries", joined_queries.shape, joined_queries, prompt.temperatures, overwrites=True)
    for source in (joined_queries, normed_latent, joined_key):
        graph.add(source)
    graph.add(stored("latent rows stored", joined_key, cache.keys))
    if picks:
        cache = replace(cache, mask=picks.masked(cache.mask))
    if settings.flash:
        copied = latent if settings.key_format == "fp32" else 0
        attended = flash(prompt, cache, joined_queries, heads, latent, (latent + turned, copied))
        expanded = computed(
            "expanded attention output", (mixer.v_head_dim, n, heads), values_of(attended, latent, n, heads)
        )
    else:
        size = latent * cache.cells * settings.streams * (FLOAT32 if settings.key_format == "fp32" else 2)
        transposed = Tensor("cache, transposed", (cache.cells, latent), size)
        weights = scores(prompt, cache, joined_queries, heads)
        attended = computed("attention output by heads", (latent, n, heads), transposed, weights)
        expanded = computed("expanded attention output", (mixer.v_head_dim, n, heads), attended)
    name = "contiguous attention output" if settings.flash else "attention output of heads"
    output = computed(name, (mixer.output_width, n), view(expanded))
    graph.add(output)
    if mixer.output_gate:
        output = gated_output(prompt, normed, view(output, *output.shape) if settings.flash else output)
    return prompt.matmul(output, prompt.hidden_size, "attention output")
