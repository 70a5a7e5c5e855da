"""`log FILE`: the figures of a start-up log beside the prediction, on the command line."""

from __future__ import annotations

import io
import json

import pytest

from memory_model.__main__ import main

LOG = """\
INFO [core.py:105] Initializing a V1 LLM engine (v0.19.0) with config: model='meta-llama/Llama-3.1-8B', max_seq_len=131072
INFO [gpu_model_runner.py:4566] Model loading took 14.99 GiB memory and 3.2 seconds
DEBUG torch peak memory increase: 1.89GiB; non-torch forward increase memory: 0.24GiB; weights memory: 14.99GiB.
"""
NEWER = """\
INFO Initializing a V1 LLM engine (v0.31.0) with config: model='meta-llama/Llama-3.1-8B-Instruct', max_seq_len=131072
INFO [model_runner.py:407] Model loading took 15.0 GiB memory and 5.420225 seconds
INFO [kv_cache_utils.py:2464] GPU KV cache size: 460,496 tokens, Maximum concurrency for 131,072 tokens per request: 3.51x
INFO [gpu_worker.py:955] Desired GPU memory utilization is (0.92, 72.91 GiB). Actual usage is 15.26 GiB for consumed memory \
(weights + non-torch), 1.44 GiB for peak activation, and 0.23 GiB for CUDAGraph memory.
INFO [gpu_worker.py:692] Available KV cache memory: 56.21 GiB
"""
"""The lines of vLLM 0.31.0 on an A100 80GB, in `tests/measured/vllm.csv`."""


def run(capsys, *arguments):
    status = main(["log", *arguments])
    return (status, *capsys.readouterr())


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "start.log"
    path.write_text(LOG, encoding="utf-8")
    return str(path)


def test_every_figure_stands_beside_its_prediction(capsys, log):
    status, out, err = run(capsys, log)
    assert (status, err) == (0, "")
    assert out.startswith("Read as a log of vLLM 0.19.0: 3 figures; taken from it: model llama-3.1-8b")
    figures = [line.split() for line in out.splitlines()[1:]]
    assert [line[:2] for line in figures] == [["equal", "Weights"], ["equal", "Activations"], ["differs", "Outside"], ["no", "single"]]  # fmt: skip
    assert figures[1][2:6] == ["1.89", "GiB", "1.89", "GiB"]


def test_options_go_before_what_the_log_says(capsys, log):
    found = json.loads(run(capsys, log, "--max-num-seqs", "256", "--json")[1])
    activations = next(row for row in found["figures"] if row["label"] == "Activations")
    assert found["taken"]["model"] == "llama-3.1-8b" and not activations["agrees"]
    assert activations["difference"] == activations["predicted"] - activations["printed"] < 0
    assert activations["reason"] == "max_num_seqs 1024 would explain it"


def test_a_version_newer_than_all_known_ones_is_said_to_be_so(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NEWER.encode()), encoding="utf-8"))
    status, out, _ = run(capsys, "-", "--device", "a100-sxm-80gb")
    said, rows = out.splitlines()[1], out.splitlines()[2:]
    assert status == 0
    assert said == "Version 0.31.0 is newer than 0.29, the newest that is known here, whose constants stand for it."
    assert [row.split()[0] for row in rows if "line" in row] == ["equal"] * 3 + ["differs"] + ["equal"] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read (No such file or directory); name a text file of the start-up"),
        ("hello", "log: no figure about memory is found"),
        (LOG.replace("meta-llama/Llama-3.1-8B", "me/mine"), "model: the log names 'me/mine', which is no preset; name one"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_one_line_of_error(capsys, tmp_path, text, message):
    path = tmp_path / "start.log"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    status, out, err = run(capsys, str(path))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
