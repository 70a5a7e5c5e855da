"""The widths of a model that decide its compute buffers."""

from __future__ import annotations

from dataclasses import dataclass

from ...blocks.latent_attention import LatentAttention
from ...blocks.mlp import DenseMlp, MixtureOfExperts
from ...model_shape import LayerGroup, ModelShape
from .cache import Row, rows_of, states_of
from .context import Context


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache of one kind of layer: full, or with a window; and the widths of its attention."""

    window: int | None
    rows: tuple[Row, ...]
    heads: int
    query: int
    """Values of a query head as it meets the cache: of latent attention, as wide as the cached row."""
    output: int
    """Values of an attention output head."""
    latent: LatentAttention | None = None

    @property
    def name(self) -> str:
        """For labels."""
        return "full" if self.window is None else f"window of {self.window:,}"

    @property
    def values(self) -> int:
        """Values of one cell in the value tensor, 0 where latent rows serve as both."""
        return max((row.values for row in self.rows if row.is_value), default=0)

    @property
    def key(self) -> Row:
        """The key tensor."""
        return next(row for row in self.rows if not row.is_value)


def caches_of(context: Context) -> tuple[Cache, ...]:
    """One entry a kind of layer that has cells, the widest of its kind."""
    found: dict[int | None, Cache] = {}
    for group in context.deployment.model.layers:
        rows = rows_of(context, group)
        if not rows:
            continue
        cache = _cache(group, rows)
        known = found.get(cache.window)
        if known is None or cache.heads * cache.query > known.heads * known.query:
            found[cache.window] = cache
    return tuple(found[window] for window in sorted(found, key=lambda window: (window is not None, window or 0)))


def _cache(group: LayerGroup, rows: tuple[Row, ...]) -> Cache:
    mixer = group.mixer
    if isinstance(mixer, LatentAttention):
        row = mixer.kv_lora_rank + mixer.qk_rope_head_dim
        return Cache(rows[0].window, rows, mixer.num_attention_heads, row, mixer.kv_lora_rank, mixer)
    attention = getattr(mixer, "attention", mixer)
    heads = getattr(attention, "num_attention_heads", 0)
    value = next((row.width for row in rows if row.is_value), rows[0].width)
    return Cache(rows[0].window, rows, heads, rows[0].width, value)


def dense_width(model: ModelShape) -> int:
    """The widest dense MLP; 0 without one."""
    return max((group.mlp.intermediate_size for group in model.layers if isinstance(group.mlp, DenseMlp)), default=0)


def experts(model: ModelShape) -> MixtureOfExperts | None:
    """The mixture of experts, None without one."""
    return next((group.mlp for group in model.layers if isinstance(group.mlp, MixtureOfExperts)), None)


def is_recurrent(model: ModelShape) -> bool:
    """Whether any layer keeps a recurrent state."""
    return any(states_of(group) is not None for group in model.layers)
