"""llama.cpp's mixes: which GGUF type each tensor of a file gets (llama-quant.cpp at 0c1e57098).

A mix is one row of `presets/gguf_mixes.yaml`. A cell reads `type if condition else type`. Conditions: `first 2`, `first 4`,
`sixteenth`, `eighth` (the position is below 2, 4, n/16, n/8), `middle` (from n/8 to 7n/8), `more` (see use_more_bits),
`eighth or more`, `gqa 4` (at least four query heads a KV head), `experts 4` (that, or four experts).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

from ..files.places import PRESETS
from ..files.preset_files import build, read_mapping


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
    eight_experts: dict[str, str] = field(default_factory=lambda: {"attn_v": "q8_0", "attn_k": "q8_0"})
    """Cells of a model with exactly eight experts (Mixtral), by column; as without where none is named."""
    by_tensor: bool = False
    """Whether ffn_down tensors count even where a layer holds several of them (experts beside shared experts)."""
    falcon_attn_output: str = ""
    """Falcon's attn_output; its output matrix is always q8_0."""
    falcon_ffn_down: str | None = None
    """Falcon's ffn_down, where it is another than that of the rest."""


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


@cache
def mixes() -> dict[str, Mix]:
    """Every mix by its name in small letters. Raises InputError for a row that is not right."""
    path = PRESETS / "gguf_mixes.yaml"
    return {name: build(Mix, row, f"{path.name} › {name}") for name, row in read_mapping(path).items()}


def mix_of(name: str, *, falcon: bool) -> Mix:
    """The row of a mix, as llama-quantize reads it for Falcon or for any other architecture."""
    mix = mixes()[name]
    if not falcon or mix.base in ("f32", "f16", "bf16"):
        return mix
    ffn_down = mix.ffn_down if mix.falcon_ffn_down is None else mix.falcon_ffn_down
    return replace(mix, output="q8_0", attn_output=mix.falcon_attn_output, ffn_down=ffn_down)


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
