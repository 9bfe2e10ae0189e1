"""Measures the kernels of a list on the chip at hand and writes them as a table of kernel timings.

    moesaic timings coverage SCENARIO --missing missing.csv
    python3 analysis/collect missing.csv -o measured.csv
    moesaic run SCENARIO --timings measured.csv

Needs PyTorch with CUDA, ROCm or torch_npu; on a CPU it measures the CPU, for tests.
"""
import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import devices  # noqa: E402
import kernels  # noqa: E402
import measure  # noqa: E402
import table  # noqa: E402


def arguments_of(words):
    parser = argparse.ArgumentParser(prog="collect", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", help="what to measure: columns chip,op,dtype,m,n,k,batch,extra (others are passed over)")
    parser.add_argument("-o", "--output", required=True, help="the table, CSV; what it holds already is not measured again")
    parser.add_argument("--chip", help="measure the rows of this chip (needed where the list has several)")
    parser.add_argument("--device", choices=devices.KINDS, help="default: the first of cuda, npu, cpu that is there")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each kernel, about (default 1)")
    parser.add_argument("--limit", type=int, help="at most so many kernels, from the top of the list")
    parser.add_argument("--seed", type=int, default=1, help="of the random data (default 1)")
    return parser.parse_args(words)


def chosen(rows, chip):
    """The rows of one chip."""
    chips = sorted({row.chip for row in rows})
    if chip is None and len(chips) > 1:
        raise SystemExit(f"error: the list is for several chips: give --chip, one of {', '.join(chips)}")
    mine = [row for row in rows if chip is None or row.chip == chip]
    if not mine:
        raise SystemExit(f"error: no rows of {chip} in the list; it has {', '.join(chips) or 'none'}")
    return mine


def main(words=None):
    arguments = arguments_of(words)
    device = devices.open_device(arguments.device)
    rows = chosen(table.read_list(arguments.list), arguments.chip)[: arguments.limit]
    measured, skipped = 0, Counter()
    with table.Writer(arguments.output, device) as writer:
        for row in rows:
            if writer.holds(row):
                skipped["in the table already"] += 1
                continue
            try:
                work = kernels.build(row, device, arguments.seed)
                timing = measure.time_of(work, device, arguments.seconds)
            except kernels.CannotMeasure as reason:
                skipped[str(reason)] += 1
                continue
            except device.out_of_memory:
                skipped["does not fit in the memory of the device"] += 1
                device.forget()
                continue
            writer.write(row, work.library, timing)
            measured += 1
            print(f"{row.text()}: {timing.median * 1e6:.4g} us (spread {100 * timing.spread:.1f} %, {timing.calls} calls)",
                  file=sys.stderr)
    print(f"{arguments.output}: {measured} kernels measured on {device.name}", file=sys.stderr)
    for reason, times in skipped.most_common():
        print(f"  not measured: {times} x {reason}", file=sys.stderr)
    return 0 if measured or not rows or writer.held else 1


if __name__ == "__main__":
    sys.exit(main())
