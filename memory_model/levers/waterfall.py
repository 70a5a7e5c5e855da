"""From before to after: changes made one on top of the other, each with what it saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..amount import MemoryBreakdown
from ..errors import InputError
from .change import Asked, Change, memory


@dataclass(frozen=True, slots=True)
class Step:
    """One change in a row of changes. Where it cannot be made, `problem` says why and nothing changes."""

    change: Change
    before: MemoryBreakdown
    after: MemoryBreakdown
    asked: Asked
    """What is asked once the change was made."""
    problem: str = ""

    @property
    def difference(self) -> dict[str, int]:
        """Bytes that the change adds to each component; negative where it saves."""
        return {part.name: int(self.after[part.name].bytes) - int(part.bytes) for part in self.before}

    @property
    def bytes(self) -> int:
        """Bytes that the change adds in all; negative where it saves."""
        return int(self.after.bytes) - int(self.before.bytes)


def waterfall(start: Asked, changes: Sequence[Change]) -> tuple[Step, ...]:
    """The running application of changes in their order: each step begins where the last one ended.

    Raises InputError only for a start that cannot run.
    """
    steps = []
    asked, before = start, memory(start)
    for change in changes:
        problem = ""
        try:
            changed = change.apply(asked)
            after = memory(changed)
        except InputError as error:
            changed, after, problem = asked, before, str(error)
        steps.append(Step(change, before, after, changed, problem))
        asked, before = changed, after
    return tuple(steps)
