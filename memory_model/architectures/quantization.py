"""`quantization_config`: the weight scheme that a checkpoint is stored in."""

from __future__ import annotations

from .config import Config


def stored_scheme(config: Config) -> str:
    """The name of the weight scheme, or empty for a checkpoint that is not quantised.

    Raises InputError for a method or a setting whose layout is not understood.
    """
    section = config.section("quantization_config")
    if section is None:
        return ""
    method = section.text("quant_method")
    if method == "fp8":
        section.must_be("fmt", "e4m3")
        block = section.whole_list("weight_block_size")
        if block and block != (128, 128):
            raise section.error("weight_block_size", f"{list(block)} is not understood", "known: [128, 128]")
        return "fp8-block" if block else "fp8"
    if method == "mxfp4":
        return "mxfp4"
    if method in ("awq", "gptq"):
        section.must_be("bits", 4)
        section.must_be("w_bit", 4)
        section.must_be("group_size", 128)
        section.must_be("q_group_size", 128)
        return f"{method}-int4"
    if method == "bitsandbytes":
        if section.flag("load_in_8bit"):
            return "int8"
        section.text("bnb_4bit_quant_type", "nf4", ("nf4",))
        return "nf4-dq" if section.flag("bnb_4bit_use_double_quant") else "nf4"
    raise section.error("quant_method", f"{method!r} is not understood", "known: fp8, mxfp4, awq, gptq, bitsandbytes")
