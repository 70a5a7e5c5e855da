"""What each command of the command line does; each returns its exit status."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import asdict, fields
from math import isinf
from pathlib import Path
from typing import Any, TextIO

from .. import accuracy, result
from ..errors import InputError
from ..estimate import over_grid
from ..presets import CACHE_FORMATS, devices, engines, model_presets, number_formats, weight_schemes
from ..resolve import resolve
from ..scenario import Scenario, several
from ..stored_contents import stored_contents
from ..units import GIB, gib
from . import explain
from .scenario_files import read_scenarios


def estimate_command(options: argparse.Namespace) -> int:
    """One scenario, as JSON or as a table for people."""
    found = result.result(scenario_of(options))
    if options.json:
        print(json.dumps(found))
        return 0
    print(f"{found['model']['id']}: {found['model']['parameters']:,} parameters, in {found['phase']}")
    print_components(found)
    for name, amount in found["host"].items():
        if amount:
            print(f"  host {name:7} {gib(amount):>14}  {amount:>20,} bytes")
    if found["device"]:
        print(f"  {verdict(found)}")
    return 0


def batch_command(options: argparse.Namespace) -> int:
    """Many scenarios; one result object a line, in order; 1 if any of them failed."""
    scenarios = read_scenarios(options.file)
    if not options.out:
        return _print_results(scenarios, sys.stdout)
    try:
        with open(options.out, "w", encoding="utf-8") as out:
            return _print_results(scenarios, out)
    except OSError as error:
        raise InputError(f"{options.out}: cannot be written ({error.strerror}); name another file") from None


def checkpoint_command(options: argparse.Namespace) -> int:
    """What a checkpoint folder or a .gguf file stores, by type, and what is loaded of it, by part."""
    found = stored_contents(Path(options.path))
    if options.json:
        print(json.dumps(asdict(found)))
        return 0
    for title, amounts in (
        ("stored, by type", found.stored),
        ("loaded, by part and type", found.loaded),
        ("left out", found.left_out),
    ):
        print(f"{title}: {gib(sum(amounts.values()))}")
        for name, amount in amounts.items():
            print(f"  {name:48} {amount:>20,} bytes  {gib(amount)}")
    return 0


def accuracy_command(options: argparse.Namespace) -> int:
    """How close each engine's numbers come to the measured tables of the repository."""
    found = accuracy.accuracy()
    if options.write:
        accuracy.write()
    if options.json:
        print(json.dumps([asdict(row) for row in found]))
        return 0
    print(f"{'engine':13} {'quantity':34} {'cases':>6} {'exact':>6} {'median':>8} {'95 of 100':>10} {'worst':>8}")
    for row in found:
        errors = f"{row.median_error:8.2%} {row.ninety_fifth_error:10.2%} {row.worst_error:8.2%}"
        print(f"{row.engine:13} {row.quantity:34} {row.cases:6,} {row.exact:6,} {errors}")
    return 0


def _print_results(scenarios: list[Any], out: TextIO) -> int:
    failed = False
    for scenario in scenarios:
        found = (
            {"scenario": None, "error": str(scenario)}
            if isinstance(scenario, InputError)
            else result.result_or_error(scenario)
        )
        failed = failed or "error" in found
        print(json.dumps(found, default=str), file=out)
    return 1 if failed else 0


def sweep_command(options: argparse.Namespace) -> int:
    """A grid in long form: one row per point and component."""
    contexts, batches = (several(key, getattr(options, key).split(",")) for key in ("context_length", "batch_size"))
    options.context_length = options.batch_size = None
    grid = over_grid(resolve(scenario_of(options)), contexts, batches)
    rows = csv.writer(sys.stdout, lineterminator="\n") if options.csv else None
    header = ("context_length", "batch_size", "component", "bytes")
    if rows:
        rows.writerow(header)
    else:
        print(f"{header[0]:>14} {header[1]:>10} {header[2]:12} {header[3]:>22}")
    for i, context in enumerate(contexts):
        for j, batch in enumerate(batches):
            if isinf(grid.bytes[i, j]):
                if rows:
                    rows.writerow((context, batch, "refused", ""))
                else:
                    print(f"{context:>14,} {batch:>10,} refused")
                continue
            for name, amounts in grid.components.items():
                row = (context, batch, name, int(amounts[i, j]))
                if rows:
                    rows.writerow(row)
                else:
                    print(f"{row[0]:>14,} {row[1]:>10,} {row[2]:12} {row[3]:>22,}  {gib(row[3])}")
    return 0


