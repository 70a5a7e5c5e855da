"""Where the files beside the code are: at the top of a clone, or in the folder that an installed package carries."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent.parent
SHIPPED = _HERE / "shipped"
"""Only an installed package has it: the same names as at the top of the repository, put there when it was built."""
ROOT = SHIPPED if SHIPPED.is_dir() else _HERE.parent
PRESETS = ROOT / "presets"
APP = ROOT / "streamlit_app.py"
