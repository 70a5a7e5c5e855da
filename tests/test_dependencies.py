"""What the package says that it needs is what is listed, tested at its lowest, and bounded."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NEEDED = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
EXTRAS = PROJECT["project"]["optional-dependencies"]
ALL = sorted({*NEEDED, *(each for extra in EXTRAS.values() for each in extra)})


def lines(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_requirements_are_those_of_the_package_with_its_dashboard():
    named = [*PROJECT["project"]["dependencies"], *EXTRAS["hub"], *EXTRAS["dashboard"]]
    assert sorted(lines("requirements.txt")) == sorted(named)


def test_tests_install_what_is_left():
    assert set(ALL) <= {*lines("requirements.txt"), *lines("tests/requirements.txt")}


@pytest.mark.parametrize("requirement", ALL)
def test_every_range_has_both_ends_and_its_lowest_is_pinned(requirement):
    name, lowest, _ = re.fullmatch(r"([\w-]+)>=([\d.]+),<(\d+)", requirement).groups()
    assert f"{name}=={lowest}" in lines("tests/lowest.txt")


def test_nothing_else_is_pinned():
    assert len(lines("tests/lowest.txt")) == len(ALL)


def test_the_lowest_python_is_the_one_that_is_checked_for():
    lowest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert PROJECT["tool"]["mypy"]["python_version"] == lowest
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{lowest.replace('.', '')}"


def test_the_image_copies_what_is_there_and_what_is_not_ignored():
    copied = re.findall(
        r"^COPY ([\w.]+) ", (ROOT / "dashboard" / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    ignored = lines(".dockerignore")
    assert {"requirements.txt", "presets", "memory_model", "dashboard", "streamlit_app.py"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists() and f"!{name}" in ignored and name not in ignored
