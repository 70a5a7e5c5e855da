"""Kinds of conversations to start from: assumptions of use, each in a few numbers that a user edits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..files.places import PRESETS
from ..files.preset_files import build, mapping, read_mapping
from .course import Conversation


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
    entries = read_mapping(PRESETS / "conversations.yaml")
    return {id_: read_kind(id_, entry, f"conversations.yaml › {id_}") for id_, entry in entries.items()}


def read_kind(id_: str, entry: Any, where: str) -> ConversationKind:
    """The kind of one entry. Raises InputError for keys that are not right, or counts that are out of range."""
    kind = build(ConversationKind, {"id": id_} | mapping(entry, where), where)
    kind.conversation()
    return kind
