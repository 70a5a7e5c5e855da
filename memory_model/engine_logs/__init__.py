"""Start-up logs of engines: what they printed about memory, beside what this package predicts."""

from .compared import Comparison, compare
from .log import EngineLog, Printed
from .read import read_log

__all__ = ["Comparison", "EngineLog", "Printed", "compare", "read_log"]
