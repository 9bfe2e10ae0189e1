#!/usr/bin/python3
"""Published gains of mixed chips and of local SGD beside simulated ones, as ratios of speeds; into docs/planning.md.

    analysis/mixed_table.py build/release/moesaic
"""
import json
import math
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAPERS = ROOT / "scenarios" / "papers"
JOINT = "joint_amd_nvidia_2026"
BOTH_ALONE = [f"{JOINT}/nvidia_only", f"{JOINT}/amd_only"]

HETERMOE = "hetermoe_2025"


def half(length):
    """HeterMoE's half of the GPUs replaced, at a sequence length."""
    return [f"{HETERMOE}/{name}@training.sequence_length={length}" for name in ("half", "half_4_a40", "half_4_v100")]


LENGTHS = [half(length) for length in (4096, 8192, 12288, 16384, 20480, 24576, 28672, 32768)]
NO_OVERLAP = f"{HETERMOE}/o1_d1@parallel.experts.batches_in_turn=1,parallel.experts.by_speed=false"

# what, published ratio, (scenario, the sum of scenarios that it is over): the mean where there are several
RATIOS = [
    ("EDiT over its baseline, 4,096 accelerators (2503.05139, figure 8)", 1.661, [("edit_2024/edit", ["edit_2024/baseline"])]),
    ("H2: four kinds together over the sum of each alone (2505.17548)", 1.1637,
     [("h2_2025/mixed", ["h2_2025/a800", "h2_2025/910b", "h2_2025/ppu", "h2_2025/h20"])]),
    ("HAPMoE M1: 128 MI300X over 128 H800", 658 / 718, [("hapmoe_2026/mi300x", ["hapmoe_2026/h800"])]),
    ("HAPMoE M1: 64 H800 + 64 MI300X over 128 H800", 658 / 847, [("hapmoe_2026/h800_mi300x", ["hapmoe_2026/h800"])]),
    ("HAPMoE M1: 32 H800 + 32 910B over 128 H800", 658 / 1336, [("hapmoe_2026/h800_910b", ["hapmoe_2026/h800"])]),
    ("H200 + MI325X over both alone, device-direct (2602.18007)", 2 * 539.6 / (549.7 + 534.9),
     [(f"{JOINT}/device_direct", BOTH_ALONE)]),
    ("H200 + MI325X, Gloo, a NIC per GPU", 2 * 236.5 / (549.7 + 534.9),
     [(f"{JOINT}/gloo_nic_per_gpu", BOTH_ALONE)]),
    ("H200 + MI325X, Gloo", 2 * 160.8 / (549.7 + 534.9), [(f"{JOINT}/gloo", BOTH_ALONE)]),
    ("HeterMoE: 2 A40 + 2 V100 over 4 A40, mean of 4K to 32K (2504.03871, section 6.4.2)", 0.95,
     [(mixed, [new]) for mixed, new, _ in LENGTHS]),
    ("HeterMoE: 2 A40 + 2 V100 over 4 V100, mean of 4K to 32K", 1.66, [(mixed, [old]) for mixed, _, old in LENGTHS]),
    ("HeterMoE: the same at 4K", 1 / 0.84, [(LENGTHS[0][0], [LENGTHS[0][2]])]),
    ("HeterMoE: the same at 32K", 1 / 0.52, [(LENGTHS[-1][0], [LENGTHS[-1][2]])]),
    ("HeterMoE: 6 A40 + 6 V100 over both alone, D1, 20K (section 6.2)", 1.38,
     [(f"{HETERMOE}/o1_d1", [f"{HETERMOE}/o1_d1_6_a40", f"{HETERMOE}/o1_d1_6_v100"])]),
    ("HeterMoE: 4 A40 + 8 V100 over both alone, W2, 4K", 0.97,
     [(f"{HETERMOE}/o2_w2", [f"{HETERMOE}/o2_w2_4_a40", f"{HETERMOE}/o2_w2_8_v100"])]),
    ("HeterMoE: expert parallelism over all 12 against it, W2, 4K", 0.91, [(f"{HETERMOE}/o2_w2_all", [f"{HETERMOE}/o2_w2"])]),
    ("HeterMoE: without turns against it (printed: mean of all; here D1, 20K)", 0.55, [(NO_OVERLAP, [f"{HETERMOE}/o1_d1"])]),
]


def speeds(binary):
    """tokens/s by scenario"""
    names = sorted({name for _, _, pairs in RATIOS for one, others in pairs for name in [one, *others]})
    out = {}
    for name in names:
        file, _, settings = name.partition("@")
        sets = [part for setting in filter(None, settings.split(",")) for part in ("--set", setting)]
        ran = subprocess.run([binary, "run", "--json", str(PAPERS / f"{file}.toml"), *sets], check=True,
                             capture_output=True, text=True)
        out[name] = json.loads(ran.stdout)["tokens_per_s"]
    return out


def table(speed):
    lines = ["| | published | simulated | error |", "| --- | --: | --: | --: |"]
    for what, published, pairs in RATIOS:
        simulated = sum(speed[one] / sum(speed[other] for other in others) for one, others in pairs) / len(pairs)
        lines.append(f"| {what} | {published:.2f} | {simulated:.2f} | {100 * math.log(simulated / published):+.0f} % |")
    return "\n".join(lines) + "\n"


def main():
    page = ROOT / "docs" / "planning.md"
    text = page.read_text(encoding="utf-8")
    new = re.sub(r"(<!-- mixed -->\n).*?(<!-- /mixed -->)", lambda m: m[1] + table(speeds(sys.argv[1])) + m[2], text,
                 flags=re.S)
    page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
