"""Which modules of a model a list in a `quantization_config` names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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
UNSAFE = re.compile(r"\)[*+?{]|[*+?}][*+{]")
REPEATS = re.compile(r"[*+{]|(?<!\()\?")
MOST_REPEATS, MOST_GROUPS, MOST_CHOICES = 3, 2, 16
MOST_STEPS = 200_000
"""Of all expressions together: about 30 for each place where one may go on in another way."""


def names_module(patterns: tuple[str, ...], tensor: Tensor, layer: int) -> bool:
    """Whether any pattern names the module that holds a tensor of a layer (-1 outside the layers).

    A pattern is a module, or what contains it, with or without the leading `model`; with `*` for any characters; or
    after `re:` an expression that its full name begins with. `Linear` names all matrices.
    """
    return first_named(patterns, tensor, layer) is not None


def first_named(patterns: tuple[str, ...], tensor: Tensor, layer: int) -> int | None:
    """The place of the first pattern that names the module, or None."""
    known = _sorted(patterns)
    if tensor.part in ("vision", "audio"):
        return known.vision
    found = [known.linear] if known.linear is not None else []
    for name in _names(tensor, layer):
        found += [place for piece in _pieces(name, known.depths) if (place := known.plain.get(piece)) is not None]
        found += [place for place, test in known.tests if test.search(name)]
    return min(found, default=None)


def unsafe(pattern: str) -> bool:
    """Whether an expression is broken, or may take very long."""
    expression = pattern.removeprefix("re:")
    if (
        len(pattern) > 400
        or UNSAFE.search(expression)
        or len(REPEATS.findall(expression)) > MOST_REPEATS
        or expression.count("(") > MOST_GROUPS
        or expression.count("|") > MOST_CHOICES
    ):
        return True
    try:
        re.compile(expression if pattern.startswith("re:") else "")
    except re.error:
        return True
    return False


def too_many(patterns: Iterable[str]) -> bool:
    """Whether expressions, each of which is safe, take very long together."""
    steps: int = sum(30 ** len(REPEATS.findall(pattern)) for pattern in patterns if _is_expression(pattern))
    return steps > MOST_STEPS


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Patterns by how they are looked up; each with its place among them."""

    plain: Mapping[str, int]
    depths: tuple[int, ...]
    """How many names the plain ones join by dots."""
    tests: tuple[tuple[int, re.Pattern[str]], ...]
    linear: int | None
    vision: int | None


@lru_cache(maxsize=64)
def _sorted(patterns: tuple[str, ...]) -> _Sorted:
    plain: dict[str, int] = {}
    tests = []
    for place, pattern in enumerate(patterns):
        if _is_expression(pattern):
            tests.append((place, re.compile(_expression(pattern))))
        else:
            plain.setdefault(".".join(_module(pattern)), place)
    vision = (place for place, pattern in enumerate(patterns) if pattern == "Linear" or VISION.search(pattern))
    depths = tuple({name.count(".") + 1 for name in plain})
    return _Sorted(plain, depths, tuple(tests), plain.get("Linear"), next(vision, None))


def _is_expression(pattern: str) -> bool:
    return pattern.startswith("re:") or "*" in pattern


def _pieces(name: str, depths: tuple[int, ...]) -> Iterator[str]:
    """Every row of so many neighbours between the dots of a name."""
    parts = name.split(".")
    for depth in depths:
        for start in range(len(parts) - depth + 1):
            yield ".".join(parts[start : start + depth])


def _names(tensor: Tensor, layer: int) -> Iterator[str]:
    role = tensor.role.removeprefix("experts.").removeprefix("shared_expert.")
    if tensor.part in OUTSIDE:
        yield from OUTSIDE[tensor.part]
        return
    for place in WITHIN_LAYER.get(tensor.part, (tensor.part,)):
        inside = f"{place}.{role}" if tensor.part != "router" else place
        yield f"model.layers.{layer}.{inside}"


def _expression(pattern: str) -> str:
    """Names are searched for the result, `re:` from their beginning, other patterns between dots."""
    if pattern.startswith("re:"):
        return f"^(?:{pattern[3:].lstrip('^')})"
    body = r"\.".join(r"[^ ]*".join(re.escape(piece) for piece in part.split("*")) for part in _module(pattern))
    return rf"(?:^|\.){body}(?:\.|$)"


def _module(pattern: str) -> list[str]:
    """The parts of a module's name, as they are called here."""
    for prefix in ("language_model.", "model."):
        pattern = pattern.replace(prefix, "", 1) if pattern.startswith(("model.", "language_model.")) else pattern
    parts = pattern.strip(".").split(".")
    if parts[-1] in SPELLINGS:
        parts[-1] = SPELLINGS[parts[-1]]
    return parts
