"""Constants of overhead against the public figures that they rest on: each the middle of its table, with its ends."""

from dataclasses import replace
from statistics import median

import pytest

from memory_model import Scenario, estimate
from memory_model.accuracy.measured import table
from memory_model.estimate import breakdown
from memory_model.presets import devices, engines
from memory_model.resolve import resolve
from memory_model.units import GIB

MIB = 2**20

CONTEXTS = [row for row in table("cuda_contexts.csv") if row["counted"] == "yes"]
"""What a process holds on a GPU beside what its allocator does; `server`: in use before vLLM's profile."""
OVERHEADS = [row for row in table("vllm_overheads.csv") if row["counted"] == "yes"]
OTHERS = table("driver_contexts.csv")
"""The same of other vendors; `process`: all that is in use on the GPU less what torch holds, `context`: a bare one."""
KINDS = {
    "transformers": {"process"},
    "llama.cpp": {"context", "unaccounted"},
    "vllm": {"server"},
    "sglang": {"server"},
}
DEVICES = {"H100 SXM 80GB": "h100-sxm-80gb", "A100 80GB": "a100-sxm-80gb", "A100 40GB": "a100-40gb"}


def contexts(engine):
    return [row for row in CONTEXTS if row["kind"] in KINDS[engine]]


def amount(row):
    return float(row["mib"]) * MIB


def each(row):
    return amount(row) / int(row["multiprocessors"])


def overheads(quantity, version, layout="one"):
    def is_of(row):
        tensor, pipeline = int(row["tensor_parallel"]) > 1, int(row["pipeline_parallel"]) > 1
        return layout == "any" or layout == ("tensor" if tensor else "pipeline" if pipeline else "one")

    rows = [row for row in OVERHEADS if (row["quantity"], row["version"]) == (quantity, version) and is_of(row)]
    return [float(row["gib"]) for row in rows]


@pytest.mark.parametrize("row", [row for row in table("cuda_contexts.csv") if row["in_use_gib"]])
def test_a_context_is_what_torch_s_message_leaves(row):
    left = (float(row["in_use_gib"]) - float(row["allocated_gib"])) * 1024 - float(row["unallocated_mib"])
    assert float(row["mib"]) == pytest.approx(left, abs=0.006)


@pytest.mark.parametrize("row", [row for row in table("cuda_contexts.csv")])
def test_multiprocessors_are_those_of_the_device(row):
    named = [
        device for device in devices().values() if device.name == row["gpu"] or DEVICES.get(row["gpu"]) == device.id
    ]
    assert all(device.multiprocessors == int(row["multiprocessors"]) for device in named)


@pytest.mark.parametrize("engine", ["transformers", "llama.cpp"])
def test_contexts_are_the_median_of_their_table_and_both_its_ends(engine):
    facts, rows = engines()[engine].facts, contexts(engine)
    assert facts.cuda_context_bytes == round(median(map(amount, rows)))
    assert facts.cuda_context_between == pytest.approx((min(map(amount, rows)), max(map(amount, rows))), abs=1)
    assert facts.cuda_context_per_multiprocessor == round(median(map(each, rows)))
    found = facts.cuda_context_per_multiprocessor_between
    assert found == pytest.approx((min(map(each, rows)), max(map(each, rows))), abs=1)
    assert f"median of {len(rows)} " in facts.cuda_context_source


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_contexts_of_servers_are_those_of_all_logs_on_h100(engine):
    facts, rows = engines()[engine].facts, contexts(engine)
    [h100] = [row for row in rows if row["gpu"] == "H100 SXM 80GB"]
    assert set(overheads("before", "0.19")) == {0.51}
    assert float(h100["mib"]) == pytest.approx(0.51 * 1024, abs=0.01)
    assert facts.cuda_context_bytes == pytest.approx(amount(h100), abs=MIB / 100)
    assert facts.cuda_context_per_multiprocessor == pytest.approx(each(h100), abs=100)
    assert facts.cuda_context_between == pytest.approx((min(map(amount, rows)), max(map(amount, rows))), abs=MIB / 100)
    found = facts.cuda_context_per_multiprocessor_between
    assert found == pytest.approx((min(map(each, rows)), max(map(each, rows))), abs=100)


def test_contexts_go_with_the_multiprocessors():
    """Across GPUs of 34 to 188 of them contexts differ by six times, and each one's share by less than 1.7."""
    rows = contexts("transformers") + contexts("llama.cpp")
    assert max(map(amount, rows)) / min(map(amount, rows)) > 5
    assert max(map(each, rows)) / min(map(each, rows)) < 1.7


