"""Logs are read line by line; lines that say nothing about memory are passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from ..errors import InputError
from . import settings
from .loads import last_load
from .log import EngineLog, Printed, size

LARGEST = 4 * 2**20
LONGEST_LINE = 4000
SHORTEST_LINE = 16
"""No figure stands in fewer letters; a log may have millions of empty lines."""
AMOUNT = r"(?P<number>[\d.]{1,20})\s*(?P<unit>GiB|GB|MiB|MB|KiB|KB)"
COUNT = r"(?P<number>[\d,]{1,20})"
BLOCK = 16
"""Tokens of a block of vLLM (config/cache.py block_size)."""
RATIO = r"(?P<number>[\d.]{1,20})x"
NO_LETTERS = re.compile(r"(?:\x1b\[?|\[)\d{1,3}(?:;\d{1,3}){0,4}m|\x1b\[[0-9;?]{0,20}[A-Za-z]|[\x00-\x08\x0e-\x1f\x7f]")
"""Colours of a terminal, whose escape character is often lost where a log was copied, and other control characters."""
SPACES = re.compile(r"[\xa0\u2000-\u200a\u202f]")
"""What web pages and chats put for a space."""
HALF_DIGITS = {"tokens": 0.5, "times": 0.005}
"""How far rounding alone moves a figure that is no memory, by its unit: vLLM prints two decimals of times."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """How one engine prints one quantity: the expression's groups are its number, and where it has them unit and place."""

    quantity: str
    expression: re.Pattern[str]
    unit: str = ""
    """`tokens` or `times` for what is no memory."""
    words: str = ""
    """Letters that its lines have, looked for first where the expression begins with a number."""
    each: int = 1
    """How many of the unit one of the printed number is: 16 tokens for a block."""


def _sized(quantity: str, words: str) -> Pattern:
    return Pattern(quantity, re.compile(words + AMOUNT))


def _before(quantity: str, words: str) -> Pattern:
    return Pattern(quantity, re.compile(r"(?<![-\d.,])" + AMOUNT + re.escape(words)), words=words)


def _tokens(words: str) -> Pattern:
    return Pattern("kv_tokens", re.compile(words), "tokens")


VLLM = (
    _sized("weights", r"Model loading took "),
    _sized("weights", r"Loading model weights took "),
    _sized("weights", r"(?<!the )model weights take "),
    _sized("compute", r"torch peak memory increase: "),
    _sized("compute", r"PyTorch activation peak memory takes "),
    _sized("non_torch", r"non-torch forward increase memory: "),
    _sized("non_torch", r"non_torch_memory takes "),
    _sized("graphs", r"Graph capturing finished in .{1,40}? took "),
    _before("weights", " for weight,"),
    _before("compute", " for peak activation"),
    _before("non_torch", " for non-torch memory"),
    _before("graphs", " for CUDAGraph memory"),
    _sized("kv_cache", r"Available KV cache memory: "),
    _sized("kv_cache", r"the rest of the memory reserved for KV Cache is "),
    _tokens(rf"GPU KV cache size: {COUNT} tokens"),
    Pattern("kv_tokens", re.compile(rf"# (?:GPU|CUDA|cuda|rocm) blocks: {COUNT}"), "tokens", each=BLOCK),
    Pattern(
        "concurrency", re.compile(rf"Maximum concurrency for [\d,]{{1,20}} tokens(?: per request)?: {RATIO}"), "times"
    ),
)
SGLANG = (
    _sized("weights", r"Load weight end\..{0,300}?mem usage="),
    _sized("kv_cache", r"KV Cache is allocated\..{0,200}?KV size: "),
    _sized("kv_cache", r"KV Cache is allocated\..{0,200}?\bK size: "),
    _sized("kv_cache", r"KV Cache is allocated\..{0,200}?\bV size: "),
    _sized("graphs", r"Capture (?:cuda|npu) graph end\..{0,200}?mem usage="),
    _tokens(r"KV Cache is allocated\..{0,200}?#tokens: " + COUNT),
    _tokens(r"max_total_num_tokens=" + COUNT),
)
LOADED = r"(?:load_tensors|llm_load_tensors|print_backend_buffers_info): +(?P<place>(?!CPU_(?:REPACK|AARCH64))\S{1,40})"
"""Where a part of the file lies; copies that the CPU repacks for itself are no part of it."""
LLAMA_CPP = (
    _sized("weights", LOADED + r" (?:model )?buffer size += +"),
    _sized("kv_cache", r": +(?P<place>\S{1,40}) KV buffer size += +"),
    _sized("kv_cache", r": +(?P<place>\S{1,40}) RS buffer size += +"),
    _sized("compute", r": +(?P<place>\S{1,40}) compute buffer size (?:=|is) +"),
    _sized("output", r": +(?P<place>\S{1,40}) +output buffer size += +"),
)
OLLAMA = (
    _sized("weights", r'memory\.weights\.total="'),
    _sized("kv_cache", r'memory\.required\.kv="'),
    _sized("compute", r'memory\.graph\.full="'),
    _sized("weights", r'msg="model weights" (?:device|buffer)=(?P<place>\S{1,40}) size="'),
    _sized("kv_cache", r'msg="kv cache" (?:device|buffer|backend)=(?P<place>\S{1,40}) size="'),
    _sized("compute", r'msg="compute graph" (?:device|backend)=(?P<place>\S{1,40})(?: buffer_type=\S{1,40})? size="'),
)
SIGNS = (
    ("llama.cpp", "llama.cpp", LLAMA_CPP, re.compile(r"llm_load_|load_tensors:|llama_context:|llama_kv_cache|llama_new_context|sched_reserve:|print_backend_")),
    ("llama.cpp", "Ollama", OLLAMA, re.compile(r'memory\.required\.|msg="(?:kv cache|model weights|compute graph)"')),
    ("sglang", "SGLang", SGLANG, re.compile(r"Load weight end\.|KV Cache is allocated\.|max_total_num_tokens=")),
    ("vllm", "vLLM", VLLM, re.compile(r"[vV]llm|vLLM|Model loading took|GPU KV cache size|Available KV cache memory|EngineCore|model weights take")),
)  # fmt: skip
IK_FORK = re.compile(r"mla_attn +=|attn_max_b +=|fused_moe +=")
"""What ik_llama.cpp, a fork with kernels and graphs of its own, prints of its options."""


