"""What the pages show is what the program prints, and what they name is there.

`python -m tests.test_readme` writes what every shown command prints now into the pages.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from dashboard.parameters import VIEW_NAMES
from dashboard.stories import read_story
from memory_model.__main__ import main
from memory_model.conversation.kinds import read_kind
from memory_model.files.preset_files import build
from memory_model.number_formats import Plane
from memory_model.precision import WeightScheme
from memory_model.presets import ALL

ROOT = Path(__file__).parent.parent
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for folder in (ROOT, *(ROOT / name for name in ("dashboard", "memory_model", "presets", "tests")))
    for path in sorted(folder.glob("*.md") if folder == ROOT else folder.rglob("*.md"))
}
BLOCK = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)
FOLDERS = ("memory_model/", "presets/", "dashboard/", "tests/", ".streamlit/", ".ci/")


def shown(block: str) -> Iterator[tuple[str, str]]:
    """Commands of a block, each with what stands below it."""
    for part in block.removeprefix("$ ").split("\n$ "):
        command, _, output = part.partition("\n")
        yield command, output.rstrip()


COMMANDS = [(page, *found) for page, text in PAGES.items() for block in BLOCK.findall(text) for found in shown(block)]


@cache
def printed(command: str) -> str:
    """What a command prints, run here; behind a bar, the lines that `grep` lets through."""
    call, _, filtered = command.partition(" | ")
    python, _, module, *arguments = shlex.split(call)
    assert (python, module) == ("python", "memory_model"), f"only the program's own commands are shown: {command}"
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(arguments) == 0, command
    lines = output.getvalue().rstrip().splitlines()
    if filtered:
        grep, *options, pattern = shlex.split(filtered)
        assert grep == "grep" and set(options) <= {"-E", "-v"}, f"only grep follows a bar: {command}"
        lines = [line for line in lines if bool(re.search(pattern, line)) != ("-v" in options)]
    return "\n".join(lines)


@pytest.mark.parametrize(("page", "command", "output"), COMMANDS, ids=[f"{page}: {text}" for page, text, _ in COMMANDS])
def test_a_shown_command_prints_what_is_shown(page: str, command: str, output: str):
    assert printed(command) == output, "python -m tests.test_readme writes what is printed now"


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if "```pycon" in text])
def test_shown_python_returns_what_is_shown(page: str):
    for number, block in enumerate(re.findall(r"```pycon\n(.*?)```", PAGES[page], re.DOTALL)):
        test = doctest.DocTestParser().get_doctest(block, {}, f"{page} block {number}", None, 0)
        report: list[str] = []
        failed = doctest.DocTestRunner(verbose=False).run(test, out=report.append).failed
        assert test.examples and not failed, "".join(report)


def anchors(text: str) -> set[str]:
    """The places of a page that a link can name: its headings, as GitHub writes them."""
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_link_inside_the_repository_leads_somewhere(page: str):
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        found = (ROOT / page).parent / path if path else ROOT / page
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("page", [page for page in PAGES if "CHANGELOG" not in page])
def test_every_file_that_a_page_names_is_there(page: str):
    text = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    cells = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    named = [name for cell in cells for name in re.findall(r"`([^`\s]+\.(?:py|yaml|csv|jsonl|js|md))`", cell)]
    named += [name for name in re.findall(r"`([^`\s]+)`", text) if name.startswith(FOLDERS)]
    for name in named:
        assert any((folder / name).exists() or any(folder.glob(name)) for folder in (ROOT, (ROOT / page).parent)), name


def test_every_module_has_its_place_in_a_tour():
    for folder in ("memory_model", "dashboard"):
        tours = PAGES["README.md"] + PAGES[f"{folder}/README.md"]
        for path in sorted((ROOT / folder).iterdir()):
            if path.name.startswith("_") or not (path.is_dir() or path.suffix == ".py"):
                continue
            name = f"{folder}/{path.name}" + ("/" if path.is_dir() else "")
            assert f"`{name}`" in tours, f"{name} stands in no table of the READMEs"


def test_every_view_is_described():
    views = PAGES["README.md"].partition("## What it shows")[2].partition("\n## ")[0]
    assert re.findall(r"^\| \*\*(.*?)\*\*", views, re.MULTILINE) == [name.capitalize() for name in VIEW_NAMES]


EXAMPLES = {
    heading: [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)]
    for heading, _, section in (part.partition("\n") for part in PAGES["presets/README.md"].split("\n## ")[1:])
}


def test_the_examples_of_presets_can_be_read():
    (model,) = EXAMPLES["A model"]
    file = ROOT / "presets" / "models" / "granite-3.3-2b-instruct.yaml"
    assert model == yaml.safe_load(file.read_text(encoding="utf-8"))
    (devices,) = EXAMPLES["A device"]
    known = yaml.safe_load((ROOT / "presets" / "devices" / "NVIDIA.yaml").read_text(encoding="utf-8"))
    assert devices and devices.items() <= known.items()
    (formats,) = EXAMPLES["A number format, a weight format"]
    for name, entry in formats.items():
        planes = entry.get("planes", ())
        for plane in planes:
            assert build(Plane, {key: ALL if value == "all" else value for key, value in plane.items()}, name)
        assert planes or build(WeightScheme, {"name": name} | entry, name).matrices in formats
    (story,) = EXAMPLES["A story"]
    assert len(read_story(yaml.safe_dump(story), "example").steps) == 2
    (kinds,) = EXAMPLES["A kind of conversation"]
    assert [read_kind(id_, entry, id_).conversation() for id_, entry in kinds.items()]


def write_pages() -> None:
    """Put what every shown command prints now into the pages."""

    def again(block: re.Match[str]) -> str:
        return "".join(f"$ {command}\n{printed(command)}\n" for command, _ in shown(block[1]))

    for page, text in PAGES.items():
        new = BLOCK.sub(again, text)
        if new != text:
            (ROOT / page).write_text(new, encoding="utf-8")
            print(page)


if __name__ == "__main__":
    write_pages()
