"""Kinds of conversations to start from: assumptions of use, each in a few numbers that a user edits."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from typing import Any

from .conversation import Conversation
from .errors import InputError, unknown
from .places import PRESETS
from .plain_yaml import read_yaml


@dataclass(frozen=True, slots=True)
class ConversationKind:
    """Turns that are alike, after a document that may come with the first question."""

    id: str
    name: str
    words: str
    """What it is like, in a few words."""
    system_prompt: int
    turns: int
    question: int
    answer: int
    users: int = 1
    document: int = 0
    shared_prefix: bool = False

    def conversation(self) -> Conversation:
        """Turn by turn. Raises InputError for counts that are out of range."""
        first = (self.document + self.question, self.answer)
        turns = (first, *(((self.question, self.answer),) * (self.turns - 1)))
        return Conversation(self.system_prompt, turns[: self.turns], self.users, self.shared_prefix)


@lru_cache(maxsize=1)
def conversation_kinds() -> dict[str, ConversationKind]:
    """Every kind by id, in the order of the file. Raises InputError for an entry that is not right."""
    path = PRESETS / "conversations.yaml"
    entries = read_yaml(path.read_text(encoding="utf-8"), path.name)
    if not isinstance(entries, dict):
        raise InputError(f"{path.name}: expected a mapping of kinds, got {type(entries).__name__}")
    return {id_: _kind(id_, entry, f"{path.name} › {id_}") for id_, entry in entries.items()}


def _kind(id_: str, entry: Any, where: str) -> ConversationKind:
    if not isinstance(entry, dict):
        raise InputError(f"{where}: expected a mapping of keys, got {type(entry).__name__}")
    known = {field.name: field for field in fields(ConversationKind)}
    for key, value in entry.items():
        if key not in known:
            raise InputError(f"{where}: {unknown('key', key, known)}")
        if type(value).__name__ != str(known[key].type):
            raise InputError(f"{where} › {key}: expected {known[key].type}, got {value!r:.60}")
    for name, field in known.items():
        if name != "id" and name not in entry and field.default is MISSING:
            raise InputError(f"{where}: missing key {name!r}")
    kind = ConversationKind(id_, **entry)
    kind.conversation()
    return kind
