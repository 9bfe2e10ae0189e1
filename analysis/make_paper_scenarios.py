#!/usr/bin/python3
"""Writes scenarios/papers/<paper>/<record>.toml from a file of published runs.

    analysis/make_paper_scenarios.py RECORDS.yaml [FOLDER]       (FOLDER: scenarios/papers)
    moesaic reproduce all --folder FOLDER

One scenario per record that is complete enough to simulate. What a record leaves open is chosen by the rules below, the
same for all records, and written into the scenario as an assumption. Nothing here depends on the published result.
A record whose own figures are doubtful is marked with `flag`; records that cannot be simulated are listed on stderr.
"""
import collections
import pathlib
import re
import sys

import yaml

import launch_scripts as scripts
from published_software import is_named, software_of

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A group of records -> paper folder. What one party published with one method counts as one source.
PAPERS = {
    "nv_a100_megatron_sc21": "megatron_sc21", "nv_a100_megatron_sc21_table2": "megatron_sc21",
    "nv_a100_korthikanti": "korthikanti_2022",
    "nv_a100_bloom": "bloom_2022", "nv_a100_bloom_b": "bloom_2022", "nv_a100_bloom_c": "bloom_2022",
    "nv_a100_internevo": "internevo_2024", "nv_a100_internevo_ckpt": "internevo_2024",
    "nv_llmfoundry_a100_40": "llm_foundry_2024", "nv_llmfoundry_a100_80": "llm_foundry_2024",
    "nv_llmfoundry_h100": "llm_foundry_2024", "nv_llmfoundry_h100ls": "llm_foundry_2024",
    "nv_llmfoundry_h100fp8": "llm_foundry_2024",
    "nv_h100_torchtitan": "torchtitan", "nv_h100_torchtitan_b": "torchtitan", "nv_h200_torchtitan": "torchtitan",
    "nv_h100_nemo2407": "nemo_2407", "nv_h100_megatron_llama": "megatron_lm_readme",
    "nv_bridge_moe": "megatron_bridge", "nv_bridge_dense": "megatron_bridge", "nv_bridge_dense_b": "megatron_bridge",
    "nv_mlperf_gpt3": "mlperf_training", "nv_mlperf_llama31_405b": "mlperf_training",
    "nv_mlperf_llama31_8b": "mlperf_training", "nv_mlperf_llama2_70b_lora": "mlperf_training",
    "amd_mlperf_llama2_70b_lora": "mlperf_training", "amd_mlperf_llama2_70b_lora_b": "mlperf_training",
    "amd_mlperf_llama31_8b": "mlperf_training",
    "nv_a100_zerobubble": "zero_bubble_2023", "nv_h100_jax": "jax_toolbox",
    "hw_modellink": "modellink_2024", "hw_modellink_moe": "modellink_2024",
    "hw_mindformers": "mindformers_2024", "hw_mindformers_telechat": "mindformers_2024",
}

# Beginnings of groups of analysis/unseen/records.yaml that one party published with one method.
SAME_SOURCE = {"nv_dgxc_": "dgxc_benchmarking", "nv_nemo_": "nemo_pages", "mlperfv": "mlperf_training"}

# chip of the record -> node type, rule for the NIC of a chip in Gbit/s where the source names none
NODES = {
    "nvidia_a100_sxm4_80": ("hgx_a100", 200), "nvidia_a100_sxm4_40": ("hgx_a100_40", 200),
    "nvidia_h100_sxm5": ("hgx_h100", 400), "nvidia_h200_sxm": ("hgx_h200", 400),
    "nvidia_b200": ("hgx_b200", 400), "nvidia_b300": ("hgx_b300", 800),
    "nvidia_gb200": ("gb200_nvl72", 400), "nvidia_gb300": ("gb300_nvl72", 800),
    "amd_mi300x": ("oam_mi300x", 400), "amd_mi325x": ("oam_mi325x", 400), "amd_mi355x": ("oam_mi355x", 400),
    "huawei_ascend_910b2": ("atlas_800t_a2_910b3", 200), "huawei_ascend_910b3": ("atlas_800t_a2_910b3", 200),
}
# Launch scripts of later years that leave Megatron-LM's dropout at its default of 0.1 (examples/ of the repository).
DROPOUT_GROUPS = {"nv_a100_zerobubble"}

NODES |= {"nvidia_a800_sxm4_80": ("hgx_a800", 200), "nvidia_h800_sxm5": ("hgx_h800", 400), "nvidia_h20": ("hgx_h20", 400),
          "amd_mi308x": ("oam_mi308x", 400), "huawei_ascend_910b1": ("atlas_800t_a2", 200),
          "metax_c500": ("oam_c500", 100)}
