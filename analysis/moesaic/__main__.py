"""Draws the standard figures of run files: python3 -m moesaic RUN.h5… -o FOLDER [--format svg]"""
import argparse
import sys
from pathlib import Path

from . import draw_cost, draw_evidence, draw_memory, draw_time_split, read_run


def main():
    parser = argparse.ArgumentParser(prog="python3 -m moesaic", description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN.h5", help="what moesaic run -o wrote")
    parser.add_argument("-o", "--output", default=".", type=Path, help="folder of the figures (default: here)")
    parser.add_argument("--format", default="pdf", choices=["pdf", "svg", "png"])
    arguments = parser.parse_args()
    try:
        runs = [read_run(path) for path in arguments.runs]
    except OSError as error:
        sys.exit(f"error: {error}")
    arguments.output.mkdir(parents=True, exist_ok=True)

    def save(name, canvas):
        path = arguments.output / f"{name}.{arguments.format}"
        canvas.savefig(path)
        print(path)

    for run in runs:
        save(f"{run.path.stem}-memory", draw_memory(run))
        if run.fits:
            save(f"{run.path.stem}-time", draw_time_split(run))
    if any(run.fits for run in runs):
        save("evidence", draw_evidence(runs))
    if any("cost/cost_per_trillion_tokens" in run for run in runs):
        save("cost", draw_cost(runs))


if __name__ == "__main__":
    main()
