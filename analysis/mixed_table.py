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

# what, published ratio, scenario over the sum of scenarios
RATIOS = [
    ("EDiT over its baseline, 4,096 accelerators (2503.05139, figure 8)", 1.661, "edit_2024/edit", ["edit_2024/baseline"]),
    ("H2: four kinds together over the sum of each alone (2505.17548)", 1.1637, "h2_2025/mixed",
     ["h2_2025/a800", "h2_2025/910b", "h2_2025/ppu", "h2_2025/h20"]),
    ("HAPMoE M1: 128 MI300X over 128 H800", 658 / 718, "hapmoe_2026/mi300x", ["hapmoe_2026/h800"]),
    ("HAPMoE M1: 64 H800 + 64 MI300X over 128 H800", 658 / 847, "hapmoe_2026/h800_mi300x", ["hapmoe_2026/h800"]),
    ("HAPMoE M1: 32 H800 + 32 910B over 128 H800", 658 / 1336, "hapmoe_2026/h800_910b", ["hapmoe_2026/h800"]),
    ("H200 + MI325X over both alone, device-direct (2602.18007)", 2 * 539.6 / (549.7 + 534.9), f"{JOINT}/device_direct",
     BOTH_ALONE),
    ("H200 + MI325X, Gloo, a NIC per GPU", 2 * 236.5 / (549.7 + 534.9), f"{JOINT}/gloo_nic_per_gpu", BOTH_ALONE),
    ("H200 + MI325X, Gloo", 2 * 160.8 / (549.7 + 534.9), f"{JOINT}/gloo", BOTH_ALONE),
]


def speeds(binary):
    """tokens/s by scenario"""
    names = sorted({name for _, _, one, others in RATIOS for name in [one, *others]})
    out = {}
    for name in names:
        ran = subprocess.run([binary, "run", "--json", str(PAPERS / f"{name}.toml")], check=True, capture_output=True,
                             text=True)
        out[name] = json.loads(ran.stdout)["tokens_per_s"]
    return out


def table(speed):
    lines = ["| | published | simulated | error |", "| --- | --: | --: | --: |"]
    for what, published, one, others in RATIOS:
        simulated = speed[one] / sum(speed[other] for other in others)
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
