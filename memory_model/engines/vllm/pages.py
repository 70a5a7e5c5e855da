"""The pages that a workload needs of the pool: blocks of tokens, groups of layers, states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...amount import Component, Evidence, Factor, Lever, Moment, Term
from ...blocks.kimi_delta import KimiDeltaAttention
from ...deployment import Deployment
from ...model_shape import ModelShape
from ...tensors import CacheEntry
from ...units import round_up, smaller
from .compressed import block_terms, is_compressed
from .parallel import stages
from .sparse import sparse_row
from .states import chunk, every_block, states_held

BLOCK = 16
"""Tokens of a block."""
SOURCE = "v1/core/kv_cache_utils.py, v1/kv_cache_interface.py"
NEEDED = "what the tokens need, in whole blocks; the engine reserves the rest of the GPU as its pool"
BLOCKS = "blocks as three logs, two pull requests and an error message of vLLM 0.22 to 0.28 count them; from 0.20 on"
EVERY_BLOCK = "a state for every block, as the code has it (HybridAttentionMambaModelConfig); no log shows it"
STATE = "state"


@dataclass(frozen=True, slots=True)
class PagedLayers:
    """Layers of a stage that are alike in what they keep: so many bytes a token on this GPU, in one kind of page."""

    layers: int
    kind: int | str | None
    """The window, None without one, or `state`."""
    entries: tuple[CacheEntry, ...]
    page: int
    """Bytes per token of one layer, or bytes of its state."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one stage on one of its GPUs."""

    deployment: Deployment
    stage: ModelShape
    state_bytes: int = 2
    """Of a value of a recurrent state whose type the model does not state."""

    @property
    def size(self) -> int:
        """GPUs that share a layer."""
        return self.deployment.options.tensor_parallel

    @property
    def in_flight(self) -> int:
        """Tokens that are scheduled and not yet done with, for which a window keeps blocks: so many steps."""
        steps = int(self.deployment.engine.facts.constants["steps_in_flight"])
        more = self.deployment.options.pipeline_parallel - 1 if steps > 1 else 0
        return (self.deployment.options.step_tokens or 0) * (steps + more)

    @property
    def alike(self) -> float:
        """How many times as many layers of one kind as of another still form groups of the larger number."""
        return float(self.deployment.engine.facts.constants["groups_alike"])

    def heads(self, entry: CacheEntry) -> int:
        """Heads of an entry on one GPU: divided and rounded up; so latent rows and index keys are on every GPU."""
        return -(-entry.heads // self.size)

    def bytes_per_token(self, entry: CacheEntry) -> int:
        """Bytes of one layer's row on one GPU."""
        size: Any = Term("", self.row(entry)).bytes
        return size  # type: ignore[no-any-return]

    def row(self, entry: CacheEntry) -> tuple[Factor, ...]:
        """Factors of one layer's row on one GPU."""
        heads = Factor("KV heads on this GPU", self.heads(entry), Lever.MODEL)
        width = Factor("head size", entry.width, Lever.MODEL)
        return sparse_row(self.deployment, entry) or self.deployment.format_of(entry).row_factors(heads, width)

    def groups(self) -> list[PagedLayers]:
        """The stage's layers by what they keep."""
        found = []
        for group in self.stage.layers:
            if group.mixer is None:
                continue
            growing = [entry for entry in group.mixer.cache() if entry.grows]
            for window in dict.fromkeys(entry.window for entry in growing):
                alike = tuple(entry for entry in growing if entry.window == window)
                page = sum(self.bytes_per_token(entry) for entry in alike)
                found.append(PagedLayers(len(group.layers), window, alike, page))
            state = sum(self.state(group.mixer))
            if state:
                found.append(PagedLayers(len(group.layers), STATE, (), state))
        return found

    def state(self, mixer: object) -> tuple[int, int]:
        """Bytes of one layer's convolution and recurrent state on one GPU.

        mamba_utils.py: the convolution in the model's type, the state in the type that `mamba_ssm_dtype` or
        `mamba_ssm_cache_dtype` of the config states, else as `state_bytes` has it; float32 for Kimi Delta Attention.
        """
        values = getattr(mixer, "llama_cpp_state", None)
        if values is None:
            return (0, 0)
        convolution, recurrent = values()
        stated = self.stage.stated("mamba_ssm_dtype", "mamba_ssm_cache_dtype")
        each = 2 if stated else self.state_bytes
        if stated == "float32" or isinstance(mixer, KimiDeltaAttention):
            each = 4
        return -(-2 * convolution // self.size), -(-each * recurrent // self.size)

    def block(self, layers: list[PagedLayers]) -> int:
        """Tokens of a block of the widest layers: 16, or as many as make their page as large as a state."""
        states = [found.page for found in layers if found.kind == STATE]
        tokens = [found.page for found in layers if found.kind != STATE]
        if not states or not tokens:
            return BLOCK
        least = chunk(self.stage, BLOCK) if every_block(self.deployment) else BLOCK
        return least * -(-max(states) // (least * max(tokens)))

    def tokens_by_group(self, pool: int) -> int | None:
        """Tokens of a pool of so many bytes when each needs a block of every group of layers, as older logs count.

        None for a model that keeps nothing by the token.
        """
        layers = self.groups()
        if all(found.kind == STATE for found in layers):
            return None
        counts = counted(layers)
        padding, block = padding_layers(counts, self.alike), self.block(layers)
        slots = sum(counts.values()) + sum(padding.values())
        size = min(counts[kind] + padding[kind] for kind in counts)
        blocks = pool // (page_of(layers, block) * size)
        return blocks // (slots // size) * block

    def tokens_held(self, window: int | None, block: int = BLOCK) -> Factor:
        """Token slots of one sequence: whole blocks; in a window layer at most the window, a step and a block."""
        context = self.deployment.workload.context_length
        held: Any = round_up(context, block)
        if window is None:
            return Factor("tokens held", held, Lever.WORKLOAD, f"blocks of {block}")
        step = self.in_flight
        chunked = self.stage.modeling == "llama4_text"
        most = round_up(window + step, block) if chunked else round_up(window - 1 + step, block) + block
        note = f"blocks of {block}; at most the window of {window:,} and {step:,} tokens in flight"
        return Factor("tokens held", smaller(held, most), Lever.ENGINE, note)


def needed(deployment: Deployment) -> Component:
    """What the workload's tokens and states occupy of the pool, in bytes on the fullest stage's GPU."""
    all_stages = stages(deployment.model, deployment.options.pipeline_parallel)
    compressed, moments = is_compressed(deployment.model), []
    for number, stage in enumerate(all_stages):
        pages = Pages(deployment, stage)
        name = f"stage {number + 1}" if len(all_stages) > 1 else "end of the phase"
        terms = block_terms(deployment, stage, pages.in_flight) if compressed else _terms(pages, pages.groups())
        moments.append(Moment(name, tuple(terms)))
    evidence, note = (Evidence.MEASURED, BLOCKS) if compressed else (Evidence.EXACT, NEEDED)
    if every_block(deployment):
        evidence, note = Evidence.ASSUMED, EVERY_BLOCK
    return Component("kv_cache", tuple(moments), evidence, note)


def _terms(pages: Pages, layers: list[PagedLayers]) -> Iterator[Term]:
    """Pages of all kinds are equally large: narrower layers have longer blocks (unify_kv_cache_spec_page_size)."""
    block, counts = pages.block(layers), counted(layers)
    widest = max((found.page for found in layers if found.kind != STATE), default=0)
    page = page_of(layers, block)
    sequences = pages.deployment.workload.sequences
    for found in layers:
        if found.kind == STATE:
            yield from _state_terms(pages, found, page, states_held(pages.deployment, block))
        elif len(counts) == 1:
            yield from _token_terms(pages, found, block, block * found.page)
        else:
            yield from _token_terms(pages, found, block * (widest // found.page), page)
    for kind, extra in padding_layers(counts, pages.alike).items():
        if extra:
            count = Factor("padding layers", extra, Lever.ENGINE, "groups of equal size")
            held = (
                states_held(pages.deployment, block)
                if kind == STATE
                else (_blocks(pages.tokens_held(kind, block), block),)  # type: ignore[arg-type]
            )
            size = Factor("bytes of a page", page, Lever.ENGINE)
            yield Term(f"padding layers, {_name(kind)}", (sequences, *held, count, size), SOURCE, _name(kind))


def counted(layers: list[PagedLayers]) -> dict[int | str | None, int]:
    """Layers of each kind."""
    counts: dict[int | str | None, int] = {}
    for found in layers:
        counts[found.kind] = counts.get(found.kind, 0) + found.layers
    return counts


def page_of(layers: list[PagedLayers], block: int) -> int:
    """Bytes of a page of one layer: a block of the widest kind, or a state where there is nothing else."""
    widest = max((found.page for found in layers if found.kind != STATE), default=0)
    return block * widest or max((found.page for found in layers), default=0)


def _blocks(held: Factor, block: int) -> Factor:
    return Factor("blocks", held.value // block, held.lever, held.note)


def padding_layers(counts: dict[int | str | None, int], alike: float) -> dict[int | str | None, int]:
    """Layers that are added to each kind so that all groups of layers are equally large; none for a single kind.

    Groups are of the least count, or of the largest where that is less than `alike` times as many.
    """
    if len(counts) < 2:
        return dict.fromkeys(counts, 0)
    least, most = min(counts.values()), max(counts.values())
    size = most if most < least * alike else least
    return {kind: -count % size for kind, count in counts.items()}


def _token_terms(pages: Pages, found: PagedLayers, block: int, page: int) -> Iterator[Term]:
    sequences, held = pages.deployment.workload.sequences, pages.tokens_held(found.kind, block)  # type: ignore[arg-type]
    count, kind = Factor("layers", found.layers, Lever.MODEL), _name(found.kind)
    for entry in found.entries:
        yield Term(f"{entry.label}, {kind}", (sequences, held, count, *pages.row(entry)), entry.source, kind)
    if page > block * found.page:
        gap = Factor("bytes", page - block * found.page, Lever.ENGINE, "up to the page of the widest kind of layer")
        yield Term(f"page padding, {kind}", (sequences, _blocks(held, block), count, gap), SOURCE, kind)


def _state_terms(pages: Pages, found: PagedLayers, page: int, states: tuple[Factor, ...]) -> Iterator[Term]:
    sequences, count = pages.deployment.workload.sequences, Factor("layers", found.layers, Lever.MODEL)
    state = Factor("bytes", found.page, Lever.MODEL, "convolution and recurrent state of one layer")
    yield Term("recurrent state", (sequences, *states, count, state), "mamba_utils.py", STATE)
    if page > found.page:
        gap = Factor("bytes", page - found.page, Lever.ENGINE, "up to the page of an attention block")
        yield Term("page padding, state", (sequences, *states, count, gap), SOURCE, STATE)


def _name(kind: int | str | None) -> str:
    if kind is None:
        return "full attention"
    return STATE if kind == STATE else f"window of {kind:,}"