@pytest.mark.parametrize(
    ("version", "name", "quantity", "layout"),
    [
        ("0.19", "non_torch", "non_torch", "one"),
        ("0.19", "non_torch_tensor_parallel", "non_torch", "tensor"),
        ("0.19", "non_torch_pipeline", "non_torch", "pipeline"),
        ("0.19", "communication_tensor_parallel", "before", "tensor"),
        ("0.19", "communication_pipeline", "before", "pipeline"),
        ("0.11", "non_torch", "non_torch", "one"),
        ("0.25", "non_torch", "non_torch", "one"),
        ("0.25", "non_torch_tensor_parallel", "non_torch", "tensor"),
        ("0.11", "non_torch_tensor_parallel", "non_torch", "tensor"),
    ],
)
def test_what_is_outside_torch_in_vllm_is_the_median_of_its_table_and_both_its_ends(version, name, quantity, layout):
    constants = engines()["vllm"].of_version(version).facts.constants
    context = 0.51 if quantity == "before" else 0
    figures = [figure - context for figure in overheads(quantity, version, layout)]
    counted = constants[f"{name}_gib"]
    ends = [constants.get(f"{name}_{end}_gib", counted) for end in ("low", "high")]
    assert ends == pytest.approx([min(figures), max(figures)], abs=1e-9)
    assert counted == pytest.approx(median(figures), abs=0.0201)


@pytest.mark.parametrize("version", ["0.11", "0.19", "0.26", "0.29"])
def test_gpus_without_nvlink_take_less_of_everything_between_them(version):
    constants = engines()["vllm"].of_version(version).facts.constants
    figures = overheads("non_torch", "0.11" if version == "0.11" else "PCIe", "tensor")
    ends = [constants[f"non_torch_without_nvlink_{end}gib"] for end in ("low_", "", "high_")]
    assert ends == pytest.approx([min(figures), median(figures), max(figures)])
    between = [constants[f"communication_without_nvlink_{end}gib"] for end in ("low_", "", "high_")]
    sglang = engines()["sglang"].facts.constants
    [before] = overheads("before", "PCIe", "tensor")
    [alone] = [amount(row) / GIB for row in contexts("vllm") if row["gpu"] == "RTX PRO 6000"]
    seen = [
        sglang["communication_without_nvlink_low_gib"],
        sglang["communication_without_nvlink_high_gib"],
        before - alone,
    ]
    assert between == pytest.approx([min(seen), median(seen), max(seen)])

    def between_gpus(device):
        keys = {"model": "llama-3.1-8b", "engine": "vllm", "engine_version": version, "device": device}
        one, two = (estimate(Scenario(**keys, tensor_parallel=size))["overhead"].bytes for size in (1, 2))
        return (two - one) / 2**30

    assert between_gpus("rtx-4090") == pytest.approx(median(figures) - constants["non_torch_gib"] + 0.19, abs=1e-6)
    assert between_gpus("h100-sxm-80gb") > 1


@pytest.mark.parametrize("version", ["0.19", "0.11", "0.21", "0.25"])
def test_graphs_of_vllm_are_the_median_of_their_table_and_both_its_ends(version):
    facts = engines()["vllm"].of_version(version).facts
    figures = overheads("graphs", version, "any")
    assert facts.constants["graphs_gib"] == pytest.approx(median(figures))
    assert facts.constants["graphs_low_gib"] == min(figures)
    most = overheads("graphs", "0.11" if version == "0.11" else "0.19", "any")
    assert facts.constants["graphs_high_gib"] == max(most) >= max(figures)
    assert f" {len(figures)} logs" in facts.sources["graphs_gib"]


def test_graphs_of_0_17_are_within_those_of_0_19():
    constants = engines()["vllm"].of_version("0.17").facts.constants
    figures = overheads("graphs", "0.17", "any")
    assert constants["graphs_low_gib"] < min(figures) < max(figures) < constants["graphs_high_gib"]


def test_what_stands_before_the_profile_of_several_gpus_from_0_25_on():
    """Ten logs of 0.19 and one of 0.28, on eight GPUs, which is the most."""
    constants = engines()["vllm"].of_version("0.25").facts.constants
    figures = [figure - 0.51 for version in ("0.19", "0.25") for figure in overheads("before", version, "tensor")]
    ends = [constants[f"communication_tensor_parallel_{end}gib"] for end in ("low_", "", "high_")]
    assert len(figures) == 11
    assert ends == pytest.approx([min(figures), median(figures), max(figures)], abs=0.0201)


def test_graphs_of_sglang_are_between_both_ends_of_their_table():
    constants = engines()["sglang"].facts.constants
    figures = [
        float(row["graphs_gib"]) for row in table("sglang.csv") if row["graphs_gib"] and row["gpu"] != "Ascend NPU"
    ]
    assert len(figures) == 15
    assert (constants["graphs_low_gib"], constants["graphs_high_gib"]) == (min(figures), max(figures))


GPUS = ("H100 80GB", "H200", "B200", "MI355X", "MI300X", "L4", "RTX 4090")


