"""A GGUF file of any size: the browser sends its first megabytes alone, and the engine that loads it takes over."""

from __future__ import annotations

import os
from pathlib import Path

from conftest import Sheet
from opened_page import at, rest
from test_gguf_files import gguf_file

LARGE = 5 * 2**30


def test_a_file_of_gigabytes_is_understood_from_its_head(sheet: Sheet, tmp_path: Path):
    path = gguf_file(tmp_path / "large.gguf", "q4_k_m")
    os.truncate(path, LARGE)
    page = at(sheet, "engine=vllm&engine_version=0.17&device=rtx-4090", "model").page
    page.get_by_role("tab", name="Bring a GGUF file").click()
    page.locator(".st-key-own_gguf_file input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Show this model on llama.cpp").click()
    page.wait_for_url("**engine=llama.cpp**")
    rest(sheet)
    assert "model=own-" in page.url and "engine_version" not in page.url and "device=rtx-4090" in page.url
    path.unlink()