RACK_CHIPS_USED = 64  # of an NVL72's 72, where a job needs more than one rack

# Vocabulary by the model's name where the record has none: the makers' configuration files (recalled, not re-read).
VOCABULARY = [
    (r"llama ?3", 128256), (r"llama", 32000), (r"baichuan2", 125696), (r"baichuan", 64000), (r"qwen", 151936),
    (r"internlm", 103168), (r"aquila", 100008), (r"mistral|mixtral", 32000),
]
DEFAULT_VOCABULARY = 50257

# Sliding windows by the model's name (keys that a query sees; the last of every so many layers sees all, 0 = none does): records have no
# field for them. The makers' configuration files: gpt-oss read in an MLPerf submission, Mistral recalled.
WINDOWS = [(r"gpt.?oss", 128, 2), (r"mistral.?7b(?!.*v?0\.[2-9])", 4096, 0)]

PRECISION = {"fp32": "fp32", "fp16": "fp16", "bf16": "bf16", "unknown": "bf16", "fp8": "fp8", "mxfp8": "mxfp8", "nvfp4": "nvfp4", "mxfp4": "mxfp4"}

# What another simulator predicted for the same run: Calculon (SC 2023), its validation against the paper's table 5.
PEERS = {f"korthikanti_{size}_{kind}": ("Calculon", seconds) for size, kind, seconds in [
    ("22b", "full", 1.40), ("22b", "present", 1.14), ("175b", "full", 18.03), ("175b", "present", 13.64),
    ("530b", "full", 49.89), ("530b", "present", 34.47), ("1t", "full", 90.08), ("1t", "present", 66.04)]}

# Doubts about a record that it does not flag itself. It counts like the others; the table marks it.
DOUBTS = {
    "mlperf_v51_llama31_8b_nvidia_theia_ngpu72_ngc25_09_nemo": "precision not resolved: fp8 or fp4",
    "mlperf_v51_llama31_8b_nvidia_tyche_ngpu72_ngc25_09_nemo": "precision not resolved: fp8 or fp4",
    "mlperf_v51_llama31_8b_amd_mi350x_epyc_9575f_pytorch": "precision not resolved: fp8 or fp4",
    "mindformers_telechat2_115b": "chip count taken from a configuration, not confirmed by the source",
}


class Incomplete(Exception):
    """What a scenario needs and the record does not have."""


# Fields that a record may leave out, and what is read then: not stated, where there is no other value.
OPTIONAL = {
    "": {key: None for key in ("sanity_flag", "layout_flag", "consistency_flag", "notes", "heterogeneous", "model_class")} |
        {"measured": {}, "kind": "training_run", "completeness": "full", "target": None},
    "source": dict.fromkeys(("url", "locator")),
    "model": dict.fromkeys(("kv_heads", "head_dim", "ffn", "gated_ffn", "vocab", "moe", "mla", "shape_source", "lora", "dropout")),
    "hardware": dict.fromkeys(("chip_id", "chip_id_note", "chips_per_node", "nic_gbps_per_chip", "fabric", "peak_share")),
    "parallel": dict.fromkeys((
        "tp", "pp", "vpp", "cp", "ep", "etp", "dp", "zero_stage", "zero_group", "zero_or_fsdp", "sequence_parallel", "precision", "precision_note",
        "schedule", "recompute", "recompute_as", "recompute_layers", "moe_exchange", "moe_exchange_overlap", "moe_fused_gate", "cuda_graphs", "narrow_attention",
        "optimizer_moments", "micro_batch_seqs", "global_batch_seqs", "seq_len")) | dict.fromkeys(
            ("recompute_kind", "precision_kind", "schedule_kind"), "unknown"),
    "derived": {"step_time_s": None, "step_time_s_basis": "measured"},
}
REQUIRED = {"": ("id", "group", "vendor"), "source": ("title", "date"), "model": ("name",), "hardware": ("chip",), "parallel": (), "derived": ()}
# What a field may say; none = it is not stated.
CHOICES = {
    "precision_kind": ("fp32", "fp16", "bf16", "unknown", "fp8", "mxfp8", "nvfp4", "mxfp4"),
    "recompute_kind": ("none", "selective", "full", "partial", "unknown"),
    "schedule_kind": ("none", "gpipe", "1f1b", "interleaved_1f1b", "zb_h1", "zb_h2", "zb_v", "dualpipe", "unknown"),
    "recompute_as": (None, "none", "pointwise", "selective", "operators", "up_projections", "mla_up_proj", "moe_act", "full", "least"),
    "moe_exchange": (None, "all_to_all", "deepep", "hybridep"),
    "cuda_graphs": (None, *scripts.HOST_MS),
    "optimizer_moments": (None, "fp32", "bf16"),
}
OPTIONAL_MOE = {"shared_experts": 0, "shared_ffn_total": 0, "first_k_dense": 0}


