"""The command line and the JSON that other programs rely on."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest

from memory_model import InputError, Scenario, sweep
from memory_model.__main__ import main
from memory_model.presets import model_presets


def run(capsys, *arguments):
    """Exit status, standard output and standard error of one command."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_result_of_one_scenario(capsys):
    status, out, _ = run(
        capsys, "estimate", "meta-llama/Llama-3.1-8B", "--context-length", "128k", "--batch-size", "2", "--json"
    )
    found = json.loads(out)
    assert status == 0
    assert found["model"] == {
        "id": "llama-3.1-8b",
        "model_type": "llama",
        "parameters": 8_030_261_248,
        "active_parameters": 8_030_261_248,
        "layers": 32,
        "max_position_embeddings": 131_072,
    }
    assert found["components"]["weights"] == 16_060_522_496
    assert found["components"]["kv_cache"] == 2 * 131_072 * 131_072
    assert found["total"] == sum(found["components"].values())
    assert found["host"] == {"weights": 0, "kv_cache": 0, "activations": 0}
    assert found["evidence"]["weights"] == "exact"
    assert found["evidence"]["activations"] == "measured"
    assert found["device"] is None
    assert (
        found["scenario"]
        | {
            "model": "meta-llama/Llama-3.1-8B",
            "weights": "published",
            "kv_cache": "bf16",
            "engine": "transformers",
            "attention": "sdpa",
            "phase": "peak",
            "context_length": 131_072,
            "batch_size": 2,
            "logits": "last",
            "placement": "one-gpu",
            "tensor_parallel": 1,
            "pipeline_parallel": 1,
            "device": "none",
        }
        == found["scenario"]
    )


def test_the_device_says_what_fits(capsys):
    _, out, _ = run(capsys, "estimate", "llama-3.1-8b", "--device", "h100-sxm-80gb", "--json")
    device = json.loads(out)["device"]
    assert device["id"] == "h100-sxm-80gb"
    assert device["usable_bytes"] == pytest.approx(79.19 * 2**30, abs=1)
    assert device["fits"] is True
    assert device["headroom"] == device["usable_bytes"] - json.loads(out)["total"]
    assert device["max_context_length"] > 131_072
    assert device["max_batch_size"] > 16


