"""The live view: verdict, bars against context length, and what fits, all following the sliders."""

from __future__ import annotations

from dataclasses import replace

from .. import live
from ..advice import what_would_fit
from ..controls import Chosen
from ..live.payload import advice, batch_table, configuration, context_table, facts
from ..stops import SHORTEST


def show(chosen: Chosen) -> None:
    """Draw the chart and hand it the tables of the scenario."""
    scenario = chosen.scenario
    live.draw()
    live.feed(facts(configuration(scenario), chosen.unit))
    live.feed(context_table(replace(scenario, context_length=SHORTEST)))
    live.feed(batch_table(scenario))
    live.feed(advice(scenario, what_would_fit(scenario, chosen.unit)))
