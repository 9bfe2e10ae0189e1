"""Linear attention by the kernels of flash-linear-attention, which PyTorch does not bring."""
import importlib

import torch
import torch.nn.functional as functional

# By what stands before _fwd and _bwd: module and function, and whether a key's value is corrected by a step size and the decay is
# one per column (as the functions take them since 0.2; K and V are sizes of heads).
FUNCTIONS = {
    "linear_attn": ("fla.ops.simple_gla", "chunk_simple_gla", False, False),
    "delta_rule": ("fla.ops.gated_delta_rule", "chunk_gated_delta_rule", True, False),
    "kda": ("fla.ops.kda", "chunk_kda", True, True),
}


def is_linear(op):
    name, _, which = op.rpartition("_")
    return name in FUNCTIONS and which in ("fwd", "bwd")


class LinearAttention:
    """Queries and keys of unit length, decays and step sizes between 0 and 1. @throws ImportError without the library"""

    def __init__(self, row):
        module, name, self.corrects, self.by_column = FUNCTIONS[row.op.rpartition("_")[0]]
        self.function = getattr(importlib.import_module(module), name)
        self.heads = row.option("h") or 1
        self.key_heads = row.option("hkv") or self.heads
        self.value_size = row.option("dv") or row.k
        self.backward = row.op.endswith("_bwd")

    @staticmethod
    def version():
        return getattr(importlib.import_module("fla"), "__version__", "")

    def forward(self, q, k, v, decay, *step):
        return self.function(q, k, v, decay, *step)[0]

    def arrays(self, make):
        row, grad = make.row, self.backward

        def keys():  # each serves several heads of values: repeated, as Transformers does before it calls
            unit = functional.normalize(make.array(row.batch, row.m, self.key_heads, row.k).float(), dim=-1).to(make.dtype)
            return unit.repeat_interleave(self.heads // self.key_heads, dim=2).requires_grad_(grad)

        def between(*sizes):
            return make.array(*sizes, dtype=torch.float32)

        decay = (row.batch, row.m, self.heads) + ((row.k,) if self.by_column else ())
        out = [keys(), keys(), make.array(row.batch, row.m, self.heads, self.value_size, grad=grad),
               functional.logsigmoid(between(*decay)).requires_grad_(grad)]
        if self.corrects:
            out.append(torch.sigmoid(between(row.batch, row.m, self.heads)).to(make.dtype).requires_grad_(grad))
        return out
