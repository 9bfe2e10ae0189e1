#!/usr/bin/python3
"""Published times of collectives beside simulated ones, of named algorithms and over many nodes; into docs/modelling.md. --all
prints every row.

    analysis/algorithms_table.py build/release/moesaic [--all]
"""
import csv
import json
import math
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLES = {"algorithms": "measured_algorithms.csv", "scale": "measured_scale.csv"}  # marks in the page -> rows


def rows(name):
    with (ROOT / "analysis" / "algorithms" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def bus_factor(row):
    """Bus bandwidth over size / time, as nccl-tests has it."""
    ranks = int(row["ranks"])
    return (2 if row["collective"] == "all_reduce" else 1) * (ranks - 1) / ranks


def measured(row):
    """seconds"""
    if row["time_us"]:
        return float(row["time_us"]) * 1e-6
    return float(row["bytes"]) * bus_factor(row) / (float(row["busbw_gb_per_s"]) * 1e9)


def simulated(binary, row):
    """seconds"""
    command = [binary, "clusters", "time", row["cluster"], "--json", "--collective", row["collective"], "--ranks", row["ranks"],
               "--bytes", f"{row['bytes']} B", "--algorithm", row["algorithm"]]
    for column in ("per_node", "nics", "nic_bandwidth"):
        if row[column]:
            command += ["--" + column.replace("_", "-"), row[column]]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if answer["nodes"] != int(row["nodes"]):
        raise SystemExit(f"{row['cluster']}, {row['ranks']} ranks: on {answer['nodes']} nodes, measured on {row['nodes']}")
    return answer["times"][0]["time_s"]


def size(count):
    """1048576 -> 1 MiB"""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= unit:
            return f"{count / unit:g} {name}"
    return f"{count} B"


def error(pair):
    return math.log(pair[1] / pair[0])


def percent(value):
    return f"{100 * value:+.0f} %"


def machine(row):
    return f"{row['ranks']} ranks on {row['nodes']} node{'s' if row['nodes'] != '1' else ''} of {row['cluster']}"


def every_row(pairs):
    lines = ["| | | protocol | size | measured | simulated | error |", "| --- | --- | --- | --: | --: | --: | --: |"]
    for row, pair in pairs:
        lines.append(f"| {machine(row)} | {row['collective']}, {row['algorithm']} | {row['protocol']} | {size(int(row['bytes']))} "
                     f"| {pair[0] * 1e6:.1f} us | {pair[1] * 1e6:.1f} us | {percent(error(pair))} |")
    return "\n".join(lines) + "\n"


def by_series(pairs):
    """A line for each machine, collective, algorithm and source: its sizes, and the errors from the least to the greatest."""
    series = {}
    for row, pair in pairs:
        series.setdefault((machine(row), row["collective"], row["algorithm"], row["source"]), []).append((int(row["bytes"]), pair))
    lines = ["| | | sizes | errors, by size | source |", "| --- | --- | --- | --- | --- |"]
    for (where, collective, algorithm, source), points in series.items():
        points.sort(key=lambda point: point[0])
        sizes = sorted({count for count, _ in points})
        span = size(sizes[0]) + (f" to {size(sizes[-1])}" if len(sizes) > 1 else "")
        errors = ", ".join(f"{100 * error(pair):+.0f}" for _, pair in points)
        name = "/".join(source.rsplit("/", 4)[2:])
        lines.append(f"| {where} | {collective}, {algorithm} | {span} | {errors} % | [{name}]({source}) |")
    return "\n".join(lines) + "\n"


def sentence(pairs):
    words = []
    for algorithm in dict.fromkeys(row["algorithm"] for row, _ in pairs):
        errors = [error(pair) for row, pair in pairs if row["algorithm"] == algorithm]
        spread = math.sqrt(sum(e * e for e in errors) / len(errors))
        words.append(f"{algorithm} {percent(statistics.mean(errors))} on average, {100 * spread:.0f} % root mean square, of {len(errors)}")
    return "; ".join(words) + ".\n"


def main():
    binary, *options = sys.argv[1:]
    page = ROOT / "docs" / "modelling.md"
    text = new = page.read_text(encoding="utf-8")
    for mark, name in TABLES.items():
        pairs = [(row, (measured(row), simulated(binary, row))) for row in rows(name)]
        if options == ["--all"]:
            print(every_row(pairs) + "\n" + sentence(pairs))
            continue
        table = by_series(pairs) + "\n" + sentence(pairs)
        new = re.sub(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", lambda m: m[1] + table + m[2], new, flags=re.DOTALL)
    if options == ["--all"]:
        return
    if new == text:
        print("docs/modelling.md is as it was")
    page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
