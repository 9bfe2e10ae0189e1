#!/usr/bin/python3
"""Writes scenarios from the steps that peers measured to test their own simulators.

    analysis/make_peer_scenarios.py simumax [FOLDER]             (FOLDER: scenarios/papers)
    analysis/make_peer_scenarios.py vtrain STEPS.csv FOLDER
    moesaic reproduce all --folder FOLDER

simumax: 43 steps on 8 B200, of analysis/peers/simumax_b200.csv, with SimuMax's predictions beside them. vtrain: steps of
more than one node from a table with operation train_step (chip A100-SXM4; m sequence, n layers, k hidden, batch global
batch; gpus, tp, dp, pp, mbs and heads in `extra`), as vTrain (MICRO 2024) published them; its predictions are not in it.
"""
import argparse
import csv
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LLAMA = {"vocab": 128256, "kv_heads": 8, "gated_ffn": True}
MODELS = {
    "llama3_70b": {**LLAMA, "hidden": 8192, "heads": 64, "dense_ffn": 28672},
    "llama3_405b": {**LLAMA, "hidden": 16384, "heads": 128, "dense_ffn": 53248},
    "deepseekv2": {"vocab": 102400, "hidden": 5120, "heads": 128, "dense_ffn": 12288, "experts": 160, "topk": 6,
                   "expert_ffn": 1536, "shared_experts": 2, "shared_ffn_total": 3072},
    "deepseekv3": {"vocab": 129280, "hidden": 7168, "heads": 128, "dense_ffn": 18432, "experts": 256, "topk": 8,
                   "expert_ffn": 2048, "shared_experts": 1, "shared_ffn_total": 2048},
}
LATENT = {"q_lora_rank": 1536, "kv_lora_rank": 512, "nope_dim": 128, "rope_dim": 64, "v_dim": 128}
SIMUMAX = "MooreThreads/SimuMax@1b8ca90 docs/b200/b200_release_v1.2_summary.md"
VTRAIN = "VIA-Research/vTrain@f8dda84 data/ground_truth_multi.csv"


def value_text(value):
    return {True: "true", False: "false"}.get(value) or f'"{value}"' if isinstance(value, (str, bool)) else str(value)


def section(title, /, **values):
    return [f"\n[{title}]", *(f"{key} = {value_text(value)}" for key, value in values.items() if value is not None)]


def head(name, description, software, assumptions):
    return ["# Written by analysis/make_peer_scenarios.py; do not edit.", f'name = "{name}"', f'description = "{description}"',
            f'software = "{software}"', "assumptions = [", *(f'    "{a}",' for a in assumptions), "]"]


def simumax_text(row, name):
    model, chips = MODELS[row["model"]], 8
    experts = "experts" in model
    moe = {key: model[key] for key in ("experts", "topk", "expert_ffn", "shared_experts", "shared_ffn_total") if key in model}
    context, assumed = {}, "Sequences of 4,096 tokens, one in a micro-batch, nothing recomputed: the defaults of SimuMax's launch scripts."
    if row["context"] > 1:
        context = {"context": row["context"], "context_exchange": "all_to_all"}
        assumed = "One sequence in a micro-batch, nothing recomputed: the defaults of SimuMax's launch scripts."
    lines = head(name, f"{row['model']}, {row['layers']} layers on {chips} x B200", "megatron_lm_2026_plain", [assumed])
    lines += section("model", id=row["model"] + "_cut", name=f"{row['model']}, {row['layers']} layers")
    lines += section("model.shape", source=SIMUMAX, layers=row["layers"], sequence_length=row["sequence"], gated_ffn=True,
                     **{key: model[key] for key in ("hidden", "vocab", "dense_ffn")})
    attention = {"kind": "mla", **LATENT} if experts else {"kind": "gqa", "kv_heads": 8, "head_dim": 128}
    lines += section("model.attention", source=SIMUMAX, heads=model["heads"], **attention)
    if experts:
        lines += section("model.moe", source=SIMUMAX, leading_dense_layers=1, **moe)
    batch = row["data"] * row["micro_batches"]
    lines += section("training", sequence_length=row["sequence"], global_batch=batch, precision="bf16")
    lines += ["\n[[pools]]", 'name = "all"', 'node = "hgx_b200"', "nodes = 1", f"chips = {chips}"]
    lines += section("parallel", tensor=row["tensor"], **context, pipeline=row["pipeline"], expert=row["expert"] if experts else None,
                     micro_batch=1, recompute="none", zero="optimizer")
    lines += section("published", source=SIMUMAX, record=name, group="peer_simumax_b200", step_time=f"{row['measured_ms']} ms",
                     peer="SimuMax", peer_step_time=f"{row['predicted_ms']} ms")
    return "\n".join(lines) + "\n"


