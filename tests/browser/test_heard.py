"""What a screen reader is handed: Chromium's own accessibility tree of the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Sheet
from opened_page import at
from playwright.sync_api import Page

CONTROLS = {"button", "link", "slider", "spinbutton", "combobox", "radio", "switch", "tab", "checkbox"}
Node = dict[str, Any]


def tree(page: Page) -> dict[str, Node]:
    """Every node that is handed on, by its id."""
    session = page.context.new_cdp_session(page)
    found = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return {node["nodeId"]: node for node in found}


def said(node: Node, what: str) -> str:
    """A node's role or name."""
    return str(node.get(what, {}).get("value", ""))


def of(nodes: dict[str, Node], *roles: str) -> list[Node]:
    return [node for node in nodes.values() if not node["ignored"] and said(node, "role") in roles]


def within(nodes: dict[str, Node], node: Node) -> Iterator[Node]:
    for child in (nodes[id_] for id_ in node.get("childIds", ()) if id_ in nodes):
        if not child["ignored"]:
            yield child
        yield from within(nodes, child)


@pytest.mark.parametrize("view", ["", "levers", "hardware", "conversation", "trade-offs"])
def test_every_control_has_a_name_in_words_and_every_picture_is_one_sentence(sheet: Sheet, view: str):
    page = at(sheet, "", view).page
    if view:
        page.wait_for_selector("[data-testid=stPlotlyChart][role=img] .main-svg", timeout=20_000)
        page.wait_for_selector("#js-plotly-tester[aria-hidden=true]", state="attached")
    nodes = tree(page)
    names = [(said(node, "role"), said(node, "name")) for node in of(nodes, *CONTROLS)]
    assert len(names) > 30
    assert [(role, name) for role, name in names if not name.strip() or name.strip().endswith(" icon")] == []
    pictures = of(nodes, "image", "img")
    assert any(len(said(picture, "name")) > 40 for picture in pictures)
    assert all(said(picture, "name") for picture in pictures)
    headings = of(nodes, "heading")
    assert (view or "memory").capitalize() in [said(heading, "name") for heading in headings]
    assert [node for heading in headings for node in within(nodes, heading) if said(node, "role") == "link"] == []


def test_a_slider_is_named_once_and_the_verdict_is_read_as_text(sheet: Sheet):
    page = at(sheet, "").page
    page.wait_for_function("!document.querySelector('input[type=range][aria-labelledby]')")
    nodes = tree(page)
    name = "Context length in tokens (the model supports 131,072)"
    assert [said(node, "name") for node in of(nodes, "slider")] == [name, "Batch size, sequences at once"]
    assert name not in [said(node, "name") for node in of(nodes, "group")]
    verdict = "✓ fits, 61.8\xa0GiB free"
    (text,) = (node for node in of(nodes, "StaticText") if said(node, "name") == verdict)
    assert [said(node, "name") for node in of(nodes, "status") if text in list(within(nodes, node))] == []


def test_the_heading_of_the_page_comes_before_that_of_a_story(sheet: Sheet):
    page = at(sheet, "story=why-so-much-memory").page
    page.wait_for_selector(".story-say")
    nodes = tree(page)
    headings = [node for node in within(nodes, of(nodes, "RootWebArea")[0]) if said(node, "role") == "heading"]
    levels = [value["value"]["value"] for node in headings for value in node["properties"] if value["name"] == "level"]
    assert levels[0] == 1 and levels.count(1) == 1 and 2 in levels
