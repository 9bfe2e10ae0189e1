#!/usr/bin/python3
"""Writes scenarios/papers/<paper>/<record>.toml from a file of published runs.

    analysis/make_paper_scenarios.py RECORDS.yaml [FOLDER]       (FOLDER: scenarios/papers)
    moesaic reproduce all --folder FOLDER

One scenario per record that is complete enough to simulate. What a record leaves open is chosen by the rules of
paper_scenarios/, the same for all records, and written into the scenario as an assumption. Nothing here depends on the published result.
A record whose own figures are doubtful is marked with `flag`; records that cannot be simulated are listed on stderr.
"""
import argparse
import collections
import pathlib
import sys

import yaml

import launch_scripts as scripts
from paper_scenarios.model import write_model
from paper_scenarios.papers import PAPERS, paper_of
from paper_scenarios.parallel import write_parallel
from paper_scenarios.pool import write_pool
from paper_scenarios.published import write_published
from paper_scenarios.record import OPTIONAL, Incomplete, check_stated, completed, why_not, year_month
from paper_scenarios.routing import write_routing
from paper_scenarios.scenario import Scenario, slug, toml
from paper_scenarios.training import write_training
from published_software import is_named, software_of

ROOT = pathlib.Path(__file__).resolve().parent.parent


def head_of(s, software, named):
    record = s.record
    what = f"{record['model']['name']} on {record['hardware']['chips_total']} x {record['hardware']['chip']}"
    return ["# Written by analysis/make_paper_scenarios.py from the published record; do not edit.",
            f"name = {toml(record['id'])}", f"description = {toml(what)}",
            f"software = {toml(software)}", *([] if named else ["software_known = false"]),
            "assumptions = [", *(f"    {toml(a)}," for a in s.assumptions), "]"]


def scenario_text(record):
    check_stated(record)
    s = Scenario(record)
    for write in (write_model, write_training, write_pool, write_parallel, write_routing, write_published):
        write(s)
    software = software_of(record, year_month(record))
    named = record["group"] in PAPERS or is_named(software, record)
    if not named:
        s.assume(f"Software {software}: stands for the one that ran, which no file of scenarios/software/ describes.")
    return "\n".join(head_of(s, software, named) + s.lines) + "\n"


def write_all(records, folder):
    """@return paths written, and how often each reason left a record out"""
    left_out, written = collections.Counter(), set()
    for record in records:
        reason = why_not(OPTIONAL[""] | record)
        if reason is None:
            try:
                text = scenario_text(scripts.corrected(completed(record)))
            except Incomplete as lack:
                reason = str(lack)
        if reason:
            left_out[reason] += 1
            continue
        path = folder / paper_of(record["group"]) / (slug(record["id"]) + ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.add(path)
    return written, left_out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records", type=pathlib.Path, metavar="RECORDS.yaml")
    parser.add_argument("folder", type=pathlib.Path, metavar="FOLDER", nargs="?", default=ROOT / "scenarios" / "papers")
    asked = parser.parse_args()
    if not asked.records.is_file():
        parser.error(f"there is no file {asked.records}")
    folder = asked.folder
    written, left_out = write_all(yaml.load(asked.records.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["records"], folder)
    for paper in {path.parent for path in written}:
        for path in paper.glob("*.toml"):
            if path not in written and path.read_text(encoding="utf-8").startswith("# Written by"):
                path.unlink()
    print(f"{len(written)} scenarios written", file=sys.stderr)
    for reason, count in left_out.items():
        print(f"{count} records left out: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
