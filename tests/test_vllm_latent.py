"""Latent attention in vLLM and SGLang: compressed, sparse and plain; the pages and weights that their sources demand."""

import pytest

from memory_model import InputError, Scenario, estimate
from memory_model.architectures import read_config
from memory_model.engines.vllm.compressed import block_bytes, groups
from memory_model.engines.vllm.pages import Pages
from memory_model.estimate import breakdown
from memory_model.presets import load_model
from memory_model.resolve import resolve


def v4(version, **keys):
    return resolve(Scenario("deepseek-v4-flash", engine="vllm", kv_cache="fp8", engine_version=version, **keys))


def test_layers_of_deepseek_v4_form_groups_that_take_blocks():
    """The groups that vllm-project/vllm#54703 prints: bytes of a block, its tokens."""
    found = groups(load_model("deepseek-v4-flash"), packed=True)
    assert [(len(group.pages), sum(group.pages), group.block) for group in found] == [
        (62, 1_002_240, 256),
        (22, 823_680, 64),
        (21, 786_240, 64),
        (42, 870_912, 4),
        (20, 656_640, 8),
    ]


@pytest.mark.parametrize(("version", "block"), [("0.26", 1_473_408), ("0.29", 1_435_968)])
def test_a_block_of_deepseek_v4_pro_is_as_large_as_a_pull_request_prints(version, block):
    """vllm-project/vllm#48993: 1,473,408 bytes before; after it 1,315,008 with keys of the indexer in MXFP4."""
    flash = load_model("deepseek-v4-flash").config
    pro = read_config(flash | {"num_hidden_layers": 61, "compress_ratios": [128, *[128, 4] * 30]}, "v4")
    assert block_bytes(groups(pro, packed=True), v4(version)) == block
    assert 1_435_968 - 30 * (8_640 - 4_608) == 1_315_008  # keys of the indexer in MXFP4: 64 x 68 bytes in whole 576


@pytest.mark.parametrize(
    ("version", "context", "step", "pool_gib", "sequences"),
    [("0.21", 262_144, 8192, 32.08, 8.298), ("0.26", 121_344, 8192, 7.71, 1.2443)],
)
def test_logs_until_0_26_count_bytes_where_a_sequence_takes_blocks(version, context, step, pool_gib, sequences):
    """Logs of 0.23.0 on H200 and of 0.26.0 on H20, with one layer more (vllm-project/vllm#51041): what the groups' own pages would take."""
    deployment = v4(version, context_length=context, step_tokens=step)
    found = groups(deployment.model, packed=True)
    in_flight, sizes = Pages(deployment, deployment.model).in_flight, sorted(set(found[0].pages))
    bytes_of_one = sum(
        group.blocks(context, in_flight) * sum(min(size for size in sizes if size >= page) for page in group.pages)
        for group in found
    )
    blocks = pool_gib * 2**30 // block_bytes(found, deployment)
    assert blocks / -(-bytes_of_one // sum(found[0].pages)) == pytest.approx(sequences, rel=0.0015)


def test_a_prompt_of_deepseek_v4_needs_what_vllm_demands():
    """6.66 GiB for 30,000 tokens, printed by 0.22 (vllm-project/vllm#44376), whose blocks are 1.2 % larger (#44454)."""
    found = v4("0.21", context_length=30_000, step_tokens=16_384)
    assert found.engine.kv_cache(found).bytes * 1_051_776 / 1_039_680 / 2**30 == pytest.approx(6.66, abs=0.005)


def test_a_compressor_that_vllm_does_not_have_is_refused():
    config = load_model("deepseek-v4-flash").config
    shape = read_config(config | {"compress_rate_csa": 8}, "v4")
    with pytest.raises(InputError, match="model: vLLM compresses 4 and 128 tokens into a row, not 8; use transformers"):
        breakdown(resolve(Scenario("v4", engine="vllm"), shape))


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_rows_of_sparse_latent_attention(engine):
    """Bytes a token and layer that logs of GLM-5 print: 1,284 in 16 bits, 788 in fp8, 708 on Blackwell of a data centre."""

    def a_token(**keys):
        found = estimate(Scenario("glm-5", engine=engine, tensor_parallel=8, context_length=8192, **keys))["kv_cache"]
        return found.bytes / 8192 / 78

    assert a_token(kv_cache="bf16") == 2 * (512 + 64) + 128 + 4
    assert a_token(kv_cache="fp8", device="h200-sxm") == 512 + 4 * 4 + 2 * 64 + 128 + 4
    assert a_token(kv_cache="fp8", device="b200-sxm") == 512 + 64 + 128 + 4


def test_what_serves_all_heads_of_deepseek_v4_is_whole_on_every_gpu():
    def weights(size):
        terms = breakdown(v4("0.26", tensor_parallel=size))["weights"].busiest.terms
        return {term.label: term.bytes for term in terms}

    one, four = weights(1), weights(4)
    whole = ("kv_proj", "compressor.gate_proj", "indexer.q_b_proj", "attn_hc.fn", "hc_head.base")
    assert all(one[label] == four[label] for label in whole)
    assert one["q_b_proj"] == 4 * four["q_b_proj"]


def test_latent_attention_holds_both_halves_of_a_matrix_once_more():
    def weights(size):
        terms = estimate(Scenario("deepseek-v3.2", engine="vllm", tensor_parallel=size))["weights"].busiest.terms
        return [
            sum(term.bytes for term in terms if term.label == label)
            for label in ("halves of kv_b_proj", "indexer.wq_b")
        ]

    (halves, queries), (_, whole) = weights(8), weights(1)
    assert halves == 61 * 512 * 128 // 8 * (128 + 128) * 2
    assert queries == whole
