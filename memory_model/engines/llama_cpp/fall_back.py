"""Where `-fa auto` ends without flash attention (llama-context.cpp resolve_fused_ops at 0c1e57098)."""

from __future__ import annotations

from ...deployment import Deployment
from .kernels import UNFUSED, has_kernel
from .placement import HOST, placement_of


def falls_back(deployment: Deployment) -> bool:
    """Whether a layer on a GPU would attend elsewhere; a quantised cache of values is flash attention asked for."""
    cache, options = deployment.cache_format, deployment.options
    if options.asks_for_attention or options.placement != "one-gpu" or cache.value.block > 1:
        return False
    unread = any(number_format.name in UNFUSED for number_format in (cache.key, cache.value))
    without = [group for group in deployment.model.layers if not has_kernel(group.mixer) or (unread and group.mixer)]
    if not without:
        return False
    places = placement_of(deployment).layers
    return any(places[layer] != HOST for group in without for layer in group.layers)
