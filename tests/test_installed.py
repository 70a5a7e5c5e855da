"""The package as it is installed: built into a wheel, put into an empty folder, used from another one."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from memory_model import Scenario, estimate

ROOT = Path(__file__).parent.parent
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder that the wheel was installed into."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([*PIP, "install", "--no-deps", "--no-index", "--target", str(folder), str(wheel)], check=True)
    return folder


@pytest.fixture
def run(installed, tmp_path):
    """Run something with the installed package, away from the repository."""

    def run(*command, **environment):
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1", **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return run


@pytest.fixture
def llm_memory(run, installed):
    """Run the command that the package brings."""
    script = next(path for path in (installed / "bin", installed / "Scripts") if path.is_dir()) / "llm-memory"
    return lambda *arguments, **environment: run(sys.executable, str(script), *arguments, **environment)


def test_the_wheel_carries_every_preset_and_the_dashboard_but_no_tests(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("presets", "dashboard", ".streamlit"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        missing = {f"memory_model/shipped/{path.relative_to(ROOT).as_posix()}" for path in files} - names
        assert files and not missing
    assert {"memory_model/py.typed", "memory_model/shipped/streamlit_app.py"} <= names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"memory_model", next(top for top in tops if top.endswith(".dist-info"))}


def test_the_command_answers_as_the_repository_does(llm_memory):
    done = llm_memory("estimate", "gemma-3-27b-it", "--engine", "vllm", "--json")
    expected = {part.name: part.bytes for part in estimate(Scenario("gemma-3-27b-it", engine="vllm"))}
    assert done.returncode == 0 and json.loads(done.stdout)["components"] == expected


def test_the_command_names_itself_and_its_version(llm_memory):
    assert llm_memory("--version").stdout == "llm-memory 1.0.0\n"
    assert llm_memory("--help").stdout.startswith("usage: llm-memory [-h]")
    assert "see llm-memory --help" in llm_memory("guess").stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--help",), 0),
        (("models",), 0),
        (("fit", "gpt2", "--device", "rtx-4090"), 0),
        (("estimate", "gpt-2"), 2),
        (("estimate",), 2),
        ((), 2),
        (("batch", "missing.jsonl"), 2),
        (("accuracy",), 2),
    ],
)
def test_exit_statuses(llm_memory, arguments, status):
    done = llm_memory(*arguments)
    assert done.returncode == status
    assert done.stderr.count("\n") == (status == 2)
    assert "Traceback" not in done.stderr


def test_a_batch_with_a_bad_scenario_ends_with_1(llm_memory, tmp_path):
    (tmp_path / "two.jsonl").write_text('{"model": "gpt2"}\n{"model": "gpt3"}\n', encoding="utf-8")
    done = llm_memory("batch", "two.jsonl")
    assert (done.returncode, done.stdout.count("\n")) == (1, 2)


def test_the_measured_tables_stay_in_the_repository(llm_memory):
    assert "the measured tables are not here; run this in a clone of the repository" in llm_memory("accuracy").stderr


def test_the_installed_dashboard_runs(run):
    app = (
        "from streamlit.testing.v1 import AppTest\n"
        "from memory_model.files.places import APP, SHIPPED\n"
        "assert APP.parent == SHIPPED\n"
        "import sys; sys.path.insert(0, str(APP.parent))\n"
        "page = AppTest.from_file(str(APP), default_timeout=60).run()\n"
        "assert not page.exception, page.exception\n"
        "print(page.selectbox(key='model').value)\n"
    )
    done = run(sys.executable, "-c", app)
    assert done.stdout == "llama-3.1-8b\n", done.stderr


def test_what_is_not_installed_is_named_with_its_repair(run):
    absent = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('streamlit', 'huggingface_hub', 'pandas'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: (\n"
        "    None if name in ('streamlit', 'huggingface_hub') else found(name, package))\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from memory_model.__main__ import main\n"
        "from memory_model import Scenario, estimate\n"
        "assert main(['dashboard']) == 2 and main(['estimate', 'some/model']) == 2\n"
        "try:\n"
        "    estimate(Scenario('gpt2')).to_frame()\n"
        "except ImportError as error:\n"
        "    print(error, file=sys.stderr)\n"
    )
    done = run(sys.executable, "-c", absent)
    dashboard, hub, frame = done.stderr.splitlines()
    assert dashboard == "error: dashboard: streamlit not installed; pip install '.[dashboard]' in the repository"
    assert "some/model is no preset, and huggingface_hub, which would fetch it, is not installed" in hub
    assert frame == "to_frame() needs pandas, which is not installed; pip install pandas"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("llm-memory est", {"estimate"}),
        ("llm-memory estimate gemma-3-27", {"gemma-3-27b-it"}),
        ("llm-memory estimate gpt2 --device h100-", {"h100-pcie-80gb", "h100-sxm-80gb"}),
        ("llm-memory estimate gpt2 --engine ll", {"llama.cpp"}),
        ("llm-memory fit gpt2 --kv-c", {"--kv-cache"}),
        ("llm-memory sweep gpt2 --weights q8", {"q8_0"}),
    ],
)
def test_a_shell_completes(llm_memory, tmp_path, line, expected):
    answer = tmp_path / "answer"
    asked = {"COMP_LINE": line, "COMP_POINT": str(len(line)), "COMP_TYPE": "9", "_ARGCOMPLETE": "1"}
    llm_memory(**asked, _ARGCOMPLETE_STDOUT_FILENAME=str(answer), _ARGCOMPLETE_IFS="\n")
    found = {name.strip() for name in answer.read_text(encoding="utf-8").split("\n")}
    assert expected <= found and all(name.startswith(line.rpartition(" ")[2]) for name in found)