def test_communication_of_sglang_is_what_it_prints():
    constants = engines()["sglang"].facts.constants
    rows = [row for row in table("sglang.csv") if row["communication_gib"] and row["tensor_parallel"] != "1"]
    figures = {gpu: [float(row["communication_gib"]) for row in rows if row["gpu"].endswith(gpu)] for gpu in GPUS}
    assert len(rows) == sum(map(len, figures.values()))
    large = [figure for gpu in ("H100 80GB", "H200", "B200") for figure in figures[gpu]]
    ends = [constants[f"communication_{end}gib"] for end in ("low_", "", "high_")]
    assert ends == pytest.approx([min(large), median(large), max(large)])
    [many], [with_data_parallel] = figures["MI355X"], figures["MI300X"]
    ends = [constants[f"communication_on_amd_{end}gib"] for end in ("low_", "", "high_")]
    assert ends[0] < ends[1] == many < with_data_parallel < ends[2]
    small = figures["L4"] + figures["RTX 4090"]
    ends = [constants[f"communication_without_nvlink_{end}gib"] for end in ("low_", "", "high_")]
    assert ends == pytest.approx([min(small), median(small), max(small)])


@pytest.mark.parametrize("engine", ["transformers", "llama.cpp", "vllm", "sglang"])
def test_a_small_gpu_has_a_smaller_context(engine):
    keys = {"model": "llama-3.1-8b", "engine": engine}
    small, large = (
        estimate(Scenario(**keys, device=device))["overhead"] for device in ("rtx-4060-ti-16gb", "rtx-5090")
    )
    facts = engines()[engine].facts
    assert small.between[0] <= small.bytes <= small.between[1]
    workspaces = facts.workspace_bytes or {}
    apart = large.bytes - small.bytes - workspaces.get("blackwell", 0) + workspaces.get("other", 0)
    assert apart == (170 - 34) * facts.cuda_context_per_multiprocessor


def test_a_gpu_whose_multiprocessors_are_not_known_has_the_context_of_most():
    facts = engines()["transformers"].facts
    deployment = resolve(Scenario(model="llama-3.1-8b", device="b300-sxm"))
    found = breakdown(replace(deployment, device=replace(deployment.device, multiprocessors=None)))["overhead"]
    assert found.bytes == facts.cuda_context_bytes + facts.workspace_bytes["blackwell"]
    assert found.between[1] - found.between[0] == facts.cuda_context_between[1] - facts.cuda_context_between[0]


@pytest.mark.parametrize("row", [row for row in OTHERS if row["total_gib"]])
def test_a_context_of_another_vendor_is_what_is_in_use_less_what_torch_holds(row):
    held = (float(row["total_gib"]) - float(row["free_gib"]) - float(row["allocated_gib"])) * 1024
    assert float(row["mib"]) == pytest.approx(held - float(row["unallocated_mib"]), abs=0.006)


@pytest.mark.parametrize(
    ("engine", "vendor", "kinds"),
    [
        ("transformers", "AMD", {"process"}),
        ("vllm", "AMD", {"server"}),
        ("sglang", "AMD", {"server"}),
        ("llama.cpp", "AMD", {"context", "unaccounted"}),
        *((engine, "Intel", {"process", "context", "unaccounted"}) for engine in KINDS),
        ("llama.cpp", "Apple", {"unaccounted"}),
    ],
)
def test_contexts_of_other_vendors_are_the_median_of_their_table_and_both_its_ends(engine, vendor, kinds):
    facts = engines()[engine].facts
    rows = [row for row in OTHERS if (row["vendor"], row["counted"]) == (vendor, "yes") and row["kind"] in kinds]
    figures = [amount(row) for row in rows]
    assert facts.other_contexts[vendor] == [round(figure) for figure in (median(figures), min(figures), max(figures))]
    number = {2: "two", 5: "5", 6: "6", 10: "10"}[len(rows)]
    assert f"{number} " in facts.other_contexts_source[vendor]


@pytest.mark.parametrize("engine", ["transformers", "llama.cpp", "vllm"])
@pytest.mark.parametrize("device", ["mi300x", "arc-b580"])
def test_other_vendors_have_a_context_with_both_ends_and_no_cublas(engine, device):
    keys = {"model": "llama-3.1-8b", "engine": engine}
    found, bare = (estimate(Scenario(**{**keys, **on}))["overhead"] for on in ({"device": device}, {}))
    counted, low, high = engines()[engine].facts.other_contexts[devices()[device].vendor]
    assert found.bytes - bare.bytes == counted
    below, above = bare.between or (0, 0)
    assert found.between == (below + low, above + high)


def test_the_driver_of_a_chip_of_apple_takes_nothing_of_its_own():
    found = estimate(Scenario(model="llama-3.1-8b", engine="llama.cpp", device="m4-max-64gb"))["overhead"]
    assert (found.bytes, found.between) == (0, (0, 0))
    other = estimate(Scenario(model="llama-3.1-8b", device="m4-max-64gb"))["overhead"]
    assert (other.bytes, other.between) == (0, None)
    assert "nothing is known for Apple" in other.note


def test_workspaces_are_those_of_torch_s_own_rule():
    """CublasHandlePool.cpp: 32 MiB from compute capability 9 on, else ":4096:2:16:8", in KiB and pieces."""
    found = engines()["transformers"].facts.workspace_bytes
    assert found == {"hopper": 32 * MIB, "blackwell": 32 * MIB, "other": (2 * 4096 + 8 * 16) * 1024}
    assert int(0.51 * GIB) == engines()["vllm"].facts.cuda_context_bytes
