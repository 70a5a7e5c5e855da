"""Lightning attention, block by block as long as a micro-batch (minimax-01.cpp)."""

from __future__ import annotations

from dataclasses import dataclass

from ...blocks.lightning import LightningAttention
from .graph import Source, Tensor, View, computed, input_tensor, stored, view
from .graph_recurrent import by_sequence, read_state
from .prompt import Prompt


@dataclass(frozen=True, slots=True, eq=False)
class Decays:
    """What the host writes for all layers: how fast each head forgets, for queries, keys and pairs of tokens."""

    slopes: Tensor
    queries: Tensor
    keys: Tensor
    pairs: Tensor


def decays(prompt: Prompt, heads: int) -> Decays:
    """Their inputs, for so many heads."""
    sequences = prompt.settings.sequences
    each = prompt.tokens // sequences
    return Decays(
        input_tensor("slopes", (heads,)),
        input_tensor("decay of queries", (1, heads, prompt.tokens)),
        input_tensor("decay of keys", (1, heads, prompt.tokens)),
        input_tensor("decay of pairs", (each, each, heads, sequences)),
    )


def lightning(prompt: Prompt, mixer: LightningAttention, decay: Decays, normed: Source) -> View:
    """Pairs of tokens within the micro-batch, and the state for all before."""
    n, sequences, graph = prompt.tokens, prompt.settings.sequences, prompt.graph
    shape = (mixer.width, n)
    square = (mixer.head_dim, mixer.head_dim, mixer.num_attention_heads, sequences)

    def scaled(source: Tensor) -> Tensor:
        return computed(f"{source.name} of the layer", source.shape, source, overwrites=True)

    read_state(prompt, 0, "no convolution state")
    state = read_state(prompt, square[0] * square[1] * square[2], "recurrent state")
    joined = prompt.matmul(by_sequence(prompt, normed), 3 * mixer.width, "queries, keys and values")
    fading = computed("fading queries", shape, view(joined), scaled(decay.queries))
    before = computed("output of the state", shape, view(state), view(fading))
    values = computed("values, transposed", shape, view(joined))
    pairs = computed("pairs of tokens", decay.pairs.shape, view(joined), view(joined))
    pairs = computed("pairs of tokens", pairs.shape, pairs, scaled(decay.pairs), overwrites=True)
    output = prompt.add_up(before, computed("output of the pairs", shape, values, pairs), "output")
    graph.add(output)
    faded = computed("faded state", square, view(state), view(scaled(decay.slopes)))
    keys = computed("fading keys", shape, view(joined), scaled(decay.keys))
    keys = computed("fading keys, transposed", shape, view(keys))
    graph.add(stored("states stored", prompt.add_up(faded, computed("added state", square, keys, values), "state")))
    gate = prompt.matmul(by_sequence(prompt, normed), mixer.width, "gate of the output")
    rows = view(computed("output by tokens", shape, view(output)), *gate.shape)
    gated = computed("gated", gate.shape, gate, prompt.norm(rows, name="outputs, normed"), overwrites=True)
    return view(prompt.matmul(gated, prompt.hidden_size, "recurrence output"), prompt.hidden_size, n)
