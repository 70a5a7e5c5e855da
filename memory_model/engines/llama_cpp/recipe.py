"""What may differ in a family's graph from that of Llama (src/models of llama.cpp 0c1e57098)."""

from __future__ import annotations

from dataclasses import dataclass

from ...blocks.attention import Attention
from ...blocks.compressed_attention import CompressedAttention
from ...blocks.latent_attention import LatentAttention
from ...model_shape import ModelShape
from ...tensors import Mixer
from .graph_feed_forward import Routing

DEFAULT_ROUTING = Routing()


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a decoder's graph differs from that of Llama."""

    rms: bool = True
    """Norms are RMS norms; else layer norms."""
    learned_positions: bool = False
    """Rows of a position embedding are added to those of the token embedding."""
    parallel: str = ""
    """Attention and MLP read the same input and are added in this order: `own` and `stream`: MLP, stream, attention;
    `mixed` and `twice` MLP, attention, stream; `fed` attention, MLP, stream. With `own` and `twice`, the MLP has a norm
    of its own, in the last layer of the output tokens alone or of all."""
    norms_rotated: bool = False
    """Queries and keys are normed after they were rotated, not before (hunyuan-dense.cpp)."""
    normed_input: bool = True
    """A norm in front of attention and MLP; else behind (OLMo 2)."""
    residual_first: str = ""
    """Which sums read the residual first, hence overwrite that: those behind MLPs (`mlp`, phi3.cpp), or `always`."""
    onto_normed: bool = False
    """Sums are with what mixers and MLPs read, which is scaled, instead of the stream (minimax-01.cpp)."""
    rows_after: str = "attention"
    """Where the rows of other than output tokens are left out: in the last layer, behind all `layers`, or the last `norm`."""
    positions_per_token: int = 1
    """4 where pictures have rows and columns too (multimodal rotary embedding)."""
    tempered: str = ""
    """Which layers scale queries by their position: `all`, or those that are `unrotated`."""
    routing: Routing = DEFAULT_ROUTING
    routing_stated: bool = False
    """The checkpoint's config says how experts are chosen and weighted."""
    embedding_norm: bool = False
    """The embedding is normed before the first layer."""
    deep_embeddings: int = 0
    """As many first layers as add an embedding of their own, which only pictures have: it is padded for text (qwen3vl.cpp)."""
    norms_values: bool = False
    """Values are normed too (gemma4.cpp)."""
    layer_inputs: tuple[int, int] | None = None
    """How many layers have an embedding of their own, and its width."""
    streams: int = 1
    """Residual streams, of which a layer computes one and corrects the others (gemma3n.cpp)."""
    laurel_rank: int = 0
    """The rank of a learned residual beside attention (gemma3n.cpp)."""
    rotated: str = "stated"
    """Layers that know of positions: all that the config rotates, as `stated`; only those in `windows`, where any has one;
    all but every fourth (`three of four`); or `none`, though the config says so."""
    sparse_layers: int = 0
    """As many first layers as keep the largest values of an MLP's gate alone."""
    scales_embedding: bool = False
    """The embedding is multiplied by a number, where the first layer is computed."""
    scales_normed: bool = False
    """The last normed stream is multiplied by a number in front of the head, being kept itself (minicpm3.cpp)."""
    situ: bool = False
    """Gate and up both pass through tanh, not the gate alone through one operation with the product (kimi-k3.cpp)."""
    residual_block: int = 0
    """Layers of a block whose first stream later layers attend to (kimi-k3.cpp)."""
    reserves_alone: bool = False
    """Memory is also reserved for a prompt of one sequence, where there are several (llama-context.cpp sched_reserve)."""
    mixed_streams: int = 0
    """Residual streams that every layer mixes (deepseek4.cpp)."""
    gate_apart: bool = False
    """The gate of attention has a matrix of its own (muse-glimmer.cpp)."""

    def tempers(self, rotated: bool) -> bool:
        """Whether queries of a layer are scaled by their position."""
        return self.tempered == "all" or (self.tempered == "unrotated" and not rotated)


def rotates(recipe: Recipe, model: ModelShape, index: int, mixer: Mixer | None) -> bool:
    """Whether queries and keys of a layer are rotated."""
    attention = getattr(mixer, "attention", mixer)
    if isinstance(attention, LatentAttention):
        return recipe.rotated != "none"
    if isinstance(attention, CompressedAttention):
        return True
    if not isinstance(attention, Attention) or not attention.rotary_dim:
        return False
    if recipe.rotated == "three of four":
        return (index + 1) % 4 != 0
    windows = any(getattr(group.mixer, "window", None) for group in model.layers)
    return recipe.rotated != "windows" or attention.window is not None or not windows
