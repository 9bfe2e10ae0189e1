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
# megatron_llama_llama3_8b: NVIDIA/Megatron-LM examples/llama/train_llama3_8b_h100_fp8.sh @157006d
DISTRIBUTED_OPTIMIZER = {"modellink_llama_33b_2k_32", "modellink_llama_65b_2k_32", "megatron_llama_llama3_8b",
                         "mlperf_v41_llama2_70b_lora_nvidia_b200_preview_nemo"}

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
    # "fp8 or fp4, not resolved from config": the submissions' READMEs name the scripts (mlcommons/training_results_v5.1 @4da2d1c,
    # NVIDIA/benchmarks/llama31_405b and llama31_8b). That of 405B is config_GB200_128x4x144xtp4pp8cp2_cg_fp4.sh, not the one without fp4
    # that the record names: TP_COMM_OVERLAP=False ("not supported yet" with NVFP4: config_common_fp4.sh). Those of 8B include no fp4
    # file, and config_common.sh sets FP8=True.
    "mlperf_v51_llama31_405b_nvidia_tyche_ngpu512_ngc25_09_nemo": {
        "parallel": {"precision": "nvfp4", "precision_kind": "nvfp4", "precision_note": None, "tp_comm_overlap": "False"},
    },
    "mlperf_v51_llama31_8b_nvidia_theia_ngpu72_ngc25_09_nemo": {
        "parallel": {"precision": "fp8", "precision_kind": "fp8", "precision_note": None},
    },
    "mlperf_v51_llama31_8b_nvidia_tyche_ngpu72_ngc25_09_nemo": {
        "parallel": {"precision": "fp8", "precision_kind": "fp8", "precision_note": None},
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


# Formats with which NVIDIA's recipes do not overlap messages of tensor ranks with products: TP_COMM_OVERLAP=False, "not supported yet", in
# MLPerf's config_common_fp4.sh (mlcommons/training_results_v5.1 @4da2d1c); tp_comm_overlap = False in the recipes of Llama 3 70B and 3.1 405B in
# NVFP4 (Megatron-Bridge, perf_recipes/llama, GB200 and GB300 alike).
NOT_OVERLAPPED = {"nvfp4"}

# DeepSeek-V3 in Megatron-Bridge: (stages, chunks) whose layouts its recipe lists (set_deepseek_v3_pipeline_model_parallel_layout in
# recipes/deepseek/deepseek_v3.py; for two stages of eight chunks pp_layout "Et*4|(t*4|)*14tmL" of scripts/performance), all of one form:
# as many layers in each part as in the first, what is left in the last, with multi-token prediction and the loss. The layout of eight
# stages of four chunks ("Et|(tt|)*30mL") is what counting embedding and head as a layer each gives.
DEEPSEEK_LAYOUTS = {(4, 1): 16, (8, 1): 8, (4, 2): 8, (16, 1): 4, (8, 2): 4, (4, 4): 4, (2, 8): 4}


def layers_of_parts(record, stages, chunks):
    """As the recipe of Megatron-Bridge lays them out; None where it says nothing."""
    model = record["model"]
    full = DEEPSEEK_LAYOUTS.get((stages, chunks))
    if not record["group"].startswith("nv_bridge") or not model["name"].startswith("DeepSeekV3") or full is None:
        return None
    parts = stages * chunks
    return [full] * (parts - 1) + [model["layers"] - full * (parts - 1)]


# NVIDIA-NeMo/Megatron-Bridge, scripts/performance of each release: read in public copies at the states nearest to the releases, with
# the pull requests that changed them (analysis/accuracy.md). What of a layer's launches CUDA graphs replay, by the host time
# that is left (milliseconds, of the software files' profile): none; the router; attention too; all.
HOST_MS = {"none": 10.0, "router": 7.0, "attention": 2.8, "all": 0.0}
BLACKWELL = {"nvidia_b200", "nvidia_gb200", "nvidia_b300", "nvidia_gb300"}


def bridge_recipe(record, release):
    """What the recipe of a model with experts does in this release (year and month as one number, 2511).

    library: of the exchange, none = all-to-all; beside: it runs beside another micro-batch's kernels; graphs: key of HOST_MS;
    fused: gate and quantisation inside the experts' products; narrow_attention: scores and values in 8 bit; moments: format of
    the optimizer's (recipes/deepseek/deepseek_v3.py @05d003f, recipes/qwen/qwen3_moe.py of early 2026).
    """
    chip, latent = record["hardware"]["chip_id"], bool(record["model"]["mla"])
    recipe = {"library": "hybridep", "beside": False, "graphs": "none", "fused": False, "narrow_attention": False,
              "moments": "bf16" if latent else "fp32"}
    if release < 2511:  # tokens dropped to a capacity, whole layers of static shape; but DeepSeek-V3 on H100
        recipe["library"] = "deepep" if latent and chip not in BLACKWELL else None
        recipe["beside"] = latent and chip not in BLACKWELL
        recipe["graphs"] = "all" if chip in BLACKWELL and not latent else "none"
        return recipe
    if chip not in BLACKWELL:  # HybridEP on H100 from 26.04 (its port to 26.02 was closed unmerged)
        recipe["library"] = "hybridep" if release >= 2604 else None
        recipe["beside"] = release < 2604
        return recipe
    if release < 2602:
        recipe["library"] = "hybridep" if latent and chip in ("nvidia_gb200", "nvidia_gb300") else None
        recipe["graphs"] = {"nvidia_gb300": "attention", "nvidia_gb200": "router"}.get(chip, "none") if latent else "router"
    elif release < 2606:
        recipe["library"] = None if chip == "nvidia_b200" and not latent and release < 2604 else "hybridep"
        recipe["graphs"] = ("attention" if chip == "nvidia_gb200" or release >= 2604 and chip == "nvidia_b300" else "none") if latent \
            else "attention" if release >= 2604 and chip == "nvidia_b200" else "router"
    elif chip == "nvidia_b200" or latent and chip == "nvidia_b300" or record["parallel"]["precision_kind"] != "mxfp8":
        recipe["graphs"] = "attention"
    else:  # the whole step as one graph, experts as fused kernels
        recipe |= {"beside": True, "graphs": "all", "fused": True, "narrow_attention": not (latent and chip == "nvidia_gb200")}
    return recipe


# MLPerf's LoRA: layers of 80 that run again (ACG=full, ACM=block, ACL; the configuration's default is none), by chip. Read in
# mlcommons/training_results_v5.1 @4da2d1c (config_*.sh of Krai, MangoBoost, Supermicro and of Dell for AMD's MI350X), in copies of 5.0
# (prishajain1/training_results_v5.0 @0fdc28f: MangoBoost, GigaComputing; a script for MI300X that names AMD as submitter) and of 4.1
# (swsok/training_results_v4.1 @8821c70, NVIDIA's b200_preview_nemo); AMD's and Oracle's own are taken to be the same. All set FP8=True and with
# it fp8_params: weights lie in 8 bit.
LORA_LAYERS_AGAIN = {"nvidia_b200": 0, "amd_mi300x": 21, "amd_mi325x": 0, "amd_mi355x": 0}
# Scores and values of attention in 8 bit (FP8_DPA=1, NVTE_FP8_DPA_BWD=1), and an optimizer that is shared out (mcore_distributed_optim), in
# NVIDIA's script; AMD's and its partners' have FP8_DPA=0 and on one node fused_adam.
NARROW_ATTENTION = {"mlperf_v41_llama2_70b_lora_nvidia_b200_preview_nemo"}

# Layers whose activations the recipe moves to the host's memory (cpu_offloading_num_layers), by model, chip and the first release
# of which that number holds; runs by Megatron FSDP alone.
OFFLOADED = {("70b", "nvidia_gb200"): [(2509, 40)], ("70b", "nvidia_gb300"): [(2511, 20)], ("405b", "nvidia_gb200"): [(2509, 95)]}


def recompute_in_recipe(record, release):
    """What the run's recipe computes again: {"recompute": …}, {"share": of the layers}, {"offloaded": layers}, {"source": …}; none
    where no recipe was read.

    Read for 25.09 in scripts/performance/configs/{llama3,llama31,qwen3,deepseek}/*_llm_pretrain.py (@27dfb3d, @0813a3f, @4054233), for 25.11
    in *_workload_base_configs.py of okoge-kaz/Megatron-Bridge @c3e43e6 and lkk12014402/Megatron-Bridge @67b8806, for 2026 in the same files
    of NVIDIA-NeMo/Megatron-Bridge (@0426418, @01b2977, @00919dc, @0013c9a) and src/megatron/bridge/perf_recipes (@007282e, @000853c). The
    recipes of 24.07: NVIDIA/NeMo-Framework-Launcher launcher_scripts/conf/training, llama, nemotron and gpt3 (175b_fp8.yaml @6c9e5c0; one
    of 2023 still says selective): activations_checkpoint_granularity is null in all.
    """
    if record["group"] == "nv_h100_nemo2407":
        return {"recompute": "none", "source": "NeMo-Framework-Launcher's configuration of the model"}
    if record["id"] == "megatron_llama_llama3_8b":
        return {"recompute": "none", "source": "the launch script"}
    if record["model"].get("lora"):
        again = LORA_LAYERS_AGAIN.get(record["hardware"]["chip_id"] or "amd_mi355x")
        if again is None or "mlperf" not in record["group"]:
            return None  # no script was read
        return {"recompute": "full", "share": again / 80, "source": "the launch scripts"} if again else \
            {"recompute": "none", "source": "the launch scripts"}
    if not record["group"].startswith("nv_bridge"):
        return None
    name, chip, parallel = record["model"]["name"].lower(), record["hardware"]["chip_id"], record["parallel"]
    out = {"recompute": "none", "source": "Megatron-Bridge's recipe nearest to the release"}
    if record["model"]["mla"]:
        out["recompute"] = "mla_up_proj+mlp" if chip == "nvidia_h100_sxm5" else "mla_up_proj"
        if chip == "nvidia_gb300":
            out["recompute"] = "moe_act+mlp" if release < 2602 else "none"
    elif "8b" in name and chip == "nvidia_h100_sxm5" and release >= 2511:
        out |= {"recompute": "full", "share": 5 / 32}  # recompute_num_layers = 5
    elif "FSDP" in (parallel.get("zero_or_fsdp") or ""):
        size = next((s for s in ("405b", "70b", "8b") if s in name), None)
        layers = [count for since, count in OFFLOADED.get((size, chip), []) if since <= release]
        out |= {"offloaded": layers[-1]} if layers else {}
    return out