def test_a_batch_goes_on_after_a_bad_scenario(capsys, tmp_path):
    scenarios = tmp_path / "scenarios.jsonl"
    scenarios.write_text(
        '{"model": "gpt2"}\nnot json\n{"model": "gpt3"}\n{"model": "gpt2", "contxt_length": 1}\n{"model": "opt-6.7b"}\n',
        encoding="utf-8",
    )
    status, out, _ = run(capsys, "batch", str(scenarios))
    found = [json.loads(line) for line in out.splitlines()]
    assert status == 1
    assert [("error" in result) for result in found] == [False, True, True, True, False]
    assert found[2]["scenario"] == {"model": "gpt3"}
    assert found[2]["error"].startswith("model: unknown model 'gpt3'; did you mean ")
    assert "did you mean context_length?" in found[3]["error"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("s.yaml", "- {model: gpt2, context_length: 1k}\n"), ("s.json", '[{"model": "gpt2", "context_length": 1024}]')],
)
def test_a_batch_reads_yaml_and_json_lists(capsys, tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    out_file = tmp_path / "out.jsonl"
    status, out, _ = run(capsys, "batch", str(tmp_path / name), "--out", str(out_file))
    assert (status, out) == (0, "")
    assert json.loads(out_file.read_text(encoding="utf-8"))["scenario"]["context_length"] == 1024


def test_a_sweep_is_long_form(capsys):
    _, out, _ = run(capsys, "sweep", "llama-3.1-8b", "--context-length", "1k,8k", "--batch-size", "1,8", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 2 * 2 * 4
    assert rows[-3] == {"context_length": "8192", "batch_size": "8", "component": "kv_cache", "bytes": str(2**33)}


def test_a_grid_holds_what_a_scenario_may_hold():
    grid = sweep(Scenario("gpt2"), context_length=np.arange(1, 3), batch_size=[1])
    assert grid.components["kv_cache"].tolist() == [[36_864], [73_728]]
    for contexts in ([0], [-5], [1.5], [True], [2**31], np.array([8.0])):
        with pytest.raises(InputError, match=r"^context_length: "):
            sweep(Scenario("gpt2"), context_length=contexts, batch_size=[1])


def test_fit_and_explain_speak_to_people(capsys):
    _, out, _ = run(capsys, "fit", "llama-3.1-70b", "--device", "h100-sxm-80gb")
    assert out.splitlines()[0] == "does not fit, over by 57.07 GiB of 79.19 GiB usable on h100-sxm-80gb"
    _, out, _ = run(capsys, "fit", "llama-3.1-8b", "--device", "h100-sxm-80gb", "--engine", "vllm", "--json")
    found = json.loads(out)
    limit = (found["total"] + found["device"]["headroom"]) / 2**30
    _, out, _ = run(capsys, "fit", "llama-3.1-8b", "--device", "h100-sxm-80gb", "--engine", "vllm")
    assert out.splitlines()[0].endswith(f"{limit:.2f} GiB that the engine takes of 79.19 GiB usable on h100-sxm-80gb")
    _, out, _ = run(capsys, "explain", "llama-3.1-8b", "--component", "kv_cache")
    assert "× 8,192 tokens — workload" in out
    assert "× 8 KV heads — model architecture" in out
    assert "source: arXiv:2305.13245" in out


@pytest.mark.parametrize("command", ["models", "engines", "devices", "formats"])
def test_what_is_known(capsys, command):
    status, out, _ = run(capsys, command, "--json")
    assert status == 0
    rows = json.loads(out)
    assert all(isinstance(row, dict) and ("id" in row) for row in rows)
    assert run(capsys, command)[1].count("\n") == len(rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["estimate", "lama-3.1-8b"], "error: model: unknown model 'lama-3.1-8b'; did you mean llama-3.1-8b"),
        (["estimate", "gpt2", "--weights", "q4"], "error: weights: unknown weight format 'q4'; did you mean q4_"),
        (["estimate", "gpt2", "--kv-cache", "q8"], "error: kv_cache: unknown cache format 'q8'; did you mean q8_0"),
        (["estimate", "gpt2", "--context-length", "-5"], "error: "),
        (["estimate", "gpt2", "--context-length", "0"], "error: context_length: 0 is outside 1 to 1,073,741,824"),
        (["estimate", "gpt2", "--batch-size", "1e9"], "error: batch_size: expected a whole number such as 8192"),
        (["estimate", "gpt2", "--device", "h100"], "error: device: unknown device 'h100'; did you mean h100-"),
        (
            ["sweep", "gpt2", "--context-length", "1k,,2k"],
            "error: context_length: expected a whole number such as 8192",
        ),
        (["sweep", "gpt2", "--batch-size", "1,2097152"], "error: batch_size: 2097152 is outside 1 to 1,048,576"),
        (["speed", "gpt2", "--device", "l4", "--answer-tokens", "-3"], "error: answer_tokens: expected a whole number"),
        (
            ["estimate", "gpt2", "--tensor-parallel", "2"],
            "error: tensor_parallel: Hugging Face transformers has no such option",
        ),
        (["estimate", "no/such/config.json"], "error: no/such/config.json: cannot be read (No such file or directory)"),
        (["estimate"], "error: the following arguments are required: model"),
        (["guess", "gpt2"], "error: argument COMMAND: invalid choice: 'guess'"),
        (["fit", "gpt2"], "error: device: missing; name one with --device"),
        (["batch", "missing.jsonl"], "error: missing.jsonl: cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_status_2(capsys, arguments, message):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(message)
    assert err.count("\n") == 1


def test_the_module_runs_as_a_program():
    command = [sys.executable, "-m", "memory_model", "estimate", "qwen3-0.6b", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found["components"]["weights"] == 1_192_099_840


def test_a_full_disk_is_one_line_and_a_reader_that_left_is_none():
    command = [sys.executable, "-m", "memory_model", "estimate", "gpt2"]
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    said = "error: standard output: cannot be used (No space left on device); name another place\n"
    assert (done.returncode, done.stderr) == (2, said)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as left:
        left.stdout.close()
        assert (left.stderr.read(), left.wait()) == ("", 0)


@pytest.mark.parametrize("command", ["batch", "log"])
@pytest.mark.parametrize(("content", "said"), [(None, "closed"), (b"\xff\xfe{", "not text in UTF-8")])
def test_standard_input_that_cannot_be_read_is_one_line(capsys, monkeypatch, command, content, said):
    monkeypatch.setattr(
        "sys.stdin", None if content is None else io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
    )
    status, _, err = run(capsys, command, "-")
    assert (status, err.count("\n")) == (2, 1) and err.startswith(f"error: standard input: {said}; ")


def test_a_name_like_no_other_is_told_some_that_are_known_and_how_many_more(capsys):
    _, _, error = run(capsys, "estimate", "zzzz")
    assert f" and {len(model_presets()) - 40} more" in error
