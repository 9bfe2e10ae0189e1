"""[training]: batch and precision, and what has a wider format."""
import launch_scripts as scripts

from .recipe import recipe_of

PRECISION = {"fp32": "fp32", "fp16": "fp16", "bf16": "bf16", "unknown": "bf16", "fp8": "fp8", "mxfp8": "mxfp8", "nvfp4": "nvfp4", "mxfp4": "mxfp4"}


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
    if parallel["wider"]:
        s.section("[training.wider]")
        for key, value in parallel["wider"].items():
            s.put(key, value)
