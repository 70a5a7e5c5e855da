"""What was understood of a model, in plain data: to be looked at before its numbers are used."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .blocks.attention import Attention
from .blocks.latent_attention import LatentAttention
from .blocks.mlp import MixtureOfExperts
from .model_shape import LayerGroup, ModelShape


@dataclass(frozen=True, slots=True)
class Understood:
    """A model's parameters by part, the kind of each layer, and the dimensions that people compare."""

    parameters: dict[str, int]
    """By part, the largest first; towers under their own names."""
    layers: tuple[str, ...]
    """The kind of each layer, from the first to the last."""
    dimensions: dict[str, str]

    @property
    def kinds(self) -> dict[str, int]:
        """How many layers there are of each kind, the most frequent first."""
        return dict(Counter(self.layers).most_common())


def understood(model: ModelShape) -> Understood:
    """What the layers of a model are made of."""
    parts: Counter[str] = Counter()
    for layers, tensor in model.tensors("all"):
        if not tensor.buffer:
            parts[tensor.part] += len(layers) * tensor.values
    kinds = [""] * model.num_hidden_layers
    for group in model.layers:
        for layer in group.layers:
            kinds[layer] = kind(group)
    return Understood(dict(parts.most_common()), tuple(kinds), _dimensions(model))


def kind(group: LayerGroup) -> str:
    """A layer's kind in words, such as `window of 4,096, experts`."""
    mixer = group.mixer
    words = []
    if isinstance(mixer, Attention):
        words.append("full attention" if mixer.window is None else f"window of {mixer.window:,}")
    elif isinstance(mixer, LatentAttention):
        words.append("latent attention")
    elif mixer is not None:
        words.append(" and ".join(dict.fromkeys(entry.label for entry in mixer.cache())) or "no memory of its own")
    if isinstance(group.mlp, MixtureOfExperts):
        words.append("experts")
    elif mixer is None:
        words.append("MLP only" if group.mlp is not None else "nothing")
    return ", ".join(words)


def _dimensions(model: ModelShape) -> dict[str, str]:
    found = {
        "model type": model.model_type,
        "parameters": f"{model.parameters():,}",
        "active per token": f"{model.active_parameters():,}",
        "layers": f"{model.num_hidden_layers:,}",
        "hidden size": f"{model.hidden_size:,}",
        "vocabulary": f"{model.vocab_size:,}",
        "longest context": f"{model.max_position_embeddings:,}",
        "stored as": model.quantization.scheme if model.quantization else model.dtype,
    }
    heads = dict.fromkeys(_heads(group) for group in model.layers if isinstance(group.mixer, Attention))
    if heads:
        found["query heads / KV heads × head size"] = "; ".join(heads)
    experts = dict.fromkeys(_experts(group.mlp) for group in model.layers if isinstance(group.mlp, MixtureOfExperts))
    if experts:
        found["experts, active"] = "; ".join(experts)
    return found


def _heads(group: LayerGroup) -> str:
    mixer = group.mixer
    assert isinstance(mixer, Attention)
    return f"{mixer.num_attention_heads} / {mixer.num_key_value_heads} × {mixer.head_dim}"


def _experts(moe: MixtureOfExperts) -> str:
    return f"{moe.num_experts}, {moe.num_experts_per_tok}"
