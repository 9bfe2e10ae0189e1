#!/usr/bin/python3
"""What `./dev reproduce` runs: all published runs, their table and plot, and the summary in README.

    analysis/reproduce_table.py build/release/moesaic [--ablations]

Writes analysis/reproduction/: table.csv (a line per run), plot.svg (simulated over published step time), summary.md (groups;
with --ablations also what each part of the model is worth), and the summary between <!-- reproduce --> and
<!-- /reproduce --> in README.md, with date and version. Of the runs that were gathered when the model stood (analysis/unseen/): unseen.csv,
unseen.md, hybrid.csv, hybrid.md.
"""
import datetime
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

import calibrate

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "analysis" / "reproduction"
PARTS = ["constants", "timings", "overlap", "contention", "spread"]
COLOURS = {"NVIDIA": "#3a7d44", "AMD": "#c0392b", "Huawei": "#2c6fbb"}
SHOWN = ("all", "vendor ", "model ", "MoE on ", "dense on ")


def reproduce(program, *options):
    answer = subprocess.run([program, "reproduce", "all", "--json", *options], check=False, stdout=subprocess.PIPE, cwd=ROOT)
    return json.loads(answer.stdout)


def percent(value):
    return f"{100 * value:.1f}"


def rank(value):
    return "-" if value is None else f"{value:.2f}"


def group_table(groups):
    lines = ["| group | runs | median % | mean % | p90 % | bias % | rank | in 80 % interval |", "| --- | --: | --: | --: | --: | --: | --: | --: |"]
    for g in groups:
        lines.append(f"| {g['group']} | {g['records']} | {percent(g['median_abs_error'])} | {percent(g['mean_abs_error'])} | "
                     f"{percent(g['p90_abs_error'])} | {100 * g['bias']:+.1f} | {rank(g['rank_correlation'])} | "
                     f"{percent(g['interval_80_coverage'])} |")
    return lines


def plot(records):
    """Both axes logarithmic, in seconds; the diagonal is a perfect prediction, the thin lines 25 % off."""
    size, edge = 460, 50
    low, high = -1.0, 3.0

    def place(seconds):
        return edge + (math.log10(seconds) - low) / (high - low) * (size - 2 * edge)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" font-family="sans-serif" font-size="11">',
           f'<rect width="{size}" height="{size}" fill="white"/>']
    for power in range(int(low), int(high) + 1):
        x = place(10.0 ** power)
        out.append(f'<path d="M{x:.1f} {edge}V{size - edge}M{edge} {size - x:.1f}H{size - edge}" stroke="#ddd" fill="none"/>')
        out.append(f'<text x="{x:.1f}" y="{size - edge + 15}" text-anchor="middle">{10.0 ** power:g} s</text>')
        out.append(f'<text x="{edge - 5}" y="{size - x + 4:.1f}" text-anchor="end">{10.0 ** power:g} s</text>')
    for factor, style in ((1.0, "#555"), (1.25, "#bbb"), (0.8, "#bbb")):
        a, b = 10 ** low, 10 ** high
        out.append(f'<line x1="{place(a):.1f}" y1="{size - place(a * factor):.1f}" x2="{place(b):.1f}" '
                   f'y2="{size - place(b * factor):.1f}" stroke="{style}"/>')
    for r in records:
        out.append(f'<circle cx="{place(r["published"]):.1f}" cy="{size - place(r["simulated"]):.1f}" r="2.5" '
                   f'fill="{COLOURS.get(r["vendor"], "#777")}" fill-opacity="0.6"><title>{r["id"]}</title></circle>')
    for i, (vendor, colour) in enumerate(COLOURS.items()):
        out.append(f'<circle cx="{edge + 12}" cy="{edge + 12 + 16 * i}" r="4" fill="{colour}"/>'
                   f'<text x="{edge + 22}" y="{edge + 16 + 16 * i}">{vendor}</text>')
    out.append(f'<text x="{size / 2}" y="{size - 12}" text-anchor="middle">published step time</text>')
    out.append(f'<text x="14" y="{size / 2}" text-anchor="middle" transform="rotate(-90 14 {size / 2})">simulated</text></svg>')
    return "\n".join(out) + "\n"


