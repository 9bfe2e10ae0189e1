"""[parallel]: how the run was divided, and what its software did."""
import launch_scripts as scripts

from .papers import paper_of
from .recipe import recipe_of, write_host_time, write_recipe
from .record import year_month
from .schedule import write_recompute, write_schedule
from .training import precision_kind


def sums_to_shares(record):
    """MindSpore keeps whole gradients only to accumulate them (mindspore-ai/docs, Optimizer Parallel, optimizer_level)."""
    parallel = record["parallel"]
    rows = (parallel["dp"] or 1) * parallel["micro_batch_seqs"]
    return record["group"].startswith("hw_mindformers") and parallel["global_batch_seqs"] == rows


def write_sharding(s):
    record, parallel = s.record, s.record["parallel"]
    stage = parallel["zero_stage"]
    if record["id"] in scripts.DISTRIBUTED_OPTIMIZER:
        stage = 1
        s.assume("Optimizer state sharded: read in the launch script.")
    if stage == 1 and sums_to_shares(record):
        stage = 2
        s.assume("Gradients of the one micro-batch are summed to shares: MindSpore's optimizer parallelism inserts a "
                 "reduce-scatter for each parameter (its documentation).")
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


def write_experts(s, tensor):
    parallel = s.record["parallel"]
    s.put("expert", parallel["ep"] or 1)
    expert_tensor = parallel["etp"]
    if expert_tensor is None:
        expert_tensor = tensor
        if tensor > 1:
            s.assume("Experts are divided over the tensor ranks as the rest is: not stated.")
    s.put("expert_tensor", expert_tensor)
    if parallel.get("moe_token_balance") is None:
        s.assume("Tokens spread evenly over the experts: not stated.")


def write_tensor_ranks(s):
    """What tensor ranks do besides their share of the products."""
    record, parallel = s.record, s.record["parallel"]
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
    elif overlaps is None and parallel["precision_kind"] in scripts.NOT_OVERLAPPED and (parallel["tp"] or 1) > 1:
        s.put("tensor_overlap", "weight_gradients")
        s.assume("Messages of tensor ranks are not hidden behind products: the recipes switch that off with NVFP4 (analysis/launch_scripts.py).")


def write_software_settings(s):
    """What the record, its launch script or its paper says of the software beyond its file."""
    record, parallel = s.record, s.record["parallel"]
    if record["id"] in scripts.UNFUSED_ATTENTION:
        s.put("fused_attention", False)
        s.assume("Attention as several kernels: the launch script leaves FlashAttention off.")
    if record["model"].get("lora"):
        s.put("adapters", 16)
    paper, kind = paper_of(record["group"]), precision_kind(parallel)
    if paper == "bloom_2022" and kind == "fp16":
        s.put("gradient", "fp16")
    if paper == "torchtitan" and kind == "fp8":
        s.put("parameter_gather", "fp8")
    for field, key in (("overlap_grad_reduce", "overlap_gradients"), ("overlap_param_gather", "overlap_parameters")):
        if parallel.get(field) is not None:
            s.put(key, bool(parallel[field]))


def write_passes(s):
    rotary, gate = scripts.KERNELS[s.record["id"]]
    s.section("[parallel.passes]")
    s.put("rope", rotary)
    s.put("gated_activation", gate)
    s.assume("Rotary embedding and gated activation fused as in the launch script.")


def write_parallel(s):
    record, parallel = s.record, s.record["parallel"]
    tensor = parallel["tp"] or 1
    s.section("[parallel]")
    s.put("tensor", tensor)
    s.put("pipeline", parallel["pp"] or 1)
    if (parallel["cp"] or 1) > 1:
        s.put("context", parallel["cp"])
        if parallel["context_exchange"]:
            s.put("context_exchange", parallel["context_exchange"])
    if record["model"]["moe"]:
        write_experts(s, tensor)
    s.put("micro_batch", parallel["micro_batch_seqs"])
    write_schedule(s)
    write_recompute(s)
    write_sharding(s)
    recipe = recipe_of(record)
    if recipe:
        write_recipe(s, recipe)
    if tensor > 1:
        write_tensor_ranks(s)
    write_software_settings(s)
    if recipe and "graphs" in recipe:
        write_host_time(s, recipe)
    if record["id"] in scripts.KERNELS:
        write_passes(s)
