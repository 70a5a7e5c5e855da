"""YAML from outside, read as plain data: bounded in size and time, without aliases, tags or keys that stand twice."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from ..errors import InputError

LARGEST = 2**20
DEEPEST = 40
MOST_VALUES = 200_000
LONGEST_NUMBER = 40
"""Letters; YAML's numbers to the base of 60 take quadratic time."""


class _PlainLoader(yaml.SafeLoader):
    """Plain data only; an anchor, a tag, a key that stands twice or deep nesting is an error rather than a guess."""

    depth = values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not read here", problem_mark=event.start_mark)
        if getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(problem="tags are not read here", problem_mark=event.start_mark)
        self.depth += 1
        self.values += 1
        if self.values > MOST_VALUES:
            problem = f"more than {MOST_VALUES:,} values; give a smaller file"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        if self.depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {DEEPEST} levels", problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        number = node.tag.endswith((":int", ":float"))
        if number and len(node.value) > LONGEST_NUMBER:
            problem = f"a number of {len(node.value):,} letters; at most {LONGEST_NUMBER} are read"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return super().construct_object(node, deep)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(problem=f"a key must be text, got {key!r:.40}", problem_mark=node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"{key:.60} stands twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(text: str, where: str) -> Any:
    """The data of a YAML text; `where` names it in errors. Raises InputError for what is not plain YAML."""
    if len(text) > LARGEST:
        raise InputError(f"{where}: larger than {LARGEST // 2**10} KiB; give a smaller file")
    try:
        return yaml.load(text, Loader=_PlainLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{where}{line}: {error.problem or 'not YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{where}: not YAML ({str(error).splitlines()[0]:.120})") from None
