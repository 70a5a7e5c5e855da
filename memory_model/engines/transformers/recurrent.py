"""The moments of layers that keep a state instead of keys and values."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Moment
from ...blocks.delta_net import GatedDeltaNet
from ...blocks.kimi_delta import KimiDeltaAttention
from ...blocks.lightning import LightningAttention
from ...blocks.mamba import Mamba
from ...blocks.mamba2 import Mamba2
from ...blocks.mlstm import Mlstm
from ...blocks.rg_lru import RgLru
from ...blocks.short_conv import ShortConvolution
from ...blocks.time_mixing import TimeMixing
from ...tensors import Mixer
from .delta_net import delta_net_moments
from .kimi_delta import kimi_delta_moments
from .lightning import lightning_moments
from .live import Forward, Held
from .mamba import mamba_moments
from .mamba2 import mamba2_moments
from .mlstm import mlstm_moments
from .products import outer_products
from .rg_lru import rg_lru_moments
from .short_conv import short_conv_moments
from .time_mixing import time_mixing_moments


def recurrent_moments(forward: Forward, mixer: Mixer, held: Held, unwritten: Held) -> Iterator[Moment]:
    """Moments of a recurrent block; none for one that is not known here."""
    yield from outer_products(forward, mixer, held)
    if isinstance(mixer, Mamba):
        yield from mamba_moments(forward, mixer, held, unwritten)
    elif isinstance(mixer, Mamba2):
        yield from mamba2_moments(forward, mixer, held, unwritten)
    elif isinstance(mixer, GatedDeltaNet):
        yield from delta_net_moments(forward, mixer, held, unwritten)
    elif isinstance(mixer, KimiDeltaAttention):
        yield from kimi_delta_moments(forward, mixer, held, unwritten)
    elif isinstance(mixer, LightningAttention):
        yield from lightning_moments(forward, mixer, held)  # its new state is alive already
    elif isinstance(mixer, ShortConvolution):
        yield from short_conv_moments(forward, mixer, held)
    elif isinstance(mixer, Mlstm):
        yield from mlstm_moments(forward, mixer, held)
    elif isinstance(mixer, TimeMixing):
        yield from time_mixing_moments(forward, mixer, held)
    elif isinstance(mixer, RgLru):
        yield from rg_lru_moments(forward, mixer, held)
