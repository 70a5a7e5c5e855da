"""Typed reading of a `config.json`: every key is checked, and none that changes memory is overlooked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError

LARGEST = 2**31 - 1
MOST_LAYERS = 1000
"""The largest models have some 200; layers that all differ take long."""

CHANGES_MEMORY = re.compile(
    r"(^n_|num_|_size|_dim|rank|layer|head|expert|window|width|depth|chunk|share|tie_|quant|kernel|_proj|moe|mamba|ssm|conv|state|index|_freq|bias$)"
)
"""An unread key of such a name may be a dimension that this program does not know."""

HARMLESS = frozenset(
    """
    attention_dropout attention_sink_size attn_logit_softcapping attn_pdrop aux_loss_alpha boi_token_index bos_token_id cache_implementation
    dual_chunk_attention_config embd_pdrop embedding_dropout embedding_size eoi_token_index ep_size final_logit_softcapping hidden_dropout
    hidden_dropout_prob ignore_index image_token_index image_token_id init_std initial_context_length initializer_range layer_norm_eps
    layer_norm_elementwise_affine layerdrop max_window_layers mm_tokens_per_image model_max_length
    n_ctx n_group n_special norm_topk_prob num_beams num_return_sequences original_max_position_embeddings
    output_hidden_states output_router_logits pretraining_tp query_pre_attn_scalar quantization_config query_rescale_scalar resid_pdrop
    rope_local_base_freq rope_scaling rope_theta rope_parameters rotary_emb_base rotary_pct router_aux_loss_coef
    router_jitter_noise routed_scaling_factor sample_size scale_attn_by_inverse_layer_idx seq_aux sliding_window_size
    summary_first_dropout summary_type summary_use_proj summary_proj_to_labels topk_group use_cache vocab_size_padded
    chunk_size_feed_forward context_window_size prefill_chunk_size encoder_no_repeat_ngram_size no_repeat_ngram_size cross_attention_hidden_size
    is_encoder_decoder id2label label2id _num_labels num_labels partial_rotary_factor rope_interleave
    use_bfloat16 torch_dtype dtype transformers_version hidden_act hidden_activation activation_function
    """.split()
)
"""Keys whose names look like dimensions, but which leave the bytes alone."""


class Config:
    """The keys of one `config.json`, or of a section of it.

    A key that is missing takes the default that its `model_type` has in transformers 5.23, as real files rely on.
    """

    def __init__(self, keys: Mapping[str, Any], where: str, defaults: Mapping[str, Any] | None = None) -> None:
        if not isinstance(keys, Mapping):
            raise InputError(f"{where}: expected a mapping of keys, got {type(keys).__name__}")
        self.keys = keys
        self.where = where
        self.defaults = defaults or {}
        self.read: set[str] = set()
        self.spelling: Mapping[str, str] = {}

    def changed(self, **keys: Any) -> Config:
        """The same section with these keys instead of its own; what is read of one is read of the other."""
        other = Config({**self.keys, **keys}, self.where, self.defaults)
        other.read, other.spelling = self.read, self.spelling
        return other

    def renamed(self, **names: str) -> Config:
        """The same section under the names that most families use, such as `hidden_size="d_model"`.

        Errors name the key that the file has. Raises InputError where it has both and they differ.
        """
        used, stated = {}, {**self.defaults, **self.keys}
        for new, old in names.items():
            both = self.keys.get(new) is not None and self.keys.get(old) is not None
            if both and self.keys[new] != self.keys[old]:
                raise self.error(old, f"differs from {new}", "keep one of the two")
            used[new] = old if self.keys.get(new) is None and old in stated else new
        other = self.changed(**{new: self.raw(key) for new, key in used.items()})
        self.ignore(*names, *names.values())
        other.spelling = {**self.spelling, **used}
        return other

    def error(self, key: str, problem: str, repair: str) -> InputError:
        """An error that names the file, the key, its value and the repair."""
        return InputError(f"{self.where} › {self.spelling.get(key, key)}: {problem}; {repair}")

    def raw(self, key: str) -> Any:
        """The value as it stands, or the default of the model type, or None."""
        self.read.add(key)
        return self.keys[key] if key in self.keys else self.defaults.get(key)

    def ignore(self, *keys: str) -> None:
        """Keys that this family knows and that leave the bytes alone."""
        self.read.update(keys)

    def spelled(self, *keys: str) -> str:
        """The first of several names for one thing that the file uses, else the first of them."""
        self.read.update(keys)
        return next((key for key in keys if self.keys.get(key) is not None), keys[0])

    def optional(self, key: str, *, least: int = 1, most: int = LARGEST) -> int | None:
        """A whole number, or None where the file says null."""
        value = self.raw(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST:
            value = int(value)
        if type(value) is not int:  # True is not a head count
            raise self.error(key, f"expected a whole number, got {_short(value)}", "state it as an integer")
        if not least <= value <= most:
            raise self.error(
                key, f"{_short(value)} is outside {least:,} to {most:,}", "check the file against its source"
            )
        return value

    def whole(self, key: str, otherwise: int | None = None, *, least: int = 1, most: int = LARGEST) -> int:
        """A whole number; `otherwise` stands in when neither the file nor the model type has one."""
        value = self.optional(key, least=least, most=most)
        if value is None:
            value = otherwise
        if value is None:
            raise self.error(key, "missing", "add the key from the model's own config.json")
        return value

    def wholes(self, *keys: str) -> tuple[int, ...]:
        """Several whole numbers, in this order."""
        return tuple(self.whole(key) for key in keys)

    def flag(self, key: str, otherwise: bool = False) -> bool:
        """True or false."""
        value = self.raw(key)
        if value is None:
            return otherwise
        if type(value) is not bool:
            raise self.error(key, f"expected true or false, got {_short(value)}", "state it as a boolean")
        return value

    def text(self, key: str, otherwise: str = "", choices: Sequence[str] = ()) -> str:
        """A text, one of `choices` if any are given."""
        value = self.raw(key)
        if value is None:
            return otherwise
        if not isinstance(value, str) or (choices and value not in choices):
            known = f"known: {', '.join(choices)}" if choices else "state it as text"
            raise self.error(key, f"{_short(value)} is not understood", known)
        return value

    def number(self, key: str, otherwise: float | None = None, *, least: float = 0, most: float = 1) -> float:
        """A number that need not be whole, such as a share."""
        value = self.raw(key)
        if value is None:
            value = otherwise
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            problem = f"expected a number from {least:g} to {most:g}, got {_short(value)}"
            raise self.error(key, problem, "check the file against its source")
        return float(value)

    def section(self, key: str, defaults: Mapping[str, Any] | None = None) -> Config | None:
        """A nested mapping, or None."""
        value = self.raw(key)
        return None if value is None else Config(value, f"{self.where} › {key}", defaults)

    def whole_list(self, key: str, count: int | None = None) -> tuple[int, ...]:
        """A list of whole numbers, `count` of them if that is given; empty when missing."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)) or any(type(item) is not int or item < 0 for item in value):
            raise self.error(key, f"expected a list of whole numbers, got {_short(value)}", "check the file")
        if count is not None and value and len(value) != count:
            raise self.error(key, f"expected {count} numbers, got {len(value)}", "check the file")
        return tuple(value)

    def names(self, key: str, count: int, choices: Sequence[str]) -> tuple[str, ...]:
        """A list of `count` names out of `choices`, such as `layer_types`; empty when missing."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)) or len(value) != count:
            found = f"{len(value)} entries" if isinstance(value, (list, tuple)) else _short(value)
            raise self.error(key, f"expected a list of {count} entries, one a layer, got {found}", "check the file")
        for index, item in enumerate(value):
            if item not in choices:
                raise self.error(f"{key}[{index}]", f"{_short(item)} is not understood", f"known: {', '.join(choices)}")
        return tuple(value)

    def must_be(self, key: str, *allowed: Any) -> None:
        """Refuse a value of a known key that would change the layout in a way that is not implemented."""
        value = self.raw(key)
        if value is not None and value not in allowed:
            raise self.error(key, f"{_short(value)} is not understood", f"known: {', '.join(map(str, allowed))}")

    def unread(self) -> list[str]:
        """Keys that nobody read, whose names look like dimensions and whose values are not `off`.

        A key that only repeats what `text_config` says is none: the section decides.
        """
        text = self.keys.get("text_config")
        repeated = text if isinstance(text, Mapping) else {}
        return [
            key
            for key, value in self.keys.items()
            if key not in self.read
            and key not in HARMLESS
            and not key.endswith(("_token_id", "_token_index", "_coef", "_eps", "_epsilon", "_dropout", "_std"))
            and value not in (None, False, 0, 1, [], {}, "")
            and (key not in repeated or repeated[key] != value)
            and CHANGES_MEMORY.search(key)
        ]

    def refuse_unread(self) -> None:
        """Raise InputError for the first key that may change memory and that no rule has read."""
        for key in self.unread():
            raise self.error(
                key,
                f"{_short(self.keys[key])} may change memory and is not understood for this model_type",
                "remove the key if it does not, or report the model",
            )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
