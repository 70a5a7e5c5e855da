"""What the start-up profile keeps of its images: pixels, and the encoder's output for a whole step of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...amount import Factor, Lever, Term
from ...deployment import Deployment

SOURCE = "gpu_model_runner.py profile_run: as many images of the largest size as fill a step of tokens"


@dataclass(frozen=True, slots=True)
class Image:
    """The largest image that a model reads."""

    side: int
    """Pixels."""
    tokens: int


def largest_image(config: dict[str, Any]) -> Image | None:
    """The image of a model whose images have one largest size, None where that is not known.

    Gemma 3 scales every image to one size; Mistral 3 (Pixtral) cuts it into merged patches and ends each row.
    """
    vision = config.get("vision_config")
    side = vision.get("image_size") if isinstance(vision, dict) else None
    if not isinstance(vision, dict) or not isinstance(side, int):
        return None
    if config.get("mm_tokens_per_image"):
        return Image(side, int(config["mm_tokens_per_image"]))
    if config.get("model_type") == "mistral3":
        rows = side // (int(vision["patch_size"]) * int(config.get("spatial_merge_size", 1)))
        return Image(side, rows * (rows + 1))
    return None


def profiled_images(deployment: Deployment) -> tuple[Term, ...]:
    """Terms of the profile for a model that is loaded with its vision tower."""
    model = deployment.model
    if deployment.parts != "all" or not any(tower.name == "vision" for tower in model.towers):
        return ()
    image = largest_image(model.config)
    step = deployment.options.step_tokens or 0
    hidden = Factor("hidden size", model.hidden_size, Lever.MODEL)
    if image is None:
        tokens = Factor("tokens in a step", step, Lever.ENGINE)
        return (Term("encoder output", (tokens, hidden, deployment.value_bytes), SOURCE),)
    images = Factor("images", max(1, step // image.tokens), Lever.ENGINE, "that fill a step of tokens")
    tokens = Factor("tokens per image", image.tokens, Lever.MODEL)
    side = Factor("side in pixels", image.side, Lever.MODEL)
    colours = Factor("colours", 3, Lever.FIXED)
    return (
        Term("encoder output", (images, tokens, hidden, deployment.value_bytes), SOURCE),
        Term("pixels", (images, colours, side, side, deployment.value_bytes), SOURCE),
    )
