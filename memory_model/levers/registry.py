"""Every change there is, in one explicit tuple, and those that do something for what is asked."""

from __future__ import annotations

from functools import lru_cache

from ..amount import Number
from ..deployment import Deployment
from ..errors import InputError, unknown
from ..estimate import in_phase, phases_of
from .architectures import ARCHITECTURES
from .change import Asked, Change, deployed, memory
from .formats import FORMATS
from .options import OPTIONS
from .shared_prefix import BEFORE, shared_prefix_of_id, shared_prefixes
from .students import student_of_id, students

CHANGES: tuple[Change, ...] = tuple(sorted((*OPTIONS, *FORMATS, *ARCHITECTURES), key=lambda change: change.price))
"""Every change but the students, which depend on the model, and shared beginnings, which have a length; the cheapest first."""
_BY_ID = {change.id: change for change in CHANGES}


def change_of(id_: str) -> Change:
    """The change of an id, as links name it. Raises InputError for an id that is not known."""
    if id_ in _BY_ID:
        return _BY_ID[id_]
    if id_.startswith("student-"):
        return student_of_id(id_)
    if id_.startswith(BEFORE):
        return shared_prefix_of_id(id_)
    raise InputError(f"change: {unknown('change', id_, _BY_ID)}")


@lru_cache(maxsize=64)
def changes_for(asked: Asked) -> tuple[Change, ...]:
    """The changes that run on this engine and model and that change some amount, the cheapest first.

    Raises InputError where what is asked cannot run itself.
    """
    start = deployed(asked)
    held = _held(start)
    before: tuple[object, ...] = ()
    found = []
    for change in sorted((*candidates(asked), *shared_prefixes(asked)), key=lambda change: change.price):
        try:
            changed = change.apply(asked)
            deployment = deployed(changed)
            if deployment == start and changed.shared_prefix == asked.shared_prefix:
                continue
            # most are seen there, which is quick
            if not all(now != then for now, then in zip(_held(deployment), held)):
                before = before or _amounts(asked)
                if _amounts(changed) == before:
                    continue
        except InputError:
            continue
        found.append(change)
    return tuple(found)


def candidates(asked: Asked) -> tuple[Change, ...]:
    """Every change that can be made to fit a model, whether it suits the engine or not; the cheapest first.

    What the sequences have in common is for those who send them to say, and is none of these.
    """
    taught = () if asked.model else students(asked.scenario.model)
    return tuple(sorted((*CHANGES, *taught), key=lambda change: change.price))


def _held(deployment: Deployment) -> tuple[Number, ...]:
    """Bytes of weights and cache together, in each phase that counts."""
    phases = [in_phase(deployment, phase) for phase in phases_of(deployment)]
    return tuple(one.engine.kept_bytes(one) for one in phases)


def _amounts(asked: Asked) -> tuple[object, ...]:
    """Bytes of every component, on the device and on the host."""
    found = memory(asked)
    return tuple((part.name, part.bytes) for part in (*found, *found.host))
