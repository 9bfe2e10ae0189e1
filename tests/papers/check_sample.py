#!/usr/bin/python3
"""Simulates the fixed sample of published runs; fails where the median error is more than a point above the committed one.

    check_sample.py MOESAIC      MOESAIC_UPDATE_SAMPLE=1 writes the median anew
"""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
COMMITTED = HERE / "sample_median.txt"

answer = subprocess.run([sys.argv[1], "reproduce", "all", "--records", str(HERE / "sample.txt"), "--json"], check=False,
                        stdout=subprocess.PIPE)
result = json.loads(answer.stdout)
asked = [line for line in (HERE / "sample.txt").read_text(encoding="utf-8").split("\n") if line and line[0] != "#"]
failed = [r["id"] for r in result["records"] if r["problem"]]
median = 100 * result["groups"][0]["median_abs_error"]
if os.environ.get("MOESAIC_UPDATE_SAMPLE"):
    COMMITTED.write_text(f"{median:.2f}\n", encoding="utf-8")
committed = float(COMMITTED.read_text(encoding="utf-8"))
print(f"median error of {len(result['records'])} runs: {median:.2f} %, committed: {committed:.2f} %")
if len(result["records"]) != len(asked):
    sys.exit(f"{len(asked)} runs are listed, {len(result['records'])} were found")
if failed:
    sys.exit(f"not simulated: {failed}")
if median > committed + 1.0:
    sys.exit("worse by more than one point")
