"""What each operation of the tables is in PyTorch: a call that does it once, on random data, weights out of the cache."""
import itertools
from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn.functional as functional


class CannotMeasure(Exception):
    """Why this device or this PyTorch cannot do it."""


@dataclass
class Work:
    call: Callable
    library: str  # for the column `extra`


DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32, "fp64": torch.float64}
FP8 = ("fp8", "fp8_block")


class Maker:
    """Random arrays of a row's format; arrays that are read once per step come in copies that no cache holds."""

    def __init__(self, row, device, seed):
        self.row, self.device = row, device
        self.where = device.torch_device
        if row.dtype not in DTYPES and row.dtype not in FP8:
            raise CannotMeasure(f"the format {row.dtype} is not measured here")
        self.dtype = DTYPES.get(row.dtype)  # none in eight bits: who can do with it says its own
        torch.manual_seed(seed)

    def array(self, *sizes, dtype=None, grad=False):
        self.check_room(sizes)
        if dtype is None and self.dtype is None:
            raise CannotMeasure(f"{self.row.op} is not measured in {self.row.dtype}")
        return torch.randn(sizes, device=self.where, dtype=torch.float32).to(dtype or self.dtype).requires_grad_(grad)

    def check_room(self, sizes):
        elements = 1
        for size in sizes:
            elements *= size
        if elements * 6 > self.device.free_bytes():
            raise CannotMeasure("does not fit in the memory of the device")

    def copies(self, *sizes):
        """An endless round of equal weights."""
        first = self.array(*sizes)
        size = first.numel() * first.element_size()
        count = min(64, 1 + self.device.cache_bytes() // max(size, 1))
        return itertools.cycle([first] + [first.clone() for _ in range(count)])

    def library(self, what=None, cold=False):
        return ("cold=weights;" if cold else "") + f"kern={what or self.device.library()}"


def product(make, left, right, call):
    """Weights on the right; the left stays, as activations do that the kernel before has written."""
    weights = make.copies(*right)
    rows = make.array(*left)
    return Work(lambda: call(rows, next(weights)), make.library(cold=True))


def gemm(make):
    row = make.row
    if row.dtype in FP8:
        return gemm_fp8(make)
    return product(make, (row.m, row.k), (row.k, row.n), torch.mm)


def gemm_fp8(make):
    row = make.row
    if not hasattr(torch, "_scaled_mm") or make.device.kind != "cuda":
        raise CannotMeasure("no fp8 product in this PyTorch on this device")
    if row.dtype == "fp8_block":
        raise CannotMeasure("PyTorch has no product with one scale per block: measure it with its library")
    narrow = torch.float8_e4m3fn
    one = torch.ones((), device=make.where)
    rows = make.array(row.m, row.k, dtype=narrow)
    weights = itertools.cycle([make.array(row.n, row.k, dtype=narrow).t() for _ in range(8)])
    return Work(lambda: torch._scaled_mm(rows, next(weights), scale_a=one, scale_b=one, out_dtype=torch.bfloat16),
                make.library(cold=True))


def bmm(make):
    row = make.row
    return product(make, (row.batch, row.m, row.k), (row.batch, row.k, row.n), torch.bmm)


def grouped_gemm(make):
    row = make.row
    if row.dtype in FP8:
        raise CannotMeasure("PyTorch has no grouped product in fp8: measure it with its library")
    grouped = getattr(torch, "_grouped_mm", None)
    if grouped is not None and make.device.kind == "cuda" and row.dtype == "bf16":
        ends = torch.arange(1, row.batch + 1, device=make.where, dtype=torch.int32) * row.m
        return product(make, (row.batch * row.m, row.k), (row.batch, row.k, row.n), lambda x, w: grouped(x, w, offs=ends))
    work = product(make, (row.batch, row.m, row.k), (row.batch, row.k, row.n),
                   lambda x, w: [torch.mm(x[g], w[g]) for g in range(row.batch)])
    return Work(work.call, make.library(make.device.library() + "-loop", cold=True))


def moe_ffn(make):
    """One rank's share of a fused expert FFN: its local experts, one after the other."""
    row = make.row
    topk, experts = row.option("topk"), row.option("experts")
    if not topk or not experts or row.dtype in FP8:
        raise CannotMeasure("moe_ffn needs topk= and experts=, and a 16-bit format")
    rows = max(1, round(row.m * topk / experts))
    gated = row.option("gated", 1) != 0
    x = make.array(row.batch, rows, row.k)
    up, down = make.copies(row.batch, row.k, row.n * (2 if gated else 1)), make.copies(row.batch, row.n, row.k)

    def call():
        first, second = next(up), next(down)
        for expert in range(row.batch):
            inner = torch.mm(x[expert], first[expert])
            inner = functional.silu(inner[:, : row.n]) * inner[:, row.n:] if gated else functional.gelu(inner)
            torch.mm(inner, second[expert])

    return Work(call, make.library(make.device.library() + "-loop", cold=True))


def attention_of(make, grad):
    row = make.row
    if row.dtype in FP8:
        raise CannotMeasure("attention in fp8 is not measured here")
    heads, kv_heads = row.option("h"), row.option("hkv") or row.option("h")
    if not heads:
        raise CannotMeasure("attention needs h= in extra")
    value_size = row.option("dv") or row.k
    causal = row.option("causal", 0) == 1
    if row.option("window", 0):
        raise CannotMeasure("attention with a window is not measured here")
    q = make.array(row.batch, heads, row.m, row.k, grad=grad)
    k = make.array(row.batch, kv_heads, row.n, row.k, grad=grad)
    v = make.array(row.batch, kv_heads, row.n, value_size, grad=grad)
    fused = getattr(functional, "scaled_dot_product_attention", None)

    def forward():
        keys, values = ((t.repeat_interleave(heads // kv_heads, dim=1) if kv_heads < heads else t) for t in (k, v))
        if fused is not None:
            return fused(q, keys, values, is_causal=causal)
        scores = torch.matmul(q, keys.transpose(-1, -2)) * row.k**-0.5
        if causal:
            scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), float("-inf"))
        return torch.matmul(torch.softmax(scores, -1), values)

    library = make.library(make.device.library() + ("" if fused is not None else "-unfused"))
    return forward, (q, k, v), library


def attention_forward(make):
    forward, _, library = attention_of(make, grad=False)

    def call():
        with torch.no_grad():
            forward()

    return Work(call, library)


def backward_of(forward, inputs, library):
    """The backward pass alone."""
    out = forward()
    gradient = torch.randn_like(out)
    return Work(lambda: torch.autograd.grad(out, inputs, gradient, retain_graph=True), library)


def attention_backward(make):
    return backward_of(*attention_of(make, grad=True))


def rms_norm(x, weight):
    if hasattr(functional, "rms_norm"):
        return functional.rms_norm(x, (x.shape[-1],), weight)
    return x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6).to(x.dtype) * weight


def rotated(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), -1)


