#!/usr/bin/python3
"""Finds the constants of platforms/calibration.toml, anew and always the same way.

    analysis/calibrate.py build/release/moesaic [--write]
    analysis/calibrate.py PAPERS.json UNSEEN.json [--write]      (what the program printed before, see below)

A constant says how many times longer the products and attention kernels of a training run take than those that were timed
alone, for one kind of chip, one class of their own number format and one software stack: a run of 8-bit products has attention and head
in 16 bits too. Kernels at their software's own limit are not stretched ("stretched" of a record counts the others). Two origins:

* kernel data: ratios between measurements of the same products, below, with their sources;
* published runs: at least 8 records that carry no flag, of at least 2 sources. A source of n runs weighs 1 / (0.06^2 + 0.1^2 / n), as
  in a meta-analysis with random effects: sources of one stack lie about 6 % apart, runs of one source 10 % (pooled over 384 degrees of freedom,
  tails included). The
  estimate is the factor at which the weighted median of ln(simulated / published) is zero, drawn towards the kernel data
  (or towards 1) in ln by 1 / (1 + 0.1^2 x the sum of the weights): stacks lie about 10 % apart.

Learnt on are the runs of scenarios/papers/ and half of those that were gathered when the model stood (analysis/unseen/records.yaml): of groups
whose name's SHA-256 begins with an even byte, and only where the software that ran is described. The other half only judges.

Printed is what the constants do to runs of sources that they were not learnt from: every source is left out as a whole and
its runs predicted with what the others give. From these errors comes the model error, in intervals, of models without
and with experts: as much as makes 80 % of left-out runs lie inside, the half that only judges among them; where no constant was learnt,
as much as makes 80 % of all runs lie inside with the kernel data's constants alone. Where the software that ran is not described: as much as
makes 80 % of such runs lie inside.
"""
import argparse
import collections
import hashlib
import json
import math
import pathlib
import re
import subprocess
import tempfile

import yaml

import make_paper_scenarios

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEAST_RECORDS, LEAST_SOURCES = 8, 2
STACK_SPREAD, SOURCE_SPREAD, RUN_SPREAD = 0.10, 0.06, 0.10  # of ln(step time)
PRECISIONS = ("16-bit", "8-bit", "4-bit")  # in this order: narrow runs have wide kernels too
Z80 = 1.2815515655446004

OTHER_BUILD = " (other build)"  # how a scenario's own build of a chip is called

# Chips of one die and number formats of one class. A stack of "" is any stack.
FAMILIES = {
    "A100": ["nvidia_a100_sxm4_80", "nvidia_a100_sxm4_40"],
    "Hopper": ["nvidia_h100_sxm5", "nvidia_h100_sxm5 (other build)", "nvidia_h200_sxm", "nvidia_h800_sxm5"],
    "Blackwell": ["nvidia_b200", "nvidia_gb200"],
    "Blackwell Ultra": ["nvidia_b300", "nvidia_gb300"],
    "CDNA3": ["amd_mi300x", "amd_mi308x", "amd_mi325x"],
    "CDNA4": ["amd_mi355x", "amd_mi355x (other build)"],
    "Ascend 910B": ["huawei_ascend_910b1", "huawei_ascend_910b2", "huawei_ascend_910b3", "huawei_ascend_910b4"],
}
ANY_STACK = {"Ascend 910B"}  # MindSpeed and MindSpore call the same CANN kernels, and each has one source

# Chips, precision -> factor, origin
A100, HOPPER, BLACKWELL = FAMILIES["A100"], FAMILIES["Hopper"], FAMILIES["Blackwell"]
QUANTISED = ("Primus-Turbo's fp8 rows of MI300X hold the quantisation of both operands (3 bytes an element at the rate of a "
             "copy: 5 % of products of 8192 x 8192 x 57344), which the model counts apart")
KERNEL_DATA = [
    (A100, "16-bit", 1.15, "products of 8192 take 257 TFLOP/s on normal and 295 on zero inputs (H. He, "
                         "thonking.ai, 2024); fp16 layers of Vidur run at 0.84 to 0.87 of the rate of aiconfigurator's "
                         "benchmark near the same shapes (1,827 pairs over 0.1 TFLOP)"),
    (HOPPER, "16-bit", 1.14, "products of Vidur run at 0.86 (629 pairs over 0.1 TFLOP), of LLMServingSim at 0.94 "
                           "(237) of the rate of aiconfigurator's benchmark near the same shapes"),
    (BLACKWELL, "16-bit", 1.34, "26 products of 4,096 tokens as SimuMax measured them on B200 for its own tables "
     "(MooreThreads/SimuMax@e691807 configs/system/b200_bf16_ceperm.json: 0.45 to 0.65 of 2,250 TFLOP/s) over the grid's, "
     "which aiconfigurator's benchmark gives (1.07 to 1.54 times as long, geometric mean 1.34); GB200 is the same die, and rows of B200 stand for it"),
    (["amd_mi300x", "amd_mi308x"], "8-bit", 0.95, QUANTISED),
    (["amd_mi325x"], "8-bit", 0.82, QUANTISED + "; its best bf16 product beats MI300X's by 1.17 at the same peak "
     "(S. Bekman, ML Engineering), and 8-bit rows of MI300X stand for it"),
]


