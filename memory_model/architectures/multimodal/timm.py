"""Vision towers of the library timm, as `timm_wrapper` sections name them: Perception Encoder, and Apple's FastViT."""

from __future__ import annotations

from ..config import Config
from .encoder_layers import sides
from .parts import Counted, required, weight

PERCEPTION_ENCODERS = {
    "vit_pe_core_large_patch14_336": (4.0, True),
    "vit_pe_core_gigantic_patch14_448": (8960 / 1536, False),
}
"""What timm 1.0.31 builds under these names (models/eva.py): width of the MLP against the tower's, and a class token."""
PATCH = 14
FASTVIT_MCI3 = 122_714_208
"""Parameters of timm's `fastvit_mci3` with `inference_mode`, without its classifier, built on the meta device."""


def timm_tensors(config: Config) -> Counted:
    """What a tower stores, by the name of its `architecture`."""
    name = config.text("architecture", choices=("fastvit_mci3", *PERCEPTION_ENCODERS))
    if not name:
        raise config.error("architecture", "missing", "add the name that timm has for the tower")
    config.ignore("num_classes", "num_features", "global_pool", "hidden_size", "label_names", "pretrained_cfg")
    stated = required(config, "model_args", {})
    if name == "fastvit_mci3":
        stated.must_be("inference_mode", True)
        yield from weight("fastvit", FASTVIT_MCI3)
        yield from weight("running_mean running_var", 17_856, buffer=True)
        yield from weight("num_batches_tracked", 44, pinned="int64", buffer=True)
    else:
        yield from _perception_encoder(stated, *PERCEPTION_ENCODERS[name])
    stated.refuse_unread()


def _perception_encoder(config: Config, mlp_share: float, class_token: bool) -> Counted:
    """Bolya et al. 2025, arXiv:2504.13181: learned positions beside rotary ones, and a scale behind each block's halves."""
    config.must_be("global_pool", "")
    if config.flag("use_post_transformer_norm", True):
        raise config.error("use_post_transformer_norm", "true is not understood", "language models leave that norm out")
    config.ignore("ref_feat_shape")
    width, depth = config.wholes("embed_dim", "depth")
    height, breadth = (side // PATCH for side in sides(config, "img_size"))
    mlp = int(width * mlp_share)
    if class_token:
        yield from weight("cls_token", width)
    yield from weight("pos_embed", height * breadth + class_token, width)
    yield from weight("patch_embed", width, 3 * PATCH * PATCH)
    yield from weight("norm_pre", width, bias=True)
    if config.raw("init_values"):
        yield from weight("gamma_1 gamma_2", width, copies=depth)
    yield from weight("norm1 norm2", width, copies=depth, bias=True)
    yield from weight("qkv", 3 * width, width, copies=depth, bias=True)
    yield from weight("proj", width, width, copies=depth, bias=True)
    yield from weight("fc1", mlp, width, copies=depth, bias=True)
    yield from weight("fc2", width, mlp, copies=depth, bias=True)