def completed(record):
    """The record with every optional field. @throws Incomplete where another is missing, or says what it cannot"""
    for part, fields in REQUIRED.items():
        section = record.get(part) if part else record
        lacking = [part] if section is None else [f"{part}.{field}" if part else field for field in fields if field not in section]
        if lacking:
            raise Incomplete(f"{record.get('id', 'a record without id')} lacks the field {lacking[0]}")
    out = OPTIONAL[""] | record
    for part, fields in OPTIONAL.items():
        if part:
            out[part] = fields | out[part]
    for field, known in CHOICES.items():
        said = out["parallel"][field]
        if said not in known:
            raise Incomplete(f"{record['id']}: {field} {said} is none of {', '.join(k for k in known if k)}")
    if out["model"]["moe"]:
        out["model"]["moe"] = OPTIONAL_MOE | {k: v for k, v in out["model"]["moe"].items() if v is not None}
    return out


def paper_of(group):
    """Of a group that no table here knows, the group itself."""
    return PAPERS.get(group) or next((paper for begin, paper in SAME_SOURCE.items() if group.startswith(begin)), slug(group))


class Scenario:
    def __init__(self, record):
        self.record = record
        self.assumptions = []
        self.lines = []

    def assume(self, text):
        if text not in self.assumptions:
            self.assumptions.append(text)

    def put(self, key, value):
        self.lines.append(f"{key} = {toml(value)}")

    def section(self, name):
        self.lines += ["", name]


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def year_month(record):
    found = re.search(r"(20\d\d)(?:-(\d\d))?", str(record["source"]["date"]))
    return (int(found[1]), int(found[2] or 6))


def slug(text):
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def vocabulary(s, model):
    if model["vocab"]:
        return model["vocab"]
    for pattern, size in VOCABULARY:
        if re.search(pattern, model["name"].lower()):
            s.assume(f"Vocabulary {size}: that of the model's makers; the source does not state it.")
            return size
    s.assume(f"Vocabulary {DEFAULT_VOCABULARY}: that of GPT-2; the source does not state it.")
    return DEFAULT_VOCABULARY


def is_gpt(model):
    return not model["gated_ffn"] and not re.search("nemotron|gemma", model["name"].lower())


def flop_per_token(model, sequence):
    """Forward and backward, attention counted once, of a mixture-of-experts model with latent attention."""
    hidden, heads, mla, moe = model["hidden"], model["heads"], model["mla"], model["moe"]
    query = mla["q_lora"] * (hidden + heads * (mla["nope"] + mla["rope"]))
    key = hidden * (mla["kv_lora"] + mla["rope"]) + mla["kv_lora"] * heads * (mla["nope"] + mla["v"])
    attention = query + key + heads * mla["v"] * hidden
    square = sequence / 2 * heads * (mla["nope"] + mla["rope"] + mla["v"])
    experts = 3 * hidden * (moe["topk"] * moe["expert_ffn"] + moe["shared_ffn_total"]) + hidden * moe["experts"]
    dense = moe["first_k_dense"]
    weights = (model["layers"] - dense) * experts + dense * 3 * hidden * model["ffn"]
    return 6 * (weights + model["layers"] * (attention + square) + model["vocab"] * hidden)


def predicts_further_tokens(s):
    """Stated, or told by the two figures that the source prints: FLOP/s over tokens/s is the FLOP of a token."""
    record = s.record
    name, measured = record["model"]["name"].lower(), record["measured"]
    if "mtp)" in name:
        return "w/ mtp" in name
    stated, rate = measured.get("tflops_per_chip"), measured.get("tokens_per_s_per_chip")
    if not (stated and rate):
        return False
    ratio = stated * 1e12 / rate / flop_per_token(record["model"], record["parallel"]["seq_len"])
    s.assume(f"Multi-token prediction {'on' if ratio > 1.02 else 'off'}: the source's FLOP per token is {ratio:.3f} times "
             "that of the model without.")
    return ratio > 1.02


