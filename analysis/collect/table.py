"""Lists of kernels to measure, and the table of kernel timings (docs/adding.md has its columns)."""
import csv
import io
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

COLUMNS = ["chip", "op", "dtype", "m", "n", "k", "batch", "extra", "time_us", "source", "licence"]
OF_LISTS = COLUMNS[:8]
SIZES = ("m", "n", "k", "batch")
# keys of `extra` that are whole numbers; others say a variant in words
COUNTS = ("h", "hkv", "dv", "causal", "window", "topk", "experts", "gated", "ep", "nodes", "sms")
# keys of `extra` that say how a kernel was measured: the same kernel all the same
OF_MEASUREMENT = ("kern", "cold", "quant", "layer", "reps")
SOURCE, LICENCE = "moesaic-collect", "own measurement"
FAULT = "# fault: "  # before the first columns of a row that brought the device down


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
    share: float = 0.0  # of a step

    def option(self, key, otherwise=None):
        """A key of `extra`, as a whole number."""
        return next((int(value) for name, value in options_of(self.extra) if name == key), otherwise)

    def shape(self):
        """Equal for rows that ask for the same kernel."""
        return (self.op, self.dtype, self.m, self.n, self.k, self.batch, tuple(sorted(options_of(self.extra))))

    def text(self):
        return f"{self.op} {self.dtype} {self.m} x {self.n} x {self.k}, {self.batch}" + (f", {self.extra}" if self.extra else "")


def options_of(extra):
    """Pairs of key and value."""
    return [item.partition("=")[::2] for item in extra.split(";") if item]


def check_whole(text, where):
    if not re.fullmatch(r"\s*[0-9]+\s*", text):
        raise SystemExit(f'error: {where}: "{text}" is no whole number of 0 or more')


def row_of(record, where):
    """A row from its fields; what is wrong is told with file, line and field."""
    for column in OF_LISTS:
        if record[column] is None:
            raise SystemExit(f"error: {where}: {column}: this field is missing")
    if None in record:
        raise SystemExit(f"error: {where}: more fields than columns")
    for size in SIZES:
        check_whole(record[size], f"{where}: {size}")
    options = options_of(record["extra"])
    for key, value in options:
        if key in COUNTS:
            check_whole(value, f"{where}: extra: {key}")
    own = ";".join(f"{key}={value}" if value else key for key, value in options if key not in OF_MEASUREMENT)
    return Row(record["chip"], record["op"], record["dtype"], *(int(record[s]) for s in SIZES), own, share_of(record))


def share_of(record):
    try:
        return float(record.get("share") or 0)
    except ValueError:
        return 0.0


class Lines:
    """The lines that are neither empty nor comments; `number` is that of the last one taken."""

    def __init__(self, text):
        self.text, self.number = text, 0

    def __iter__(self):
        for self.number, line in enumerate(io.StringIO(self.text, newline=""), start=1):
            if line.strip() and not line.startswith("#"):
                yield line


def text_of(content, path):
    try:
        return content.decode("utf-8-sig")  # spreadsheets begin with a byte-order mark
    except UnicodeDecodeError:
        raise SystemExit(f"error: {path}: is no text in UTF-8") from None


def header_of(text):
    return next(csv.reader(iter(Lines(text))), [])


def rows_of(text, path):
    missing = [c for c in OF_LISTS if c not in header_of(text)]
    if missing:
        raise SystemExit(f"error: {path}: no column {', '.join(missing)}")
    lines = Lines(text)
    return [row_of(record, f"{path}:{lines.number}") for record in csv.DictReader(lines)]


def read_lists(paths):
    """Their rows, most time first."""
    rows = [row for path in paths for row in rows_of(text_of(Path(path).read_bytes(), path), path)]
    return sorted(rows, key=lambda row: -row.share)


class Writer:
    """Writes row by row, so that a killed run keeps what it measured; goes on where a table of its own ended."""

    def __init__(self, path, device):
        self.path, self.device = Path(path), device
        self.held = set()
        self.file = None

    def __enter__(self):
        has_header = self._take_up() if self.path.is_file() else False
        self.file = open(self.path, "a", newline="", encoding="utf-8")
        if not has_header:
            self._append("".join(f"# {line}\n" for line in self.device.environment()) + ",".join(COLUMNS) + "\n")
        return self

    def __exit__(self, *_):
        self.file.close()

    def _take_up(self):
        """Reads what a table holds and drops a last line without an end; whether it has a header."""
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1  # a run that was killed while it wrote left the rest
        cut, text = content[whole:], text_of(content[:whole], self.path)
        header = header_of(text)
        begins_a_header = cut.startswith(b"#") or ",".join(COLUMNS).encode().startswith(cut)
        if header != COLUMNS and (header or not begins_a_header):
            raise SystemExit(f"error: {self.path}: is no table of the collector: give another name for the output")
        if header:
            self._check_device(text)
            faults = "".join(line[len(FAULT):] for line in text.splitlines(keepends=True) if line.startswith(FAULT))
            self.held = {row.shape() for part in (text, ",".join(OF_LISTS) + "\n" + faults) for row in rows_of(part, self.path)}
        if cut:
            with open(self.path, "rb+") as file:
                file.truncate(whole)
            print(f"note: {self.path}: its last line was cut short and is dropped", file=sys.stderr)
        return bool(header)

    def _check_device(self, text):
        """One table is of one device."""
        own = self.device.environment()[0]
        head = next((line[2:] for line in text.splitlines() if line.startswith("# device: ")), own)
        if head != own:
            raise SystemExit(f"error: {self.path}: has {head}, and this is {own}: give another name for the output")

    def _append(self, lines):
        """In one piece: a kill leaves whole lines."""
        self.file.write(lines)
        self.file.flush()

    def holds(self, row):
        return row.shape() in self.held

    def write(self, row, how, library, timing):
        """`how` it was measured, as in `extra`."""
        if not (math.isfinite(timing.median) and timing.median > 0):
            raise ValueError(f"{row.text()} took {timing.median} s")
        chip = "cpu" if self.device.is_cpu else row.chip
        extra = ";".join(item for item in (row.extra, how, f"kern={library}") if item)
        self._append(line_of([chip, row.op, row.dtype, row.m, row.n, row.k, row.batch, extra, f"{timing.median * 1e6:.6g}", SOURCE,
                              LICENCE]))

    def note_fault(self, row):
        self._append(FAULT + line_of([row.chip, row.op, row.dtype, row.m, row.n, row.k, row.batch, row.extra]))


def line_of(fields):
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)
    return line.getvalue()
