"""[parallel], layers with experts: exchange of tokens, fused kernels and launches, by the record or the recipe of a release."""
import launch_scripts as scripts

from .pool import catalogue_chip
from .record import release_of

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
