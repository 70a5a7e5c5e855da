"""The layers of a decoder: how each kind of stack builds one (src/models of llama.cpp 0c1e57098)."""

from __future__ import annotations

from dataclasses import dataclass

from ...blocks.attention import Attention
from ...blocks.delta_net import GatedDeltaNet
from ...blocks.kimi_delta import KimiDeltaAttention
from ...blocks.latent_attention import LatentAttention
from ...blocks.lightning import LightningAttention
from ...blocks.mamba import Mamba
from ...blocks.mamba2 import Mamba2
from ...blocks.mlp import DenseBesideExperts, DenseMlp, MixtureOfExperts
from ...blocks.parallel import AttentionAndMamba2
from ...blocks.short_conv import ShortConvolution
from ...tensors import Mixer, Mlp
from .expanded import ExpandedLatentAttention, expanded_latent_attention
from .graph import Source, Tensor, computed
from .graph_altup import corrected, feed, first, low_rank, predicted, with_own_input
from .graph_attention import attention, latent_attention
from .graph_blocks import Blocks
from .graph_feed_forward import beside, dense, mixture
from .graph_layer_inputs import gated_input
from .graph_lightning import Decays, lightning
from .graph_recurrent import delta_net, kimi_delta, mamba, mamba2, short_convolution
from .graph_residuals import Residuals
from .graph_sparse import Picks
from .prompt import CacheInputs, Prompt
from .recipe import Recipe


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a stack: what it does, whether it sees a window, whether it rotates queries and keys."""

    mixer: Mixer | None
    mlp: Mlp | None
    window: bool = False
    rotated: bool = True
    sparse: bool = False
    """Its MLP keeps the largest values of the gate alone."""
    blocks: int = 0
    """How many blocks of layers there were, that of which it is the first included, where later ones attend to them."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """A graph that is being built, and what all layers share."""

    prompt: Prompt
    recipe: Recipe
    caches: dict[bool, CacheInputs]
    inputs: Tensor | None = None
    """What each layer takes in besides the stream."""
    picks: Picks | None = None
    decays: Decays | None = None
    residuals: Residuals | None = None
    blocks: Blocks | None = None

    def norm(self, stream: Source, name: str = "normed") -> Tensor:
        """The family's kind of norm."""
        return self.prompt.norm(stream, rms=self.recipe.rms, name=name)

    def build(self, layer: Layer, stream: Source, *, is_last: bool) -> Source:
        """One layer more, in the family's way."""
        recipe = self.recipe
        if recipe.streams > 1:
            return self.alternating(layer, stream, is_last=is_last)
        if recipe.residual_block:
            return self.attending(layer, stream, is_last=is_last)
        if recipe.onto_normed:
            return self.onto_normed(layer, stream, is_last=is_last)
        if recipe.parallel:
            return self.parallel(layer, stream, is_last=is_last)
        return self.sequential(layer, stream, is_last=is_last)

    def sequential(self, layer: Layer, stream: Source, *, is_last: bool) -> Source:
        """A mixer, then an MLP; each with a norm, each added to the stream."""
        prompt, recipe = self.prompt, self.recipe
        if isinstance(layer.mixer, AttentionAndMamba2):
            stream = self._side_by_side(layer, layer.mixer, stream, is_last=is_last)
        elif layer.mixer is not None:
            mixed: Source = self._mix(layer.mixer, layer, self.norm(stream) if recipe.normed_input else stream)
            if is_last:
                mixed, stream = prompt.only_outputs(mixed), prompt.only_outputs(stream)
            both: tuple[Source, Source] = (stream, mixed) if recipe.residual_first == "always" else (mixed, stream)
            stream = prompt.add_up(*both, "stream after attention")
        elif is_last:
            stream = prompt.only_outputs(stream)
        if layer.mlp is None:
            return stream
        if isinstance(layer.mlp, DenseBesideExperts):
            fed = beside(prompt, layer.mlp, recipe.routing, stream)
        else:
            fed = self._feed(layer.mlp, self.norm(stream) if recipe.normed_input else stream)
        pair: tuple[Source, Source] = (stream, fed) if recipe.residual_first else (fed, stream)
        if self.inputs is None:
            return prompt.add_up(*pair, "stream")
        stream = prompt.add_up(*pair, "stream before its own input")
        return prompt.add_up(stream, gated_input(prompt, stream, self.inputs, "projected input of a layer"), "stream")

    def alternating(self, layer: Layer, stream: Source, *, is_last: bool) -> Tensor:
        """One of several streams is computed, from which the others are corrected (gemma3n.cpp)."""
        assert isinstance(stream, Tensor) and isinstance(layer.mlp, DenseMlp) and self.inputs is not None
        prompt = self.prompt
        predictions, active = predicted(prompt, stream)
        normed = self.norm(active)
        learned = low_rank(prompt, normed, self.recipe.laurel_rank)
        attended = prompt.add_up(self._mix(layer.mixer, layer, normed), active, "stream after attention")
        attended = prompt.add_up(attended, learned, "stream after attention")
        fed = feed(prompt, layer.mlp.intermediate_size, self.norm(attended), sparse=layer.sparse)
        found = corrected(prompt, predictions, prompt.add_up(fed, attended, "computed stream"))
        scaled = computed("first stream, scaled", active.shape, first(found))
        return with_own_input(found, gated_input(prompt, scaled, self.inputs, "projected input of a layer"))

    def onto_normed(self, layer: Layer, stream: Source, *, is_last: bool) -> Tensor:
        """Mixer and MLP are added to what they read, not to the stream (minimax-01.cpp)."""
        prompt = self.prompt
        normed: Source = self.norm(stream)
        mixed = self._mix(layer.mixer, layer, normed)
        if is_last:
            mixed, normed = prompt.only_outputs(mixed), prompt.only_outputs(normed)
        kept = computed("scaled residual", normed.shape, normed, overwrites=True)
        entering = self.norm(prompt.add_up(mixed, kept, "stream after attention"))
        fed = self._feed(layer.mlp, entering)
        return prompt.add_up(fed, computed("scaled residual", entering.shape, entering, overwrites=True), "stream")

    def attending(self, layer: Layer, stream: Source, *, is_last: bool) -> Source:
        """Mixer and MLP read a mix of the stream and of those with which blocks of layers began (kimi-k3.cpp)."""
        prompt, residuals = self.prompt, self.residuals
        assert residuals is not None
        index = len(prompt.graph.marks) - 1
        entering, begins = residuals.mixed(stream, "mixers", index), layer.blocks > residuals.count
        if begins:
            residuals.bank(stream)
        normed = self.norm(entering)
        prompt.graph.add(normed)
        mixed = self._mix(layer.mixer, layer, normed)
        stream = mixed if begins else prompt.add_up(stream, mixed, "stream after attention")
        fed = self._feed(layer.mlp, self.norm(residuals.mixed(stream, "MLPs", index)))
        return prompt.add_up(stream, fed, "stream")

    def parallel(self, layer: Layer, stream: Source, *, is_last: bool) -> Tensor:
        """A mixer and an MLP that both read the layer's input, normed once or (`own`) each for itself."""
        prompt, shared = self.prompt, self.recipe.parallel != "own"
        normed = self.norm(stream)
        entering = self.norm(stream) if self.recipe.parallel == "twice" else normed
        mixed: Source = self._mix(layer.mixer, layer, normed)
        if is_last:
            mixed, stream = prompt.only_outputs(mixed), prompt.only_outputs(stream)
            entering = prompt.only_outputs(entering) if shared else entering
        fed = self._feed(layer.mlp, entering if shared else self.norm(stream))
        order: tuple[Source, Source, Source] = (fed, mixed, stream)
        if self.recipe.parallel in ("own", "stream"):
            order = (fed, stream, mixed)
        elif self.recipe.parallel == "fed":
            order = (mixed, fed, stream)
        return prompt.add_up(prompt.add_up(order[0], order[1], "stream"), order[2], "stream")

    def _side_by_side(self, layer: Layer, mixer: AttentionAndMamba2, stream: Source, *, is_last: bool) -> Tensor:
        """falcon-h1.cpp: both read the input, each through a norm of its own."""
        prompt = self.prompt
        attended = self._mix(mixer.attention, layer, self.norm(stream, "normed for mixers"))
        recurred = self._mix(mixer.recurrence, layer, self.norm(stream, "normed for mixers"))
        both = prompt.add_up(attended, recurred, "both mixers")
        stream = prompt.add_up(both, stream, "stream after mixers")
        return prompt.only_outputs(stream) if is_last else stream

    def _mix(self, mixer: Mixer | None, layer: Layer, normed: Source) -> Source:
        cache = self.caches[layer.window]
        if isinstance(mixer, ExpandedLatentAttention):
            return expanded_latent_attention(self.prompt, mixer, cache, normed)
        if isinstance(mixer, Attention):
            return attention(self.prompt, mixer, cache, normed, self.recipe, rotated=layer.rotated, blocks=self.blocks)
        if isinstance(mixer, LatentAttention):
            tempered = bool(self.recipe.tempered)
            return latent_attention(
                self.prompt, mixer, cache, normed, rotated=layer.rotated, tempered=tempered, picks=self.picks
            )
        if isinstance(mixer, Mamba):
            return mamba(self.prompt, mixer, normed)
        if isinstance(mixer, Mamba2):
            return mamba2(self.prompt, mixer, normed)
        if isinstance(mixer, ShortConvolution):
            return short_convolution(self.prompt, mixer, normed)
        if isinstance(mixer, KimiDeltaAttention):
            return kimi_delta(self.prompt, mixer, normed)
        if isinstance(mixer, LightningAttention):
            assert self.decays is not None
            return lightning(self.prompt, mixer, self.decays, normed)
        assert isinstance(mixer, GatedDeltaNet)
        return delta_net(self.prompt, mixer, normed)

    def _feed(self, mlp: Mlp | None, entering: Source) -> Tensor:
        if isinstance(mlp, MixtureOfExperts):
            return mixture(self.prompt, mlp, self.recipe.routing, entering, situ=self.recipe.situ)
        assert isinstance(mlp, DenseMlp)
        return dense(self.prompt, mlp, entering, situ=self.recipe.situ)

    def finish(self, stream: Source, vocab_size: int) -> None:
        """The last norm and the logits."""
        prompt = self.prompt
        if self.recipe.rows_after == "layers":
            prompt.finish(self.norm(prompt.only_outputs(stream), "normed stream"), vocab_size, keep=stream)
        elif self.recipe.rows_after == "norm":
            everyone = self.norm(stream, "normed stream")
            prompt.finish(prompt.only_outputs(everyone), vocab_size, keep=everyone)
        elif self.recipe.scales_normed:
            normed = self.norm(stream, "normed stream")
            prompt.finish(computed("scaled stream", normed.shape, normed), vocab_size, keep=normed)
        else:
            prompt.finish(self.norm(stream, "normed stream"), vocab_size)
