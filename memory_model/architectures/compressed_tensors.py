"""Checkpoints of compressed-tensors (llm-compressor) and of NVIDIA's ModelOpt: groups of modules, a format each."""

from __future__ import annotations

from collections.abc import Mapping

from ..model_shape import Quantization
from ..module_names import unsafe
from .config import Config
from .ignored_modules import ignored

SCHEMES = {
    "fp8-tensor": "fp8",
    "fp8-tensor-dynamic": "fp8",
    "fp8-rows": "fp8-channel",
    "fp8-128x128": "fp8-block",
    "int8-channels": "w8a8",
    "int8-128-symmetric": "w8a8",
    "nvfp4": "nvfp4",
    "nvfp4-weights": "nvfp4",
    "mxfp4": "mxfp4",
}
"""The weight scheme of a number format; `w4a16` for what is not here."""
LAYOUTS = (
    "dense", "int-quantized", "float-quantized", "naive-quantized", "pack-quantized", "nvfp4-pack-quantized",
    "mxfp4-pack-quantized", "mixed-precision",
)  # fmt: skip
"""Of a checkpoint's files: without sparse ones, which hold half of the values and where they are."""
MODELOPT = {
    "NVFP4": "nvfp4",
    "W4A16_NVFP4": "nvfp4-weights",
    "NVFP4_AWQ": "nvfp4",
    "FP8": "fp8-tensor",
    "FP8_PER_CHANNEL_PER_TOKEN": "fp8-rows",
    "FP8_PB_WO": "fp8-128x128",
}


def compressed_tensors(section: Config) -> Quantization:
    """`config_groups` of targets and settings (compressed-tensors quantization/quant_args.py)."""
    ignore, _ = ignored(section, "ignore")
    section.must_be("quantization_status", "compressed", "frozen")
    section.must_be("format", *LAYOUTS)
    sparsity = section.section("sparsity_config")
    if sparsity is not None:
        sparsity.must_be("format", "dense")
    groups = section.section("config_groups")
    if groups is None or not groups.keys:
        raise section.error("config_groups", "missing", "add the section from the model's own config.json")
    modules: list[tuple[str, str]] = []
    for name in groups.keys:
        group = _stated(groups, name)
        format_name = _format(group)
        modules += ((target, format_name) for target in _targets(group))
    if len({format_name for _, format_name in modules}) == 1 and any(target == "Linear" for target, _ in modules):
        modules = [("Linear", modules[0][1])]
    return _quantization(modules, ignore)


def modelopt(section: Config) -> Quantization:
    """`quant_algo` and what it excludes, in a section of config.json or as hf_quant_config.json nests it."""
    inner = section.section("quantization") or section
    ignore, _ = ignored(inner, "exclude_modules", "ignore")
    algorithm = inner.text("quant_algo")
    if algorithm == "MIXED_PRECISION":
        layers = inner.section("quantized_layers")
        if layers is None or not layers.keys:
            raise inner.error("quantized_layers", "missing", "add the section from the model's hf_quant_config.json")
        found = [(name, _algorithm(_stated(layers, name))) for name in layers.keys]
        return _quantization(found, ignore)
    return _quantization([("Linear", _algorithm(inner))], ignore)


def _stated(groups: Config, name: str) -> Config:
    section = groups.section(name)
    if section is None:
        raise groups.error(name, "empty", "add its settings from the model's own files")
    return section


def _algorithm(section: Config) -> str:
    algorithm = section.text("quant_algo", choices=tuple(MODELOPT))
    if algorithm not in MODELOPT:
        raise section.error("quant_algo", "missing", f"known: {', '.join(MODELOPT)}")
    if "NVFP4" in algorithm:
        section.must_be("group_size", 16)
    return MODELOPT[algorithm]


def _quantization(modules: list[tuple[str, str]], ignore: tuple[str, ...]) -> Quantization:
    scheme = SCHEMES.get(modules[0][1], "w4a16")
    if len(modules) == 1 and modules[0][0] == "Linear":
        return Quantization(scheme, modules[0][1], ignore=ignore, listed=True)
    return Quantization(scheme, modules=tuple(modules), ignore=ignore, listed=True)


def _targets(group: Config) -> tuple[str, ...]:
    targets = group.raw("targets")
    if not isinstance(targets, (list, tuple)) or not targets or not all(isinstance(name, str) for name in targets):
        raise group.error("targets", "expected a list of module names", "check the file against its source")
    for name in targets:
        if unsafe(name):
            raise group.error("targets", f"{name!r:.60} is not understood", "name the modules plainly")
    return tuple(targets)


def _format(group: Config) -> str:
    weights = group.section("weights")
    if weights is None:
        raise group.error("weights", "missing", "groups without quantised weights are not understood")
    bits, strategy = weights.whole("num_bits"), weights.text("strategy")
    kind, size = weights.text("type", "int"), weights.optional("group_size", least=-1)
    activations = group.keys.get("input_activations")
    static = isinstance(activations, Mapping) and activations.get("dynamic") is False
    symmetric = weights.flag("symmetric", otherwise=True)
    found = ""
    match kind, bits, strategy:
        case "float", 8, "tensor":
            found = "fp8-tensor" if static else "fp8-tensor-dynamic"
        case "float", 8, "channel":
            found = "fp8-rows"
        case "float", 8, "block" if weights.whole_list("block_structure") == (128, 128):
            found = "fp8-128x128"
        case "float", 4, "tensor_group" if size == 16:
            found = "nvfp4" if isinstance(activations, Mapping) else "nvfp4-weights"
        case "float", 4, "group" if size == 32:
            found = "mxfp4"
        case "int", 8, "channel" if symmetric and isinstance(activations, Mapping):
            found = "int8-channels"
        case "int", 8, "group" if symmetric and size == 128:
            found = "int8-128-symmetric"
        case "int", 4, "group" if size in (128, 64, 32):
            found = f"int4-{size}-symmetric" if symmetric else f"int4-{size}"
        case "int", 4, "channel" if symmetric:
            found = "int4-channels-symmetric"
    if not found:
        stated = f"{bits}-bit {kind}, strategy {strategy!r:.30}, group_size {size}, symmetric {symmetric}"
        raise group.error("weights", f"{stated} is not understood", "choose a weight format instead of published")
    return found
