"""Lists of kernels to measure, and the table of kernel timings (docs/adding.md has its columns)."""
import csv
import math
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ["chip", "op", "dtype", "m", "n", "k", "batch", "extra", "time_us", "source", "licence"]
SIZES = ("m", "n", "k", "batch")
SOURCE, LICENCE = "moesaic-collect", "own measurement"


@dataclass
class Row:
    chip: str
    op: str
    dtype: str
    m: int
    n: int
    k: int
    batch: int
    extra: str

    def option(self, key, otherwise=None):
        """A key of `extra`, as a whole number."""
        for item in self.extra.split(";"):
            name, _, value = item.partition("=")
            if name == key:
                return int(value)
        return otherwise

    def text(self):
        return f"{self.op} {self.dtype} {self.m} x {self.n} x {self.k}, {self.batch}" + (f", {self.extra}" if self.extra else "")


def lines_of(file):
    return (line for line in file if not line.startswith("#"))


def read_list(path):
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(lines_of(file))
        missing = [c for c in COLUMNS[:8] if c not in (reader.fieldnames or [])]
        if missing:
            raise SystemExit(f"error: {path}: no column {', '.join(missing)}")
        rows = []
        for number, record in enumerate(reader, start=2):
            try:
                rows.append(Row(record["chip"], record["op"], record["dtype"], *(int(record[s]) for s in SIZES), record["extra"]))
            except (TypeError, ValueError):
                raise SystemExit(f"error: {path}:{number}: a size is no whole number") from None
        return rows


class Writer:
    """Writes row by row, so that a killed run keeps what it measured; goes on where a table of its own ended."""

    def __init__(self, path, device):
        self.path, self.device = Path(path), device
        self.held = set()
        self.file = None

    def __enter__(self):
        fresh = not self.path.exists() or self.path.stat().st_size == 0
        if not fresh:
            with open(self.path, newline="", encoding="utf-8") as file:
                self.held = {self._key(r["op"], r["dtype"], *(int(r[s]) for s in SIZES), r["extra"])
                             for r in csv.DictReader(lines_of(file))}
        self.file = open(self.path, "a", newline="", encoding="utf-8")
        if fresh:
            self.file.write("".join(f"# {line}\n" for line in self.device.environment()))
            csv.writer(self.file, lineterminator="\n").writerow(COLUMNS)
        return self

    def __exit__(self, *_):
        self.file.close()

    @staticmethod
    def _key(op, dtype, m, n, k, batch, extra):
        own = [item for item in extra.split(";") if item and not item.startswith(("kern=", "cold="))]
        return (op, dtype, m, n, k, batch, ";".join(sorted(own)))

    def holds(self, row):
        return self._key(row.op, row.dtype, row.m, row.n, row.k, row.batch, row.extra) in self.held

    def write(self, row, library, timing):
        if not (math.isfinite(timing.median) and timing.median > 0):
            raise ValueError(f"{row.text()} took {timing.median} s")
        chip = "cpu" if self.device.is_cpu else row.chip
        extra = ";".join(item for item in (row.extra, library) if item)
        csv.writer(self.file, lineterminator="\n").writerow(
            [chip, row.op, row.dtype, row.m, row.n, row.k, row.batch, extra, f"{timing.median * 1e6:.6g}", SOURCE, LICENCE])
        self.file.flush()
