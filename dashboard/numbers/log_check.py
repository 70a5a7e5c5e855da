"""A start-up log that somebody pastes, beside what is predicted for it."""

from __future__ import annotations

import streamlit as st

from memory_model import InputError
from memory_model.engine_logs import Comparison, compare, read_log
from memory_model.engine_logs.read import LARGEST
from memory_model.engine_logs.taken import scenario_of
from memory_model.engine_logs.words import understood_of

from ..controls import Chosen
from ..echoes import place
from ..own_models import is_own, shape
from ..parameters import DEFAULTS, PARAMETERS
from ..refusals import in_words
from ..wording import amount, plain, signed

EXAMPLE = """\
load_tensors: offloaded 33/33 layers to GPU
load_tensors:        CUDA0 model buffer size =  4403.49 MiB
llama_context: n_ctx         = 8192
llama_kv_cache:      CUDA0 KV buffer size =  1024.00 MiB
llama_context:      CUDA0 compute buffer size =   258.50 MiB"""
ON_A_PHONE = """
<style>
@media (max-width: 640px) {
  .st-key-log_rows table, .st-key-log_rows :is(thead, tbody) { display: block; }
  .st-key-log_rows tr { display: grid; grid-template-columns: 1.1fr .9fr .9fr 1.2fr; border-bottom: 1px solid rgba(128,128,128,.35); }
  .st-key-log_rows :is(td, th) { border: 0 !important; padding: .25rem .2rem !important; }
  .st-key-log_rows :is(td, th):nth-child(5) { grid-column: 1 / 4; }
}
</style>
"""
"""A figure takes two lines there, its reason in the second."""


def show(chosen: Chosen) -> None:
    """The box for the log, what was understood of it, and the comparison."""
    st.markdown(
        "Paste what **vLLM, SGLang, llama.cpp or Ollama** print while they start. Every figure about memory is set beside the "
        "prediction. The text is read as data, is not kept, and is sent nowhere else."
    )
    text = st.text_area(
        "Start-up log",
        key="numbers_log",
        height=180,
        max_chars=LARGEST,
        placeholder=EXAMPLE,
        help="Up to 4 MiB of text.",
    )
    if not text.strip():
        return
    try:
        log = read_log(text)
        own = shape(chosen.scenario.model) if is_own(chosen.scenario.model) else None
        scenario, taken = scenario_of(log, chosen.scenario, own)
        found = compare(log, scenario, own if scenario.model == chosen.scenario.model else None)
    except InputError as error:
        st.error(plain(str(error)))
        return
    for sentence in understood_of(log, taken, f"{chosen.deployment.model.name}, which the page shows"):
        st.markdown(plain(sentence))
    if not found:
        st.info(
            "The log was read, but it has no figure that is predicted. Choose a device to compare what engines reserve."
        )
        return
    agreeing, follows = sum(row.agrees for row in found), found[-1].follows
    words = ", one of which follows from the printed ones," if follows else ""
    st.markdown(
        f"**{agreeing} of {len(found)} figures{words} agree**, as far as the log prints or within half a per cent."
    )
    st.html(ON_A_PHONE)
    with st.container(key="log_rows"):
        st.table(_rows(found, chosen.unit), hide_index=True, border="horizontal")
    if log.writer == "Ollama":
        st.caption(
            "What Ollama prints before it loads is its own estimate; the lines of its runner are what was allocated."
        )
    _take_over(taken)


def _rows(found: tuple[Comparison, ...], unit: str) -> list[dict[str, str]]:
    """One row a figure; a reason that several share is said at the first."""
    rows, said = [], set()
    for one in found:
        row = _row(one, unit)
        rows.append(row | {"reason": "as above"} if one.reason in said and not one.agrees else row)
        said.add(one.reason)
    return rows


def _row(row: Comparison, unit: str) -> dict[str, str]:
    def said(value: float) -> str:
        if row.unit == "bytes":
            return amount(value, unit)
        return f"{value:,.0f} {row.unit}" if row.unit == "tokens" else f"{value:,.2f} {row.unit}"

    mark = "✓" if row.agrees else "✗"
    share = f"{mark} {signed(100 * row.difference / row.printed)} %" if row.printed else mark
    return {
        "figure": plain(row.label),
        "printed": said(row.printed).replace(" ", "\u00a0"),
        "predicted": said(row.predicted).replace(" ", "\u00a0"),
        "difference": share.replace(" ", "\u00a0"),
        "reason": plain(in_words(row.reason)),
        "lines": ", ".join(str(line) for line in row.lines),
    }


def _take_over(taken: dict[str, object]) -> None:
    known = {parameter.key for parameter in PARAMETERS}
    values = {key: value for key, value in taken.items() if key in known}
    if values and st.button(
        "Show this server on the page", key="log_apply", type="primary", on_click=_apply, args=(values,)
    ):
        st.rerun()


def _apply(values: dict[str, object]) -> None:
    options = {key: DEFAULTS[key] for key in ("attention", "logits", "kv_cache", "engine_version")}
    place(options | values)