def family_of(chip):
    return next((name for name, chips in FAMILIES.items() if chip in chips), None)


def cell_of(run, precision):
    family = family_of(run["chip"])
    return (family, precision, "" if family in ANY_STACK else run["stack"]) if family else None


def prior_of(chip, precision):
    return next((factor for chips, p, factor, _ in KERNEL_DATA if p == precision and chip in chips), 1.0)


class Run:
    def __init__(self, record):
        self.id, self.source, self.precision = record["id"], record["source"], record["precision"]
        self.cells = {p: cell_of(record, p) for p in PRECISIONS}
        self.cell = self.cells[self.precision]
        self.group = "MoE" if record["moe"] else "dense"
        self.vendor, self.known = record["vendor"], record["software_known"]
        self.plain = record["error"]
        shares = record["stretched"]  # of the critical path, by the kernels' own precision
        priors = {p: prior_of(record["chip"], p) for p in shares}
        longer = 1 + sum(share * (priors[p] - 1) for p, share in shares.items())
        self.error = self.plain + math.log(longer)
        self.shares = {p: share * priors[p] / longer for p, share in shares.items()}
        low, high = record["interval_80"]
        self.timing_sigma = math.log(high / low) / 2 / Z80

    def error_at(self, learnt, factor=None):
        """With so many times the kernel data's factors. First order: the critical path stays where it is.
        @param factor of the run's own precision, instead of what was learnt"""
        factors = {p: learnt.get(self.cells[p], 1.0) for p in self.shares}
        if factor is not None:
            factors[self.precision] = factor
        return self.error + math.log(1 + sum(share * (factors[p] - 1) for p, share in self.shares.items()))


def weighted_quantile(pairs, share):
    pairs = sorted(pairs)
    half = share * sum(w for _, w in pairs)
    for value, weight in pairs:
        half -= weight
        if half <= 0:
            return value
    return pairs[-1][0]


def weights(runs):
    """Of each run its part of its source's."""
    count = collections.Counter(run.source for run in runs)
    return [1 / (SOURCE_SPREAD**2 * count[run.source] + RUN_SPREAD**2) for run in runs]


def estimate(runs, learnt):
    """The constant that these runs give for their cell, over the kernel data's; none where they are too few.
    @param learnt of wider formats"""
    if len(runs) < LEAST_RECORDS:
        return None
    w = weights(runs)
    low, high = math.log(0.3), math.log(4)
    for _ in range(60):
        middle = (low + high) / 2
        errors = [run.error_at(learnt, math.exp(middle)) for run in runs]
        if weighted_quantile(list(zip(errors, w)), 0.5) < 0:
            low = middle
        else:
            high = middle
    return math.exp(low * sum(w) / (sum(w) + 1 / STACK_SPREAD**2))


def is_learnt(runs):
    return len(runs) >= LEAST_RECORDS and len({run.source for run in runs}) >= LEAST_SOURCES


def learn(by_cell, cells):
    """@return cell -> constant over the kernel data's"""
    out = {}
    for cell in sorted(cells, key=lambda cell: PRECISIONS.index(cell[1])):
        factor = estimate(by_cell[cell], out)
        if factor:
            out[cell] = factor
    return out


def quantile(values, share):
    values = sorted(values)
    at = share * (len(values) - 1)
    below = int(at)
    above = min(below + 1, len(values) - 1)
    return values[below] + (at - below) * (values[above] - values[below])


def left_out_errors(runs, cells):
    """Each run predicted by constants of the other sources."""
    out = {}
    for source in {run.source for run in runs}:
        learnt = learn(by_cell_of(run for run in runs if run.source != source), cells)
        out |= errors_with(learnt, [run for run in runs if run.source == source])
    return out


def model_sigma(runs, errors):
    """What must be added to the timings' spread so that 80 % of the errors lie within the interval."""
    def inside(sigma):
        return sum(abs(errors[r.id]) <= Z80 * math.hypot(sigma, r.timing_sigma) for r in runs) / len(runs)
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) < 0.8 else (low, middle)
    return high