def accuracy(name, records):
    """A line of group_table, of records that the program did not group so."""
    errors = sorted(abs(r["error"]) for r in records)
    inside = sum(r["interval_80"][0] <= r["published"] <= r["interval_80"][1] for r in records)
    return {"group": name, "records": len(records), "median_abs_error": calibrate.quantile(errors, 0.5), "mean_abs_error": sum(errors) / len(errors),
            "p90_abs_error": calibrate.quantile(errors, 0.9), "bias": calibrate.quantile([r["error"] for r in records], 0.5),
            "rank_correlation": None, "interval_80_coverage": inside / len(records)}


def simulated(program, name, csv):
    """Runs of a file of analysis/unseen/ that could be simulated and carry no flag."""
    records = calibrate.unseen_records_of(program, "--csv", str(FOLDER / csv), name=name)
    text = (FOLDER / csv).read_text(encoding="utf-8")  # problems tell where the scenario lay
    (FOLDER / csv).write_text(re.sub(re.escape(tempfile.gettempdir()) + "/[^/]+/", "", text), encoding="utf-8")
    return [r for r in records if not r["problem"] and not r["flag"]]


def by_group(records):
    return [accuracy(name, [r for r in records if r["group"] == name]) for name in sorted({r["group"] for r in records})]


def hybrid_tables(program):
    """@return the line for README, and those of all groups"""
    records = simulated(program, "hybrid", "hybrid.csv")
    return accuracy("hybrid models, gathered before one could be simulated, none learnt on", records), by_group(records)


def unseen_tables(program):
    """@return lines of the halves, for README, and of all groups"""
    records = simulated(program, "records", "unseen.csv")
    halves = []
    for known, software in ((True, "software described"), (False, "software not described")):
        for learnt_on, half in ((False, "only judging"), (True, "learnt on")):
            members = [r for r in records if r["software_known"] == known and calibrate.is_learnt_on(r) == learnt_on]
            halves.append(accuracy(f"gathered later, {software}, half {half}", members))
    return halves, by_group(records)


def ablations(program, whole):
    lines = ["", "What a part is worth: the same runs without it.", "",
             "| without | median % | p90 % | bias % |", "| --- | --: | --: | --: |"]
    for part, groups in [("-", whole)] + [(part, reproduce(program, "--without", part)["groups"]) for part in PARTS]:
        g = groups[0]
        lines.append(f"| {part} | {percent(g['median_abs_error'])} | {percent(g['p90_abs_error'])} | {100 * g['bias']:+.1f} |")
    return lines


def peers(records):
    lines = ["", "Beside what peers predict for the same runs (their errors as they print them).", "",
             "| run | published | simulated | error % | peer | predicts | error % |", "| --- | --: | --: | --: | --- | --: | --: |"]
    for r in records:
        if r["peer"]:
            theirs = r["peer_step_time_s"]
            lines.append(f"| {r['id']} | {r['published']:.4g} s | {r['simulated']:.4g} s | {100 * r['error']:+.1f} | {r['peer']} | "
                         f"{theirs:.4g} s | {100 * math.log(theirs / r['published']):+.1f} |")
    return lines if len(lines) > 5 else []


def main():
    program = sys.argv[1]
    FOLDER.mkdir(exist_ok=True)
    answer = reproduce(program, "--csv", str(FOLDER / "table.csv"))
    records = [r for r in answer["records"] if not r["problem"]]
    (FOLDER / "plot.svg").write_text(plot(records), encoding="utf-8")
    version = subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    head = f"{datetime.date.today()}, version {version}; error = |ln(simulated / published)| of the step time."
    halves, unseen_groups = unseen_tables(program)
    (FOLDER / "unseen.md").write_text("\n".join([head, "", *group_table(halves + unseen_groups)]) + "\n", encoding="utf-8")
    hybrid, hybrid_groups = hybrid_tables(program)
    (FOLDER / "hybrid.md").write_text("\n".join([head, "", *group_table([hybrid, *hybrid_groups])]) + "\n", encoding="utf-8")
    groups = group_table([g for g in answer["groups"] if g["group"].startswith(SHOWN)] + [*halves, hybrid])
    whole = group_table(answer["groups"])
    extra = ablations(program, answer["groups"]) if "--ablations" in sys.argv else []
    (FOLDER / "summary.md").write_text("\n".join([head, "", *whole, *peers(records), *extra]) + "\n", encoding="utf-8")
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    begin, end = "<!-- reproduce -->", "<!-- /reproduce -->"
    before, rest = text.split(begin)
    readme.write_text(before + begin + "\n" + "\n".join([head, "", *groups]) + "\n" + end + rest.split(end)[1], encoding="utf-8")
    print("\n".join(groups + extra))


if __name__ == "__main__":
    main()
