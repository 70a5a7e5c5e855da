"""Choose a model among the presets, or bring one: its config.json, the head of a GGUF file, a name on the Hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import streamlit as st

from memory_model import InputError
from memory_model.checkpoints.hub import read_hub
from memory_model.model_shape import ModelShape
from memory_model.presets import LARGEST_CONFIG, ModelPreset, model_presets, parse_config
from memory_model.scenario import OWN_OF_ENGINE
from memory_model.understood import understood

from .. import own_models
from ..charts import model as model_charts
from ..controls import Chosen
from ..echoes import place
from ..figure import draw, text_size
from ..parameter import Value
from ..parameters import DEFAULTS
from ..refusals import in_words
from ..wording import count, plain

USES_SLIDERS = False
SIZES = {"any size": 2**63, "up to 4 B": 4 * 10**9, "up to 15 B": 15 * 10**9, "up to 80 B": 80 * 10**9}
LLAMA_CPP = {key: DEFAULTS[key] for key in OWN_OF_ENGINE} | {"engine": "llama.cpp"}
"""The controls of the engine that loads GGUF files."""
_head_alone = st.components.v2.component(
    "memory_gguf_head",
    html="<i hidden></i>",
    js=(Path(__file__).parent.parent / "gguf_head.js").read_text(encoding="utf-8"),
)


def show(chosen: Chosen) -> None:
    """The model that the page shows now, the presets, and three ways to bring another one; a room sees the model."""
    st.markdown(_sentence(chosen.deployment.model))
    if chosen.present:
        _pictures(chosen.deployment.model, "shown", text_size(True))
        return
    search, config, gguf, hub = st.tabs(
        ["Search the presets", "Bring a config.json", "Bring a GGUF file", "Name on the Hub"]
    )
    with search:
        _search(chosen.scenario.model)
    with config:
        _config()
    with gguf:
        _gguf()
    with hub:
        _hub()
    st.divider()
    st.markdown(f"## What is shown now: {plain(chosen.deployment.model.name)}")
    _understood(chosen.deployment.model)


def _sentence(model: ModelShape) -> str:
    """How large the model is, and where most of its numbers are."""
    found, total = understood(model), model.parameters()
    part, most = max(found.parameters.items(), key=lambda item: item[1])
    return (
        f"**{plain(model.name)}** has {total:,} parameters in {count(model.num_hidden_layers, 'layer')} and was made for "
        f"{count(model.max_position_embeddings, 'token')}; {100 * most / total:.0f} % of the parameters are its {plain(model_charts.PARTS.get(part, part))}."
    )


def _search(now: str) -> None:
    words, families, size = st.columns([3, 2, 2])
    wanted = (
        words.text_input(
            "Search",
            key="model_search",
            placeholder="name, maker or family, such as qwen3",
            help="Every word has to occur.",
        )
        .lower()
        .split()
    )
    known = sorted({preset.family for preset in model_presets().values()})
    family = families.selectbox("Family", ["all", *known], key="model_family", help="Models of one maker and design.")
    most = SIZES[size.selectbox("Size", list(SIZES), key="model_size", help="By the number of parameters.")]
    found = [
        preset
        for preset in model_presets().values()
        if all(word in f"{preset.name} {preset.hub} {preset.family} {preset.id}".lower() for word in wanted)
        and family in ("all", preset.family)
        and preset.parameters["all"] <= most
    ]
    st.caption(f"{len(found)} of {len(model_presets())} presets. Select a row to show that model on every page.")
    picked = st.dataframe(
        [_row(preset) for preset in found],
        hide_index=True,
        selection_mode="single-row",
        on_select="rerun",
        key="model_rows",
        column_config={"parameters": st.column_config.NumberColumn(format="localized")},
    )
    rows = picked.selection.rows
    if rows and rows[0] < len(found) and found[rows[0]].id != now:
        _button(found[rows[0]].name, found[rows[0]].id)


def _row(preset: ModelPreset) -> dict[str, object]:
    return {
        "model": preset.name,
        "family": preset.family,
        "parameters": preset.parameters["all"],
        "Hub": preset.hub,
        "checked": str(preset.checked),
    }


def _config() -> None:
    st.markdown(
        "Any model's `config.json`, as it stands in its repository. It is read as data and kept by this server only."
    )
    file = st.file_uploader(
        "Drop the file",
        type="json",
        help="It lies beside the weights, on the Hub under “Files”.",
        key="own_config_file",
        max_upload_size=LARGEST_CONFIG // 2**20,
    )
    text = st.text_area(
        "or paste it", key="own_config_text", height=160, max_chars=LARGEST_CONFIG, help="The whole text, from { to }."
    )
    content = file.getvalue() if file else text.encode()
    if content.strip():
        _offer(content, lambda: parse_config(_utf8(content), "config.json"))


def _gguf() -> None:
    st.markdown("What a GGUF file holds stands in its first megabytes: your browser sends no more than 32 of them.")
    _head_alone(key="gguf_head")
    file = st.file_uploader(
        "Drop a GGUF file",
        type="gguf",
        key="own_gguf_file",
        max_upload_size=34,
        help="What llama.cpp and Ollama load, in one file. The command line reads models that are split into several.",
    )
    if file:
        content = file.getvalue()
        more = {} if st.session_state.engine == "llama.cpp" else LLAMA_CPP
        _offer(content, lambda: own_models.read_gguf_content(content, file.name), more)


def _hub() -> None:
    st.markdown(
        "Fetches the `config.json` and the headers of the weights, nothing else. Needs a network on the server."
    )
    name = st.text_input(
        "Organisation and name",
        key="own_hub_name",
        placeholder="Qwen/Qwen3-8B",
        max_chars=140,
        help="As it stands in the address of its page on the Hub.",
    )
    if st.button("Fetch", key="own_hub_fetch", disabled=not name):
        with st.spinner("Asking the Hub"):
            _offer(name.encode(), lambda: read_hub(name))


def _offer(content: bytes, read: Callable[[], ModelShape], more: Mapping[str, Value] = {}) -> None:
    """Show what was understood, and a button that uses it and sets `more`; or say what was not."""
    try:
        model = read()
    except InputError as error:
        st.error(plain(in_words(error)), icon=":material/report:")
        return
    st.success(f"Understood: {model.parameters():,} parameters in {model.num_hidden_layers:,} layers.")
    label = f"this model on {LLAMA_CPP['engine']}" if more else "this model"
    _button(label, own_models.keep(replace(model, name=f"Your {model.model_type} model"), content), more)
    _understood(model, key="offered")


def _button(label: str, name: str, more: Mapping[str, Value] = {}) -> None:
    st.button(f"Show {plain(label)}", type="primary", on_click=_use, args=(name, more), key=f"use_{name}")


def _use(name: str, more: Mapping[str, Value]) -> None:
    place({"model": name, "weights": "published", **more})


def _understood(model: ModelShape, key: str = "shown") -> None:
    _pictures(model, key, text_size(False))
    st.dataframe(
        [{"what": name, "value": value} for name, value in understood(model).dimensions.items()],
        hide_index=True,
        key=f"dimensions_{key}",
    )


def _pictures(model: ModelShape, key: str, size: int) -> None:
    """Parameters by part beside the kinds of layers; `size` is the height of the text in pixels."""
    found = understood(model)
    theme = st.context.theme.type or "light"
    parts, layers = st.columns([2, 3])
    with parts:
        st.markdown("Parameters by part")
        shares = ", ".join(f"{model_charts.PARTS.get(part, part)} {size:,}" for part, size in found.parameters.items())
        figure = model_charts.parts_chart(found.parameters, theme=theme, size=size)
        draw(figure, f"parts_{key}", f"Parameters by part: {shares}")
    with layers:
        kinds = "; ".join(f"{times} × {kind}" for kind, times in found.kinds.items())
        st.markdown(f"Kinds of layers: {plain(kinds)}")
        draw(
            model_charts.layers_chart(found.layers, theme=theme, size=size),
            f"layers_{key}",
            f"Kinds of layers: {kinds}",
        )


def _utf8(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InputError("config.json: not a text file in UTF-8; drop the model's own config.json") from None
