"""The Model view: searching the presets, and bringing a model of one's own."""

import json
from pathlib import Path

import gguf
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import own_models
from dashboard.brought import KEPT
from dashboard.charts.model import layers_chart, parts_chart
from memory_model import InputError, Scenario, estimate, load_model
from memory_model.presets import find_preset, model_presets, parse_config
from memory_model.understood import understood

APP = str(Path(__file__).parent.parent / "streamlit_app.py")
TINY = {
    "model_type": "llama",
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 1000,
    "max_position_embeddings": 2048,
    "torch_dtype": "bfloat16",
}


def opened(**query):
    app = AppTest.from_file(APP, default_timeout=30)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def test_what_is_understood_adds_up():
    for preset in list(model_presets())[::7]:
        shape = load_model(preset)
        found = understood(shape)
        assert sum(found.parameters.values()) == shape.parameters()
        assert len(found.layers) == shape.num_hidden_layers
        assert all(found.layers)


def test_the_kinds_of_layers_are_named():
    assert understood(load_model("gemma-3-4b-it")).kinds == {"window of 1,024": 29, "full attention": 5}
    assert understood(load_model("deepseek-v3")).kinds == {"latent attention, experts": 58, "latent attention": 3}


def test_the_pictures_show_every_part_and_every_layer():
    found = understood(load_model("gpt-oss-20b"))
    bars = parts_chart(found.parameters, theme="light", size=14)["data"][0]
    assert sum(bars["x"]) == 20_914_757_184
    notes = parts_chart({"mlp": 1_309 * 10**9, "norms": 16_400}, theme="light", size=14)["layout"]["annotations"]
    assert {note["text"] for note in notes} == {"1.31 T (100.0 %)", "16.4 k (under 0.1 %)"}
    cells = layers_chart(found.layers, theme="dark", size=14)["data"]
    assert sorted(place for row in cells for place in row["base"]) == list(range(24))


def test_a_brought_model_is_found_by_its_hash_and_priced():
    content = json.dumps(TINY).encode()
    name = own_models.keep(parse_config(content.decode(), "config.json"), content)
    scenario = Scenario(model=name, context_length=100)
    deployment = own_models.deployed(scenario)
    assert (
        deployment.model.parameters() == 2 * 256_000 + 3 * (256 * 256 * 2 + 2 * 256 * 128 + 3 * 256 * 512 + 512) + 256
    )
    app = opened(model=name, context_length="100")
    assert not app.exception
    assert app.session_state["model"] == name
    assert app.query_params["model"] in (name, [name])


def test_a_forgotten_model_is_said_and_the_rest_is_kept():
    app = opened(model="own-000000000000", batch_size="7")
    assert not app.exception
    assert "somebody brought" in app.warning[0].value
    assert app.session_state["batch_size"] == 7
    assert app.session_state["model"] == "llama-3.1-8b"


def test_only_so_many_are_remembered():
    shape = load_model("gpt2")
    first = own_models.keep(shape, b"first")
    for number in range(KEPT):
        own_models.keep(shape, str(number).encode())
    with pytest.raises(InputError):
        own_models.shape(first)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "expected a mapping"),
        ('{"model_type": "lama"}', "did you mean"),
        (json.dumps(TINY | {"hidden_size": -1}), "outside 1"),
        ("[" * 5000, "not JSON"),
    ],
)
def test_a_broken_config_is_said_in_words(text, said):
    app = AppTest.from_function(paste, args=(text,), default_timeout=30).run()
    assert not app.exception
    assert said in app.error[0].value.replace("\\", "")


def test_a_config_that_is_understood_can_be_used():
    app = AppTest.from_function(paste, args=(json.dumps(TINY),), default_timeout=30).run()
    assert not app.exception
    assert app.success[0].value.startswith("Understood: 2,")
    app.button[0].click().run()
    assert own_models.is_own(app.session_state["model"])
    assert estimate(Scenario(model="gpt2")).bytes > 0


def test_the_head_of_a_gguf_file_is_enough_and_errors_name_the_file(tmp_path):
    path = tmp_path / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint32("llama.context_length", 2048)
    for key, value in (("embedding_length", 64), ("block_count", 1), ("feed_forward_length", 128)):
        writer.add_uint32(f"llama.{key}", value)
    writer.add_uint32("llama.attention.head_count", 4)
    writer.add_uint32("llama.vocab_size", 100)
    writer.add_tensor("token_embd.weight", np.zeros((100, 64), np.float16))
    writer.add_tensor("blk.0.attn_norm.weight", np.zeros(64, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    head = path.read_bytes()[:-1000]
    shape = own_models.read_gguf_content(head, "tiny.gguf")
    assert (shape.hidden_size, shape.vocab_size, shape.num_hidden_layers) == (64, 100, 1)
    with pytest.raises(InputError, match=r"^broken\.gguf: "):
        own_models.read_gguf_content(head[:50], "broken.gguf")


def test_a_search_finds_by_name_and_family():
    app = AppTest.from_function(search, default_timeout=30).run()
    app.text_input(key="model_search").set_value("qwen3 0.6b").run()
    assert list(app.dataframe[0].value["Hub"]) == ["Qwen/Qwen3-0.6B"]
    app.text_input(key="model_search").set_value("").run()
    app.selectbox(key="model_size").set_value("up to 4 B").run()
    assert max(app.dataframe[0].value["parameters"]) <= 4 * 10**9
    assert find_preset("Qwen/Qwen3-0.6B").id == "qwen3-0.6b"


def paste(text):
    import streamlit as st

    from dashboard.views import model

    st.session_state.own_config_text = text
    model._config()


def search():
    from dashboard.views import model

    model._search("llama-3.1-8b")
