"""What fits as pictures and sentences: the frontier of every line along the context, or along the batch."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from memory_model.scenario import MOST_SEQUENCES

from ..charts.frontier import Edge, frontier_chart
from ..charts.longest import longest_chart
from ..controls import Chosen
from ..figure import show as show_figure
from ..figure import text_size, theme
from ..stops import BATCHES, SHORTEST, context_stops
from ..trade_offs.frontiers import Frontier, frontier
from ..trade_offs.lines import Line
from ..wording import amount, count, plain

WITH = {"devices": "on", "formats": "with", "engines": "on"}
"""The word before a line's name."""


def fits(chosen: Chosen, reaching: list[Frontier], edges: tuple[Frontier, ...]) -> None:
    """Context against batch: `reaching` are the lines that hold something, `edges` all of them."""
    scenario, supported = chosen.scenario, chosen.deployment.model.max_position_embeddings
    right = max(context_stops(supported)[-1], 2 * scenario.context_length)
    figure = frontier_chart(
        [Edge(name_of(edge.line, chosen), _corners(edge), edge.line.is_chosen) for edge in reaching],
        now=(scenario.context_length, scenario.batch_size),
        most=(right, BATCHES[-1]),
        supported=supported,
        theme=theme(),
        size=text_size(chosen.present),
        room=chosen.present,
    )
    holding = [edge for edge in edges if edge.fits]
    varies = str(st.session_state.trade_offs_vary)
    among = f"{WITH[varies]} {len(holding) or 'none'} of {count(len(edges), varies.removesuffix('s'))}"
    words = (
        f"{plain(chosen.deployment.model.name)} with {count(scenario.context_length, 'token')} × "
        f"{count(scenario.batch_size, 'sequence')} **fits {among}**"
    )
    show_figure(
        figure,
        key="trade_offs_fits",
        title="What fits: context length against batch size",
        sentence=f"{words}.{_most_sequences(edges, chosen)} What lies under a line fits; "
        f"its end is the longest context of one sequence.{_without_a_line(edges, chosen)}",
        rows=_rows(edges),
    )


def _corners(edge: Frontier) -> tuple[tuple[int, int], ...]:
    """From the shortest context: each batch size with the longest context that it leaves."""
    corners = [(tokens, batch) for batch, tokens in zip(BATCHES, edge.longest, strict=True) if tokens >= SHORTEST]
    return (
        ((SHORTEST, edge.most_sequences), *reversed(corners))
        if edge.most_sequences < BATCHES[-1]
        else tuple(reversed(corners))
    )


def _most_sequences(edges: tuple[Frontier, ...], chosen: Chosen) -> str:
    """The lines with the most and the fewest sequences at the chosen length; empty where that was one, and fits none."""
    able = sorted((edge for edge in edges if edge.most_here), key=lambda edge: -edge.most_here)
    if not able:
        return " At this length none of them holds one sequence." if chosen.scenario.batch_size > 1 else ""
    first, last = able[0], able[-1]
    by = WITH[str(st.session_state.trade_offs_vary)]
    most = f" At this length there is room for {count(first.most_here, 'sequence')} {by} {plain(name_of(first.line, chosen))}"
    if first is last:
        return f"{most}."
    return f"{most}, for {last.most_here:,} {by} {plain(name_of(last.line, chosen))}."


def _without_a_line(edges: tuple[Frontier, ...], chosen: Chosen) -> str:
    """The lines that hold nothing, the chosen one among them; empty where every line holds something."""
    names = [plain(name_of(edge.line, chosen)) for edge in edges if edge.is_empty]
    if not names:
        return ""
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    by, have = WITH[str(st.session_state.trade_offs_vary)], "have" if names[1:] else "has"
    return f" Not even one token fits {by} {listed}, which {have} no line."


