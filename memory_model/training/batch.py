"""What every part of a training step reads: the tokens, the method, and the habits of the modeling code."""

from __future__ import annotations

from dataclasses import dataclass

from ..amount import Factor
from ..blocks.attention import Attention
from ..engines.transformers.modeling_code import ModelingCode
from ..model_shape import ModelShape
from .matrices import Method
from .tape import Storage


@dataclass(frozen=True, slots=True)
class Batch:
    """The sequences of a step, through this model, by this method."""

    model: ModelShape
    code: ModelingCode
    method: Method
    sequences: Factor
    tokens: Factor
    eager: bool
    checkpointing: bool
    tables: tuple[Storage, ...] = ()
    """cos and sin of every position."""
    stores: bool = False
    """Whether this layer hands its keys and values to later ones."""

    @property
    def rows(self) -> tuple[Factor, ...]:
        """One for each token."""
        return self.sequences, self.tokens

    @property
    def tied(self) -> bool:
        """Whether the embedding serves as the output matrix."""
        return not any(tensor.role == "lm_head" for tensor in self.model.head)

    @property
    def chunk(self) -> int:
        """Tokens that a recurrent block processes together, as the config states it or the modeling code sets it."""
        config = self.model.text_config
        return int(config.get("mamba_chunk_size") or config.get("chunk_size") or self.code.chunk)

    @property
    def own_inputs(self) -> int:
        """Values of the input that every layer has of its own."""
        stated = self.model.text_config.get("hidden_size_per_layer_input")
        return int((self.code.per_layer_inputs if stated is None else stated) or 0)

    def masked(self, mixer: Attention) -> bool:
        """Whether a fused kernel is given a mask: where the window is passed."""
        passed = mixer.window is not None and int(self.tokens.value) >= mixer.window
        return not self.eager and (passed or self.code.mask_always)

    def unless_stated(self, key: str) -> bool:
        """Whether a flag that is on by default is not turned off."""
        return bool(self.model.text_config.get(key, True))

    def stated(self, key: str) -> bool:
        """Whether the language model's config sets a key to something."""
        return bool(self.model.text_config.get(key))
