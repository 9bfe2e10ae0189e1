"""[parallel], pipeline: schedule, layers of the stages, and what is computed again."""
import launch_scripts as scripts

from .papers import PAPERS, paper_of
from .record import release_of, year_month


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
    elif scripts.layers_of_parts(record, stages, chunks):
        s.put("layers", scripts.layers_of_parts(record, stages, chunks))
        s.assume("Layers of the stages as in Megatron-Bridge's recipe (analysis/launch_scripts.py).")
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
        s.assume(f"Recompute \"{parallel['recompute']}\": taken as \"{parallel['recompute_as']}\".")
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
