"""The result of a scenario as plain data: the JSON that other programs read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .deployment import Deployment
from .errors import InputError
from .estimate import breakdown, in_phase
from .evidence import measured
from .fit import fit_deployment
from .presets import preset_id
from .resolve import resolve, resolved_keys
from .scenario import Scenario

HOST_COMPONENTS = ("weights", "kv_cache", "activations")


def result(scenario: Scenario) -> dict[str, Any]:
    """Scenario, model, bytes by component, evidence and, with a device, what fits. Raises InputError."""
    deployment = resolve(scenario)
    memory = breakdown(deployment)
    at_phase = in_phase(deployment, memory.phase)
    host = {part.name: int(part.bytes) for part in memory.host}
    return {
        "scenario": resolved_keys(scenario, deployment),
        "model": model_facts(scenario.model, deployment),
        "phase": memory.phase,
        "components": {part.name: int(part.bytes) for part in memory},
        "total": int(memory.bytes),
        "host": {name: host.get(name, 0) for name in HOST_COMPONENTS},
        "evidence": {part.name: part.evidence.value for part in memory},
        "accuracy": {part.name: asdict(row) for part in memory if (row := measured(at_phase, part))},
        "between": {part.name: list(part.between) for part in memory if part.between is not None},
        "device": _device(deployment),
    }


def result_or_error(keys: Any) -> dict[str, Any]:
    """The result of a scenario given as plain data, or `{"scenario": ..., "error": ...}` where there is none."""
    try:
        return result(Scenario.from_mapping(keys))
    except InputError as error:
        return {"scenario": keys, "error": str(error)}


def model_facts(name: str, deployment: Deployment) -> dict[str, Any]:
    """What the model is: counts with the towers that the deployment holds."""
    model, parts = deployment.model, deployment.parts
    return {
        "id": preset_id(name),
        "model_type": model.model_type,
        "parameters": model.parameters(parts),
        "active_parameters": model.active_parameters(parts),
        "layers": model.num_hidden_layers,
        "max_position_embeddings": model.max_position_embeddings,
    }


def _device(deployment: Deployment) -> dict[str, Any] | None:
    if deployment.device is None:
        return None
    fit = fit_deployment(deployment)
    pool = deployment.engine.pool(deployment)
    reserved = {}
    if pool is not None:
        reserved = {
            "kv_pool": pool.bytes,
            "kv_tokens": pool.tokens,
            "kv_tokens_printed": pool.printed_tokens,
            "max_concurrency": pool.max_concurrency,
            "reserved": int(deployment.engine.reserved(deployment)),
        }
    return {
        "id": deployment.device.id,
        "usable_bytes": fit.usable_bytes,
        "fits": fit.fits,
        "headroom": fit.headroom,
        "max_context_length": fit.max_context_length,
        "max_batch_size": fit.max_batch_size,
        **reserved,
    }