def model_errors(runs, learnt, errors):
    """@return by kind of model: where a constant was learnt on runs, and everywhere else"""
    out = {}
    for group, name in (("dense", "dense"), ("MoE", "experts")):
        inside = [r for r in runs if r.group == group]
        with_constant = [r for r in inside if r.cell in learnt]
        out[name] = (model_sigma(with_constant, errors), model_sigma(inside, {r.id: r.error for r in inside}))
        print(f"\nmodel error, {group}: {out[name][0]:.3f} with learnt constants ({len(with_constant)} runs of sources left out), "
              f"{out[name][1]:.3f} with the kernel data's alone ({len(inside)} runs)")
    return out


def constants_of(cell, members, estimated):
    """One for each factor that the kernel data gives chips of the family."""
    family, precision, stack = cell
    sources = sorted({r.source for r in members})
    by_prior = collections.defaultdict(list)
    for chip in FAMILIES[family]:
        by_prior[prior_of(chip, precision)].append(chip)
    return [{"name": f"{family}, {precision}, {stack or 'any'}" + (f", {chips[0]}" if len(by_prior) > 1 else ""),
             "chips": chips, "precision": precision, "stack": stack, "factor": factor * estimated,
             "origin": f"{len(members)} published runs of {len(sources)} sources" + (
                 f"; kernel data alone {factor:.2f}" if factor != 1 else ""),
             "records": sorted(r.id for r in members), "sources": sources} for factor, chips in by_prior.items()]


def line(name, errors):
    size = [abs(e) for e in errors]
    print(f"{name:44} {len(errors):4} {100 * quantile(size, .5):6.1f} {100 * quantile(size, .9):6.1f} "
          f"{100 * quantile(list(errors), .5):+6.1f}")


def show(title, runs, errors):
    print(f"\n{title:44} runs  median   p90   bias   (|ln(simulated / published)|, %)")
    line("all", [errors[r.id] for r in runs])
    for group in sorted({f"{r.group} on {r.vendor}" for r in runs}):
        line(group, [errors[r.id] for r in runs if f"{r.group} on {r.vendor}" == group])


def toml_list(values, indent=""):
    return "[" + ", ".join(f'"{v}"' for v in values) + "]"


def text_of(constants, sigmas, unknown_software):
    out = ["# Written by analysis/calibrate.py; do not edit. How many times longer products and attention kernels take in a",
           "# training run than timed alone. Nothing here belongs to one run, paper or model. `moesaic reproduce --constants`",
           "# prints it; analysis/accuracy.md says what it is worth.", "",
           "# Standard deviation of ln(step) beyond the timings' own. First of runs whose software is not described; then, of models without and with",
           "# experts, where a constant was learnt on runs (of sources left out, and of runs that only judge), and everywhere else (of all runs).",
           "[model_error]", f"unknown_software = {unknown_software:.3f}", ""]
    for name, (calibrated, otherwise) in sigmas.items():
        out += [f"[model_error.{name}]", f"calibrated = {calibrated:.3f}", f"otherwise = {otherwise:.3f}", ""]
    out.pop()
    for c in constants:
        out += ["", "[[constant]]", f'name = "{c["name"]}"', f'chips = {toml_list(c["chips"])}',
                *dies_line(c["chips"]), f'precision = "{c["precision"]}"']
        if c["stack"]:
            out.append(f'stack = "{c["stack"]}"')
        out += [f'factor = {c["factor"]:.3f}', f'origin = "{c["origin"]}"']
        if c["records"]:
            out += [f'sources = {toml_list(c["sources"])}', "records = ["]
            out += [f'    "{r}",' for r in c["records"]]
            out.append("]")
    return "\n".join(out) + "\n"


def dies_line(chips):
    """The dies of chips that name theirs: a constant holds for every chip of them."""
    dies = set()
    for chip in chips:
        file = ROOT / "platforms" / "chips" / (chip.removesuffix(OTHER_BUILD) + ".toml")
        dies |= set(re.findall(r'^die = "(.*)"', file.read_text(encoding="utf-8"), re.MULTILINE))
    return [f"dies = {toml_list(sorted(dies))}"] if dies else []


def records_of(program, *options):
    answer = subprocess.run([program, "reproduce", "all", "--json", *options], check=False, stdout=subprocess.PIPE, cwd=ROOT)
    return json.loads(answer.stdout)["records"]


