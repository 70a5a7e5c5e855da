"""The command that starts the dashboard, of a clone or of an installed package."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.util import find_spec

from ..errors import InputError
from ..files.places import APP

NEEDED = ("streamlit", "plotly", "pptx", "openpyxl")
"""Libraries of the dashboard, by the names they are imported by."""


def dashboard_command(options: argparse.Namespace) -> int:
    """Serve the dashboard on this machine until Ctrl+C."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(f"dashboard: {', '.join(missing)} not installed; pip install '.[dashboard]' in the repository")
    try:
        return subprocess.run([sys.executable, "-m", "streamlit", "run", str(APP), *options.options]).returncode
    except KeyboardInterrupt:
        return 0
