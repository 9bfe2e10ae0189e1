"""What launch scripts of published runs on Ascend switch on, where the record does not say it or says it of all alike.

ModelLink's README says once, above its table, that figures were taken with MC2 (products fused with the exchange of tensor ranks).
Many scripts do not switch it on, the code's default is off, and it needs CANN 8.0.RC2 of mid 2024, while the figures in BEFORE_MC2 stand
unchanged in a README whose environment is CANN 7.0.0 (zzhx1/Hetaceso-ModelLink README.md at 0141fec). Scripts were read in public
copies of the repository at the version stored nearest to the record's (September 2024): zzhx1/Hetaceso-ModelLink,
aeeeeeep/ModelLink, moguizhizi/MindSpeed-LLM. Where versions differ or none is stored, the code's default stands: off.
"""
import re

# Figures from before MC2, taken with the older ("legacy") model code: rotary embedding and gated activation as several kernels.
BEFORE_MC2 = re.compile(r"modellink_(aquila_7b|baichuan_7b|baichuan_13b|baichuan2_7b|internlm_7b|internlm_65b|llama_7b|llama_13b|"
                        r"llama_33b|llama_65b|qwen_7b|qwen_14b|qwen_72b)_")
# Scripts of mid 2024 with --use-mc2 (it does nothing without tensor parallelism). Seen without: llama2_70b, qwen2_7b_32k;
# llama3_8b in one of two versions.
WITH_MC2 = re.compile(r"modellink_(aquila2_34b|baichuan2_13b|gemma_7b|glm4_9b|llama2_13b|llama2_34b|llama31_8b_128k|mistral_7b|mixtral_8x7b|"
                      r"qwen15_7b|qwen15_14b|qwen15_32b)_")
# How many times the traffic of one fused kernel: read off the code that runs without --use-fused-…
ROTARY, GATE = 6.0, 2.1
# --use-fused-rotary-pos-emb and --use-fused-swiglu where they differ from the software's file: (rotary, gated activation)
KERNELS = {
    "modellink_internlm_7b_2k_8": (1.0, GATE), "modellink_internlm_65b_2k_32": (1.0, GATE),
    "modellink_aquila2_34b_4k_16": (ROTARY, GATE),
    "modellink_gemma_7b_8k_8": (1.0, GATE),  # GeGLU has no fused kernel
    "modellink_glm4_9b_8k_8": (ROTARY, 1.0), "modellink_glm4_9b_32k_16": (ROTARY, 1.0),  # rotates half of each head
    "modellink_llama31_8b_128k_32": (ROTARY, 1.0),
}
ALIBI = {"modellink_baichuan_13b_4k_8", "modellink_baichuan2_13b_4k_8"}
UNFUSED_ATTENTION = {"modellink_baichuan_13b_4k_8"}
DISTRIBUTED_OPTIMIZER = {"modellink_llama_33b_2k_32", "modellink_llama_65b_2k_32"}

# The row "Qwen1.5-7B" with this very figure names examples/qwen15/pretrain_qwen15_7b_ptd.sh (zzhx1/Hetaceso-ModelLink
# examples/qwen15/README.md at 0141fec); the record carries CodeQwen's script.
CORRECTED = {
    "modellink_qwen15_7b_8k_8": {
        "model": {"kv_heads": 32, "ffn": 11008, "vocab": 151936,
                  "shape_source": "script examples/qwen15/pretrain_qwen15_7b_ptd.sh"},
        "parallel": {"tp": 8, "dp": 1, "micro_batch_seqs": 2, "global_batch_seqs": 64, "zero_stage": 0,
                     "overlap_grad_reduce": None},
        "derived": {"step_time_s": 22.8987},  # 64 x 8192 tokens at 2,862 tokens/s on each of 8 chips
    },
}


def corrected(record):
    """The record with what was read in its own script."""
    changes = CORRECTED.get(record["id"], {})
    return record | {part: record[part] | values for part, values in changes.items()}


def switches_mc2(record):
    name = record["id"] + "_"
    if not name.startswith("modellink_") or not record["parallel"].get("mc2_enabled"):
        return bool(record["parallel"].get("mc2_enabled"))
    return bool(WITH_MC2.match(name))
