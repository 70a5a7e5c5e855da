"""The weights that encoders of images and of sound consist of, whatever tower they stand in."""

from __future__ import annotations

from ..config import Config
from .parts import Counted, weight


def sides(config: Config, key: str) -> tuple[int, int]:
    """Height and width, which files state as one number or as two."""
    value = config.raw(key)
    if not isinstance(value, (list, tuple)):
        side = config.whole(key)
        return side, side
    found = config.whole_list(key)
    if len(found) != 2 or not all(found):
        raise config.error(key, "expected one number or two", "check the file against its source")
    return found[0], found[1]


def patches(config: Config, width: int, *, bias: bool) -> Counted:
    """A convolution from square patches to the tower's width."""
    side = config.whole("patch_size")
    yield from weight("patch_embedding", width, config.whole("num_channels") * side * side, bias=bias)


def grid(config: Config) -> int:
    """How many patches an image has."""
    side = config.whole("image_size") // config.whole("patch_size")
    if not side:
        raise config.error("image_size", "is smaller than a patch", "check the file against its source")
    return side * side


def heads(config: Config, width: int, key: str = "num_attention_heads") -> int:
    """Query heads, which have to divide the width."""
    count = config.whole(key)
    if width % count:
        raise config.error(key, f"{count} does not divide the width {width}", "check the file against its source")
    return count


def blocks(
    count: int,
    width: int,
    mlp: int,
    *,
    qkv_bias: bool = True,
    out_bias: bool = True,
    mlp_bias: bool = True,
    norm_bias: bool = True,
    gated: bool = False,
    key_width: int | None = None,
) -> Counted:
    """`count` layers: two norms, LayerNorms unless `norm_bias` is off, attention, and an MLP of `mlp` values."""
    yield from weight("layer_norm1 layer_norm2", width, copies=count, bias=norm_bias)
    yield from attention(count, width, qkv_bias=qkv_bias, out_bias=out_bias, key_width=key_width)
    if gated:
        yield from gated_mlp(count, width, mlp, bias=mlp_bias)
    else:
        yield from gelu_mlp(count, width, mlp, bias=mlp_bias)


def attention(
    count: int, width: int, *, qkv_bias: bool = True, out_bias: bool = True, key_width: int | None = None
) -> Counted:
    """Queries, keys, values and output; `key_width`: all key heads of a token, where they are fewer than the queries'."""
    keys = width if key_width is None else key_width
    yield from weight("q_proj", width, width, copies=count, bias=qkv_bias)
    yield from weight("k_proj v_proj", keys, width, copies=count, bias=qkv_bias)
    yield from weight("out_proj", width, width, copies=count, bias=out_bias)


def gelu_mlp(count: int, width: int, mlp: int, *, bias: bool = True) -> Counted:
    """Two matrices."""
    yield from weight("fc1", mlp, width, copies=count, bias=bias)
    yield from weight("fc2", width, mlp, copies=count, bias=bias)


def gated_mlp(count: int, width: int, mlp: int, *, bias: bool = False) -> Counted:
    """Three matrices, one of them a gate."""
    yield from weight("gate_proj up_proj", mlp, width, copies=count, bias=bias)
    yield from weight("down_proj", width, mlp, copies=count, bias=bias)


def siglip_blocks(config: Config) -> Counted:
    """The layers and the last norm of SigLIP's encoder, which many towers took over (arXiv:2303.15343)."""
    width = config.whole("hidden_size")
    heads(config, width)
    yield from blocks(config.whole("num_hidden_layers"), width, config.whole("intermediate_size"))
    yield from weight("post_layernorm", width, bias=True)


def siglip_positions(config: Config) -> Counted:
    """SigLIP's patches, and a learned position for each."""
    width = config.whole("hidden_size")
    yield from patches(config, width, bias=True)
    yield from weight("position_embedding", grid(config), width)


def projector(read: int, inner: int, out: int, *, bias: bool = True) -> Counted:
    """Two matrices from what a tower made to the text's width, or on the way there."""
    yield from weight("projector.linear_1", inner, read, bias=bias)
    yield from weight("projector.linear_2", out, inner, bias=bias)