def simumax(folder):
    for row in csv.DictReader(line for line in open(ROOT / "analysis/peers/simumax_b200.csv", encoding="utf-8")
                              if not line.startswith("#")):
        row = {key: value if key == "model" else float(value) if "_ms" in key else int(value) for key, value in row.items()}
        split = f"ep{row['expert']}" if "experts" in MODELS[row["model"]] else f"tp{row['tensor']}"
        split += f"_cp{row['context']}_s{row['sequence']}" if row["context"] > 1 else ""
        name = f"simumax_{row['model']}_{split}_pp{row['pipeline']}_m{row['micro_batches']}"
        yield folder / "simumax_b200" / (name + ".toml"), simumax_text(row, name)


def vtrain_text(row, extra, name):
    lines = head(name, f"GPT, {row['n']} layers of {row['k']} on {extra['gpus']} x A100", "megatron_deepspeed_2022", [
        "Whole layers recomputed, as in vTrain's section on its 512 GPUs; 200 Gbit/s a chip, non-blocking; GPT-2's vocabulary.",
        "Shards of the optimizer: none; 1F1B."])
    lines += section("model", id="gpt", name="GPT")
    lines += section("model.shape", source=VTRAIN, layers=row["n"], hidden=row["k"], vocab=51200, sequence_length=row["m"],
                     dense_ffn=4 * row["k"], gated_ffn=False, norm="layernorm", biases=True,
                     tied_embeddings=True, learned_positions=row["m"])
    lines += section("model.attention", source=VTRAIN, kind="gqa", heads=int(extra["heads"]), kv_heads=int(extra["heads"]),
                     head_dim=row["k"] // int(extra["heads"]))
    lines += section("training", sequence_length=row["m"], global_batch=row["batch"], precision="fp16")
    lines += ["\n[[pools]]", 'name = "all"', 'node = "hgx_a100"', f"nodes = {int(extra['gpus']) // 8}",
              f"chips = {extra['gpus']}", 'nic_bandwidth = "25 GB/s"']
    lines += section("pools.fabric", kind="rail_fat_tree", nodes_per_leaf=32, oversubscription=1.0,
                     source="assumed: non-blocking", confidence="estimate")
    lines[-2:-2] = ['spine_latency = { value = "0.9 us", source = "two more switch hops", confidence = "estimate" }']
    lines += section("parallel", tensor=int(extra["tp"]), pipeline=int(extra["pp"]), micro_batch=int(extra["mbs"]),
                     sequence_parallel=False, recompute="full", zero="none")
    lines += section("published", source=VTRAIN, record=name, group="peer_vtrain", step_time=f"{float(row['time_us']) / 1e6} s")
    return "\n".join(lines) + "\n"


def vtrain(table, folder):
    for row in csv.DictReader(open(table, encoding="utf-8")):
        extra = dict(pair.split("=") for pair in row["extra"].split(";"))
        if row["op"] != "train_step" or int(extra["gpus"]) <= 8:
            continue
        row |= {key: int(row[key]) for key in ("m", "n", "k", "batch")}
        name = f"vtrain_{row['n']}x{row['k']}_g{extra['gpus']}_t{extra['tp']}d{extra['dp']}p{extra['pp']}_mb{extra['mbs']}"
        yield folder / "vtrain" / (name + ".toml"), vtrain_text(row, extra, name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peers = parser.add_subparsers(dest="peer", required=True)
    of_simumax = peers.add_parser("simumax", help="43 steps on 8 B200")
    of_simumax.add_argument("folder", nargs="?", type=pathlib.Path, default=ROOT / "scenarios" / "papers")
    of_vtrain = peers.add_parser("vtrain", help="steps on more than one node of A100")
    of_vtrain.add_argument("table", help="normalised CSV with its train_step rows")
    of_vtrain.add_argument("folder", type=pathlib.Path, help="where the scenarios go")
    asked = parser.parse_args()
    written = list(simumax(asked.folder) if asked.peer == "simumax" else vtrain(asked.table, asked.folder))
    for path, text in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(written)} scenarios written", file=sys.stderr)


if __name__ == "__main__":
    main()
