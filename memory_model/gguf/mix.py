"""llama.cpp's mixes: which GGUF type each tensor of a file gets (llama-quant.cpp at 0c1e57098).

A mix is one row of a table. A cell reads `type if condition else type`, and what no cell decides gets the base type.
Conditions: `first 2`, `first 4`, `sixteenth`, `eighth` (the position is below 2, 4, n/16, n/8), `middle` (from n/8 to
7n/8), `more` (see use_more_bits), `gqa 4` (at least four query heads a KV head), `experts 4` (that, or four experts).
The types are those that llama-quantize chooses without an importance matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Mix:
    """The type of most matrices, and of those that a mix treats otherwise; empty cells mean the base type."""

    base: str
    output: str = "q6_k"
    """The output matrix, and the token embedding of a model that ties the two."""
    token_embd: str = ""
    attn_v: str = ""
    attn_q: str = ""
    attn_k: str = ""
    attn_output: str = ""
    ffn_down: str = ""
    ffn_gate: str = ""
    ffn_up: str = ""
    experts: str = ""
    """Tensors of three dimensions, whatever else they are."""
    eight_experts: tuple[str, str, str] = ("q8_0", "q8_0", "")
    """attn_v, attn_k and attn_output of a model with exactly eight experts (Mixtral); empty cells as without."""


OF_EIGHT = ("q8_0", "q8_0", "q5_k")
LOW = ("", "q4_k", "q5_k")

MIXES = {
    "f32": Mix("f32", "f32", eight_experts=("", "", "")),
    "f16": Mix("f16", "f16", eight_experts=("", "", "")),
    "bf16": Mix("bf16", "bf16", eight_experts=("", "", "")),
    "q8_0": Mix("q8_0", "q8_0"),
    "q6_k": Mix("q6_k"),
    "q5_k_m": Mix("q5_k", attn_v="q6_k if more", ffn_down="q6_k if more"),
    "q5_k_s": Mix("q5_k"),
    "q5_1": Mix("q5_1"),
    "q5_0": Mix("q5_0"),
    "q4_k_m": Mix("q4_k", attn_v="q6_k if more", ffn_down="q6_k if more", eight_experts=OF_EIGHT),
    "q4_k_s": Mix("q4_k", attn_v="q5_k if first 4", ffn_down="q5_k if eighth", eight_experts=OF_EIGHT),
    "q4_1": Mix("q4_1"),
    "q4_0": Mix("q4_0"),
    "q3_k_l": Mix("q3_k", attn_v="q5_k", attn_output="q5_k", ffn_down="q5_k", eight_experts=("q8_0", "q8_0", "q3_k")),
    "q3_k_m": Mix(
        "q3_k",
        attn_v="q5_k if first 2 else q4_k",
        attn_output="q4_k",
        ffn_down="q5_k if sixteenth else q4_k",
        eight_experts=OF_EIGHT,
    ),
    "q3_k_s": Mix("q3_k", eight_experts=OF_EIGHT),
    "q2_k": Mix(
        "q2_k", attn_v="q4_k if gqa 4 else q3_k", attn_output="q3_k", ffn_down="q3_k", eight_experts=OF_EIGHT
    ),
    "q2_k_s": Mix("q2_k", attn_v="q4_k if gqa 4", ffn_down="q4_k if eighth"),
    "iq4_nl": Mix("iq4_nl", attn_v="q5_k if gqa 4", ffn_down="q5_k if eighth", eight_experts=OF_EIGHT),
    "iq4_xs": Mix("iq4_xs", attn_v="q5_k if gqa 4", ffn_down="q5_k if eighth", eight_experts=OF_EIGHT),
    "iq3_m": Mix("iq3_s", attn_v="q4_k", attn_output="q4_k", ffn_down="q4_k if eighth", eight_experts=OF_EIGHT),
    "iq3_s": Mix("iq3_s", attn_v="q4_k if gqa 4", eight_experts=OF_EIGHT),
    "iq3_xs": Mix(
        "iq3_s",
        attn_v="q4_k if gqa 4",
        attn_q="iq3_xxs",
        attn_k="iq3_xxs",
        ffn_gate="iq3_xxs if middle",
        ffn_up="iq3_xxs if middle",
        eight_experts=OF_EIGHT,
    ),
    "iq3_xxs": Mix(
        "iq3_xxs",
        "q5_k",
        token_embd="iq3_s",
        attn_v="q4_k if gqa 4 else iq3_s",
        attn_q="iq2_s",
        attn_k="iq2_s",
        attn_output="iq3_s",
        ffn_down="q4_k if eighth else q3_k",
        eight_experts=OF_EIGHT,
    ),
    "iq2_m": Mix(
        "iq2_s", "q5_k", "iq3_s", "q4_k if experts 4 else iq3_s", attn_output="iq3_s", ffn_down="iq3_s if eighth",
        eight_experts=LOW,
    ),
    "iq2_s": Mix(
        "iq2_xs", "q5_k", "iq3_s", "q4_k if experts 4 else iq3_s", attn_output="iq3_s", ffn_down="iq3_s if eighth",
        eight_experts=LOW,
    ),
    "iq2_xs": Mix("iq2_xs", "q5_k", "q2_k", "q4_k if experts 4 else q2_k", ffn_down="q2_k if eighth", eight_experts=LOW),
    "iq2_xxs": Mix("iq2_xxs", "q5_k", "q2_k", "q4_k if experts 4 else q2_k", ffn_down="q2_k if eighth", eight_experts=LOW),
    "iq1_m": Mix(
        "iq1_m", "q5_k", "q2_k", "q4_k if experts 4 else q2_k", attn_output="iq2_xxs", ffn_down="q2_k if eighth",
        eight_experts=LOW,
    ),
    "iq1_s": Mix(
        "iq1_s", "q5_k", "q2_k", "q4_k if experts 4 else q2_k", attn_output="iq2_xxs", ffn_down="q2_k if eighth",
        eight_experts=LOW,
    ),
    "tq2_0": Mix("tq2_0", token_embd="q4_k"),
    "tq1_0": Mix("tq1_0", token_embd="q4_k"),
    "mxfp4_moe": Mix("q8_0", "q8_0", experts="mxfp4", eight_experts=("", "", "")),
}  # fmt: skip

BY_TENSOR = ("iq2_m", "iq2_s", "iq2_xs", "iq2_xxs", "iq1_m", "iq1_s")
"""Mixes that count ffn_down tensors even where a layer holds several of them (experts beside shared experts)."""

FALCON = {
    "q4_k_m": "q6_k if sixteenth else q5_k if more",
    "q4_k_s": "",
    "q3_k_l": "q4_k",
    "q3_k_m": "q5_k if sixteenth else q4_k if more",
}
"""What Falcon's ffn_down gets instead; its output matrix is always q8_0."""

