"""The parts of a model that is divided over several GPUs and host memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ...amount import Component, Evidence, Factor, Lever, Moment, Number, Term
from .allocator import Replay
from .cache import cache_at
from .compute import device_moments, host_inputs
from .compute_buffer import at_points, settings_of
from .context import Context
from .fullest import CLOSED, compute_moments, moments_of
from .offload import replays
from .placement import HOST
from .prompt import Settings
from .recipes import recipe_of
from .stored import weights_at

PARTLY = (
    "replayed with the split that the engine makes, weights on the host being copied to the GPU for their operations; "
    "two contexts of the engine were 4 % apart from it"
)
SEVERAL = (
    "replayed with four copies of every input, so that GPUs work at once; the engine's own buffers on two GPUs agree"
)


def compute_at(context: Context, place: int) -> Component:
    """The compute buffer of one GPU, or of the host."""
    placement = context.placement
    if placement.is_whole:
        if place == HOST and placement.gpus:
            return Component("activations", (Moment("always", host_inputs(context)),))
        return Component("activations", *compute_moments(context))
    recipe = recipe_of(context.deployment.model)
    if recipe is None:
        return _closed(context, place)
    replayed = partial(_replayed, context, place)
    settings = settings_of(context)
    moments = moments_of(context, at_points(settings, replayed), lambda: replayed(settings))
    several = placement.input_copies > 1
    return Component(
        "activations", moments, Evidence.MEASURED if several else Evidence.ASSUMED, SEVERAL if several else PARTLY
    )


def _replayed(context: Context, place: int, settings: Settings) -> Replay:
    deployment = context.deployment
    recipe = recipe_of(deployment.model)
    assert recipe is not None
    formats = tuple(deployment.formats.values())
    return replays(deployment.model, recipe, settings, context.placement, deployment.scheme.name, formats)[place]


def _closed(context: Context, place: int) -> Component:
    """Families without a graph: each GPU as if it had all layers, the host with as many inputs as there are copies."""
    note = f"{CLOSED}; taken for each GPU as if it had all layers"
    if place == HOST:
        terms = host_inputs(context)
        return Component(
            "activations", (Moment("always", terms * context.placement.input_copies),), Evidence.ASSUMED, note
        )
    return Component("activations", device_moments(context), Evidence.ASSUMED, note)


PARTS: tuple[Callable[[Context, int], Component], ...] = (weights_at, cache_at, compute_at)


def of_fullest(context: Context, part: Callable[[Context, int], Component]) -> Component:
    """A part of the GPU that holds most: the bytes of each GPU differ by a layer, and by the output layer."""
    gpus = range(context.placement.gpus)
    if len(gpus) == 1:
        return part(context, 0)
    totals = [np.asarray(sum(of(context, gpu).bytes for of in PARTS), np.float64) for gpu in gpus]
    fullest = np.argmax(np.stack(np.broadcast_arrays(*totals)), axis=0)
    found = [part(context, gpu) for gpu in gpus]
    one = found[int(fullest.flat[0])]
    if (fullest == fullest.flat[0]).all():
        return one
    amounts = np.stack([np.broadcast_to(np.asarray(each.bytes, np.float64), fullest.shape) for each in found])
    bytes_: Number = np.take_along_axis(amounts, fullest[None], axis=0)[0]
    term = Term("the fullest GPU", (Factor("bytes", bytes_, Lever.ENGINE),))
    return Component(one.name, (Moment("always", (term,)),), one.evidence, one.note)
