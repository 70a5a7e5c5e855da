"""Does a test notice a wrong formula? `python tests/mutations.py` breaks one line at a time, and names what caught it.

Each change is made in a copy of the repository in a temporary folder, where the test files beside it are run until the
first failure. That test must pass again once the line is right. Exit status 1 where a change went unnoticed, and an
error where its line is not there any more. Words after the command choose the changes whose file or text contains one.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
PARTS = ("memory_model", "presets", "dashboard", "tests", "pyproject.toml", "README.md", "streamlit_app.py")
WORKERS = 2
LONGEST_SECONDS = 240
"""Of one change; a test that runs longer than this has not caught it."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One text that stands once in a file, what it becomes, and the test files (without `test_`) or tests that should fail."""

    file: str
    before: str
    after: str
    tests: str


def engine(file: str, before: str, after: str, tests: str) -> Mutation:
    return Mutation(f"engines/{file}", before, after, tests)


MUTATIONS = (
    # amounts and formats
    Mutation("amount.py", "math.ceil(points)", "math.floor(points)", "bytes number_formats"),
    Mutation("amount.py", "max(most, amount) if point", "min(most, amount) if point", "bytes transformers"),
    Mutation("units.py", "-(-amount // step) * step", "(amount // step + 1) * step", "llama_cpp"),
    Mutation("units.py", "np.minimum(a, b)", "np.maximum(a, b)", "laws"),
    Mutation("number_formats.py", "down = -(-rows // self.rows)", "down = rows // self.rows", "number_formats"),
    Mutation("number_formats.py", "across = -(-columns // self.columns)", "across = columns // self.columns", "number_formats"),
    Mutation("number_formats.py", "-(-values // plane.columns), Lever", "values // plane.columns, Lever", "number_formats bytes"),
    Mutation("precision.py", "self.whole_blocks and tensor.columns % self.whole_blocks", "False", "number_formats"),
    # weights
    Mutation("weights.py", "*((experts,) if tensor.copies > 1 else ()),", "", "bytes"),
    Mutation("blocks/mlp.py", 'Tensor("router", rows, hidden_size', 'Tensor("router", rows, hidden_size + 1', "bytes"),
    Mutation("blocks/mlp.py", "active = Fraction(self.num_experts_per_tok, ", "active = Fraction(1, ", "speed"),
    Mutation("model_shape.py", "if not tensor.buffer)\n\n    def active", "if tensor.values)\n\n    def active", "architectures"),
    # cache
    Mutation("kv_cache.py", "deployment.workload.sequences,", "", "bytes"),
    Mutation("kv_cache.py", "len(group.layers), Lever.MODEL", "len(group.layers) - 1, Lever.MODEL", "bytes"),
    Mutation("blocks/latent_attention.py", 'CacheEntry("latent", 1, self.kv_lora_rank', 'CacheEntry("latent", 2, self.kv_lora_rank', "bytes"),
    # transformers
    engine("transformers/passes.py", "smaller(tokens - last, window - 1) + last", "smaller(tokens - last, window) + last", "transformers"),
    engine("transformers/passes.py", "larger(whole - chunk, 0)", "larger(whole, 0)", "transformers"),
    engine("transformers/live.py", "attended = smaller(self.past, window - 1)", "attended = smaller(self.past, window)", "transformers"),
    engine("transformers/kept.py", ".value >= (window or 0)", ".value > (window or 0)", "transformers"),
    engine("transformers/feed_forward.py", "if fused else (3, \"activation", "if fused else (2, \"activation", "transformers"),
    engine("transformers/feed_forward.py", 'Factor("bytes", 20, Lever.ENGINE', 'Factor("bytes", 16, Lever.ENGINE', "transformers"),
    engine("transformers/quantized.py", "smaller(forward.past, RESIDUAL - 1)", "smaller(forward.past, RESIDUAL)", "transformers"),
    engine("transformers/engine.py", "workspaces.get(device.generation, workspaces.get(\"other\", 0))", "workspaces.get(\"other\", 0)", "readme transformers"),
    # vLLM and SGLang
    engine("vllm/pages.py", "round_up(window - 1 + step, block) + block", "round_up(window - 1 + step, block)", "vllm vllm_rules"),
    engine("vllm/pages.py", "kind: -count % size for", "kind: 0 for", "vllm vllm_rules"),
    engine("vllm/pages.py", "return -(-entry.heads // self.size)", "return entry.heads // self.size", "vllm vllm_rules"),
    engine("vllm/parallel.py", "counts[-i] += 1", "counts[i - 2] += 1", "vllm vllm_rules"),
    engine("vllm/profile.py", "runner.bytes_per_logit)) - 2 +", "runner.bytes_per_logit)) +", "vllm vllm_rules"),
    engine("vllm/engine.py", "per_sequence // BLOCK * BLOCK", "per_sequence", "vllm vllm_rules"),
    engine("vllm/engine.py", "int(self.overhead(deployment).bytes) - self._beside(deployment)", "int(self.overhead(deployment).bytes)", "vllm vllm_rules"),
    engine("vllm/outside.py", "without_nvlink:\n", "without_nvlink is None:\n", "overheads engine_logs_held_out accuracy"),
    engine("vllm/allocator.py", "- taken > CUT", "- taken > 2 * CUT", "vllm_rules vllm"),
    engine("vllm/allocator.py", "FUSED.get(base, base)", "base", "vllm engine_logs_held_out accuracy"),
    engine("vllm/experts.py", "max(width, hidden) + max(2 * width, hidden)", "2 * max(width, hidden)", "vllm vllm_rules"),
    engine("sglang/settings.py", "max(chunk, 2048) * 1.5", "min(chunk, 2048) * 1.5", "sglang"),
    engine("sglang/step.py", "if deployment.options.devices == 1", "if deployment.options.devices <= 2", "sglang"),
    # llama.cpp
    engine("llama_cpp/context.py", "+ self.micro_batch\n", "\n", "llama_cpp"),
    engine("llama_cpp/context.py", "// self.sequences) * self.sequences", "// self.sequences)", "llama_cpp_compute llama_cpp"),
    engine("llama_cpp/cache.py", "missing // plane.columns * plane.bits // 8", "missing // plane.columns * plane.bits", "llama_cpp"),
    engine("llama_cpp/cache.py", "size = Factor(\"bytes per value\", 4, Lever.ENGINE", "size = Factor(\"bytes per value\", 2, Lever.ENGINE", "llama_cpp"),
    engine("llama_cpp/allocator.py", "if readers[source] == 1 and source", "if readers[source] <= 2 and source", "llama_cpp_compute"),
    engine("llama_cpp/engine.py", "(context.deployment.workload.sequences, vocabulary, size)", "(vocabulary, size)", "llama_cpp llama_cpp_offload"),
    # training
    Mutation("training/optimizers.py", "-(-parameter.values // BLOCK)", "parameter.values // BLOCK", "training"),
    Mutation("training/optimizers.py", "return FLOAT32 if self.master else parameter.size", "return parameter.size", "training"),
    Mutation("training/tape.py", "last[storage] + 1 if not", "last[storage] if not", "training"),
    Mutation("training/parameters.py", "2 * rows", "rows", "training"),
    # speed
    Mutation("speed.py", "larger(self.memory_seconds, self.compute_seconds)", "self.memory_seconds + self.compute_seconds", "speed"),
    Mutation("speed.py", "seconds / 3600 * price_per_hour * devices", "seconds / 3600 * price_per_hour", "speed_of_answers"),
    Mutation("step_work.py", 'way = 2 if phase == "decode" else 1', "way = 1", "speed"),
    Mutation("step_work.py", "step_work(deployment, context - 1, 1, \"decode\")", "step_work(deployment, context, 1, \"decode\")", "speed"),
    Mutation("attention_work.py", "(tokens - rising) * self.most", "(tokens - rising) * (self.most - 1)", "speed"),
    # fit, levers, conversation
    Mutation("fit.py", "total(replace(asked, batch_size=sequences)) <= limit", "total(replace(asked, batch_size=sequences + 1)) <= limit", "laws::test_the_longest_context_and_the_largest_batch_are_the_last_that_fit"),
    Mutation("fit.py", "for n in {tokens, max(1, tokens - 1)}", "for n in {tokens}", "laws::test_the_longest_context_and_the_largest_batch_are_the_last_that_fit"),
    Mutation("estimate.py", "larger = total > most", "larger = total < most", "laws"),
    Mutation("levers/waterfall.py", "asked, before = changed, after\n", "asked = changed\n", "levers::test_the_ends_of_the_waterfall_meet"),
    Mutation("levers/options.py", "num_hidden_layers + 1  #", "num_hidden_layers  #", "levers::test_half_of_the_layers_counts_the_output_layer"),
    Mutation("levers/students.py", "4 * size > 3 * own", "3 * size > 4 * own", "levers"),
    Mutation("conversation/course.py", "past += read + answer", "past += read", "conversation"),
    Mutation("conversation/course.py", "step.past + held + 1, over", "step.past + held, over", "conversation"),
    Mutation("prefix_sharing.py", "(begun.sequences - 1) * _bytes_of", "begun.sequences * _bytes_of", "conversation"),
    Mutation("without_cache.py", "(later, answer_tokens - 1)]", "(later, answer_tokens)]", "speed_of_answers"),
)  # fmt: skip


