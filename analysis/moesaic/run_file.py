"""Reading run files: what `moesaic run SCENARIO -o run.h5` writes."""
from dataclasses import dataclass
from pathlib import Path

import h5py
import pandas as pd

EVIDENCE = ["measured", "interpolated", "transferred", "analytic"]  # best first


@dataclass(frozen=True)
class Figure:
    """A value of a run file with its unit ("1" for a pure number, "text" for words)."""
    value: object
    unit: str
    description: str

    def __str__(self):
        return str(self.value) if self.unit in ("1", "text") else f"{self.value:.6g} {self.unit}"


def _plain(dataset):
    """Bytes become text, HDF5 scalars Python's own types, arrays lists."""
    value = dataset[()]
    if h5py.check_string_dtype(dataset.dtype):
        return value.decode() if dataset.shape == () else [text.decode() for text in value]
    return value.item() if dataset.shape == () else value.tolist()


def _figure(dataset):
    return Figure(_plain(dataset), dataset.attrs["unit"], dataset.attrs["description"])


def _is_column(item):
    return isinstance(item, h5py.Dataset) and item.ndim == 1


class Run:
    """One run file, read completely; the file is closed again."""

    def __init__(self, path, figures, order):
        self.path = Path(path)
        self._figures = figures
        self._order = order

    def __getitem__(self, path):
        """The figure at a path as in "step/step_time"; KeyError names what there is."""
        path = path.strip("/")
        if path not in self._figures:
            raise KeyError(f"{self.path} has no {path}; it has {', '.join(sorted(self._figures))}")
        return self._figures[path]

    def __contains__(self, path):
        return path.strip("/") in self._figures

    def frame(self, path):
        """The table in a group ("memory", "step/classes", "step/path", "evidence/keys", "timeline") as a frame.

        Units stand in frame.attrs["units"], descriptions in frame.attrs["descriptions"], by column.
        """
        path = path.strip("/")
        columns = {name: self._figures[f"{path}/{name}"] for name in self._order.get(path, [])}
        if not columns or len({len(column.value) for column in columns.values()}) != 1:
            raise KeyError(f"{self.path} has no table {path}")
        frame = pd.DataFrame({name: column.value for name, column in columns.items()})
        frame.attrs["units"] = {name: column.unit for name, column in columns.items()}
        frame.attrs["descriptions"] = {name: column.description for name, column in columns.items()}
        return frame

    @property
    def name(self):
        return self["scenario/name"].value

    @property
    def fits(self):
        return self["memory/fits"].value == 1

    def evidence(self):
        """Shares of the critical path by evidence, best first; they add up to 1."""
        return pd.Series({level: self[f"evidence/{level}"].value for level in EVIDENCE}, name=self.name)

    def published(self):
        """What somebody printed about this run: metric, value, unit, source; no row where there is nothing."""
        if "published/metric" not in self:
            return pd.DataFrame(columns=["metric", "value", "unit", "source"])
        return self.frame("published")


def read_run(path):
    """Reads a run file. OSError where it is none."""
    figures = {}
    order = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset):
            figures[name] = _figure(item)
            if _is_column(item):
                order.setdefault(item.parent.name.strip("/"), []).append(name.rsplit("/", 1)[-1])

    with h5py.File(path, "r") as file:
        file.visititems(take)
    if "scenario/name" not in figures:
        raise OSError(f"{path} is not a run file of MoEsaic: it has no scenario/name")
    return Run(path, figures, order)


def compare(runs):
    """One row per run that fits: step time with its 80 % interval, speed, MFU, chip-hours and cost of a trillion tokens.

    Units stand in .attrs["units"]; the cost's is the runs' currency. ValueError where runs are in several currencies.
    """
    metrics = {"step_time": "step/step_time", "tokens_per_s": "step/tokens_per_s", "mfu": "step/mfu", "chips": "step/chips",
               "chip_hours_per_trillion_tokens": "cost/chip_hours_per_trillion_tokens",
               "cost_per_trillion_tokens": "cost/cost_per_trillion_tokens"}
    rows, units = [], {}
    for run in runs:
        if not run.fits:
            continue
        low, high = run["step/step_time_interval_80"].value
        row = {"scenario": run.name, "step_time_low": low, "step_time_high": high}
        for metric, path in metrics.items():
            if path in run:
                row[metric] = run[path].value
                if units.setdefault(metric, run[path].unit) != run[path].unit:
                    raise ValueError(f"{metric} of {run.path} is in {run[path].unit}, of others in {units[metric]}")
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame.attrs["units"] = {**units, "step_time_low": "s", "step_time_high": "s", "scenario": "text"}
    return frame
