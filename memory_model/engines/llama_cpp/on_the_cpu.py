"""llama.cpp without a GPU, seen from the memory beside the CPU."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ...amount import Component, Number
from ...deployment import Deployment
from .cache import cache_at
from .context import Context
from .engine import LlamaCpp
from .placement import HOST
from .stored import weights_at


class OnTheCpu(LlamaCpp):
    """The same bytes: what the host holds stands where other deployments have what a device holds."""

    def weights(self, deployment: Deployment) -> Component:
        """Every tensor of the file."""
        return weights_at(Context(deployment), HOST)

    def kv_cache(self, deployment: Deployment) -> Component:
        """All cells and states."""
        return cache_at(Context(deployment), HOST)

    def activations(self, deployment: Deployment) -> Component:
        """The CPU's compute buffer and the output buffer."""
        return super().host(deployment)[-1]

    def kept_bytes(self, deployment: Deployment) -> Number:
        """Of weights and cache."""
        return self.weights(deployment).bytes + self.kv_cache(deployment).bytes

    def host(self, deployment: Deployment) -> tuple[Component, ...]:
        """Nothing beside that."""
        return ()


def where_it_lies(deployment: Deployment) -> Deployment:
    """A deployment on the CPU alone as `OnTheCpu` sees it, without a device; any other one as it is."""
    if deployment.options.placement != "cpu":
        return deployment
    return replace(deployment, engine=_on_the_cpu(deployment.engine), device=None)


@lru_cache
def _on_the_cpu(engine: LlamaCpp) -> OnTheCpu:
    found = OnTheCpu(*engine.versions)
    found.facts = engine.facts
    return found
