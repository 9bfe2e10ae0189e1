#!/usr/bin/env python3
"""The datasets of run files as a Markdown table, for docs/run-file.md.

usage: run_file_layout.py RUN.h5…
"""
import sys

import h5py


def layout(paths):
    """Lines of the table; a dataset that several files have stands once. A currency stands as CUR."""
    rows = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset):
            unit = item.attrs["unit"]
            if name.startswith(("cost/", "spending/")) and len(unit) == 3 and unit.isupper():
                unit = "CUR"
            shape = "list" if item.ndim else "value"
            rows[f"/{name}"] = f"| `/{name}` | {shape} | {unit} | {item.attrs['description']} |"

    for path in paths:
        with h5py.File(path, "r") as file:
            file.visititems(take)
    return ["| dataset | holds | unit | description |", "| --- | --- | --- | --- |"] + [rows[name] for name in sorted(rows)]


if __name__ == "__main__":
    print("\n".join(layout(sys.argv[1:])))
