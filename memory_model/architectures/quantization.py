"""`quantization_config`: how a checkpoint is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..model_shape import Quantization
from ..module_names import too_many, unsafe
from .compressed_tensors import compressed_tensors, modelopt
from .config import Config
from .ignored_modules import ignored

GROUPS = (128, 64, 32)
"""Values with one scale for which there is a number format here."""
OF_MLX = ("2-64", "3-64", "4-32", "4-64", "5-64", "6-64", "8-32", "8-64")
"""Bits and values with one scale, likewise."""


def stored_scheme(config: Config) -> Quantization | None:
    """How the checkpoint is stored, or None where it is not quantised.

    Multimodal files may state it for their language model alone. Raises InputError for a method or a setting whose
    layout is not understood.
    """
    usual, of_mlx = config.section("quantization_config"), config.section("quantization")  # mlx_lm writes both, alike
    section = usual or of_mlx
    if section is not None:
        stored = _stored(section)
        return _with_fp4_experts(stored) if config.text("expert_dtype", choices=("fp4", "fp8")) == "fp4" else stored
    text = config.keys.get("text_config")
    nested = Config(text, f"{config.where} › text_config") if isinstance(text, Mapping) else None
    section = nested.section("quantization_config") if nested else None
    if section is None:
        return None
    stored = _stored(section)
    return replace(stored, ignore=(*stored.ignore, "vision"))


def _stored(section: Config) -> Quantization:
    """Raises InputError also for modules whose expressions would take too long."""
    stored = _read(section)
    patterns = (*stored.ignore, *(module for module, _ in stored.modules))
    for pattern in filter(unsafe, patterns):
        raise section.error(pattern[:80], "no name of a module that is understood", "name the modules plainly")
    if too_many(patterns):
        raise section.error("modules", "their expressions would take too long", "name the modules plainly")
    return stored


def _read(section: Config) -> Quantization:
    if "quant_method" not in section.keys and "bits" in section.keys:
        return mlx(section)
    if "quant_method" not in section.keys and "quant_algo" in section.keys:
        return modelopt(section)
    section.must_be("dequantize", False)
    method = section.text("quant_method")
    if method not in METHODS:
        repair = f"known: {', '.join(METHODS)}; without quantization_config any weight format can be chosen"
        raise section.error("quant_method", f"{method!r:.60} is not understood", repair)
    return METHODS[method](section)


def _with_fp4_experts(stored: Quantization) -> Quantization:
    """DeepSeek-V4: experts in FP4 with a power of two for every 32 values, the rest in fp8 with such scales."""
    return replace(stored, modules=(("experts", "mxfp4"), ("Linear", "fp8-128x128-e8m0")))


def fp8(section: Config) -> Quantization:
    """One scale a matrix, or one for every block of 128 x 128 (transformers FineGrainedFP8Config)."""
    section.must_be("fmt", "e4m3", "float8_e4m3fn")
    section.must_be("scale_fmt", "ue8m0", "float", "float32")
    ignore, listed = ignored(section, "modules_to_not_convert", "ignored_layers")
    block = section.whole_list("weight_block_size")
    if section.raw("weight_block_size") is not None:
        if block != (128, 128):
            raise section.error("weight_block_size", f"{list(block)} is not understood", "known: [128, 128]")
        return Quantization("fp8-block", ignore=ignore, listed=listed)
    static = section.text("activation_scheme", "dynamic", ("static", "dynamic")) == "static"
    return Quantization("fp8", "fp8-tensor" if static else "fp8-tensor-dynamic", ignore=ignore, listed=listed)


def fbgemm_fp8(section: Config) -> Quantization:
    """One float32 scale a row (transformers FbgemmFp8Config)."""
    ignore, listed = ignored(section, "modules_to_not_convert")
    return Quantization("fp8-channel", "fp8-rows-float32", ignore=ignore, listed=listed)


def mxfp4(section: Config) -> Quantization:
    """The experts alone (transformers Mxfp4Config), whatever else the file leaves out."""
    ignore, _ = ignored(section, "modules_to_not_convert")
    return Quantization("mxfp4", ignore=ignore)


def awq(section: Config) -> Quantization:
    """AutoAWQ: the matrices of the layers, never the head."""
    section.must_be("bits", 4)
    section.must_be("w_bit", 4)
    group = _group(section, "group_size", "q_group_size")
    ignore, _ = ignored(section, "modules_to_not_convert")
    return Quantization("awq-int4", f"int4-{group}", ignore=ignore)


def gptq(section: Config) -> Quantization:
    """AutoGPTQ and GPTQModel: the matrices of the layers, never the head; all or those of `modules_in_block_to_quantize`.

    `dynamic` may leave out modules whose names begin with an expression, written after `-:`.
    """
    bits = section.whole("bits")
    if bits not in (4, 8):
        raise section.error("bits", f"{bits} is not understood", "known: 4, 8")
    section.must_be("lm_head", False)
    section.must_be("checkpoint_format", "gptq", "gptq_v2")
    group = "all" if section.raw("group_size") == -1 else _group(section, "group_size")
    format_name = f"int{bits}-{group}-indexed"
    ignore, _ = ignored(section, "modules_to_not_convert")
    changed = section.section("dynamic")
    for pattern in map(str, changed.keys if changed else ()):
        if not pattern.startswith("-:"):
            raise section.error("dynamic", f"{pattern!r:.60} is not understood", "only modules left out (-:) are")
        ignore = (*ignore, f"re:{pattern[2:]}")
    return Quantization(f"gptq-int{bits}", format_name, tuple((name, format_name) for name in _listed(section)), ignore)


def _listed(section: Config) -> list[str]:
    """The names in `modules_in_block_to_quantize`: lists of those that are quantised together."""
    rows = section.raw("modules_in_block_to_quantize") or []
    names: list[Any] = []
    for row in rows if isinstance(rows, list) else [None]:
        names += row if isinstance(row, list) else [row]
    if not all(isinstance(name, str) for name in names):
        raise section.error("modules_in_block_to_quantize", "expected lists of names", "check the file")
    return names


def auto_round(section: Config) -> Quantization:
    """AutoRound: packed as AutoGPTQ does, without the indices, or as AutoAWQ (auto_round 0.16.1 export_to_autoround)."""
    section.must_be("bits", 4)
    section.must_be("data_type", "int")
    section.must_be("act_bits", 16)
    section.must_be(
        "packing_format", "auto_round:auto_gptq", "auto_round:auto_awq", "auto_round:awq", "auto_round:gptq"
    )
    changed = section.section("extra_config")
    ignore = []
    for name in changed.keys if changed else ():
        inner = changed.section(name)  # type: ignore[union-attr]
        bits = inner.whole("bits", 4) if inner else 4
        if bits < 16 and bits != 4:
            raise section.error("extra_config", f"{bits} bits are not understood", "known: 4, 16")
        ignore += [name] if bits >= 16 else []
    return Quantization("awq-int4", f"int4-{_group(section, 'group_size')}", ignore=tuple(ignore))


def bitnet(section: Config) -> Quantization:
    """Three values in 2 bits, which are unpacked on loading, with a scale a matrix (transformers AutoBitLinear)."""
    if section.text("linear_class") != "autobitlinear":
        raise section.error("linear_class", "stays packed, which is not understood", "known: autobitlinear")
    ignore, _ = ignored(section, "modules_to_not_convert")
    online = section.text("quantization_mode", "offline", ("online", "offline")) == "online"
    return Quantization("bf16", "bf16" if online else "bf16-scaled", ignore=("lm_head", *ignore))


def bitsandbytes(section: Config) -> Quantization:
    """All nn.Linear but those that `llm_int8_skip_modules` names, the head where it names none."""
    ignore, listed = ignored(section, "llm_int8_skip_modules")
    in_8, in_4 = (section.flag(f"load_in_{bits}bit") or section.flag(f"_load_in_{bits}bit") for bits in (8, 4))
    if in_8 == in_4:
        raise section.error(
            "load_in_4bit", f"{str(in_4).lower()}, and so is load_in_8bit", "one of the two must be true"
        )
    if in_8:
        return Quantization("int8", ignore=ignore, listed=listed)
    section.text("bnb_4bit_quant_type", "fp4", ("nf4", "fp4"))
    double = section.flag("bnb_4bit_use_double_quant")
    return Quantization("nf4-dq" if double else "nf4", ignore=ignore, listed=listed)


def hqq(section: Config) -> Quantization:
    """transformers HqqConfig with one setting for all modules."""
    settings = section.section("quant_config")
    weights = settings.section("weight_quant_params") if settings else None
    if weights is None:
        raise section.error("quant_config", "has no weight_quant_params", "settings per module are not understood")
    weights.must_be("nbits", 4)
    weights.must_be("group_size", 64)
    ignore, listed = ignored(section, "skip_modules")
    return Quantization("hqq-4bit", ignore=ignore, listed=listed)


def mlx(section: Config) -> Quantization:
    """mlx_lm writes one setting for all modules, and others under the names of modules (`false`: unquantised)."""
    usual = _mlx_format(section)
    modules, ignore = [], []
    for name, value in section.keys.items():
        if value is False:
            ignore.append(name)
        elif isinstance(value, Mapping):
            inner = Config(value, f"{section.where} › {name}", {"bits": 4, "group_size": 64})
            modules.append((name, _mlx_format(inner)))
    scheme = "mlx-8bit" if usual.startswith("mlx-8") else "mlx-4bit"
    if modules:
        return Quantization(scheme, modules=(*modules, ("Linear", usual)), ignore=tuple(ignore))
    return Quantization(scheme, usual, ignore=tuple(ignore))


def _mlx_format(section: Config) -> str:
    bits, group = section.whole("bits"), section.whole("group_size")
    if section.text("mode", "affine", ("affine", "mxfp4")) == "mxfp4":
        return "mxfp4"
    if f"{bits}-{group}" not in OF_MLX:
        raise section.error(
            "bits", f"{bits} bits in groups of {group} are not understood", f"known: {', '.join(OF_MLX)}"
        )
    return f"mlx-{bits}-{group}"


def _group(section: Config, *keys: str) -> int:
    for key in keys:
        if key in section.keys:
            group = section.keys[key]
            if group not in GROUPS or type(group) is not int:
                raise section.error(key, f"{group!r:.60} is not understood", f"known: {', '.join(map(str, GROUPS))}")
            return int(group)
    return 128


METHODS: Mapping[str, Callable[[Config], Quantization]] = {
    "fp8": fp8,
    "fbgemm_fp8": fbgemm_fp8,
    "mxfp4": mxfp4,
    "compressed-tensors": compressed_tensors,
    "modelopt": modelopt,
    "modelopt_fp4": modelopt,
    "bitsandbytes": bitsandbytes,
    "awq": awq,
    "gptq": gptq,
    "auto-round": auto_round,
    "intel/auto-round": auto_round,
    "bitnet": bitnet,
    "hqq": hqq,
}
