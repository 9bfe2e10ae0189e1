"""Measures the kernels of a list on the chip at hand and writes them as a table of kernel timings.

    moesaic timings coverage SCENARIO --missing missing.csv
    python3 analysis/collect missing.csv -o measured.csv    # several lists are taken together, most time first
    moesaic run SCENARIO --timings measured.csv

Needs PyTorch with CUDA, ROCm or torch_npu; on a CPU it measures the CPU, for tests.
"""
import re
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import table  # noqa: E402
from arguments import arguments_of  # noqa: E402

BEGIN = time.monotonic()
LONGEST_REASON = 200  # characters


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


def warn_of_another_chip(rows, device):
    """The list says what its chip is called; the device has a name of its own, in which the model stands as a word."""
    if device.is_cpu or not rows:
        return
    words = {word for text in (device.name, device.name.replace("Ascend", "Ascend ")) for word in re.split("[^A-Za-z0-9]+", text)}
    model = rows[0].chip.replace("Ascend", "").split("-")[0]
    if model not in words:
        print(f"warning: this device is {device.name}: its times will stand as those of {rows[0].chip}", file=sys.stderr)


class Fault(Exception):
    """After it the device does nothing more in this process; `best` is what was known before."""

    def __init__(self, reason, best):
        super().__init__(reason)
        self.best = best


def attempt(way, row, device, arguments):
    """Time of a kernel, or nothing and the reason."""
    import kernels  # noqa: PLC0415 - needs PyTorch
    import measure  # noqa: PLC0415

    device.give_back()
    try:
        return measure.time_of(kernels.round_of(way, row, device, arguments.seed), device, arguments.seconds), None
    except kernels.CannotMeasure as reason:
        return None, str(reason)
    except device.out_of_memory:
        return None, "does not fit in the memory of the device"
    except Exception as refusal:  # noqa: BLE001 - PyTorch refuses in many ways, and no kernel may cost the others
        return None, f"refused: {type(refusal).__name__}: {refusal}".split("\n", maxsplit=1)[0][:LONGEST_REASON]


def fastest(row, device, arguments):
    """The way that takes least, as a user would choose, and its time, if there is one; what was refused, by way."""
    import kernels  # noqa: PLC0415

    try:
        ways = kernels.ways_of(row, device)
    except kernels.CannotMeasure as reason:
        return None, {"": str(reason)}
    best, refused = None, {}
    for way in ways:
        timing, reason = attempt(way, row, device, arguments)
        if timing is None:
            refused[way.name] = reason
            if not device.is_usable():
                raise Fault(reason, best)
        elif best is None or timing.median < best[1].median:
            best = way, timing
    return best, refused


def measure_all(rows, device, arguments):
    measured, skipped, without = 0, Counter(), Counter()
    warn_of_another_chip(rows, device)
    device.warm_up(arguments.seconds)
    with table.Writer(arguments.output, device) as writer:
        for row in rows:
            if writer.holds(row):
                skipped["in the table already"] += 1
                continue
            if arguments.budget is not None and time.monotonic() - BEGIN > 60 * arguments.budget:
                skipped["the budget is spent: run again for the rest"] += 1
                continue
            fault = None
            try:
                best, refused = fastest(row, device, arguments)
            except Fault as met:
                fault, best, refused = met, met.best, {}
            if best is not None:
                way, timing = best
                library = device.library() + way.name
                writer.write(row, way.extra, library, timing)
                measured += 1
                print(f"{row.text()}: {timing.median * 1e6:.4g} us (spread {100 * timing.spread:.1f} %, {timing.calls} calls, "
                      f"{library})", file=sys.stderr, flush=True)
                without.update(f"{name.strip('-')} {reason}" for name, reason in refused.items())
            elif fault is None:
                reason = next(iter(refused.values()))
                skipped[f"{row.op} in {row.dtype} is {reason}" if reason.startswith("refused") else reason] += 1
            if fault is not None:
                if best is None:
                    writer.note_fault(row)
                raise SystemExit(f"error: {row.text()}: {fault}\nAfter this fault the device does nothing more in this process: "
                                 "run again for the rest; what faulted is passed over then")
    print(f"{arguments.output}: {measured} kernels measured on {device.name}", file=sys.stderr)
    for counter, said in ((skipped, "not measured"), (without, "measured without")):
        for reason, times in counter.most_common():
            print(f"  {said}: {times} x {reason}", file=sys.stderr)
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
        rows = distinct(chosen(table.read_lists(arguments.lists), arguments.chip))[: arguments.limit]
        return measure_all(rows, opened(arguments.device), arguments)
    except OSError as error:
        raise SystemExit(f"error: {error.filename or arguments.output}: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