def longest(chosen: Chosen, reaching: list[Frontier], edges: tuple[Frontier, ...]) -> None:
    """The longest context against the batch, and what twice the sequences leave."""
    scenario, supported = chosen.scenario, chosen.deployment.model.max_position_embeddings
    figure = longest_chart(
        [(name_of(edge.line, chosen), edge.longest, edge.line.is_chosen) for edge in reaching],
        BATCHES,
        now=(scenario.context_length, scenario.batch_size),
        supported=supported,
        theme=theme(),
        size=text_size(chosen.present),
        room=chosen.present,
    )
    ranked = sorted((edge for edge in edges if edge.longest_here), key=lambda edge: -edge.longest_here)
    at_once = f"With {count(scenario.batch_size, 'sequence')} at once"
    if ranked:
        first, last, by = ranked[0], ranked[-1], WITH[str(st.session_state.trade_offs_vary)]
        sentence = f"{at_once}: {first.longest_here:,} tokens each {by} {plain(name_of(first.line, chosen))}"
        sentence += f", {last.longest_here:,} {by} {plain(name_of(last.line, chosen))}." if ranked[1:] else "."
    else:
        sentence = f"{at_once}, none of them holds one token each."
    sentence += f"{_twice(edges, chosen)} The model was made for {supported:,}.{_without_a_line(edges, chosen)}"
    show_figure(
        figure,
        key="trade_offs_longest",
        title="Longest context against batch size",
        sentence=sentence,
        rows=_rows(edges),
    )


def _twice(edges: tuple[Frontier, ...], chosen: Chosen) -> str:
    """What twice the sequences leave on the chosen line; empty where nothing fits, or no line is the page's own."""
    own = next((edge for edge in edges if edge.line.is_chosen and edge.longest_here), None)
    twice = 2 * chosen.scenario.batch_size
    if own is None or twice > MOST_SEQUENCES:
        return ""
    later = frontier(replace(own.line, scenario=replace(own.line.scenario, batch_size=twice)))
    if not later.longest_here:
        return f" {plain(name_of(own.line, chosen))} does not hold {twice:,} sequences at all."
    share = later.longest_here / own.longest_here
    return (
        f" {plain(name_of(own.line, chosen))}: twice the sequences leave {later.longest_here:,} tokens each instead of "
        f"{own.longest_here:,} ({100 * share:.0f} %)."
    )


def _rows(edges: tuple[Frontier, ...]) -> list[dict[str, object]]:
    return [
        {
            "line": edge.line.label,
            "fits": edge.fits,
            "needed, bytes": edge.total,
            "usable, bytes": edge.limit,
            "longest context at this batch size": edge.longest_here,
            "largest batch at this context length": edge.most_here,
        }
        for edge in edges
    ]


def name_of(line: Line, chosen: Chosen) -> str:
    """The label of a line, with the number of GPUs where the scenario has several."""
    gpus = chosen.deployment.options.devices
    return f"{gpus} × {line.label}" if gpus > 1 and st.session_state.trade_offs_vary == "devices" else line.label


def nothing(chosen: Chosen, edges: tuple[Frontier, ...]) -> None:
    """Where no line holds one token: by how much each is over at the chosen point."""
    if not edges:
        return
    scenario, unit = chosen.scenario, chosen.unit
    varies = str(st.session_state.trade_offs_vary)
    near = min(edges, key=lambda edge: edge.total - edge.limit)
    gpus = " on each GPU" if chosen.deployment.options.devices > 1 else ""
    st.markdown("## What fits: nothing yet")
    st.markdown(
        f"{plain(chosen.deployment.model.name)} fits {WITH[varies]} **none of {count(len(edges), varies.removesuffix('s'))}**, not "
        f"with one token of one sequence. With {count(scenario.context_length, 'token')} × "
        f"{count(scenario.batch_size, 'sequence')} the nearest is {plain(name_of(near.line, chosen))}, over by "
        f"**{amount(near.total - near.limit, unit)}**{gpus}. Levers and Hardware say what would make it fit."
    )
    st.dataframe(
        [
            {
                varies.removesuffix("s"): name_of(edge.line, chosen),
                "needed": amount(edge.total, unit),
                "usable": amount(edge.limit, unit),
                "over by": amount(edge.total - edge.limit, unit),
            }
            for edge in edges
        ],
        hide_index=True,
        key="trade_offs_nothing",
    )
