"""Names of the Hub, with the real client against a server on this machine that answers as the Hub does."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from safetensors.numpy import save

from memory_model.checkpoints.hub import is_hub_name

CONFIG = {
    "model_type": "llama", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 1, "vocab_size": 64,
    "num_attention_heads": 4, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip
SINGLE = {"model.embed_tokens.weight": (64, 256), "model.norm.weight": (256,), "lm_head.weight": (64, 256)}
MATRICES = {"self_attn.q_proj": (256, 256), "mlp.down_proj": (256, 512)}
SHARD = {f"model.layers.0.{role}.weight": shape for role, shape in MATRICES.items()}


def content(shapes, dtype=np.float16):
    return save({name: np.zeros(shape, dtype) for name, shape in shapes.items()})


def json_bytes(value):
    return json.dumps(value).encode()


INDEX = {
    "metadata": {},
    "weight_map": {name: "a.safetensors" for name in SINGLE} | dict.fromkeys(SHARD, "b.safetensors"),
}
FILES = {
    "org/single/config.json": json_bytes(CONFIG),
    "org/single/model.safetensors": content(SINGLE),
    "org/sharded/config.json": json_bytes(CONFIG),
    "org/sharded/model.safetensors.index.json": json_bytes(INDEX),
    "org/sharded/a.safetensors": content(SINGLE),
    "org/sharded/b.safetensors": content(SHARD, np.float32),
    "org/config-only/config.json": json_bytes(CONFIG),
    "org/lies/config.json": json_bytes(CONFIG),
    "org/lies/model.safetensors": b"\xff" * 64,
    "org/huge/config.json": b" " * (5 * 2**20),
    "org/text/config.json": b"<html>",
    "org/weights-only/model.safetensors": content(SINGLE),
}
GATED = "org/gated/"


class Hub(BaseHTTPRequestHandler):
    """Serves FILES under /organisation/model/resolve/main/, by ranges, with the headers that the client wants."""

    asked: list[tuple[str, str, str]] = []  # noqa: RUF012

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        path = self.path.lstrip("/").partition("?")[0].replace("/resolve/main/", "/")
        self.asked.append((self.command, path, self.headers.get("Range", "")))
        if path.startswith(GATED):
            return self.reply(403, b"", {"X-Error-Code": "GatedRepo"}, body)
        found = FILES.get(path)
        if found is None:
            known = any(name.startswith(path.rpartition("/")[0] + "/") for name in FILES)
            return self.reply(404, b"", {"X-Error-Code": "EntryNotFound" if known else "RepoNotFound"}, body)
        headers = {"X-Repo-Commit": "a" * 40, "ETag": f'"{hashlib.sha1(found).hexdigest()}"', "Accept-Ranges": "bytes"}
        if span := self.headers.get("Range"):
            first, last = span.removeprefix("bytes=").split("-")
            return self.reply(206, found[int(first) : int(last) + 1], headers, body)
        return self.reply(200, found, headers, body)

    def reply(self, status, content, headers, body):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


EACH = """
import contextlib, io, json, sys
from memory_model.__main__ import main
for model in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(io.StringIO()) as warned:
        status = main(["estimate", model, "--json"])
    print(json.dumps([status, said.getvalue(), warned.getvalue()]))
"""


def run(endpoint, home, *models, **environment):
    """What the command says of each model, in a process of its own: the client reads its settings when it is imported."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", EACH, *models],
        env=kept | settings | environment,
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return [Answer(*json.loads(line)) for line in done.stdout.splitlines()]


class Answer(NamedTuple):
    """Of the command line for one model."""

    status: int
    said: str
    warned: str

    @property
    def weights(self):
        assert self.status == 0, self.warned
        return json.loads(self.said)["components"]["weights"]


HEAD_AND_EMBEDDING = 2 * (2 * 64 * 256 + 256)
ALL = 2 * 64 * 256 + 256 + 4 * 256 * 256 + 3 * 256 * 512 + 2 * 256


def test_a_name_of_the_hub_gives_the_bytes_of_its_headers(hub, tmp_path):
    expected = {
        "org/single": HEAD_AND_EMBEDDING,
        "hub:org/single": HEAD_AND_EMBEDDING,
        "org/sharded": HEAD_AND_EMBEDDING + 4 * (256 * 256 + 256 * 512),
        "org/config-only": 2 * ALL,
    }
    Hub.asked.clear()
    assert [answer.weights for answer in run(hub, tmp_path, *expected)] == list(expected.values())
    # and only the config and headers are fetched
    spans = [span for command, path, span in Hub.asked if command == "GET" and path.endswith(".safetensors")]
    assert spans and all(spans)
    fetched = [path.name for path in tmp_path.rglob("*") if path.is_symlink() or path.is_file()]
    assert not [name for name in fetched if name.endswith(".safetensors")]


def test_the_cache_serves_where_the_hub_cannot_be_reached(hub, tmp_path):
    online, offline, alone = (
        run(endpoint, tmp_path, "org/config-only", **environment)[0].weights
        for endpoint, environment in ((hub, {}), (hub, {"HF_HUB_OFFLINE": "1"}), ("http://127.0.0.1:9", {}))
    )
    assert online == offline == alone == 2 * ALL


def test_what_cannot_be_had_is_said_in_one_line(hub, tmp_path):
    messages = {
        "org/unknown": "org/unknown is neither a preset nor found on the Hub; check the name, or set HF_TOKEN",
        "org/gated": "org/gated is gated on the Hub; accept its terms there and set HF_TOKEN",
        "org/weights-only": "org/weights-only has no config.json on the Hub; give one of its GGUF files",
        "org/huge": "org/huge/config.json: larger than 4 MiB; check the name",
        "org/text": "org/text/config.json: not JSON (Expecting value in line 1); give a model's config.json",
        "org/lies": "org/lies: a safetensors header cannot be read; give a config.json instead",
        "hub:../etc": "'hub:../etc' is no Hub name; write organisation/model",
    }
    for answer, message in zip(run(hub, tmp_path, *messages), messages.values(), strict=True):
        assert answer.status == 2
        assert message in answer.warned and answer.warned.count("\n") == 1


@pytest.mark.parametrize("setting", [{"HF_HUB_OFFLINE": "1"}, {}])
def test_without_a_connection_the_repair_is_named(tmp_path, setting):
    (answer,) = run("http://127.0.0.1:9", tmp_path, "org/single", **setting)
    assert answer.status == 2
    assert (
        "org/single is no preset, and the Hub cannot be reached; check the connection and HF_ENDPOINT" in answer.warned
    )
    assert answer.warned.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("org/name", True),
        ("hub:org/name", True),
        ("llama-3.1-8b", False),
        ("a/b/c", False),
        ("../x", False),
        ("a/", False),
    ],
)
def test_what_a_hub_name_looks_like(name, expected):
    assert is_hub_name(name) is expected
