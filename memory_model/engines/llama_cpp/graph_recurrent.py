"""Recurrent mixers with a state per sequence (mamba-base, delta-net-base, qwen3next, kimi-linear, lfm2.cpp of llama.cpp)."""

from __future__ import annotations

from ...blocks.delta_net import GatedDeltaNet
from ...blocks.kimi_delta import KimiDeltaAttention
from ...blocks.mamba import Mamba
from ...blocks.mamba2 import Mamba2
from ...blocks.short_conv import ShortConvolution
from .graph import FLOAT32, Source, Tensor, columns, computed, stored, values_of, view
from .prompt import Prompt


def read_state(prompt: Prompt, values: int, name: str) -> Tensor:
    """A copy of the states of this micro-batch's sequences (llama-graph.cpp build_rs)."""
    clear(prompt)
    found = computed(name, (values, prompt.settings.sequences), prompt.states)
    prompt.graph.add(found)
    _copy_others(prompt, values)
    return found


def by_sequence(prompt: Prompt, source: Source) -> Source:
    """Rows of tokens, those of each sequence on their own."""
    sequences = prompt.settings.sequences
    return view(source, source.shape[0], prompt.tokens // sequences, sequences)


def clear(prompt: Prompt) -> None:
    """The state of a new sequence is written over with zeros."""
    prompt.graph.add(stored("states cleared"))


def _copy_others(prompt: Prompt, values: int) -> None:
    """States of sequences without a token in the prompt: mostly none, but the allocator keeps track of empty ones too."""
    found = computed("other states", (values, prompt.settings.others), prompt.other_states)
    prompt.graph.add(stored("other states stored", found))


def _convolved(prompt: Prompt, state: Tensor, projected: Source, channels: int, kernel: int) -> Tensor:
    """The convolution over the last inputs and these, whose own last ones are kept."""
    sequences = prompt.settings.sequences
    each = prompt.tokens // sequences
    inputs = computed(
        "convolution input",
        (kernel - 1 + each, channels, sequences),
        columns(state, (kernel - 1) * channels),
        columns(projected, channels),
    )
    prompt.graph.add(stored("convolution state stored", columns(inputs, kernel - 1)))
    return inputs


def mamba(prompt: Prompt, mixer: Mamba, normed: Source) -> Source:
    """One scan over the micro-batch, with a time step for every channel."""
    inner, shape = mixer.d_inner, (mixer.d_inner, prompt.tokens)
    state = read_state(prompt, (mixer.conv_kernel - 1) * inner, "convolution state")
    projected = prompt.matmul(by_sequence(prompt, normed), 2 * inner, "projected")
    inputs = _convolved(prompt, state, projected, inner, mixer.conv_kernel)
    clear(prompt)
    convolved = computed("convolved", shape, inputs)
    rates = prompt.matmul(by_sequence(prompt, convolved), mixer.dt_rank + 2 * mixer.d_state, "time steps, B and C")
    low = computed("low-rank time steps", (mixer.dt_rank, prompt.tokens), columns(rates, mixer.dt_rank))
    groups: list[Source] = [columns(rates, mixer.d_state, mixer.d_state, prompt.tokens) for _ in range(2)]
    if mixer.inner_norms or mixer.weightless_norms:
        groups = [computed(name, part.shape, part) for name, part in zip(("B", "C"), groups, strict=True)]
    steps = prompt.matmul(by_sequence(prompt, low), inner, "time steps")
    size = (inner * prompt.tokens + mixer.d_state * inner * prompt.settings.sequences) * FLOAT32
    sources = (view(convolved), steps, *groups, prompt.states)
    scan = computed("scan and new states", shape, *sources, size=size)
    prompt.graph.add(scan)
    _copy_others(prompt, mixer.d_state * inner)
    prompt.graph.add(stored("states stored", values_of(scan, mixer.d_state * inner, prompt.settings.sequences)))
    gate = computed("gate, contiguous", shape, columns(projected, inner))
    skipped = computed("skipped inputs", shape, convolved, overwrites=True)
    summed = computed("scanned", shape, values_of(scan, *shape), skipped, overwrites=True)
    gated = by_sequence(prompt, computed("gated", shape, gate, summed))
    return view(prompt.matmul(gated, prompt.hidden_size, "recurrence output"), prompt.hidden_size, prompt.tokens)


def mamba2(prompt: Prompt, mixer: Mamba2, normed: Source) -> Tensor:
    """One scan over the micro-batch, from which the output and the new states come."""
    n, sequences = prompt.tokens, prompt.settings.sequences
    inner, channels = mixer.d_inner, mixer.conv_dim
    by_heads = (mixer.head_dim, mixer.num_heads, n // sequences, sequences)
    state = read_state(prompt, (mixer.conv_kernel - 1) * channels, "convolution state")
    projected = prompt.matmul(normed, inner + channels + mixer.num_heads, "projected")
    inputs = _convolved(prompt, state, projected, channels, mixer.conv_kernel)
    clear(prompt)
    convolved = computed("convolved", (channels, n), inputs)
    steps = computed("time steps", (mixer.num_heads, n), columns(projected, mixer.num_heads))
    size = (inner * n + mixer.d_state * inner * sequences) * FLOAT32
    values = columns(convolved, inner)
    before, after = (columns(convolved, mixer.n_groups * mixer.d_state) for _ in range(2))
    scan = computed("scan and new states", by_heads, values, steps, before, after, prompt.states, size=size)
    prompt.graph.add(scan)
    _copy_others(prompt, mixer.d_state * inner)
    prompt.graph.add(stored("states stored", values_of(scan, mixer.d_state * inner, sequences)))
    gate = computed("gate, contiguous", by_heads, columns(projected, inner))
    skipped = computed("skipped inputs", by_heads, values)
    summed = computed("scanned", by_heads, values_of(scan, *by_heads), skipped, overwrites=True)
    output: Source = view(computed("gated", by_heads, gate, summed), inner, n)
    if mixer.gated_norm:
        by_groups = view(output, inner // mixer.n_groups, mixer.n_groups, n)
        output = view(prompt.norm(by_groups, name="gated norm"), inner, n)
    return prompt.matmul(output, prompt.hidden_size, "recurrence output")


def delta_net(prompt: Prompt, mixer: GatedDeltaNet, normed: Source) -> Source:
    """One fused operation over the micro-batch.

    qwen3next.cpp repeats queries and keys for the heads of values; qwen35.cpp, of split projections, does not.
    """
    n, sequences, graph = prompt.tokens, prompt.settings.sequences, prompt.graph
    value_heads, width = mixer.num_value_heads, mixer.value_head_dim
    split = mixer.layout == "split"
    graph.add(normed)
    state = read_state(prompt, (mixer.conv_kernel - 1) * mixer.conv_dim, "convolution state")
    mixed = prompt.matmul(normed, mixer.conv_dim, "queries, keys and values")
    inputs = _convolved(prompt, state, mixed, mixer.conv_dim, mixer.conv_kernel)
    remembered = read_state(prompt, width * width * value_heads, "recurrent state")
    convolved = computed("convolved", (mixer.conv_dim, n), inputs)

    def repeated(name: str) -> Source:
        normed_part = prompt.norm(columns(convolved, mixer.key_width), name=name)
        if mixer.num_key_heads == value_heads or split:
            return normed_part
        return view(computed(f"{name}, repeated", (mixer.key_head_dim * value_heads, n), view(normed_part)))

    if split:
        rates: tuple[Source, Source] = (
            prompt.matmul(normed, value_heads, "alpha"),
            prompt.matmul(normed, value_heads, "projected beta"),
        )
    else:
        both = prompt.matmul(normed, 2 * value_heads, "beta and alpha")
        rates = (both, both)
    decay, beta = (computed(name, (value_heads, n), view(rate)) for name, rate in zip(("decay", "beta"), rates))
    size = (width * value_heads * n + width * width * value_heads * sequences) * FLOAT32
    sources = (
        repeated("queries"),
        repeated("keys"),
        columns(convolved, mixer.value_width),
        view(decay),
        view(beta),
        view(remembered),
    )
    scan = computed("outputs and new states", (width * value_heads, n), *sources, size=size)
    graph.add(stored("states stored", values_of(scan, width * width * value_heads, sequences)))
    by_heads = values_of(scan, width, value_heads, n)
    output = prompt.norm(by_heads, name="outputs, normed")
    gate = prompt.matmul(normed, mixer.value_width, "gate of the output")
    opened = computed("gate, activated", by_heads.shape, view(gate))
    gated = computed("gated", by_heads.shape, output, opened, overwrites=True)
    by_tokens = by_sequence(prompt, view(gated, mixer.value_width, n))
    return view(prompt.matmul(by_tokens, prompt.hidden_size, "recurrence output"), prompt.hidden_size, n)


def kimi_delta(prompt: Prompt, mixer: KimiDeltaAttention, normed: Source) -> Tensor:
    """As `delta_net`, with a convolution for each of queries, keys and values (kimi-linear.cpp)."""
    n, sequences, graph = prompt.tokens, prompt.settings.sequences, prompt.graph
    width, heads, kernel = mixer.width, mixer.num_heads, mixer.conv_kernel
    shape = (width, n)
    graph.add(normed)
    state = read_state(prompt, 3 * (kernel - 1) * width, "convolution state")
    convolved = []
    for name in ("projected queries", "projected keys", "projected values"):
        convolved.append(_convolved(prompt, state, prompt.matmul(normed, width, name), width, kernel))
    remembered = read_state(prompt, mixer.head_dim**2 * heads, "recurrent state")
    activated = [computed("activated", shape, view(computed("convolved part", shape, inputs))) for inputs in convolved]
    queries, keys = (prompt.norm(view(part, width, n), name="queries or keys") for part in activated[:2])
    forget = prompt.matmul(prompt.matmul(normed, mixer.head_dim, "low-rank forget gate"), width, "forget gate")
    decay = computed("decay of channels", shape, view(forget))
    beta = computed("beta", (heads, n), view(prompt.matmul(normed, heads, "projected beta")))
    size = (width * n + mixer.head_dim**2 * heads * sequences) * FLOAT32
    sources = (view(queries), view(keys), view(activated[2]), view(decay), beta, view(remembered))
    scan = computed("outputs and new states", shape, *sources, size=size)
    graph.add(stored("states stored", values_of(scan, mixer.head_dim**2 * heads, sequences)))
    by_heads = view(computed("outputs", shape, values_of(scan, *shape)), mixer.head_dim, heads, n)
    output = prompt.norm(by_heads, name="outputs, normed")
    entering = normed if mixer.full_rank_gate else prompt.matmul(normed, mixer.head_dim, "low-rank gate")
    gate = prompt.matmul(entering, width, "gate of the output")
    opened = computed("gate, activated", by_heads.shape, view(gate))
    gated = computed("gated", by_heads.shape, output, opened, overwrites=True)
    return prompt.matmul(computed("gated, contiguous", shape, gated), prompt.hidden_size, "attention output")


def short_convolution(prompt: Prompt, mixer: ShortConvolution, normed: Source) -> Source:
    """A gated input, a convolution over it and the inputs before, and another gate."""
    shape = (mixer.channels, prompt.tokens)
    joined = prompt.matmul(by_sequence(prompt, normed), 3 * mixer.channels, "gates and input")
    opened = computed("gated input", shape, *(columns(joined, mixer.channels) for _ in range(2)))
    state = read_state(prompt, (mixer.conv_kernel - 1) * mixer.channels, "convolution state")
    inputs = _convolved(prompt, state, opened, mixer.channels, mixer.conv_kernel)
    gated = computed(
        "gated", shape, columns(joined, mixer.channels, *shape), computed("convolved", shape, inputs), overwrites=True
    )
    output = prompt.matmul(by_sequence(prompt, gated), prompt.hidden_size, "convolution output")
    return view(output, prompt.hidden_size, prompt.tokens)