def main(words: list[str]) -> int:
    """Run the sample, and print a line for each change."""
    chosen = [m for m in MUTATIONS if not words or any(word in f"{m.file} {m.before}" for word in words)]
    started = time.monotonic()
    with TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            copies.put(copy_of_the_repository(Path(folder) / str(number)))
        caught = list(pool.map(lambda mutation: run(mutation, copies), chosen))
    print(f"{sum(caught)} of {len(chosen)} caught in {time.monotonic() - started:.0f} s")
    return 0 if all(caught) else 1


def copy_of_the_repository(place: Path) -> Path:
    place.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
        else:
            shutil.copy(ROOT / part, place / part)
    return place


def run(mutation: Mutation, copies: SimpleQueue[Path]) -> bool:
    """Whether a test fails with the change; prints which."""
    place = copies.get()
    try:
        by = caught_by(mutation, place)
    finally:
        copies.put(place)
    said = re.sub(r"\s+", " ", f"{mutation.before} -> {mutation.after or 'nothing'}")
    print(
        f"{'caught' if by else 'MISSED'}  {mutation.file}: {said}\n        {by or 'no test of ' + mutation.tests}",
        flush=True,
    )
    return bool(by)


def caught_by(mutation: Mutation, place: Path) -> str:
    """The first test that fails with the change and not without it, empty where none does.

    Raises ValueError for a line that is gone.
    """
    path = place / "memory_model" / mutation.file
    right = path.read_text(encoding="utf-8")
    if right.count(mutation.before) != 1:
        raise ValueError(
            f"{mutation.file}: {mutation.before!r} stands there {right.count(mutation.before)} times, not once"
        )
    path.write_text(right.replace(mutation.before, mutation.after), encoding="utf-8")
    failed = first_failure(place, [test_of(name) for name in mutation.tests.split()])
    path.write_text(right, encoding="utf-8")
    return failed if failed and not first_failure(place, [failed]) else ""


def test_of(name: str) -> str:
    """`tests/test_laws.py` of `laws`; `tests/test_laws.py::test_x` of `laws::test_x`."""
    file, colons, test = name.partition("::")
    return f"tests/test_{file}.py{colons}{test}"


def first_failure(place: Path, tests: list[str]) -> str:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"no end within {LONGEST_SECONDS} s: {' '.join(tests)}", flush=True)
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    return failed[1] if failed else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