def fit_command(options: argparse.Namespace) -> int:
    """Does it fit; the longest context and the largest batch, up to which every power of two fits too."""
    if options.device in (None, "none"):
        raise InputError("device: missing; name one with --device, such as h100-sxm-80gb")
    found = result.result(scenario_of(options))
    if options.json:
        print(json.dumps(found))
        return 0
    print(verdict(found))
    limit = found["model"]["max_position_embeddings"]
    print(
        f"longest context at this batch size: {found['device']['max_context_length']:,} (the model supports {limit:,})"
    )
    print(f"largest batch at this context length: {found['device']['max_batch_size']:,}")
    return 0


def explain_command(options: argparse.Namespace) -> int:
    """Every term: factors, values, who decides each, source."""
    for line in explain.lines(resolve(scenario_of(options)), options.component):
        print(line)
    return 0


def models_command(options: argparse.Namespace) -> int:
    """The model presets."""
    rows = [
        {
            "id": p.id,
            "name": p.name,
            "family": p.family,
            "hub": p.hub,
            "parameters": p.parameters["all"],
            "source": p.source,
        }
        for p in model_presets().values()
    ]
    return _print_rows(rows, options.json)


def engines_command(options: argparse.Namespace) -> int:
    """The engines, the version that stands unless another is asked for, and all versions by their short names."""
    rows = [
        {
            "id": name,
            "version": e.facts.version,
            "versions": e.version_names,
            "attention": list(e.facts.attention),
            "logits": list(e.facts.logits),
        }
        for name, e in engines().items()
    ]
    return _print_rows(rows, options.json)


def devices_command(options: argparse.Namespace) -> int:
    """The devices: what a program can use beside what is marketed and what the driver reports."""
    rows = [
        {key: value for key, value in asdict(device).items() if key not in ("note", "generation", "multiprocessors")}
        | {"usable_gib": round(device.usable_bytes / GIB, 2), "note": device.note}
        for device in devices().values()
    ]
    return _print_rows(rows, options.json)


def formats_command(options: argparse.Namespace) -> int:
    """Weight formats and cache formats."""
    rows: list[dict[str, Any]] = [{"use": "weights", "id": "published", "label": "as the checkpoint stores it"}]
    for scheme in weight_schemes().values():
        bits = number_formats()[scheme.matrices].bits_per_value if scheme.matrices else None
        rows.append(
            {
                "use": "weights",
                "id": scheme.name,
                "label": scheme.label,
                "bits_per_value": bits,
                "source": scheme.source,
            }
        )
    for name in CACHE_FORMATS:
        known = number_formats()[name]
        rows.append({"use": "kv_cache", "id": name, "bits_per_value": known.bits_per_value, "source": known.source})
    return _print_rows(rows, options.json)


def scenario_of(options: argparse.Namespace) -> Scenario:
    """The scenario that the options name, with defaults for those left out. Raises InputError."""
    given = {field.name: getattr(options, field.name) for field in fields(Scenario)}
    return Scenario.from_mapping({key: value for key, value in given.items() if value is not None})


def print_components(found: dict[str, Any]) -> None:
    """The bar of a result as a table: each component with its evidence, then the total."""
    width = max(12, *map(len, found["components"]))
    for name, amount in found["components"].items():
        print(f"  {name:{width}} {gib(amount):>14}  {amount:>20,} bytes  {found['evidence'][name]}")
    print(f"  {'total':{width}} {gib(found['total']):>14}  {found['total']:>20,} bytes")


def verdict(found: dict[str, Any]) -> str:
    """Whether a result fits on its device, and by how much of what the engine takes of it."""
    device, limit = found["device"], found["total"] + found["device"]["headroom"]
    room = f"{gib(device['usable_bytes'])} usable on {device['id']}"
    if limit != device["usable_bytes"]:
        room = f"{gib(limit)} that the engine takes of {room}"
    if device["fits"]:
        return f"fits, {gib(device['headroom'])} free of {room}"
    return f"does not fit, over by {gib(-device['headroom'])} of {room}"


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> int:
    if as_json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        print(
            "  ".join(
                f"{value:,}" if isinstance(value, int) else str(value) for value in row.values() if value is not None
            )
        )
    return 0
