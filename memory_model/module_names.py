"""Which modules of a model a list in a `quantization_config` names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from .tensors import Tensor

WITHIN_LAYER = {
    "attention": ("self_attn", "attention", "attn"),
    "mlp": ("mlp", "feed_forward"),
    "experts": ("mlp.experts.0", "block_sparse_moe.experts.0", "mlp.experts", "feed_forward.experts"),
    "shared experts": ("mlp.shared_experts", "mlp.shared_expert", "feed_forward.shared_expert"),
    "router": ("mlp.gate", "mlp.router", "block_sparse_moe.gate", "feed_forward.router"),
    "recurrence": ("linear_attn", "self_attn", "mamba", "mixer", "conv", "temporal_block"),
}
"""What real checkpoints call the parts of a layer."""
OUTSIDE = {"embedding": ("model.embed_tokens",), "head": ("lm_head",)}
VISION = re.compile(r"vis|image|patch|multi_modal|mm_proj|audio")
SPELLINGS = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"}
UNSAFE = re.compile(r"\)[*+{]|[*+}][*+{]")
MOST_WILDCARDS = 6


def names_module(patterns: tuple[str, ...], tensor: Tensor, layer: int) -> bool:
    """Whether any pattern names the module that holds a tensor of a layer (-1 outside the layers).

    A pattern is a module, or what contains it, with or without the leading `model`; with `*` for any characters; or
    after `re:` an expression that its full name begins with. `Linear` names all matrices.
    """
    if "Linear" in patterns:
        return True
    if tensor.part in ("vision", "audio"):
        return any(VISION.search(pattern) for pattern in patterns)
    test = _compiled(patterns)
    return any(test.search(name) for name in _names(tensor, layer))


def unsafe(pattern: str) -> bool:
    """Whether an expression is broken, or may take very long."""
    expression = pattern.removeprefix("re:")
    if len(pattern) > 400 or UNSAFE.search(expression) or len(re.findall(r"[*+{]", expression)) > MOST_WILDCARDS:
        return True
    try:
        re.compile(expression if pattern.startswith("re:") else "")
    except re.error:
        return True
    return False


def _names(tensor: Tensor, layer: int) -> Iterator[str]:
    role = tensor.role.removeprefix("experts.").removeprefix("shared_expert.")
    if tensor.part in OUTSIDE:
        yield from OUTSIDE[tensor.part]
        return
    for place in WITHIN_LAYER.get(tensor.part, (tensor.part,)):
        inside = f"{place}.{role}" if tensor.part != "router" else place
        yield f"model.layers.{layer}.{inside}"


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{_expression(pattern)})" for pattern in patterns) or r"(?!)")


def _expression(pattern: str) -> str:
    """Names are searched for the result, `re:` from their beginning, other patterns between dots."""
    if pattern.startswith("re:"):
        return f"^(?:{pattern[3:].lstrip('^')})"
    for prefix in ("language_model.", "model."):
        pattern = pattern.replace(prefix, "", 1) if pattern.startswith(("model.", "language_model.")) else pattern
    parts = pattern.strip(".").split(".")
    if parts[-1] in SPELLINGS:
        parts[-1] = SPELLINGS[parts[-1]]
    body = r"\.".join(r"[^ ]*".join(re.escape(piece) for piece in part.split("*")) for part in parts)
    return rf"(?:^|\.){body}(?:\.|$)"