def silu_mul(x):
    half = x.shape[-1] // 2
    return functional.silu(x[..., :half]) * x[..., half:]


ROWS = {
    "rmsnorm": (rms_norm, lambda m, g: (m.array(m.row.m, m.row.n, grad=g), m.array(m.row.n, grad=g))),
    "layernorm": (lambda x, w, b: functional.layer_norm(x, (x.shape[-1],), w, b),
                  lambda m, g: (m.array(m.row.m, m.row.n, grad=g), m.array(m.row.n, grad=g), m.array(m.row.n, grad=g))),
    "softmax": (lambda x: torch.softmax(x, -1), lambda m, g: (m.array(m.row.m, m.row.n, grad=g),)),
    "gelu": (functional.gelu, lambda m, g: (m.array(m.row.m, m.row.n, grad=g),)),
    "silu_mul": (silu_mul, lambda m, g: (m.array(m.row.m, 2 * m.row.n, grad=g),)),
    "rope": (lambda x, c, s: x * c + rotated(x) * s,
             lambda m, g: (m.array(m.row.m, m.row.n, grad=g), m.array(m.row.m, m.row.n), m.array(m.row.m, m.row.n))),
    "dropout": (lambda x: functional.dropout(x, 0.1), lambda m, g: (m.array(m.row.m, m.row.n, grad=g),)),
    "cross_entropy": (lambda x, t: functional.cross_entropy(x, t),
                      lambda m, g: (m.array(m.row.m, m.row.n, grad=g), torch.randint(m.row.n, (m.row.m,), device=m.where))),
    "embedding": (lambda t, w: functional.embedding(t, w),
                  lambda m, g: (torch.randint(32768, (m.row.m,), device=m.where), m.array(32768, m.row.n, grad=g))),
}


