"""A record of a published run: its fields, what it may leave out, and whether it can be simulated."""
import re

import launch_scripts as scripts

# Fields that a record may leave out, and what is read then: not stated, where there is no other value.
OPTIONAL = {
    "": {key: None for key in ("sanity_flag", "layout_flag", "consistency_flag", "notes", "heterogeneous", "model_class")} |
        {"measured": {}, "kind": "training_run", "completeness": "full", "target": None},
    "source": dict.fromkeys(("url", "locator")),
    "model": dict.fromkeys(("kv_heads", "head_dim", "ffn", "gated_ffn", "vocab", "moe", "mla", "shape_source", "lora", "dropout", "catalogue_id")),
    "hardware": dict.fromkeys(("chip_id", "chip_id_note", "chips_per_node", "nic_gbps_per_chip", "fabric", "peak_share")),
    "parallel": dict.fromkeys((
        "tp", "pp", "vpp", "cp", "ep", "etp", "dp", "zero_stage", "zero_group", "zero_or_fsdp", "sequence_parallel", "precision", "precision_note",
        "schedule", "recompute", "recompute_as", "recompute_layers", "moe_exchange", "moe_exchange_overlap", "moe_fused_gate", "cuda_graphs", "narrow_attention",
        "optimizer_moments", "context_exchange", "wider", "micro_batch_seqs", "global_batch_seqs", "seq_len")) | dict.fromkeys(
            ("recompute_kind", "precision_kind", "schedule_kind"), "unknown"),
    "derived": {"step_time_s": None, "step_time_s_basis": "measured"},
}
REQUIRED = {"": ("id", "group", "vendor"), "source": ("title", "date"), "model": ("name",), "hardware": ("chip",), "parallel": (), "derived": ()}

# What a field may say; none = it is not stated.
CHOICES = {
    "precision_kind": ("fp32", "fp16", "bf16", "unknown", "fp8", "mxfp8", "nvfp4", "mxfp4"),
    "recompute_kind": ("none", "selective", "full", "partial", "unknown"),
    "schedule_kind": ("none", "gpipe", "1f1b", "interleaved_1f1b", "zb_h1", "zb_h2", "zb_v", "dualpipe", "unknown"),
    "moe_exchange": (None, "all_to_all", "deepep", "hybridep"),
    "cuda_graphs": (None, *scripts.HOST_MS),
    "optimizer_moments": (None, "fp32", "bf16"),
    "context_exchange": (None, "ring", "all_gather", "all_to_all"),
}
# Of a layer, what can run again; parts may be joined by "+".
RECOMPUTE_PARTS = ("pointwise", "layernorm", "inner_norms", "activation", "moe_act", "mla_up_proj", "up_projections", "selective", "mlp",
                   "shared_experts", "moe")
RECOMPUTE_ALONE = ("none", "operators", "full", "least")
OPTIONAL_MOE = {"shared_experts": 0, "shared_ffn_total": 0, "first_k_dense": 0, "every": 1}
# What a record may leave open and a scenario cannot.
NEEDED = {"model": ("layers", "hidden", "heads", "ffn", "gated_ffn"), "hardware": ("chips_total",),
          "parallel": ("seq_len", "micro_batch_seqs", "global_batch_seqs"), "derived": ("step_time_s",)}


class Incomplete(Exception):
    """What a scenario needs and the record does not have."""


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
    recompute = out["parallel"]["recompute_as"]
    if recompute and recompute not in RECOMPUTE_ALONE and not set(recompute.split("+")) <= set(RECOMPUTE_PARTS):
        raise Incomplete(f"{record['id']}: recompute_as {recompute} is none of {', '.join(RECOMPUTE_ALONE + RECOMPUTE_PARTS)}")
    if out["model"]["moe"]:
        out["model"]["moe"] = OPTIONAL_MOE | {k: v for k, v in out["model"]["moe"].items() if v is not None}
    return out


def check_stated(record):
    """@throws Incomplete where a scenario needs what a completed record does not state"""
    for part, keys in NEEDED.items():
        lacking = [key for key in keys if (record[part] or {}).get(key) is None]
        if lacking and not (lacking == ["ffn"] and record["model"]["moe"]):
            raise Incomplete(f"{part}.{lacking[0]} is not stated")


def why_not(record):
    """Why no scenario is written of it; none where one may be."""
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


def year_month(record):
    found = re.search(r"(20\d\d)(?:-(\d\d))?", str(record["source"]["date"]))
    return (int(found[1]), int(found[2] or 6))


def release_of(record):
    """Year and month as one number, 2511."""
    year, month = year_month(record)
    return year % 100 * 100 + month
