"""The parts of a model that is divided over several GPUs and host memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ...amount import Component, Evidence, Factor, Lever, Moment, Number, Term, largest
from ...deployment import Deployment
from .cache import cache_at
from .compute import device_moments, host_inputs
from .compute_buffer import is_point, over_points, reserved
from .context import Context
from .fullest import CLOSED, compute_moments, moments_of
from .offload import replays, run_at
from .placement import HOST
from .prompt import Settings
from .recipe import Recipe
from .recipes import recipe_of
from .scheduled import Divided
from .stored import stays_on_host, weights_at

TRIED = (
    "replayed with the engine's own split, what lies elsewhere being copied where it is read, four times on several GPUs so "
    "that they work at once; of 291 random contexts of 49 models on two and three GPUs all GPUs are equal to the byte"
)

TERNARY = (
    "no GPU multiplies with ternary matrices, which stay on the host; of 20 contexts of 5 models 10 are equal to the byte, "
    "the GPU up to 40 % off, the host up to 64 %"
)

ANY_MIX = "fp16"
"""Stands for all mixes, which have the same tensors."""


def compute_at(context: Context, place: int) -> Component:
    """The compute buffer of one GPU, or of the host."""
    placement, recipe = context.placement, recipe_of(context.deployment.model)
    prompts = reserved(context)
    if placement.is_whole and not (recipe and _leaves_the_gpu(context, prompts[0])):
        if place != HOST or not placement.gpus:
            return Component("activations", *compute_moments(context))
        evidence = (Evidence.EXACT, "") if recipe else (Evidence.ASSUMED, CLOSED)
        return Component("activations", _inputs(context), *evidence)
    if recipe is None:
        return _closed(context, place)
    deployment, divided = context.deployment, _divided(context, recipe)
    if is_point(prompts[0]):
        found = max((replays(divided, prompt)[place] for prompt in prompts), key=lambda replay: replay.bytes)
        moments = moments_of(context, found.bytes, lambda: found)
    else:
        sizes = [over_points(prompt, partial(run_at, divided, place), (divided, place)) for prompt in prompts]
        moments = moments_of(context, largest(sizes), lambda: None)
    if stays_on_host(deployment.model, deployment.scheme.name):
        return Component("activations", moments, Evidence.ASSUMED, TERNARY)
    return Component("activations", moments, Evidence.MEASURED, TRIED)


def _divided(context: Context, recipe: Recipe) -> Divided:
    """What the graph depends on: not on the mix where no weights lie on the host, but for a file's own tensors."""
    deployment, placement = context.deployment, context.placement
    model, mix = deployment.model, deployment.scheme.name
    on_host = not deployment.options.kv_offload
    all_on_gpus = placement.is_offloaded and not stays_on_host(model, mix)
    if all_on_gpus and not model.stored_as_gguf:
        mix = ANY_MIX
    return Divided(model, recipe, placement, mix, deployment.formats, on_host, all_on_gpus)


def _leaves_the_gpu(context: Context, prompt: Settings) -> bool:
    """Whether a GPU that holds all layers leaves some operations to the host."""
    deployment = context.deployment
    mixers = [group.mixer for group in deployment.model.layers]
    unfused = any(prompt.fused_on_host(mixer) or prompt.indexes_on_host(mixer) for mixer in mixers)
    return unfused or (context.on_gpu and stays_on_host(deployment.model, deployment.scheme.name))


def _inputs(context: Context) -> tuple[Moment, ...]:
    """The host's inputs of each prompt that is reserved for, as often as they are copied."""
    copies = context.placement.input_copies
    return tuple(Moment("always", host_inputs(context, prompt) * copies) for prompt in reserved(context))


def _closed(context: Context, place: int) -> Component:
    """Families without a graph: each GPU as if it had all layers, the host with as many inputs as there are copies."""
    note = f"{CLOSED}; taken for each GPU as if it had all layers"
    if place == HOST:
        return Component("activations", _inputs(context), Evidence.ASSUMED, note)
    return Component("activations", device_moments(context), Evidence.ASSUMED, note)


Part = Callable[[Context, int], Component]
PARTS: tuple[Part, ...] = (weights_at, cache_at, compute_at)


def of_fullest(context: Context, part: Part) -> Component:
    """A part of the GPU that holds most: the bytes of each GPU differ by a layer, and by the output layer."""
    if context.placement.gpus == 1:
        return part(context, 0)
    by_gpu = _LATEST.parts_of(context)
    found = [parts[PARTS.index(part)] for parts in by_gpu]
    totals = [np.asarray(sum(each.bytes for each in parts), np.float64) for parts in by_gpu]
    fullest = np.argmax(np.stack(np.broadcast_arrays(*totals)), axis=0)
    one = found[int(fullest.flat[0])]
    if (fullest == fullest.flat[0]).all():
        return one
    amounts = np.stack([np.broadcast_to(np.asarray(each.bytes, np.float64), fullest.shape) for each in found])
    bytes_: Number = np.take_along_axis(amounts, fullest[None], axis=0)[0]
    term = Term("the fullest GPU", (Factor("bytes", bytes_, Lever.ENGINE),))
    return Component(one.name, (Moment("always", (term,)),), one.evidence, one.note)


class _Latest:
    """The parts of every GPU in the deployment that was asked for last: each component asks for all of them."""

    def __init__(self) -> None:
        self._found: tuple[Deployment | None, list[tuple[Component, ...]]] = (None, [])

    def parts_of(self, context: Context) -> list[tuple[Component, ...]]:
        """Those of `PARTS`, for one GPU after the other."""
        asked, found = self._found
        if asked is not context.deployment:
            found = [tuple(part(context, gpu) for part in PARTS) for gpu in range(context.placement.gpus)]
            self._found = (context.deployment, found)
        return found


_LATEST = _Latest()
