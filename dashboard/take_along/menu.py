"""The dialog of what people take with them, and of what they bring back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from memory_model import InputError
from memory_model.estimate import breakdown, over_grid
from memory_model.resolve import resolved_keys

from ..controls import Chosen
from ..echoes import place
from ..format_names import scheme_name
from ..live.drawing import of_scenario
from ..parameters import VIEW_NAMES
from ..stops import bar_positions
from ..story_bar import open_view
from ..wording import amount, count, plain
from . import scenario_file
from .page import page
from .saved import saved_scenarios
from .scenario_file import PAGE_KEYS, PageState
from .tables import grid_rows, rows

LARGEST_FILE = 64 * 2**10


@st.dialog("Save and take along", width="large")
def menu(chosen: Chosen, query: str, view: str) -> None:
    """Files of what is on the page, scenarios kept in this browser, and a scenario file to open; `view` is the view's place."""
    page = PageState(view, {key: st.session_state[key] for key in PAGE_KEYS})
    st.markdown("### Take along")
    with st.container(horizontal=True):
        for label, name, kind, made in (
            (
                "PowerPoint slide",
                "memory.pptx",
                "application/vnd.openxmlformats-officedocument.presentationml.presentation",
                slide_of,
            ),
            (
                "Excel workbook",
                "memory.xlsx",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                workbook_of,
            ),
            ("Live chart as a page", "memory.html", "text/html", page_of),
            ("Scenario file", "scenario.yaml", "application/yaml", lambda chosen: scenario_of(chosen, page)),
        ):
            _download(label, name, kind, chosen, made)
    st.caption(
        "The slide's chart can be edited in PowerPoint. The scenario file is what `python -m memory_model batch` reads; "
        "opened here, it shows the view that it was saved in."
    )
    st.markdown("### Kept in this browser")
    saved_scenarios(
        query,
        f"{chosen.deployment.model.name}, {count(chosen.scenario.context_length, 'token')}",
        "" if view == VIEW_NAMES[0] else view,
    )
    st.markdown("### Open a scenario file")
    _open()


def _download(label: str, name: str, kind: str, chosen: Chosen, made: Callable[[Chosen], bytes]) -> None:
    st.download_button(
        label, lambda: made(chosen), name, kind, key=f"take_{name}", on_click="ignore", icon=":material/download:"
    )


def title_of(chosen: Chosen) -> str:
    """What the picture is of, in a line."""
    deployment = chosen.deployment
    device = f" on {deployment.device.name}" if deployment.device else ""
    return f"{deployment.model.name}, {scheme_name(deployment.scheme)}, {deployment.engine.facts.label}{device}"


def sentence_of(chosen: Chosen) -> str:
    """What it needs and whether that fits."""
    memory, deployment = breakdown(chosen.deployment), chosen.deployment
    scenario, total = chosen.scenario, int(memory.bytes)
    said = (
        f"{count(scenario.context_length, 'token')} for {count(scenario.batch_size, 'sequence')} need {amount(total, chosen.unit)}, "
        f"of which {amount(int(memory['weights'].bytes), chosen.unit)} are weights and {amount(int(memory['kv_cache'].bytes), chosen.unit)} KV cache"
    )
    held = sum(int(part.bytes) for part in memory.host)
    if held:
        said += f", and {amount(held, chosen.unit)} of host memory beside the device"
    if deployment.device is None:
        return f"{said}."
    left = deployment.engine.memory_limit(deployment) - total
    return (
        f"{said}: fits, {amount(left, chosen.unit)} free."
        if left >= 0
        else f"{said}: over by {amount(-left, chosen.unit)}."
    )


def slide_of(chosen: Chosen) -> bytes:
    """The bars of the live chart as a slide; what makes slides takes a while to load, and is loaded when asked for."""
    from .slide import Bars, slide

    deployment = chosen.deployment
    grid = over_grid(
        deployment, sorted(set(bar_positions(chosen.scenario.context_length))), [chosen.scenario.batch_size]
    )
    starts = np.isfinite(grid.bytes[:, 0])
    contexts = grid.context_length[starts].astype(int)
    bars = Bars(
        labels=[f"{context:,}" for context in contexts],
        components={name: [int(value) for value in values[starts, 0]] for name, values in grid.components.items()},
        axis=f"tokens in context, {count(chosen.scenario.batch_size, 'sequence')} at once",
        capacity=deployment.engine.memory_limit(deployment) if deployment.device else None,
        device=deployment.device.name if deployment.device else "",
    )
    return slide(title_of(chosen), sentence_of(chosen), bars, chosen.unit, notes_of(chosen))


def notes_of(chosen: Chosen) -> str:
    """What a presenter is asked for: the exact bytes with their evidence, and every choice that was made."""
    sizes = [
        f"{row['component']}: {row['bytes']:,} bytes, {row['evidence']}".removesuffix(", ")
        for row in rows(breakdown(chosen.deployment), chosen.unit)
    ]
    choices = [f"{key}: {value}" for key, value in resolved_keys(chosen.scenario, chosen.deployment).items()]
    return "\n".join([*sizes, "", *choices])


def page_of(chosen: Chosen) -> bytes:
    """The live chart as one file that still drags without a server."""
    drawing = of_scenario(chosen.scenario, "context", chosen.unit)
    about = f"{count(chosen.scenario.batch_size, 'sequence')} at once. Drag the slider; nothing is sent anywhere."
    return page(drawing, title_of(chosen), about)


def workbook_of(chosen: Chosen) -> bytes:
    """The scenario's keys, its exact bytes, and the grid of context lengths and batch sizes."""
    from .workbook import workbook

    keys = resolved_keys(chosen.scenario, chosen.deployment)
    return workbook(
        {
            "Scenario": [{"key": key, "value": value} for key, value in keys.items()],
            "Bytes": rows(breakdown(chosen.deployment), chosen.unit),
            "Context and batch": grid_rows(chosen.scenario, chosen.deployment),
        }
    )


def scenario_of(chosen: Chosen, page: PageState) -> bytes:
    """The scenario as YAML, with how the page shows it; for a model that was brought, the reason why there is none."""
    try:
        return scenario_file.written(chosen.scenario, page).encode()
    except InputError as error:
        return f"# {error}\n".encode()


def _open() -> None:
    file = st.file_uploader(
        "A YAML file with one scenario", type=["yaml", "yml"], key="scenario_file", max_upload_size=1
    )
    if file is None:
        return
    try:
        if file.size > LARGEST_FILE:
            raise InputError(f"{file.name}: larger than {LARGEST_FILE // 1024} KiB; a scenario takes a few lines")
        content = file.getvalue().decode("utf-8", errors="replace")
        values, page = scenario_file.read(content, file.name), scenario_file.page_of(content, file.name)
    except InputError as error:
        st.error(plain(str(error)))
        return
    if st.button("Show this scenario", type="primary", key="open_scenario"):
        place({**values, **page.values})
        if page.view:
            open_view(page.view)
        st.rerun()
