"""The command line; it needs no PyTorch."""
import argparse
from pathlib import Path

KINDS = ("cuda", "npu", "cpu")


def arguments_of(words, description):
    parser = argparse.ArgumentParser(prog="collect", description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", nargs="+", metavar="list",
                        help="what to measure: columns chip,op,dtype,m,n,k,batch,extra, and share for the order (others are passed over)")
    parser.add_argument("-o", "--output", required=True, help="the table, CSV; what it holds already is not measured again")
    parser.add_argument("--chip", help="measure the rows of this chip (needed where the list has several)")
    parser.add_argument("--device", choices=KINDS, help="default: the first of cuda, npu, cpu that is there")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each kernel and library, about (default 1)")
    parser.add_argument("--budget", type=float, help="minutes, about: then no further kernel is begun")
    parser.add_argument("--limit", type=int, help="at most so many kernels, from the top of the list")
    parser.add_argument("--seed", type=int, default=1, help="of the random data (default 1)")
    arguments = parser.parse_intermixed_args(words)
    refuse_hdf5(arguments.output)
    return arguments


def refuse_hdf5(output):
    """A line of text that is appended survives a kill; an HDF5 file that is open may not."""
    path = Path(output)
    if path.suffix.lower() in (".h5", ".hdf5"):
        table = path.with_suffix(".csv")
        raise SystemExit(f"error: {output}: the collector writes CSV: give -o {table}; afterwards "
                         f"`moesaic timings import --from csv {table} -o {path.with_suffix('.h5')}` makes HDF5 of it")
