"""Batch files: one bad line does not stop the others, and a file that is none is one line of error."""

import json

import pytest

from memory_model.__main__ import main

SCENARIO = '{"model": "gpt2"}'


def batch(capsys, tmp_path, name, content):
    """Exit status, results and the line of error of a batch."""
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    status = main(["batch", str(tmp_path / name)])
    out, error = capsys.readouterr()
    results = [json.loads(line, parse_constant=pytest.fail) for line in out.splitlines()]
    return status, results, error


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"model": "gpt2", "model": "gpt2-xl"}', "the key 'model' stands twice"),
        ('{"model": "gpt2", "batch_size": NaN}', "NaN is no number"),
        ('{"model": "gpt2", "batch_size": ' + "9" * 5000 + "}", "too many digits"),
        ('{"model": "gpt2", "batch_size": ' + "9" * 4000 + "}", "batch_size"),
        ("[" * 200_000, "too deeply nested"),
        ('{"model": "' + "x" * 2**20 + '"}', "longer than 1 MiB"),
        ('{"model": "' + "x" * 9000 + '"}', "cannot be opened"),
        ('{"model": "\\u0000.json"}', "no file can have this name"),
        ('{"model": "\\ud800.json"}', "no file can have this name"),
        ('{"model": ["gpt2"]}', "model: expected a name"),
        ('{"model": {"gpt2": 1}}', "model: expected a name"),
        ('"gpt2"', "a scenario is a mapping"),
        ('{"' + "x" * 100_000 + '": 1}', "unknown scenario key"),
        ('{"model": "gpt2", "device": "\\u202egpu"}', "unknown device"),
    ],
)
def test_one_bad_line_does_not_stop_the_others(capsys, tmp_path, line, said):
    status, results, error = batch(capsys, tmp_path, "many.jsonl", f"{SCENARIO}\n{line}\n{SCENARIO}\n")
    assert (status, error, len(results)) == (1, "", 3)
    assert results[0] == results[2] and results[0]["total"] > 0
    assert said in results[1]["error"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.yaml", "- &a {model: gpt2}\n- *a", "anchors"),
        ("a.yaml", "- {model: gpt2, model: gpt2-xl}", "model stands twice"),
        ("a.yaml", "gpt2", "expected a list of scenarios, got str"),
        ("a.json", '[{"model": "gpt2", "model": "gpt2-xl"}]', "the key 'model' stands twice"),
        ("a.json", "[" * 200_000, "too deeply nested"),
        ("a.json", "[" + "9" * 9000 + "]", "too many digits"),
        ("a.jsonl", SCENARIO.encode("utf-16"), "not text in UTF-8"),
        ("a.yaml", b"\xff\xfe\x00", "not text in UTF-8"),
        ("a.yaml", "a" * (2**20 + 1), "larger than 1024 KiB"),
        ("a.jsonl", b"\n" * (64 * 2**20 + 1), "larger than 64 MiB"),
    ],
)
def test_a_file_that_is_none_is_one_line_of_error(capsys, tmp_path, name, content, said):
    status, results, error = batch(capsys, tmp_path, name, content)
    assert (status, results) == (2, []) and said in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "name", ["/dev/zero", "/dev/full", "/proc/self/mem", "/nowhere", "/", "\0", "\ud800", "x" * 5000]
)
def test_what_is_no_file_is_not_read_for_ever(capsys, name):
    assert main(["batch", name]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.yaml"])
def test_a_byte_order_mark_and_windows_lines_are_understood(capsys, tmp_path, name):
    text = SCENARIO if name != "a.yaml" else "model: gpt2"
    status, results, _ = batch(capsys, tmp_path, name, f"\ufeff{text}\r\n")
    assert status == 0 and results[0]["model"]["id"] == "gpt2"


def test_a_line_separator_within_a_text_does_not_end_the_line(capsys, tmp_path):
    _, results, _ = batch(capsys, tmp_path, "a.jsonl", '{"model": "a\u2028b"}\n')
    assert len(results) == 1 and results[0]["scenario"] == {"model": "a\u2028b"}
