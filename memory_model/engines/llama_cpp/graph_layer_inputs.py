"""An embedding of every token for each layer, beside the one for the first (gemma4.cpp, gemma3n.cpp)."""

from __future__ import annotations

from .graph import Source, Tensor, computed, input_tensor, values_of, view
from .prompt import Prompt


def layer_inputs(prompt: Prompt, rows: Source, layers: int, width: int) -> Tensor:
    """The inputs of all layers: rows that the host looks up, and a projection of the plain embedding.

    The rows are scaled: a device overwrites its copy of them, a CPU reads a view of them, which it may not overwrite.
    The projection is computed where the first layer asks for it.
    """
    n = prompt.tokens
    ids = input_tensor("token ids", (n,))
    found = computed("embeddings for layers", (layers * width, n), ids, on_host=True)
    scaled = computed("scaled embeddings for layers", found.shape, values_of(found, *found.shape), overwrites=True)
    prompt.graph.add(scaled)
    projected = prompt.matmul(rows, layers * width, "projection for layers")
    normed = prompt.norm(view(projected, width, layers, n), name="normed projection for layers")
    both = prompt.add_up(normed, scaled, "inputs of layers by token")
    return computed("inputs of layers", (width, n, layers), view(both))


def gated_input(prompt: Prompt, source: Source, inputs: Tensor, name: str) -> Tensor:
    """A layer's own input, as far as the stream lets it pass."""
    width, n = inputs.shape[0], inputs.shape[1]
    gate = prompt.matmul(source, width, "gate of a layer's input")
    passed = computed("gated input of a layer", gate.shape, gate, values_of(inputs, width, n), overwrites=True)
    return prompt.matmul(passed, prompt.hidden_size, name)
