"""The one mapping of components to words, colours and drawing order; every chart reads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class ComponentStyle:
    """How one component is drawn. The colours are told apart under every common colour blindness."""

    name: str
    """The component's name in the memory model."""
    label: str
    words: str
    """What it is, for someone who sees the word for the first time."""
    light: str
    dark: str


STACK = (
    ComponentStyle("weights", "Weights", "the learned numbers", "#192C94", "#3767D0"),
    ComponentStyle("kv_cache", "KV cache", "what is kept of the text so far", "#C9871E", "#E5860F"),
    ComponentStyle("activations", "Activations", "values alive while computing", "#1C7953", "#96F7BE"),
    ComponentStyle("overhead", "Overhead", "driver, engine and workspaces", "#878C99", "#A2A4B0"),
)
"""From the bottom of the stack to its top."""

TRAINING_STACK = (
    STACK[0],
    ComponentStyle("gradients", "Gradients", "which way each learned number should move", "#A947FA", "#CC93FC"),
    ComponentStyle("optimizer", "Optimizer", "what it remembers of every learned number", "#4D0D29", "#CD2029"),
    STACK[2],
    ComponentStyle(
        "optimizer_step",
        "Optimizer step",
        "what is computed for all learned numbers while they are updated, then freed; no more with more tokens",
        "#C00000",
        "#84606C",
    ),
    STACK[3],
)
"""The same for a training step. The three more are at least 17 apart (CIEDE2000) from every other colour, the KV cache's
too, under every common colour blindness, and at least 3:1 against the background."""

SERIES = {
    "light": (
        "#192C94",
        "#C9871E",
        "#1C7953",
        "#542137",
        "#4F7CAC",
        "#9A5B2F",
        "#878C99",
        "#7A6C9E",
        "#2F7F86",
        "#B0506A",
    ),
    "dark": (
        "#5C86E8",
        "#E5860F",
        "#96F7BE",
        "#C583A8",
        "#8FB8E8",
        "#E0B58B",
        "#A2A4B0",
        "#B9A6E8",
        "#7FD3D9",
        "#F09AB0",
    ),
}
"""Things of one kind, each with a label of its own beside it; told apart by lightness too."""

BACKGROUND = {"light": "#ffffff", "dark": "#171614"}
ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">
<path d="M0 8V3h3v5zM5 8V0h3v8z" fill="#3767D0"/></svg>"""
SECOND_BACKGROUND = {"light": "#f3f4f7", "dark": "#24231f"}
TEXT = {"light": "#1d1f27", "dark": "#f1efe9"}
BORDER = {"light": "#d5d8e0", "dark": "#46443f"}
PRIMARY = {"light": "#192C94", "dark": "#8FAEFF"}
"""As in `.streamlit/config.toml`."""


def style(name: str) -> ComponentStyle:
    """The style of a component. Raises KeyError for a component that has none."""
    known = dict.fromkeys((*STACK, *TRAINING_STACK))
    for component in known:
        if component.name == name:
            return component
    raise KeyError(f"{name!r} has no colour; known: {', '.join(component.name for component in known)}")


def on_paper() -> dict[str, str]:
    """Each colour of the dark theme with the light one that stands for the same; a sheet of paper is light."""
    parts = {part.dark: part.light for part in (*STACK, *TRAINING_STACK)}
    themed = (BACKGROUND, SECOND_BACKGROUND, TEXT, BORDER, PRIMARY)
    return (
        dict(zip(SERIES["dark"], SERIES["light"], strict=True))
        | parts
        | {pair["dark"]: pair["light"] for pair in themed}
    )


def stack_for_browser() -> list[dict[str, str]]:
    """The mapping as plain data for the live chart."""
    return [asdict(component) for component in STACK]


def readable(color: str) -> str:
    """Black or white, whichever reads better on a colour such as `#192C94` (WCAG 2 contrast)."""
    channels = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (light + 0.05) > (light + 0.05) / 0.05 else "#000000"
