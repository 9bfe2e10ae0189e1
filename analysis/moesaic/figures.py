"""The standard figures, one function each; every one returns a matplotlib figure to save or show.

Sizes and fonts are those of a two-column paper; colours are Okabe and Ito's, which colour-blind readers can tell apart.
"""
from textwrap import fill

import matplotlib
from matplotlib.figure import Figure as Canvas

from .run_file import EVIDENCE, compare

COLUMN_INCHES = 3.35
GIB = 2.0 ** 30
BLUE, SKY, GREEN, YELLOW, ORANGE, RED, PURPLE, GREY = (
    "#0072B2", "#56B4E9", "#009E73", "#F0E442", "#E69F00", "#D55E00", "#CC79A7", "#999999")

TIME_PARTS = [("compute", "compute", BLUE), ("exposed_tensor", "tensor exchange", SKY),
              ("exposed_expert", "expert exchange", ORANGE), ("exposed_data", "gradient exchange", GREEN),
              ("exposed_pipeline", "stage messages", PURPLE), ("exposed_compute", "late kernels", RED), ("exposed_host", "host", YELLOW),
              ("bubble", "bubble", GREY)]
MEMORY_PARTS = [("weights", BLUE), ("gradients", SKY), ("optimizer", GREEN), ("activations", ORANGE), ("buffers", PURPLE),
                ("reserve", GREY)]
EVIDENCE_COLOURS = dict(zip(EVIDENCE, [GREEN, SKY, ORANGE, RED]))


def publication_style():
    """A context: with publication_style(): … draws your own figures in the same style."""
    return matplotlib.rc_context({
        "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "legend.fontsize": 7, "xtick.labelsize": 7,
        "ytick.labelsize": 7, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6,
        "legend.frameon": False, "pdf.fonttype": 42, "svg.fonttype": "none"})


def _bars(names, width):
    """A figure of one bar per name, the first on top, with margins in inches for the names and a legend above."""
    labels = [fill(name, 22) for name in names]
    left = 0.15 + 0.058 * max(len(line) for label in labels for line in label.split("\n"))
    above, below = 0.5, 0.42
    height = above + below + max(0.2, 0.12 * max(label.count("\n") + 1 for label in labels)) * max(2, len(labels))
    canvas = Canvas(figsize=(width, height), dpi=300)
    axes = canvas.add_axes([left / width, below / height, 1.0 - (left + 0.12) / width, 1.0 - (above + below) / height])
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    return canvas, axes


def _stack(axes, parts):
    """Stacked bars. parts: (label, one value per bar, colour); what is nothing everywhere is left out."""
    lefts = [0.0] * len(parts[0][1])
    for label, values, colour in parts:
        if any(values):
            axes.barh(range(len(values)), values, left=lefts, color=colour, label=label, height=0.75,
                      edgecolor="white", linewidth=0.3)
        lefts = [left + value for left, value in zip(lefts, values)]


def _legend(canvas, columns):
    canvas.legend(loc="upper left", ncols=columns, handlelength=1.0, columnspacing=1.0, borderaxespad=0.2)


def draw_time_split(run, width=COLUMN_INCHES):
    """Where the step of one rank of each class goes: compute, exposed communication by kind, bubble."""
    classes = run.frame("step/classes")
    with publication_style():
        canvas, axes = _bars(classes["class"], width)
        _stack(axes, [(label, list(classes[column]), colour) for column, label, colour in TIME_PARTS if column in classes])
        axes.set_xlabel(f"time in a step ({classes.attrs['units']['compute']})")
        _legend(canvas, columns=3)
    return canvas


def draw_memory(run, width=COLUMN_INCHES):
    """Device memory of one rank of each class by what it holds, against the chip's capacity."""
    memory = run.frame("memory")
    with publication_style():
        canvas, axes = _bars(memory["class"], width)
        _stack(axes, [(part, list(memory[part] / GIB), colour) for part, colour in MEMORY_PARTS])
        for row, capacity in enumerate(memory["capacity"] / GIB):
            axes.plot([capacity, capacity], [row - 0.45, row + 0.45], color="black", linewidth=1.2,
                      label="capacity" if row == 0 else None)
        axes.set_xlabel("memory of a chip (GiB)")
        _legend(canvas, columns=4)
    return canvas


def draw_evidence(runs, width=COLUMN_INCHES):
    """Which timings the critical path of each run rests on."""
    runs = [run for run in runs if run.fits]
    with publication_style():
        canvas, axes = _bars([run.name for run in runs], width)
        shares = [run.evidence() for run in runs]
        _stack(axes, [(level, [100.0 * share[level] for share in shares], EVIDENCE_COLOURS[level]) for level in EVIDENCE])
        axes.set_xlabel("share of the critical path (%)")
        axes.set_xlim(0, 100)
        _legend(canvas, columns=4)
    return canvas


def draw_cost(runs, width=COLUMN_INCHES):
    """Cost of a trillion tokens with its 80 % interval (from the timings alone: rents count as given); a diamond is what
    was published. ValueError where no run has a cost, or where currencies differ.
    """
    priced = [run for run in runs if run.fits and "cost/cost_per_trillion_tokens" in run]
    if not priced:
        raise ValueError("no run has a cost: give the scenario a price book")
    table = compare(priced)
    cost = table["cost_per_trillion_tokens"] / 1e6
    below = cost * (1.0 - table["step_time_low"] / table["step_time"])
    above = cost * (table["step_time_high"] / table["step_time"] - 1.0)
    with publication_style():
        canvas, axes = _bars(table["scenario"], width)
        axes.barh(range(len(table)), cost, color=BLUE, height=0.6, xerr=[below, above],
                  error_kw={"linewidth": 0.8, "capsize": 2})
        published = [(row, figure.value / 1e6) for row, run in enumerate(priced)
                     for figure in run.published().itertuples() if figure.metric == "cost_per_trillion_tokens"]
        if published:
            axes.scatter([value for _, value in published], [row for row, _ in published], marker="D", s=16, zorder=3,
                         color=ORANGE, edgecolor="black", linewidth=0.5, label="published")
            _legend(canvas, columns=1)
        axes.set_xlabel(f"cost of a trillion tokens (M {table.attrs['units']['cost_per_trillion_tokens']})")
    return canvas
