"""Recurrent mixers with a state per sequence (mamba-base, delta-net-base, qwen3next, kimi-linear, lfm2.cpp of llama.cpp)."""

from __future__ import annotations

from ...blocks.delta_net import GatedDeltaNet
from ...blocks.kimi_delta import KimiDeltaAttention
from ...blocks.mamba import Mamba
from ...blocks.mamba2 import Mamba2
from ...blocks.short_conv import ShortConvolution
from .graph import FLOAT32, Source, Tensor, computed, stored, view
from .prompt import Prompt


def read_state(prompt: Prompt, values: int, name: str) -> Tensor:
    """A copy of the states of this micro-batch's sequences (llama-graph.cpp build_rs)."""
    found = computed(name, (values, prompt.settings.sequences), prompt.states)
    prompt.graph.add(found)
    _copy_others(prompt, values)
    return found


def _copy_others(prompt: Prompt, values: int) -> None:
    """States of sequences without a token in the prompt: mostly none, but the allocator keeps track of empty ones too."""
    found = computed("other states", (values, prompt.settings.others), prompt.other_states)
    prompt.graph.add(stored("other states stored", found))


def _convolved(prompt: Prompt, state: Tensor, projected: Source, channels: int, kernel: int) -> Tensor:
    """The convolution over the last inputs and these, whose own last ones are kept."""
    sequences = prompt.settings.sequences
    each = prompt.tokens // sequences
    inputs = computed("convolution input", (kernel - 1 + each, channels, sequences), view(state), view(projected))
    prompt.graph.add(stored("convolution state stored", view(inputs)))
    return inputs


def mamba(prompt: Prompt, mixer: Mamba, normed: Source) -> Source:
    """One scan over the micro-batch, with a time step for every channel."""
    inner, shape = mixer.d_inner, (mixer.d_inner, prompt.tokens)
    state = read_state(prompt, (mixer.conv_kernel - 1) * inner, "convolution state")
    projected = prompt.matmul(normed, 2 * inner, "projected")
    convolved = computed("convolved", shape, _convolved(prompt, state, projected, inner, mixer.conv_kernel))
    rates: Source = view(prompt.matmul(convolved, mixer.dt_rank + 2 * mixer.d_state, "time steps, B and C"))
    low = computed("low-rank time steps", (mixer.dt_rank, prompt.tokens), rates)
    inputs = outputs = rates
    if mixer.inner_norms or mixer.weightless_norms:
        inputs, outputs = (computed(name, (mixer.d_state, prompt.tokens), rates) for name in ("B", "C"))
    steps = prompt.matmul(low, inner, "time steps")
    size = (inner * prompt.tokens + mixer.d_state * inner * prompt.settings.sequences) * FLOAT32
    sources = (view(convolved), steps, inputs, outputs, prompt.states)
    scan = computed("scan and new states", shape, *sources, size=size)
    prompt.graph.add(scan)
    _copy_others(prompt, mixer.d_state * inner)
    prompt.graph.add(stored("states stored", view(scan)))
    gate = computed("gate", shape, view(projected))
    skipped = computed("skipped inputs", shape, convolved, overwrites=True)
    summed = computed("scanned", shape, view(scan), skipped, overwrites=True)
    output = prompt.matmul(computed("gated", shape, gate, summed), prompt.hidden_size, "recurrence output")
    return view(output, prompt.hidden_size, prompt.tokens)


