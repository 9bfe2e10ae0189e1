"""Measures the kernels of a list on the chip at hand and writes them as a table of kernel timings.

    moesaic timings coverage SCENARIO --missing missing.csv
    python3 analysis/collect missing.csv -o measured.csv
    moesaic run SCENARIO --timings measured.csv

Needs PyTorch with CUDA, ROCm or torch_npu; on a CPU it measures the CPU, for tests.
"""
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import table  # noqa: E402
from arguments import arguments_of  # noqa: E402


def chosen(rows, chip):
    """The rows of one chip."""
    chips = sorted({row.chip for row in rows})
    if chip is None and len(chips) > 1:
        raise SystemExit(f"error: the list is for several chips: give --chip, one of {', '.join(chips)}")
    mine = [row for row in rows if chip is None or row.chip == chip]
    if not mine:
        raise SystemExit(f"error: no rows of {chip} in the list; it has {', '.join(chips) or 'none'}")
    return mine


def distinct(rows):
    """The first row of each shape."""
    return list({row.shape(): row for row in reversed(rows)}.values())[::-1]


def attempt(row, device, arguments):
    """Library and time of a kernel, or nothing and the reason."""
    import kernels  # noqa: PLC0415 - needs PyTorch
    import measure  # noqa: PLC0415

    try:
        work = kernels.build(row, device, arguments.seed)
        return (work.library, measure.time_of(work, device, arguments.seconds)), None
    except kernels.CannotMeasure as reason:
        return None, str(reason)
    except device.out_of_memory:
        return None, "does not fit in the memory of the device"
    except Exception as refusal:  # noqa: BLE001 - PyTorch refuses in many ways, and no kernel may cost the others
        return None, f"{row.op} in {row.dtype} is refused: {type(refusal).__name__}: {refusal}".split("\n", maxsplit=1)[0]


def measure_all(rows, device, arguments):
    measured, skipped = 0, Counter()
    with table.Writer(arguments.output, device) as writer:
        for row in rows:
            if writer.holds(row):
                skipped["in the table already"] += 1
                continue
            result, reason = attempt(row, device, arguments)
            if result is None:
                skipped[reason] += 1
                if not device.is_usable():
                    raise SystemExit(f"error: {row.text()}: {reason}\nAfter this fault the device does nothing more in this "
                                     "process: take the kernel out of the list and run again")
                continue
            library, timing = result
            writer.write(row, library, timing)
            measured += 1
            print(f"{row.text()}: {timing.median * 1e6:.4g} us (spread {100 * timing.spread:.1f} %, {timing.calls} calls)",
                  file=sys.stderr)
    print(f"{arguments.output}: {measured} kernels measured on {device.name}", file=sys.stderr)
    for reason, times in skipped.most_common():
        print(f"  not measured: {times} x {reason}", file=sys.stderr)
    return 0 if measured or not rows or writer.held else 1


def opened(kind):
    try:
        import devices  # noqa: PLC0415 - needs PyTorch, and --help does not
    except ModuleNotFoundError as missing:
        if missing.name != "torch":
            raise
        raise SystemExit("error: PyTorch is not installed: on Debian `apt install python3-torch` (it measures the CPU alone), "
                         "on a chip its maker's PyTorch") from None
    return devices.open_device(kind)


def main(words=None):
    arguments = arguments_of(words, __doc__)
    try:
        rows = distinct(chosen(table.read_list(arguments.list), arguments.chip))[: arguments.limit]
        return measure_all(rows, opened(arguments.device), arguments)
    except OSError as error:
        raise SystemExit(f"error: {error.filename or arguments.output}: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
