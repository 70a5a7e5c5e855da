"""Ends with 0 if the server on this machine answers, else with 1: `python dashboard/healthy.py`, as the image asks."""

import os
import sys
import urllib.request

port = os.environ.get("STREAMLIT_SERVER_PORT", "8501")
path = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
try:
    address = f"http://127.0.0.1:{port}/{path + '/' if path else ''}_stcore/health"
    with urllib.request.urlopen(address, timeout=4) as answer:
        sys.exit(answer.status != 200)
except OSError as error:
    sys.exit(f"{address}: {error}")