def mamba2(prompt: Prompt, mixer: Mamba2, normed: Source) -> Tensor:
    """One scan over the micro-batch, from which the output and the new states come."""
    n, sequences = prompt.tokens, prompt.settings.sequences
    inner, channels = mixer.d_inner, mixer.conv_dim
    by_heads = (mixer.head_dim, mixer.num_heads, n // sequences, sequences)
    state = read_state(prompt, (mixer.conv_kernel - 1) * channels, "convolution state")
    projected = prompt.matmul(normed, inner + channels + mixer.num_heads, "projected")
    inputs = _convolved(prompt, state, projected, channels, mixer.conv_kernel)
    convolved = computed("convolved", (channels, n), inputs)
    steps = computed("time steps", (mixer.num_heads, n), view(projected))
    size = (inner * n + mixer.d_state * inner * sequences) * FLOAT32
    scan = computed(
        "scan and new states", by_heads, view(convolved), steps, *[view(convolved)] * 2, prompt.states, size=size
    )
    prompt.graph.add(scan)
    _copy_others(prompt, mixer.d_state * inner)
    prompt.graph.add(stored("states stored", view(scan)))
    gate = computed("gate", by_heads, view(projected))
    skipped = computed("skipped inputs", by_heads, view(convolved))
    summed = computed("scanned", by_heads, view(scan), skipped, overwrites=True)
    output: Source = view(computed("gated", by_heads, gate, summed), inner, n)
    if mixer.gated_norm:
        output = view(prompt.norm(output, name="gated norm"), inner, n)
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
        normed_part = prompt.norm(view(convolved, mixer.key_width, n), name=name)
        if mixer.num_key_heads == value_heads or split:
            return normed_part
        return view(computed(f"{name}, repeated", (mixer.key_head_dim * value_heads, n), view(normed_part)))

    if split:
        rates: tuple[Source, Source] = (
            prompt.matmul(normed, value_heads, "alpha"),
            prompt.matmul(normed, value_heads, "beta"),
        )
    else:
        both = prompt.matmul(normed, 2 * value_heads, "beta and alpha")
        rates = (both, both)
    decay, beta = (computed(name, (value_heads, n), view(rate)) for name, rate in zip(("decay", "beta"), rates))
    size = (width * value_heads * n + width * width * value_heads * sequences) * FLOAT32
    sources = (repeated("queries"), repeated("keys"), view(convolved), view(decay), view(beta), view(remembered))
    scan = computed("outputs and new states", (width * value_heads, n), *sources, size=size)
    graph.add(stored("states stored", view(scan)))
    by_heads = view(scan, width, value_heads, n)
    output = prompt.norm(by_heads, name="outputs, normed")
    gate = prompt.matmul(normed, mixer.value_width, "gate")
    opened = computed("gate, activated", by_heads.shape, view(gate))
    gated = computed("gated", by_heads.shape, output, opened, overwrites=True)
    return view(
        prompt.matmul(view(gated, mixer.value_width, n), prompt.hidden_size, "recurrence output"), prompt.hidden_size, n
    )


def kimi_delta(prompt: Prompt, mixer: KimiDeltaAttention, normed: Source) -> Tensor:
    """As `delta_net`, with a convolution for each of queries, keys and values (kimi-linear.cpp)."""
    n, sequences, graph = prompt.tokens, prompt.settings.sequences, prompt.graph
    width, heads, kernel = mixer.width, mixer.num_heads, mixer.conv_kernel
    shape = (width, n)
    graph.add(normed)
    state = read_state(prompt, 3 * (kernel - 1) * width, "convolution state")
    entering = []
    for name in ("projected queries", "projected keys", "projected values"):
        entering.append(_convolved(prompt, state, prompt.matmul(normed, width, name), width, kernel))
    remembered = read_state(prompt, mixer.head_dim**2 * heads, "recurrent state")
    activated = [computed("activated", shape, view(computed("convolved", shape, inputs))) for inputs in entering]
    queries, keys = (prompt.norm(view(part, width, n), name="queries or keys") for part in activated[:2])
    forget = prompt.matmul(prompt.matmul(normed, mixer.head_dim, "low-rank forget gate"), width, "forget gate")
    decay = computed("decay", shape, view(forget))
    beta = computed("beta", (heads, n), view(prompt.matmul(normed, heads, "beta")))
    size = (width * n + mixer.head_dim**2 * heads * sequences) * FLOAT32
    sources = (view(queries), view(keys), view(activated[2]), view(decay), beta, view(remembered))
    scan = computed("outputs and new states", shape, *sources, size=size)
    graph.add(stored("states stored", view(scan)))
    output = prompt.norm(view(computed("outputs", shape, view(scan)), width, n), name="outputs, normed")
    gate = prompt.matmul(prompt.matmul(normed, mixer.head_dim, "low-rank gate"), width, "gate")
    gated = computed("gated", shape, output, computed("gate, activated", shape, view(gate)), overwrites=True)
    return prompt.matmul(computed("gated, contiguous", shape, gated), prompt.hidden_size, "recurrence output")


def short_convolution(prompt: Prompt, mixer: ShortConvolution, normed: Source) -> Source:
    """A gated input, a convolution over it and the inputs before, and another gate."""
    shape = (mixer.channels, prompt.tokens)
    joined = prompt.matmul(normed, 3 * mixer.channels, "gates and input")
    opened = computed("gated input", shape, view(joined), view(joined))
    state = read_state(prompt, (mixer.conv_kernel - 1) * mixer.channels, "convolution state")
    inputs = _convolved(prompt, state, opened, mixer.channels, mixer.conv_kernel)
    gated = computed("gated", shape, view(joined), computed("convolved", shape, inputs), overwrites=True)
    return view(prompt.matmul(gated, prompt.hidden_size, "convolution output"), prompt.hidden_size, prompt.tokens)
