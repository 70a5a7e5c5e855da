"""What can be changed: every lever is a function of what is asked, and what it saves is computed, never scaled."""

from .change import KINDS, Asked, Change, Price, deployed, limit, memory, model_of
from .cheapest import three_cheapest
from .registry import CHANGES, candidates, change_of, changes_for
from .remedy import Remedy
from .shared_prefix import shared_prefix_id
from .students import students
from .suggested import suggested
from .waterfall import Step, waterfall
from .what_if import integer_keys, with_keys

__all__ = [
    "CHANGES", "KINDS", "Asked", "Change", "Price", "Remedy", "Step", "candidates", "change_of", "changes_for",
    "deployed", "integer_keys", "limit", "memory", "model_of", "shared_prefix_id", "students", "suggested", "three_cheapest", "waterfall", "with_keys",
]  # fmt: skip
