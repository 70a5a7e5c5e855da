"""The live view: verdict, bars against context length, and what fits, all following the sliders."""

from __future__ import annotations

from .. import live
from ..advice import what_would_fit
from ..controls import Chosen
from ..live.drawing import of_scenario

DRAWS_LIVE = True


def show(chosen: Chosen) -> None:
    """Draw the chart and hand it the tables of the scenario."""
    scenario, unit = chosen.scenario, chosen.unit
    live.draw(of_scenario(scenario, "context", unit), lambda: what_would_fit(scenario, unit))