BLOCK = {
    "f32": 1,
    "f16": 1,
    "bf16": 1,
    "q8_0": 32,
    "q5_1": 32,
    "q5_0": 32,
    "q4_1": 32,
    "q4_0": 32,
    "iq4_nl": 32,
    "mxfp4": 32,
}
"""Values in a block; 256 for all other types."""
FALLBACK = {
    "q4_k": "q5_0",
    "q5_k": "q5_1",
    "q6_k": "q8_0",
    "q2_k": "q4_0",
    "q3_k": "q4_0",
    "tq1_0": "q4_0",
    "tq2_0": "q4_0",
}
"""For rows that do not divide into blocks; `iq` types fall back to iq4_nl."""


def mix_of(name: str, *, falcon: bool) -> Mix:
    """The row of a mix, as llama-quantize reads it for Falcon or for any other architecture."""
    mix = MIXES[name]
    if not falcon or mix.base in ("f32", "f16", "bf16"):
        return mix
    output = mix.attn_output if name in BY_TENSOR else "q4_k" if name == "q3_k_l" else ""
    return replace(mix, output="q8_0", attn_output=output, ffn_down=FALCON.get(name, mix.ffn_down))


def use_more_bits(index: int, count: int) -> bool:
    """Whether a layer is among the eighths at both ends, or every third between (llama-quant.cpp use_more_bits)."""
    eighth = count // 8
    return index < eighth or index >= 7 * count // 8 or (index - eighth) % 3 == 2


def that_divides(chosen: str, columns: int) -> str:
    """The type, or the one that takes its place for rows of so many values (llama-quant.cpp tensor_type_fallback)."""
    if columns % BLOCK.get(chosen, 256) == 0:
        return chosen
    fallback = FALLBACK.get(chosen, "iq4_nl" if chosen.startswith("iq") and chosen != "iq4_nl" else "f16")
    return fallback if columns % BLOCK[fallback] == 0 else "f16"
