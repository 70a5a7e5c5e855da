"""A training step on the page: what the optimizer step allocates is a part of its own, and the moment that decides is named."""

from __future__ import annotations

import pytest
from conftest import Sheet
from opened_page import SEEN, at

PARTS = """() => Object.fromEntries([...document.querySelectorAll('.js-plotly-plot')].map(chart => chart.data).find(
  data => data.some(part => part.name === 'Gradients')).map(part => [part.name, part.y]))"""
"""The height of each part in each bar: inference, full training, LoRA, QLoRA."""


@pytest.mark.parametrize("tokens", [256, 2048])
def test_what_the_optimizer_step_allocates_is_a_part_that_no_token_changes(sheet: Sheet, tokens: int):
    page = at(sheet, f"model=llama-3.1-8b&numbers_section=training&numbers_train_tokens={tokens}", "numbers").page
    page.wait_for_selector(".js-plotly-plot .bars")
    parts, seen = page.evaluate(PARTS), page.evaluate(SEEN)
    assert parts["Activations"][1] == parts["Optimizer step"][2] == 0
    assert parts["Optimizer step"][1] == 8 * 8_030_261_248 / 2**30
    assert "in the optimizer step, 10." in seen
    assert "Full training: most is alive in the optimizer step" in seen
    assert "LoRA: most is alive in the backward pass" in seen
