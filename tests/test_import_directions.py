"""Who may import whom: each layer only what lies below it, and the model nothing of the front end."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = (
    ("errors", "tables", "units", "version"),
    ("amount",),
    ("files", "keys", "number_formats", "tensors"),
    ("blocks", "module_names"),
    ("model_shape",),
    ("attention_work", "gguf", "scenario"),
    ("precision",),
    ("deployment",),
    ("weights", "kv_cache", "step_work"),
    ("engines", "speed"),
    ("estimate", "prefix_sharing", "without_cache"),
    ("fit", "understood"),
    ("architectures", "conversation"),
    ("checkpoints",),
    ("presets",),
    ("resolve",),
    ("evidence",),
    ("engine_logs", "levers", "result", "stored_contents"),
    ("training",),
    ("accuracy",),
    ("__init__",),
    ("command_line",),
    ("__main__",),
)
"""From the bottom up; a folder counts as one module, whose files may import each other."""
RANK = {module: rank for rank, layer in enumerate(LAYERS) for module in layer}
FRONT_END = {"streamlit", "plotly"}
LIBRARIES = {"numpy", "yaml", "gguf", "safetensors", "huggingface_hub"}
SOURCES = sorted((ROOT / "memory_model").rglob("*.py"))


def imported(path):
    """Pairs of (level, dotted name) of every import in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module:
                yield node.level, node.module
            else:
                yield from ((node.level, alias.name) for alias in node.names)


def inside(path):
    """The modules of memory_model that a file imports, by the first part of their name."""
    depth = len(path.relative_to(ROOT / "memory_model").parts)
    for level, name in imported(path):
        if level == depth:
            yield name.partition(".")[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_layer_imports_only_what_lies_below(path):
    own = path.relative_to(ROOT / "memory_model").parts[0].removesuffix(".py")
    assert own in RANK, f"{own} has no layer: add it to LAYERS"
    for name in inside(path):
        if name != own:
            assert RANK[name] < RANK[own], f"{path.name} imports {name}, which does not lie below {own}"


def test_families_of_text_know_no_towers():
    for path in (ROOT / "memory_model" / "architectures").glob("*.py"):
        assert not [name for _, name in imported(path) if name.startswith("multimodal")], path.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_model_knows_no_front_end(path):
    outside = {name.partition(".")[0] for level, name in imported(path) if level == 0}
    assert not outside & FRONT_END
    assert outside <= LIBRARIES | set(sys.stdlib_module_names), outside


def test_streamlit_is_imported_only_by_the_dashboard():
    folder = ROOT / "dashboard"
    pure = [folder / "theme.py", folder / "live" / "payload.py", *sorted((folder / "charts").glob("*.py"))]
    for path in pure:
        assert "streamlit" not in {name.partition(".")[0] for _, name in imported(path)}, path.name
    app = {name.partition(".")[0] for _, name in imported(ROOT / "streamlit_app.py")}
    assert "memory_model" not in app or len((ROOT / "streamlit_app.py").read_text(encoding="utf-8").splitlines()) < 40
