"""What people take with them says the same numbers as the page, and what they bring back is read as data."""

from __future__ import annotations

import io

import openpyxl
import pytest
import yaml
from pptx import Presentation

from dashboard.controls import Chosen
from dashboard.link import scenario_of
from dashboard.parameters import DEFAULTS
from dashboard.take_along import menu, scenario_file
from dashboard.take_along.figure_buttons import unmarked
from dashboard.take_along.scenario_file import PAGE_KEYS, PageState
from dashboard.take_along.tables import as_csv
from dashboard.take_along.workbook import workbook
from dashboard.wording import plain
from memory_model import InputError, Scenario, estimate, resolve
from memory_model.result import result_or_error

SCENARIOS = (
    Scenario("llama-3.1-70b", device="h100-sxm-80gb", context_length=131072, weights="awq-int4"),
    Scenario("gemma-3-27b-it", engine="llama.cpp", weights="q4_k_m", kv_cache="q8_0", kv_unified=True, batch_size=4),
    Scenario("qwen3-30b-a3b", engine="vllm", tensor_parallel=2, device="a100-sxm-80gb", context_length=1000),
)


def chosen(scenario: Scenario) -> Chosen:
    return Chosen(scenario, resolve(scenario), "GiB", False)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.model)
def test_the_slide_has_a_native_chart_with_the_bars_of_the_page(scenario: Scenario):
    page = Presentation(io.BytesIO(menu.slide_of(chosen(scenario)))).slides[0]
    chart = next(shape.chart for shape in page.shapes if shape.has_chart)
    last = {series.name: series.values[-1] for series in chart.plots[0].series}
    memory = estimate(scenario)
    for name, label in (("weights", "Weights"), ("kv_cache", "KV cache"), ("activations", "Activations")):
        assert last[label] == pytest.approx(int(memory[name].bytes) / 2**30)
    words = " ".join(shape.text_frame.text for shape in page.shapes if shape.has_text_frame)
    assert resolve(scenario).model.name in words
    assert ("usable" in words) == (scenario.device != "none")
    notes = page.notes_slide.notes_text_frame.text
    assert f"Total: {int(memory.bytes):,} bytes" in notes and f"context_length: {scenario.context_length}" in notes


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.model)
def test_the_workbook_has_the_exact_bytes(scenario: Scenario):
    book = openpyxl.load_workbook(io.BytesIO(menu.workbook_of(chosen(scenario))))
    found = {row[0].value: row[1].value for row in book["Bytes"].iter_rows(min_row=2)}
    assert found["Total"] == estimate(scenario).bytes
    assert {row[0].value: row[1].value for row in book["Scenario"].iter_rows(min_row=2)}["model"] == scenario.model


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t"])
def test_a_table_holds_no_formulas(sign: str):
    assert as_csv([{"a": f"{sign}1", "b": -1}]) == f"a,b\n'{sign}1,-1\n"


def test_a_workbook_takes_letters_that_its_format_lacks():
    book = openpyxl.load_workbook(io.BytesIO(workbook({"a": [{"name": "a\x00b\ud800"}]})))
    assert book["a"]["A2"].value == "a\ufffdb\ufffd"


def test_a_workbook_holds_no_formulas():
    book = openpyxl.load_workbook(io.BytesIO(workbook({"a": [{"name": "=1+1", "bytes": 2**40}]})))
    assert [cell.value for cell in book["a"][2]] == ["'=1+1", 2**40]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.model)
def test_a_scenario_file_comes_back_and_runs_on_the_command_line(scenario: Scenario):
    text = menu.scenario_of(chosen(scenario), PageState("memory")).decode()
    assert scenario_of(scenario_file.read(text, "scenario.yaml")) == scenario
    assert result_or_error(yaml.safe_load(text))["total"] == estimate(scenario).bytes


def test_a_scenario_file_says_in_which_view_and_how_the_page_showed_it():
    own = {"unit": "GB", "levers_changes": "cache-fp8,gpus-4", "conversation_users": 40, "memory_parts": True}
    state = {key: DEFAULTS[key] for key in PAGE_KEYS} | own
    text = scenario_file.written(SCENARIOS[2], PageState("levers", state))
    assert scenario_file.page_of(text, "f.yaml") == PageState("levers", state)
    assert scenario_of(scenario_file.read(text, "f.yaml")) == SCENARIOS[2]
    assert scenario_file.page_of("model: gpt2\n", "f.yaml") == PageState()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("elsewhere?unit=GB", "f.yaml › on the page: unknown view 'elsewhere'"),
        ("levers?unit=TB", "f.yaml › unit: unknown unit 'TB'"),
        ("levers?story=from-training-to-a-phone", "f.yaml › on the page: unknown key 'story'"),
        ("compare?model=gpt2", "f.yaml › on the page: unknown key 'model'"),
    ],
)
def test_a_comment_about_the_page_that_cannot_be_used_says_why(line: str, message: str):
    with pytest.raises(InputError) as caught:
        scenario_file.page_of(f"# On the page: {line}\nmodel: gpt2\n", "f.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: /etc/passwd", "f.yaml › model: unknown model '/etc/passwd'"),
        ("model: ../../config.json", "f.yaml › model: unknown model"),
        ("model: gpt2\nshell: rm", "unknown scenario key 'shell'"),
        ("model: gpt2\ncontext_length: -4", "context_length: -4 is outside"),
        ("context_length: 4", "model: missing"),
        ("- model: gpt2\n- model: gpt2", "f.yaml: expected the keys of one scenario, got list"),
        ("", "f.yaml: expected the keys of one scenario, got NoneType"),
        ("model: !!python/name:os.system x", "f.yaml, line 1: tags are not read here"),
    ],
)
def test_a_scenario_file_that_cannot_be_used_says_why(text: str, message: str):
    with pytest.raises(InputError) as caught:
        scenario_file.read(text, "f.yaml")
    assert message in str(caught.value)


def test_a_sentence_in_a_picture_has_no_marks():
    assert unmarked(f"**3.5 GiB** for {plain('a_b*c')}") == "3.5 GiB for a_b*c"


def test_a_table_as_csv():
    assert as_csv([{"a": 1, "b": "x,y"}, {"a": 2, "b": None}]) == 'a,b\n1,"x,y"\n2,\n'