def row_operation(make):
    name, _, which = make.row.op.rpartition("_")
    forward, arrays = ROWS[name]
    inputs = arrays(make, which == "bwd")
    if which == "bwd":
        return backward_of(lambda: forward(*inputs), [t for t in inputs if t.requires_grad], make.library())
    return Work(lambda: forward(*inputs), make.library())


def add(make):
    a, b = make.array(make.row.m, make.row.n), make.array(make.row.m, make.row.n)
    return Work(lambda: a + b, make.library())


def copy(make):
    a = make.array(make.row.m, make.row.n)
    b = torch.empty_like(a)
    return Work(lambda: b.copy_(a), make.library())


def top_k(make):
    x = make.array(make.row.m, make.row.n)
    k = min(max(make.row.k, 1), make.row.n)
    return Work(lambda: torch.topk(torch.softmax(x, -1), k), make.library())


def permute(make):
    """Rows gathered in another order: `topk` copies of each token, or as many as there are."""
    row = make.row
    source = max(1, row.m // max(row.option("topk", 1), 1))
    x = make.array(source, row.n, dtype=torch.uint8 if row.dtype in FP8 else None)
    order = torch.randperm(row.m, device=make.where) % source
    return Work(lambda: x.index_select(0, order), make.library())


def unpermute(make):
    """Copies summed up into their tokens with their weights."""
    row = make.row
    topk = max(row.option("topk", 1), 1)
    x = make.array(row.m, row.n)
    order = torch.randperm(row.m, device=make.where)
    weights = make.array(row.m // topk, topk, 1)
    return Work(lambda: (x.index_select(0, order).view(row.m // topk, topk, row.n) * weights).sum(1), make.library())


def quantise(make):
    """To eight bits with one scale for each 128 columns."""
    row = make.row
    block = 128 if row.n % 128 == 0 else row.n
    x = make.array(row.m, row.n, dtype=torch.bfloat16)
    narrow = getattr(torch, "float8_e4m3fn", torch.int8)
    most = 448.0 if narrow is not torch.int8 else 127.0

    def call():
        parts = x.view(row.m, row.n // block, block).float()
        scale = parts.abs().amax(-1, keepdim=True).clamp(min=1e-4) / most
        return (parts / scale).to(narrow), scale

    return Work(call, make.library())


def optimizer_step(make):
    """AdamW on fp32 master weights, and the 16-bit weights that follow from them."""
    size = make.row.m
    make.check_room((size, 4))
    master = torch.nn.Parameter(make.array(size, dtype=torch.float32))
    master.grad = make.array(size, dtype=torch.float32)
    weights = make.array(size, dtype=torch.bfloat16)
    fused = {"fused": True} if make.device.kind == "cuda" else {}
    optimizer = torch.optim.AdamW([master], **fused)

    def call():
        optimizer.step()
        weights.copy_(master.detach())

    return Work(call, make.library())


BUILDERS = {"gemm": gemm, "bmm": bmm, "grouped_gemm": grouped_gemm, "moe_ffn": moe_ffn,
            "attn_fwd": attention_forward, "attn_bwd": attention_backward, "mla_fwd": attention_forward,
            "mla_bwd": attention_backward, "add": add, "copy": copy, "topk": top_k, "router_topk_fwd": top_k,
            "permute": permute, "unpermute": unpermute, "quantise": quantise, "optimizer_step": optimizer_step,
            **{f"{name}_{which}": row_operation for name in ROWS for which in ("fwd", "bwd")}}


def build(row, device, seed):
    builder = BUILDERS.get(row.op)
    if builder is None:
        raise CannotMeasure(f"{row.op} is not measured here")
    return builder(Maker(row, device, seed))
