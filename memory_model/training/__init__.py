"""Memory of a training step: full, LoRA or QLoRA, beside the memory of inference."""

from .breakdown import COMPONENTS, training_memory
from .training import Training

__all__ = ["COMPONENTS", "Training", "training_memory"]
