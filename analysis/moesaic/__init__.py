"""Run files of MoEsaic as pandas frames with units, and the standard figures.

    import moesaic
    run = moesaic.read_run("run.h5")
    run["step/step_time"]                    # 30.98 s
    run.frame("memory")                      # a row per rank class; units in .attrs["units"]
    moesaic.draw_time_split(run).savefig("time.pdf")
"""
from .figures import draw_cost, draw_evidence, draw_memory, draw_time_split, publication_style
from .run_file import Figure, Run, compare, read_run

__all__ = ["Figure", "Run", "compare", "draw_cost", "draw_evidence", "draw_memory", "draw_time_split",
           "publication_style", "read_run"]