def write_model(s):
    record, model = s.record, s.record["model"]
    name = model["name"].lower()
    source = f"published run {record['id']}: {model['shape_source'] or record['source']['title']}"
    s.section("[model]")
    s.put("id", slug(model["name"]))
    s.put("name", model["name"])
    s.section("[model.shape]")
    s.put("source", source)
    s.put("layers", model["layers"])
    s.put("hidden", model["hidden"])
    s.put("vocab", vocabulary(s, model))
    s.put("sequence_length", record["parallel"]["seq_len"])
    moe = model["moe"]
    gated = model["gated_ffn"]
    if "gemma" in name and not gated:
        gated = True
        s.assume("Gated feed-forward: Gemma's (GeGLU, three matrices give its 8.5 B parameters); the record says two.")
    if not moe or moe.get("first_k_dense"):
        s.put("dense_ffn", model["ffn"])
    s.put("gated_ffn", bool(gated))
    if is_gpt(model):
        s.put("norm", "layernorm")
        s.put("biases", True)
        s.put("tied_embeddings", True)
        if "bloom" in name:
            s.put("rotary", False)
        else:
            s.put("learned_positions", record["parallel"]["seq_len"])
        drops = model["dropout"] or year_month(record) < (2022, 10) or record["group"] in DROPOUT_GROUPS
        if drops:
            s.put("dropout", True)
        s.assume("Layer norms, biases and tied embeddings as in GPT-2" + ("; ALiBi" if "bloom" in name else "") + (
            "." if model["dropout"] else "; dropout, Megatron-LM's default, which the launch scripts leave as it is." if drops else "; no dropout."))
    else:
        if "nemotron" in name:
            s.put("norm", "layernorm")
        if model["dropout"]:
            s.put("dropout", True)
    if record["id"] in scripts.ALIBI:
        s.put("rotary", False)
        s.assume("ALiBi for rotary embedding: read in the launch script.")
    if model["mla"] and predicts_further_tokens(s):
        s.put("mtp_depth", 1)
    s.section("[model.attention]")
    s.put("source", source)
    if model["mla"]:
        mla = model["mla"]
        s.put("kind", "mla")
        s.put("heads", model["heads"])
        s.put("q_lora_rank", mla["q_lora"])
        s.put("kv_lora_rank", mla["kv_lora"])
        s.put("nope_dim", mla["nope"])
        s.put("rope_dim", mla["rope"])
        s.put("v_dim", mla["v"])
    else:
        s.put("kind", "gqa")
        s.put("heads", model["heads"])
        s.put("kv_heads", model["kv_heads"] or model["heads"])
        s.put("head_dim", model["head_dim"] or model["hidden"] // model["heads"])
        if "qwen3" in name:
            s.put("qk_norm", True)
    write_window(s)
    if moe:
        s.section("[model.moe]")
        s.put("source", source)
        s.put("experts", moe["experts"])
        s.put("topk", moe["topk"])
        s.put("expert_ffn", moe["expert_ffn"])
        if moe.get("shared_experts"):
            s.put("shared_experts", moe["shared_experts"])
            s.put("shared_ffn_total", moe["shared_ffn_total"])
        if moe.get("first_k_dense"):
            s.put("leading_dense_layers", moe["first_k_dense"])


def write_window(s):
    for pattern, window, full_every in WINDOWS:
        if re.search(pattern, s.record["model"]["name"].lower()) and window < s.record["parallel"]["seq_len"]:
            s.put("window", window)
            if full_every:
                s.put("full_attention_every", full_every)
            s.assume(f"Sliding window of {window} keys" + (f", but in the last of every {full_every} layers" if full_every else "") +
                     ": that of the model's makers; the record has no field for it.")


def precision_kind(parallel):
    """Of the formats that the record leaves open, the widest."""
    kind = parallel["precision_kind"]
    narrow = kind == "unknown" and "fp8" in (parallel.get("precision_note") or "").lower()
    return "fp8" if narrow else kind


def write_training(s):
    parallel = s.record["parallel"]
    s.section("[training]")
    s.put("sequence_length", parallel["seq_len"])
    s.put("global_batch", parallel["global_batch_seqs"])
    kind = precision_kind(parallel)
    if kind == "fp8" and parallel["precision_kind"] == "unknown":
        s.assume("Precision fp8: the source leaves open which narrow format it used.")
    if kind == "unknown":
        s.assume("Precision bf16: the source says 16 bit, or leaves open which narrower format it used.")
    s.put("precision", PRECISION[kind])
    if (recipe_of(s.record) or {}).get("narrow_attention"):
        s.put("attention_precision", PRECISION[kind])
    if s.record["id"] in scripts.NARROW_ATTENTION:
        s.put("attention_precision", PRECISION[kind])
        s.assume("Attention in 8 bit, as in the launch script (analysis/launch_scripts.py).")


def gigabytes(gbit):
    return f"{gbit / 8:g} GB/s"


def catalogue_chip(hardware):
    if hardware["chip_id"] is None and "MI350X" not in hardware["chip"]:
        raise Incomplete(f"chip {hardware['chip']} is not in the catalogue")
    return hardware["chip_id"] or "amd_mi355x"  # MI350X: the same die at a lower power limit


def write_chip(s):
    """What the run's chip has that the catalogue's of that name has not."""
    hardware = s.record["hardware"]
    if hardware["peak_share"]:
        if not hardware["chip_id_note"]:
            raise Incomplete("hardware.peak_share without chip_id_note, which says why")
        s.section("[pools.chip]")
        s.put("source", hardware["chip_id_note"])
        s.put("peak_share", hardware["peak_share"])
    elif "96GB HBM2e" in hardware["chip"]:
        s.section("[pools.chip]")
        s.put("source", (hardware["chip_id_note"] or hardware["chip"]) + "; peak: clocks at 500 of 700 W, as the cube root (assumed)")
        s.put("memory_bandwidth", "2.4 TB/s")
        s.put("memory_capacity", "96 GB")
        s.put("peak_share", 0.894)
        s.assume("Chip of 500 W: 0.894 of the 700 W part's peak, the cube root of the power (assumed; no document).")
    elif hardware["chip_id"] is None:
        s.section("[pools.chip]")
        s.put("source", "AMD data sheets (recalled): MI350X has 2.3 of MI355X's 2.5 PFLOP/s in bf16")
        s.put("peak_share", 0.92)
        s.assume("MI350X as 0.92 of an MI355X: the same die at a lower power limit; not in the catalogue.")


def write_pool(s):
    hardware = s.record["hardware"]
    chip = catalogue_chip(hardware)
    if chip not in NODES:
        raise Incomplete(f"no node type for {chip}")
    node, nic = NODES[chip]
    total = hardware["chips_total"]
    rack = node.endswith("nvl72")
    per_node = 72 if rack else min(hardware["chips_per_node"] or 8, 8)
    if not rack and (hardware["chips_per_node"] or 8) > 8 and total > 8:
        s.assume("Nodes of 8 chips, the largest that are described; the source has larger ones.")
    s.section("[[pools]]")
    s.put("name", "all")
    s.put("node", node)
    if rack and total > per_node:
        per_node = RACK_CHIPS_USED
        s.put("chips_per_node", per_node)
        s.assume(f"{per_node} of the 72 chips of a rack are used: the source does not say how the job lay on the racks.")
    elif not rack and per_node < min(total, 8):
        s.put("chips_per_node", per_node)
    nodes = max(1, -(-total // per_node))
    s.put("nodes", nodes)
    s.put("chips", total)
    if chip.startswith("huawei_ascend_910b"):
        s.assume("Ascend 910B3 (313 TFLOP/s in fp16): the source does not state the bin.")
    if nodes > 1:
        stated = hardware["nic_gbps_per_chip"]
        if stated:
            nic = stated
        else:
            s.assume(f"Network {nic} Gbit/s per chip: usual for the node, not stated.")
        if stated == 50:  # four adapters of 100 Gbit/s for eight chips
            s.put("nics", 4)
            s.put("nic_bandwidth", gigabytes(100))
        else:
            s.put("nic_bandwidth", gigabytes(nic))
    write_chip(s)
    if nodes > 1:
        rail = hardware["fabric"] == "rail_fat_tree" or chip.startswith("nvidia_") and stated != 50
        s.section("[pools.fabric]")
        s.put("kind", "rail_fat_tree" if rail else "leaf_spine")
        s.put("nodes_per_leaf", 8 if rack else 32)
        s.put("oversubscription", 1.0)
        s.lines.append('spine_latency = { value = "0.9 us", source = "two more switch hops", confidence = "estimate" }')
        s.put("source", "assumed: non-blocking; the source does not describe the switches")
        s.put("confidence", "estimate")
        s.assume("A non-blocking network: the source does not describe the switches.")


def chunks_of(s, layers, stages, stated):
    """Stated, or the least number above one that divides (2 where none does)."""
    if stated:
        return stated
    for chunks in range(2, layers // stages + 1):
        if layers % (stages * chunks) == 0:
            break
    else:
        chunks = 2
    s.assume(f"Interleaving with {chunks} chunks per stage, the least that divides the layers: not stated.")
    return chunks


def write_schedule(s):
    record, parallel = s.record, s.record["parallel"]
    layers, stages = record["model"]["layers"], parallel["pp"] or 1
    kind = parallel["schedule_kind"]
    chunks = 1
    if kind == "unknown" and stages > 1:
        kind = "interleaved_1f1b"
        s.assume("The interleaved schedule of the same paper's other table: not stated here." if record["group"] in PAPERS else
                 "The interleaved schedule: not stated.")
    zero_bubble = record["group"] == "nv_a100_zerobubble"
    if stages == 1 or kind == "none":
        pass
    elif kind == "interleaved_1f1b":
        chunks = (layers + 2) // stages if zero_bubble else chunks_of(s, layers, stages, parallel["vpp"])
        if chunks > 1:
            s.put("schedule", "interleaved")
            s.put("chunks", chunks)
    else:
        if kind == "zb_v":
            kind = "zb_h1"
            s.assume("ZB-H1 for ZB-V, which is not modelled.")
        s.put("schedule", {"dualpipe": "dualpipe", "1f1b": "1f1b", "gpipe": "gpipe", "zb_h1": "zb-h1", "zb_h2": "zb-h2"}[kind])
    parts = stages * chunks
    notes = record["notes"] or ""
    if parts > 1 and (zero_bubble or parallel.get("asym_pp_embed") == "True" or
                      ("embedding in its own slot" in notes and (layers + 2) % parts == 0)):
        s.put("layer_split", "with_ends")
    elif parts > 1 and layers % parts != 0:
        if year_month(record) >= (2024, 1):
            s.put("layer_split", "with_ends")
            s.assume("Layers that do not divide: embedding and head count as a layer each (Megatron-Core's layouts).")
        else:
            s.put("layer_split", "balanced")
            s.assume("Layers that do not divide: stages differ by one at most.")


RECOMPUTE = {"none": "none", "full": "full"}


def write_recompute(s):
    record, parallel = s.record, s.record["parallel"]
    kind, paper = parallel["recompute_kind"], paper_of(record["group"])
    if parallel["recompute_as"]:
        s.put("recompute", parallel["recompute_as"])
        return
    if parallel["recompute_layers"]:
        s.put("recompute", "full")
        s.put("recompute_share", round(parallel["recompute_layers"] / record["model"]["layers"], 4))
        return
    read = scripts.recompute_in_recipe(record, release_of(record))
    if kind == "unknown" and read:
        s.put("recompute", read["recompute"])
        if "share" in read:
            s.put("recompute_share", read["share"])
        s.assume(f"Recompute: not stated; as in {read['source']} (analysis/launch_scripts.py).")
        if "offloaded" in read:
            s.put("offloaded_layers", read["offloaded"])
            s.assume(f"Activations of {read['offloaded']} layers lie in the host's memory between the passes, as in that recipe.")
    elif kind in ("unknown", "partial"):
        s.put("recompute", "least")
        s.assume(("Recompute of part of the layers" if kind == "partial" else "Recompute: not stated") +
                 "; the least that fits, of none, pointwise and full in ever more layers.")
    elif kind == "selective":
        chosen = {"torchtitan": "operators", "jax_toolbox": "pointwise", "mindformers_2024": "pointwise"}.get(paper, "selective")
        s.put("recompute", chosen)
        if chosen != "selective":
            s.assume(f"Selective recompute of this software: \"{chosen}\".")
    else:
        s.put("recompute", RECOMPUTE[kind])


def write_sharding(s):
    record, parallel = s.record, s.record["parallel"]
    stage = parallel["zero_stage"]
    if record["id"] in scripts.DISTRIBUTED_OPTIMIZER:
        stage = 1
        s.assume("Optimizer state sharded: read in the launch script.")
    if stage is None:
        pretraining = "mlperf" in record["id"] and not record["model"].get("lora")
        stage = 1 if pretraining else 0
        if (parallel["dp"] or 1) > 1:
            s.assume("Optimizer state " + ("sharded, as in the same submitters' other runs." if stage else
                                           "not sharded: the source names no sharding."))
    s.put("zero", ("none", "optimizer", "gradients", "parameters")[stage])
    group = parallel["zero_group"]
    if group and group < (parallel["dp"] or 1) * (parallel["cp"] or 1):
        s.put("shard_group", group)


def release_of(record):
    """Year and month as one number, 2511."""
    year, month = year_month(record)
    return year % 100 * 100 + month


EXPERT_FIELDS = ("moe_exchange", "moe_exchange_overlap", "moe_fused_gate", "cuda_graphs", "narrow_attention", "optimizer_moments")


def is_stated(record):
    """Whether the record itself says anything of the layers with experts."""
    return any(record["parallel"][field] is not None for field in EXPERT_FIELDS)


def stated_recipe(parallel):
    """What the record itself says of the layers with experts; the rest is left to the software's file."""
    said = {"beside": "moe_exchange_overlap", "graphs": "cuda_graphs", "fused": "moe_fused_gate", "narrow_attention": "narrow_attention",
            "moments": "optimizer_moments"}
    out = {key: parallel[field] for key, field in said.items() if parallel[field] is not None}
    if parallel["moe_exchange"]:
        out["library"] = None if parallel["moe_exchange"] == "all_to_all" else parallel["moe_exchange"]
    return out


def recipe_of(record):
    """Of a run with experts, what its record says of them, or else what the recipe of its release of Megatron-Bridge does; none of others."""
    if record["model"]["moe"] and is_stated(record):
        return stated_recipe(record["parallel"])
    if not record["group"].startswith("nv_bridge") or not record["model"]["moe"]:
        return None
    return scripts.bridge_recipe(record, release_of(record))


def write_recipe(s, recipe):
    if "library" in recipe:
        s.put("expert_exchange", "once_per_node" if recipe["library"] else "per_expert")
    if recipe.get("library"):
        s.put("exchange_library", recipe["library"])
    if recipe.get("library") == "hybridep":  # 32 of 132 or 148 processors
        s.put("exchange_processors", 32)
        s.put("communication_share", 0.216 if s.record["hardware"]["chip_id"] in scripts.BLACKWELL else 0.242)
    for name, key in (("beside", "overlap_exchange"), ("fused", "fused_gate"), ("moments", "optimizer_moments")):
        if name in recipe:
            s.put(key, recipe[name])
    if not is_stated(s.record):
        s.assume("Exchange of tokens, CUDA graphs, fused kernels and the optimizer's moments as in the release's recipe (analysis/launch_scripts.py).")


def write_host_time(s, recipe):
    said_in = "record" if is_stated(s.record) else "release's recipe"
    s.section("[[parallel.on]]")
    s.lines.append(f'chips = ["{catalogue_chip(s.record["hardware"])}"]')
    s.put("host_moe_layer", f"{scripts.HOST_MS[recipe['graphs']]:g} ms")
    s.put("source", f"launches that CUDA graphs replay in the {said_in}: {recipe['graphs']} (analysis/launch_scripts.py)")


def write_parallel(s):
    record, parallel, model = s.record, s.record["parallel"], s.record["model"]
    s.section("[parallel]")
    tensor = parallel["tp"] or 1
    s.put("tensor", tensor)
    s.put("pipeline", parallel["pp"] or 1)
    if (parallel["cp"] or 1) > 1:
        s.put("context", parallel["cp"])
    if model["moe"]:
        s.put("expert", parallel["ep"] or 1)
        expert_tensor = parallel["etp"]
        if expert_tensor is None:
            expert_tensor = tensor
            if tensor > 1:
                s.assume("Experts are divided over the tensor ranks as the rest is: not stated.")
        s.put("expert_tensor", expert_tensor)
        if parallel.get("moe_token_balance") is None:
            s.assume("Tokens spread evenly over the experts: not stated.")
    s.put("micro_batch", parallel["micro_batch_seqs"])
    write_schedule(s)
    write_recompute(s)
    write_sharding(s)
    recipe = recipe_of(record)
    if recipe:
        write_recipe(s, recipe)
    if tensor > 1:
        sequence = parallel["sequence_parallel"]
        if sequence is None:
            sequence = year_month(record) >= (2022, 11)
            s.assume("Sequence parallelism " + ("on" if sequence else "off") +
                     ": not stated; on from late 2022, off before.")
        s.put("sequence_parallel", sequence)
        overlaps = parallel.get("tp_comm_overlap")
        if overlaps == "True" or scripts.switches_mc2(record):
            s.put("tensor_overlap", "products")
        elif parallel.get("mc2_enabled"):
            s.put("tensor_overlap", "weight_gradients")
            s.assume("No MC2: the figure is older than it, or the launch script does not switch it on (analysis/launch_scripts.py).")
        elif overlaps == "False" or parallel.get("async_tp") is False:
            s.put("tensor_overlap", "weight_gradients")
    if record["id"] in scripts.UNFUSED_ATTENTION:
        s.put("fused_attention", False)
        s.assume("Attention as several kernels: the launch script leaves FlashAttention off.")
    if model.get("lora"):
        s.put("adapters", 16)
    paper, kind = paper_of(record["group"]), precision_kind(parallel)
    if paper == "bloom_2022" and kind == "fp16":
        s.put("gradient", "fp16")
    if paper == "torchtitan" and kind == "fp8":
        s.put("parameter_gather", "fp8")
    for key in ("overlap_grad_reduce", "overlap_param_gather"):
        if parallel.get(key) is not None:
            s.put({"overlap_grad_reduce": "overlap_gradients", "overlap_param_gather": "overlap_parameters"}[key],
                  bool(parallel[key]))
    if recipe and "graphs" in recipe:
        write_host_time(s, recipe)
    if record["id"] in scripts.KERNELS:
        rotary, gate = scripts.KERNELS[record["id"]]
        s.section("[parallel.passes]")
        s.put("rope", rotary)
        s.put("gated_activation", gate)
        s.assume("Rotary embedding and gated activation fused as in the launch script.")


def write_published(s):
    record = s.record
    source, derived, target = record["source"], record["derived"], record["target"]
    s.section("[published]")
    s.put("source", f"{source['title']}, {source['locator']}, {source['date']}, {source['url']}")
    s.put("record", record["id"])
    s.put("group", record["group"])
    party = re.match(r"MLPerf .* results, (.*)", source["title"])
    if party:
        s.put("party", party[1])
    s.put("step_time", f"{derived['step_time_s']} s")
    if record["id"] in PEERS:
        s.put("peer", PEERS[record["id"]][0])
        s.put("peer_step_time", f"{PEERS[record['id']][1]} s")
    s.put("metric", target["metric"])
    s.put("value", float(target["value"]))
    s.put("unit", target["unit"])
    if derived["step_time_s_basis"] != "measured":
        s.put("step_time_from", derived["step_time_s_basis"])
    flags = [record[k] for k in ("sanity_flag", "layout_flag", "consistency_flag") if record.get(k)]
    if flags:
        s.put("flag", "; ".join(flags))
    if record["id"] in DOUBTS:
        s.put("doubt", DOUBTS[record["id"]])


NEEDED = {"model": ("layers", "hidden", "heads", "ffn", "gated_ffn"), "hardware": ("chips_total",),
          "parallel": ("seq_len", "micro_batch_seqs", "global_batch_seqs"), "derived": ("step_time_s",)}


def scenario_text(record):
    for part, keys in NEEDED.items():
        lacking = [key for key in keys if (record[part] or {}).get(key) is None]
        if lacking and not (lacking == ["ffn"] and record["model"]["moe"]):
            raise Incomplete(f"{part}.{lacking[0]} is not stated")
    s = Scenario(record)
    write_model(s)
    write_training(s)
    write_pool(s)
    write_parallel(s)
    write_published(s)
    software = software_of(record, year_month(record))
    named = record["group"] in PAPERS or is_named(software, record)
    if not named:
        s.assume(f"Software {software}: stands for the one that ran, which no file of scenarios/software/ describes.")
    head = ["# Written by analysis/make_paper_scenarios.py from the published record; do not edit.",
            f"name = {toml(record['id'])}",
            f"description = {toml(record['model']['name'] + ' on ' + str(record['hardware']['chips_total']) + ' x ' + record['hardware']['chip'])}",
            f"software = {toml(software)}", *([] if named else ["software_known = false"]),
            "assumptions = [", *(f"    {toml(a)}," for a in s.assumptions), "]"]
    return "\n".join(head + s.lines) + "\n"


def why_not(record):
    if record["kind"] != "training_run":
        return "no training run"
    if record["completeness"] != "full":
        return f"not complete ({record['completeness']})"
    if record.get("vendor") not in (None, "nvidia", "amd", "huawei", "metax"):
        return f"maker {record['vendor']}"
    if record["target"] is None:
        return "no result to compare with"
    if record["heterogeneous"]:
        return "mixed chips"
    return None


def write_all(records, folder):
    """@return paths written, and how often each reason left a record out"""
    left_out, written = collections.Counter(), set()
    for record in records:
        reason = why_not(OPTIONAL[""] | record)
        if reason is None:
            try:
                text = scenario_text(scripts.corrected(completed(record)))
            except Incomplete as lack:
                reason = str(lack)
        if reason:
            left_out[reason] += 1
            continue
        path = folder / paper_of(record["group"]) / (slug(record["id"]) + ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.add(path)
    return written, left_out


def main():
    records = yaml.load(open(sys.argv[1], encoding="utf-8"), Loader=yaml.CSafeLoader)["records"]
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "scenarios" / "papers"
    written, left_out = write_all(records, folder)
    for paper in {path.parent for path in written}:
        for path in paper.glob("*.toml"):
            if path not in written and path.read_text(encoding="utf-8").startswith("# Written by"):
                path.unlink()
    print(f"{len(written)} scenarios written", file=sys.stderr)
    for reason, count in left_out.items():
        print(f"{count} records left out: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
