#!/usr/bin/env python3
"""The Ling paper's cost table (arXiv 2503.05139): one trillion tokens of Ling-Plus on devices A to E and on a mixed
fleet, and how the saving against device D moves with what the paper leaves open.

usage: ling_study.py MOESAIC_BINARY
"""
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "scenarios" / "papers" / "ling_2025"
DEVICES = ["device_a", "device_b", "device_c", "device_d", "device_e"]
PUBLISHED = {"D": 6.35e6, "lower": 5.08e6}  # CNY per trillion tokens, arXiv 2503.05139, section 1


def simulate(binary, scenario, settings):
    """The run as `moesaic run --json` gives it, or the reason why there is none."""
    command = [binary, "run", "--json", str(FOLDER / f"{scenario}.toml")]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        return {"error": done.stderr.strip().removeprefix("error: ")}
    done.check_returncode()
    return json.loads(done.stdout)


def layout(chips, tensor):
    """Pipeline 8 as in the paper's table 2; where 8,960 sequences would not divide over the replicas, twice the stages."""
    pipeline = 8 if 8960 % (chips // (8 * tensor)) == 0 else 16
    split = [] if pipeline == 8 else ['parallel.layer_split="balanced"']
    return pipeline, [f"pools[0].chips={chips}", f"parallel.tensor={tensor}", f"parallel.pipeline={pipeline}"] + split


def variants():
    for chips in (512, 1024, 2048, 4096):
        for tensor in (1, 2):
            for precision in ("bf16", "fp8"):
                yield chips, tensor, precision


def cost(run):
    return run["cost_per_trillion_tokens"]["value"] if "error" not in run and run["fits"] else None


def main(binary):
    main_table = [binary, "run"] + [str(FOLDER / f"{name}.toml") for name in DEVICES + ["mixed"]]
    print(subprocess.run(main_table, check=True, capture_output=True, text=True).stdout)
    print("What the paper leaves open: cost per trillion tokens in M CNY, and the saving against device D.")
    print("Layouts: tensor 1 or 2, expert 8, pipeline 8 (16 where 8,960 sequences do not divide over the replicas).")
    print("fp8 concerns device D alone (bf16 on the others). Published: D 6.35, lower-specification 5.08, saving 20.0 %.\n")
    print(f"{'chips':>5}  {'layout':<13} {'D runs':<6} {'D':>6} | " + " ".join(f"{d[-1].upper():>6} {'saving':>8}" for d in DEVICES if d != "device_d"))
    with ThreadPoolExecutor(max_workers=cpu_count()) as pool:
        jobs = {}
        for chips, tensor, precision in variants():
            _, settings = layout(chips, tensor)
            for device in DEVICES:
                fmt = precision if device == "device_d" else "bf16"
                key = (device, chips, tensor, fmt)
                if key not in jobs:
                    jobs[key] = pool.submit(simulate, binary, device, settings + [f'training.precision="{fmt}"'])
        for chips, tensor, precision in variants():
            base = cost(jobs[("device_d", chips, tensor, precision)].result())
            cells = []
            for device in DEVICES:
                if device == "device_d":
                    continue
                other = cost(jobs[(device, chips, tensor, "bf16")].result())
                saving = f"{100 * (1 - other / base):+7.1f}%" if base and other else "       -"
                cells.append(f"{other / 1e6:6.2f} {saving}" if other else f"{'no fit':>6} {saving}")
            pipeline, _ = layout(chips, tensor)
            plan = f"tp{tensor} ep8 pp{pipeline}"
            print(f"{chips:>5}  {plan:<13} {precision:<6} " + (f"{base / 1e6:6.2f}" if base else "no fit") + " | " + " ".join(cells), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    main(sys.argv[1])