def read_log(text: str) -> EngineLog:
    """The figures and settings of a start-up log of vLLM, SGLang, llama.cpp or Ollama.

    Raises InputError for a text that is too long, or in which no figure about memory is found.
    """
    if len(text) > LARGEST:
        raise InputError(f"log: longer than {LARGEST // 2**20} MiB; paste only the start-up, up to the first request")
    lines = [line[:LONGEST_LINE] for line in _as_printed(text).splitlines()]
    whole = "\n".join(lines)
    for engine, writer, patterns, sign in SIGNS:
        if not sign.search(whole):
            continue
        found = list(_found(lines, patterns))
        if engine == "llama.cpp":
            whole, found = last_load(lines, found)
        printed = tuple(_merged(found))
        if printed:
            name = "ik_llama.cpp" if engine == "llama.cpp" and IK_FORK.search(whole) else writer
            return settings.understood(engine, name, whole, printed)
    raise InputError(
        "log: no figure about memory is found; paste the start-up of vLLM, SGLang, llama.cpp or Ollama, "
        "with lines such as 'Model loading took 14.99 GiB' or 'KV buffer size = 1024.00 MiB'"
    )


def _as_printed(text: str) -> str:
    """The letters that the engine wrote: no colours, plain spaces, and `"` for the `&quot;` of a web page's source."""
    return SPACES.sub(" ", NO_LETTERS.sub("", unescape(text)))


def _found(lines: list[str], patterns: tuple[Pattern, ...]) -> Iterator[Printed]:
    for number, line in enumerate(lines, 1):
        if len(line) < SHORTEST_LINE:
            continue
        for pattern in patterns:
            match = pattern.expression.search(line) if pattern.words in line else None
            if match is None:
                continue
            found = match.groupdict(default="")
            try:
                if pattern.unit:
                    value = float(found["number"].replace(",", "")) * pattern.each
                    half = HALF_DIGITS[pattern.unit] * pattern.each
                else:
                    value, half = size(found["number"], found["unit"])
            except ValueError:
                continue
            yield Printed(pattern.quantity, value, half, number, line.strip()[:200], found.get("place", ""))


def _merged(found: list[Printed]) -> Iterator[Printed]:
    """Each figure once: a later line that repeats a figure without a place is dropped; two in one line both count."""
    seen: dict[tuple[str, float], int] = {}
    for printed in found:
        line = seen.setdefault((printed.quantity, printed.value), printed.line)
        if printed.place or line == printed.line:
            yield printed