def unseen_records_of(program, *options, name="records"):
    """Of a file of analysis/unseen/."""
    text = (ROOT / "analysis" / "unseen" / f"{name}.yaml").read_text(encoding="utf-8")
    records = yaml.load(text, Loader=yaml.CSafeLoader)["records"]
    with tempfile.TemporaryDirectory() as folder:
        make_paper_scenarios.write_all(records, pathlib.Path(folder))
        return records_of(program, "--folder", folder, *options)


def is_learnt_on(record):
    """Of the unseen ones: half of the groups."""
    return hashlib.sha256(record["group"].encode()).digest()[0] % 2 == 0


def inputs(files):
    """Records of papers and unseen ones: of the program, or of what it printed into two files before."""
    if len(files) == 2:
        return [json.loads(pathlib.Path(f).read_text(encoding="utf-8"))["records"] for f in files]
    plain = ("--without", "constants")
    return records_of(files[0], *plain), unseen_records_of(files[0], *plain)


def runs_of(records):
    return [Run(r) for r in records if not r["problem"] and not r["flag"]]


def show_unseen(runs, errors):
    """What the constants do to runs that nothing was learnt on."""
    show("unseen, the half that only judges: software described", [r for r in runs if r.known], errors)
    show("unseen, the half that only judges: not described", [r for r in runs if not r.known], errors)


def show_sources(title, runs, errors):
    print(f"\n{title:44} runs  median   p90   bias")
    for source in sorted({r.source for r in runs}):
        line(source, [errors[r.id] for r in runs if r.source == source])


def show_learning(runs, fitted, left_out):
    """What the constants do to runs that they were learnt on, and to those of sources that were left out."""
    show("no constants", runs, {r.id: r.plain for r in runs})
    show("constants, runs that they were learnt on", runs, fitted)
    show("constants of other sources", runs, left_out)
    show_sources("left out", runs, left_out)
    show_sources("learnt on", runs, fitted)


def show_farthest(runs, errors):
    print("\nfarthest off")
    for r in sorted(runs, key=lambda r: -abs(errors[r.id]))[:24]:
        print(f"{r.id:70} {100 * errors[r.id]:+6.1f}")


def kernel_constants():
    return [{"name": f"{chips[0]} and its kin, {precision}" if len(chips) > 1 else f"{chips[0]}, {precision}",
             "chips": chips, "precision": precision, "stack": "", "factor": factor,
             "origin": "kernel data: " + origin, "records": [], "sources": []}
            for chips, precision, factor, origin in KERNEL_DATA]


def by_cell_of(runs):
    out = collections.defaultdict(list)
    for run in runs:
        if run.cell:
            out[run.cell].append(run)
    return out


def errors_with(learnt, runs):
    return {r.id: r.error_at(learnt) for r in runs}


def calibrate(papers, unseen):
    """@return what platforms/calibration.toml says; prints what it is worth"""
    open_half = runs_of(filter(is_learnt_on, unseen))
    judging = runs_of(r for r in unseen if not is_learnt_on(r))
    runs = [r for r in runs_of(papers) + open_half if r.known]
    strangers = [r for r in open_half + judging if not r.known]
    by_cell = by_cell_of(runs)
    learnt = learn(by_cell, [cell for cell, members in by_cell.items() if is_learnt(members)])
    constants = kernel_constants()
    for cell in sorted(learnt):
        constants += constants_of(cell, by_cell[cell], learnt[cell])
    fitted = errors_with(learnt, runs)
    errors = left_out_errors(runs, learnt)
    show_learning(runs, fitted, errors)
    errors |= errors_with(learnt, judging)
    sigmas = model_errors(runs + [r for r in judging if r.known], learnt, errors)
    for c in constants:
        print(f"{c['name']:40} {c['factor']:.3f}  {c['origin'][:60]}")
    unknown_software = model_sigma(strangers, errors_with(learnt, strangers))
    print(f"model error, software not described: {unknown_software:.3f} ({len(strangers)} runs)")
    show_unseen(judging, errors)
    show_farthest(runs, fitted)
    return text_of(constants, sigmas, unknown_software)


def main():
    arguments = argparse.ArgumentParser(description="Finds the constants of platforms/calibration.toml.")
    arguments.add_argument("inputs", nargs="+", help="the program; or what it printed of scenarios/papers/ and of the unseen records")
    arguments.add_argument("--write", action="store_true", help="write platforms/calibration.toml")
    arguments = arguments.parse_args()
    if len(arguments.inputs) > 2:
        raise SystemExit("calibrate.py: the program alone, or two files")
    text = calibrate(*inputs(arguments.inputs))
    if arguments.write:
        (ROOT / "platforms" / "calibration.toml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
