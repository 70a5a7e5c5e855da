"""No constant that enters a figure lacks what it rests on: a table of figures here, or a place in an engine's own source."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from memory_model.presets import engines

ROOT = Path(__file__).parent.parent
TABLE = re.compile(r"tests/measured/\w+\.\w+")
CODE = re.compile(r"\w+\.(py|cpp|cu|h)\b|[\w.-]+#\d+|modeling code|the engine's own")
LIKE_ANOTHER = re.compile(r"^(the (same|least|most)\b|as 0\.\d+)|is taken to be that of 0\.19")
PARTS = ("engines/vllm", "engines/sglang", "engines/transformers", "training", "blocks")
"""Where the numbers of modules enter figures; llama.cpp's modules replay graphs that the engine itself wrote."""


def stated():
    for name in engines():
        preset = yaml.safe_load((ROOT / "presets" / "engines" / f"{name}.yaml").read_text(encoding="utf-8"))
        for version, part in (("", preset), *preset.get("versions", {}).items()):
            for key, source in {**part.get("sources", {}), **part.get("other_contexts_source", {})}.items():
                yield f"{name} {version} {key}", source
        for key in ("cuda_context_source", "workspace_source"):
            if key in preset:
                yield f"{name} {key}", preset[key]


@pytest.mark.parametrize(("constant", "source"), list(stated()))
def test_a_constant_of_an_engine_names_a_table_or_the_engine_s_code(constant, source):
    tables = TABLE.findall(source)
    assert all((ROOT / table).exists() for table in tables)
    assert tables or CODE.search(source) or LIKE_ANOTHER.search(source), source
    assert "not at hand" not in source


def numbers(module):
    """Names of the constants of a module that are numbers, but for bounds of what is asked."""
    for statement in module.body:
        if (
            isinstance(statement, ast.Assign)
            and (name := ast.unparse(statement.targets[0])).isupper()
            and "MOST" not in name
        ):
            values = ast.walk(statement.value)
            if any(isinstance(value, ast.Constant) and type(value.value) in (int, float) for value in values):
                yield name


def named(module):
    """All that a module says in words."""
    words = (value.value for value in ast.walk(module) if isinstance(value, ast.Constant))
    return " ".join(word for word in words if isinstance(word, str))


def test_a_module_with_numbers_of_an_engine_names_the_engine_s_code():
    paths = [path for part in PARTS for path in (ROOT / "memory_model" / part).rglob("*.py")]
    modules = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    lacking = {
        name: found
        for name, module in modules.items()
        if (found := list(numbers(module))) and not (CODE.search(words := named(module)) or TABLE.search(words))
    }
    assert lacking == {}
