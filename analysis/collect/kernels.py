"""What each operation of the tables is in PyTorch: the ways to do it, each a round of calls on random data of their own, which by
the time that they are used again have left the cache."""
import contextlib
from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn.functional as functional

from linear import LinearAttention, is_linear


class CannotMeasure(Exception):
    """Why this device or this PyTorch cannot do it."""


@dataclass
class Way:
    """A library that can do it. `prepare` makes what all calls share and gives back what makes a call on arrays of its own."""
    prepare: Callable
    name: str = ""  # beside that of PyTorch
    extra: str = ""


DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32, "fp64": torch.float64}
FP8 = ("fp8", "fp8_block")
BLOCK = 128  # elements that share a scale
MOST_CALLS = 100  # in a round


class Maker:
    """Random arrays of a row's format, and how many bytes of them there are."""

    def __init__(self, row, device, seed):
        self.row, self.device = row, device
        self.where = device.torch_device
        self.bytes = 0
        if row.dtype not in DTYPES and row.dtype not in FP8:
            raise CannotMeasure(f"the format {row.dtype} is not measured here")
        self.dtype = DTYPES.get(row.dtype)  # none in eight bits: who can do with it says its own
        torch.manual_seed(seed)

    def array(self, *sizes, dtype=None, grad=False):
        elements = 1
        for size in sizes:
            elements *= size
        if not self.device.has_room(elements * 6):
            raise CannotMeasure("does not fit in the memory of the device")
        if dtype is None and self.dtype is None:
            raise CannotMeasure(f"{self.row.op} is not measured in {self.row.dtype}")
        made = torch.randn(sizes, device=self.where, dtype=torch.float32).to(dtype or self.dtype).requires_grad_(grad)
        self.bytes += elements * made.element_size()
        return made

    def ones(self, *sizes):
        return torch.ones(sizes, device=self.where, dtype=torch.float32)

    def numbers(self, below, count):
        return torch.randint(below, (count,), device=self.where)

    def ends(self, size):
        """Of the row's groups, `size` each."""
        return torch.arange(1, self.row.batch + 1, device=self.where, dtype=torch.int32) * size

    def operand(self, outer, inner, groups=()):
        """An operand of a product. What is summed over lies side by side, unless it alone is not aligned to 16 bytes: such a
        product is the gradient of weights, whose operands lie the other way. In eight bits the devices take the first alone."""
        if self.row.dtype in FP8:
            return self.array(*groups, outer, inner, dtype=self.device.eight_bits())
        aligned = 16 // torch.empty((), dtype=self.dtype).element_size()
        if inner % aligned != 0 and outer % aligned == 0:
            return self.array(*groups, inner, outer).transpose(-1, -2)
        return self.array(*groups, outer, inner)


def blocks(size):
    return -(-size // BLOCK)


def product(make):
    """The product of two matrices in the row's format."""
    row = make.row
    if row.dtype not in FP8:
        return torch.mm
    if row.dtype == "fp8":
        one = make.ones()
        return lambda left, right: torch._scaled_mm(left, right, scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
    # a scale for each block of a row on the left, for each square on the right, whose columns of scales are padded to fours
    of_rows, of_squares = make.ones(blocks(row.k), row.m).t(), make.ones(blocks(row.n), -(-blocks(row.k) // 4) * 4).t()
    if not hasattr(functional, "scaled_mm"):
        return lambda left, right: torch._scaled_mm(left, right, scale_a=of_rows, scale_b=of_squares[: blocks(row.k)],
                                                    out_dtype=torch.bfloat16)
    scaling = functional.ScalingType
    return lambda left, right: functional.scaled_mm(left, right, of_rows, scaling.BlockWise1x128, of_squares,
                                                    scaling.BlockWise128x128, output_dtype=torch.bfloat16)


def gemm(make):
    """Weights on the right; the left stays, as activations do that the kernel before has written."""
    row, multiply = make.row, product(make)
    left = make.operand(row.m, row.k)

    def fresh():
        right = make.operand(row.n, row.k).t()
        return lambda: multiply(left, right)

    return fresh


def bmm(make):
    row = make.row
    left = make.operand(row.m, row.k, (row.batch,))

    def fresh():
        right = make.operand(row.n, row.k, (row.batch,)).transpose(-1, -2)
        return lambda: torch.bmm(left, right)

    return fresh


def group_by_group(make):
    row, multiply = make.row, product(make)
    left = make.operand(row.m, row.k, (row.batch,))

    def fresh():
        right = make.operand(row.n, row.k, (row.batch,)).transpose(-1, -2)
        return lambda: [multiply(left[g], right[g]) for g in range(row.batch)]

    return fresh


def groups_at_once(make):
    """One kernel; where the inner size is not aligned it is the groups of that size which follow each other."""
    row = make.row
    left = make.operand(row.m, row.k, (row.batch,))
    along_rows = left.is_contiguous()
    left = left.reshape(-1, row.k) if along_rows else left.transpose(-1, -2).reshape(-1, row.m).t()
    ends = make.ends(row.m if along_rows else row.k)

    def fresh():
        right = (make.operand(row.n, row.k, (row.batch,)).transpose(-1, -2) if along_rows
                 else make.array(row.batch * row.k, row.n))
        return lambda: torch._grouped_mm(left, right, offs=ends)

    return fresh


def scaled_groups_at_once(make):
    """With a scale for each row and column."""
    row = make.row
    left = make.operand(row.batch * row.m, row.k)
    of_rows, of_columns = make.ones(row.batch * row.m), make.ones(row.batch, row.n)
    ends = make.ends(row.m)

    def fresh():
        right = make.operand(row.n, row.k, (row.batch,)).transpose(-1, -2)
        return lambda: torch._scaled_grouped_mm(left, right, of_rows, of_columns, offs=ends, out_dtype=torch.bfloat16)

    return fresh


def product_ways(row, device):
    if row.dtype in FP8 and not (device.kind == "cuda" and hasattr(torch, "_scaled_mm") and device.eight_bits()):
        raise CannotMeasure("no fp8 product in this PyTorch on this device")
    if row.op == "gemm":
        return [Way(gemm, extra="cold=weights")]
    if row.op == "bmm":
        return [Way(bmm, extra="cold=weights")]
    ways = [Way(group_by_group, "-loop", "cold=weights")]
    if device.kind == "cuda" and row.dtype == "bf16" and hasattr(torch, "_grouped_mm"):
        ways.append(Way(groups_at_once, "-grouped", "cold=weights"))
    if row.dtype == "fp8" and hasattr(torch, "_scaled_grouped_mm"):
        ways.append(Way(scaled_groups_at_once, "-grouped", "cold=weights;quant=ptok"))
    return ways


def moe_ffn(make):
    """One rank's share of a fused expert FFN: its local experts, one after the other."""
    row = make.row
    topk, experts = row.option("topk"), row.option("experts")
    if not topk or not experts:
        raise CannotMeasure("moe_ffn needs topk= and experts=")
    rows = max(1, round(row.m * topk / experts))
    gated = row.option("gated", 1) != 0
    x = make.array(row.batch, rows, row.k)

    def fresh():
        up = make.array(row.batch, row.n * (2 if gated else 1), row.k).transpose(-1, -2)
        down = make.array(row.batch, row.k, row.n).transpose(-1, -2)

        def call():
            for expert in range(row.batch):
                inner = torch.mm(x[expert], up[expert])
                torch.mm(silu_mul(inner) if gated else functional.gelu(inner), down[expert])

        return call

    return fresh


def moe_ffn_ways(_row, _device):
    return [Way(moe_ffn, "-loop", "cold=weights")]


def unfused_attention(q, k, v, causal):
    scores = torch.matmul(q, k.transpose(-1, -2)) * q.shape[-1] ** -0.5
    if causal:
        scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), float("-inf"))
    return torch.matmul(torch.softmax(scores, -1), v)


class Attention:
    """By a back end of PyTorch (none: the one that PyTorch takes), which may want values as wide as keys: then they are padded."""

    def __init__(self, row, device, backend=None, padded=False):
        self.heads, self.kv_heads = row.option("h"), row.option("hkv") or row.option("h")
        if not self.heads:
            raise CannotMeasure("attention needs h= in extra")
        if row.option("window", 0):
            raise CannotMeasure("attention with a window is not measured here")
        self.causal = row.option("causal", 0) == 1
        if self.causal and row.m != row.n:
            raise CannotMeasure("causal attention of some queries to more keys is not measured here: which keys they see depends "
                                "on their place")
        self.value_size = row.option("dv") or row.k
        self.padding = row.k - self.value_size if padded else 0
        self.backend, self.backward = backend, row.op.endswith("_bwd")
        self.takes_few_keys = device.torch_version() >= (2, 5)

    def forward(self, q, k, v):
        few_keys = self.kv_heads < self.heads
        if few_keys and not self.takes_few_keys:
            k, v = (t.repeat_interleave(self.heads // self.kv_heads, dim=1) for t in (k, v))
        if not hasattr(functional, "scaled_dot_product_attention"):
            return unfused_attention(q, k, v, self.causal)
        v = functional.pad(v, (0, self.padding)) if self.padding else v
        with self.backend() if self.backend else contextlib.nullcontext():
            out = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal,
                                                          **({"enable_gqa": True} if few_keys and self.takes_few_keys else {}))
        return out[..., : self.value_size] if self.padding else out

    def prepare(self, make):
        row = make.row

        def fresh():
            inputs = (make.array(row.batch, self.heads, row.m, row.k, grad=self.backward),
                      make.array(row.batch, self.kv_heads, row.n, row.k, grad=self.backward),
                      make.array(row.batch, self.kv_heads, row.n, self.value_size, grad=self.backward))
            return backward_of(self.forward, inputs) if self.backward else lambda: self.forward(*inputs)

        return fresh


def attention_ways(row, device):
    if not hasattr(functional, "scaled_dot_product_attention"):
        return [Way(Attention(row, device).prepare, "-unfused")]
    if device.kind != "cuda" or device.torch_version() < (2, 5):
        return [Way(Attention(row, device).prepare)]
    from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: PLC0415 - not there in old ones

    def way(name, backend, padded=False):
        return Way(Attention(row, device, lambda: sdpa_kernel(backend), padded).prepare, name)

    narrow_values = (row.option("dv") or row.k) < row.k
    return [way("-cudnn", SDPBackend.CUDNN_ATTENTION),
            way("-flash-padded" if narrow_values else "-flash", SDPBackend.FLASH_ATTENTION, narrow_values),
            way("-efficient", SDPBackend.EFFICIENT_ATTENTION)]


def linear_ways(row, device):
    if device.kind == "cpu":
        raise CannotMeasure("linear attention has no kernels for a CPU here")
    try:
        attention = LinearAttention(row)
    except (ImportError, AttributeError) as error:
        raise CannotMeasure("linear attention needs flash-linear-attention (pip install flash-linear-attention)") from error
    if row.option("hkv") and attention.heads % attention.key_heads != 0:
        raise CannotMeasure("h= is no multiple of hkv=")

    def prepare(make):
        def fresh():
            inputs = attention.arrays(make)
            return backward_of(attention.forward, inputs) if attention.backward else lambda: attention.forward(*inputs)
        return fresh

    return [Way(prepare, f"-fla{attention.version()}")]


def backward_of(forward, inputs):
    """A call of the backward pass alone."""
    out = forward(*inputs)
    out = out if torch.is_tensor(out) else out[0]
    sources = [x for x in inputs if torch.is_tensor(x) and x.requires_grad]
    gradient = torch.randn_like(out)
    return lambda: torch.autograd.grad(out, sources, gradient, retain_graph=True)


def rms_norm(x, weight):
    if hasattr(functional, "rms_norm"):
        return functional.rms_norm(x, (x.shape[-1],), weight)
    return x * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + 1e-6).to(x.dtype) * weight


def rotate(x, cosine, sine):
    half = x.shape[-1] // 2
    return x * cosine + torch.cat((-x[..., half:], x[..., :half]), -1) * sine


def heads_and_angles(make, grad):
    row = make.row
    size = next((d for d in (128, 64) if row.n % d == 0), row.n)  # of a head, which the row does not say
    return (make.array(row.m, row.n // size, size, grad=grad), make.array(row.m, 1, size), make.array(row.m, 1, size))


def silu_mul(x):
    half = x.shape[-1] // 2
    return functional.silu(x[..., :half]) * x[..., half:]


def short_convolution(x, weights):
    """Over the rows, each column for itself, reading no later row; with its activation."""
    reach = weights.shape[-1]
    columns = functional.conv1d(x.t().unsqueeze(0), weights.unsqueeze(1), padding=reach - 1, groups=x.shape[-1])
    return functional.silu(columns[0, :, : x.shape[0]]).t()


def choose(x, count):
    return torch.topk(torch.softmax(x, -1), count)


def combine(x, order, weights):
    """Copies summed up into their tokens with their weights."""
    return (x.index_select(0, order).view(weights.shape[0], weights.shape[1], -1) * weights).sum(1)


def copies_of_tokens(make, _grad):
    """In another order: `topk` copies of each token, or as many as there are."""
    row = make.row
    source = max(1, row.m // max(row.option("topk", 1), 1))
    x = make.array(source, row.n, dtype=torch.uint8 if row.dtype in FP8 else None)
    return x, torch.randperm(row.m, device=make.where) % source


def copies_and_weights(make, _grad):
    row = make.row
    topk = max(row.option("topk", 1), 1)
    tokens = row.m // topk
    return make.array(row.m, row.n), torch.randperm(row.m, device=make.where)[: tokens * topk], make.array(tokens, topk, 1)


def quantise(x, block, narrow):
    """With one scale for each block of a row; without blocks with one that is known, and the maximum for the next."""
    most = 127.0 if narrow is torch.int8 else torch.finfo(narrow).max
    if block is None:
        return (x * 0.5).to(narrow), x.abs().amax()
    parts = x.view(x.shape[0], -1, block).float()
    scale = parts.abs().amax(-1, keepdim=True).clamp(min=1e-4) / most
    return (parts / scale).to(narrow), scale


def wide_rows(make, _grad):
    row = make.row
    if row.dtype not in FP8:
        raise CannotMeasure("only fp8 is what is quantised to here")
    block = None if row.dtype == "fp8" else BLOCK if row.n % BLOCK == 0 else row.n
    return make.array(row.m, row.n, dtype=torch.bfloat16), block, make.device.eight_bits() or torch.int8


def rows(count=1, columns=1, weights=0):
    """`count` arrays of a row's size, `columns` times as wide, and as many vectors of weights."""
    def arrays(make, grad):
        row = make.row
        return (*(make.array(row.m, columns * row.n, grad=grad) for _ in range(count)),
                *(make.array(row.n, grad=grad) for _ in range(weights)))
    return arrays


VOCABULARY = 32768
REACH = 4  # rows that a short convolution reads, which a row does not say
# by operation, or by what stands before _fwd and _bwd: what it does, and with what
ROWS = {
    "rmsnorm": (rms_norm, rows(weights=1)),
    "layernorm": (lambda x, w, b: functional.layer_norm(x, (x.shape[-1],), w, b), rows(weights=2)),
    "softmax": (lambda x: torch.softmax(x, -1), rows()),
    "gelu": (functional.gelu, rows()),
    "silu_mul": (silu_mul, rows(columns=2)),
    "rope": (rotate, heads_and_angles),
    "short_conv": (short_convolution, lambda make, grad: (*rows()(make, grad), make.array(make.row.n, REACH, grad=grad))),
    "dropout": (lambda x: functional.dropout(x, 0.1), rows()),
    "cross_entropy": (functional.cross_entropy,
                      lambda make, grad: (*rows()(make, grad), make.numbers(make.row.n, make.row.m))),
    "embedding_fwd": (functional.embedding,
                      lambda make, _: (make.numbers(VOCABULARY, make.row.m), make.array(VOCABULARY, make.row.n))),
    # added to the table's gradient, which is there: PyTorch's own would fill a new one with zeros each time
    "embedding_bwd": (lambda table, tokens, x: table.index_add_(0, tokens, x),
                      lambda make, _: (make.array(VOCABULARY, make.row.n), make.numbers(VOCABULARY, make.row.m),
                                       *rows()(make, False))),
    "add": (torch.add, rows(2)),
    "copy": (torch.clone, rows()),
    "topk": (choose, lambda make, grad: (*rows()(make, grad), min(max(make.row.k, 1), make.row.n))),
    "permute": (lambda x, order: x.index_select(0, order), copies_of_tokens),
    "unpermute": (combine, copies_and_weights),
    "quantise": (quantise, wide_rows),
}
ROWS["router_topk"] = ROWS["topk"]


def compiled(function):
    """For these very shapes, and so that its backward pass can run more than once."""
    import torch._dynamo  # noqa: PLC0415 - not there in old ones
    import torch._functorch.config  # noqa: PLC0415

    torch._functorch.config.donated_buffer = False
    torch._dynamo.reset()
    return torch.compile(lambda *inputs: function(*inputs), dynamic=False)


def is_row_operation(op):
    name, _, which = op.rpartition("_")
    return op in ROWS or (name in ROWS and which in ("fwd", "bwd"))


def row_ways(row, device):
    backward = row.op not in ROWS and row.op.endswith("_bwd")
    forward, arrays = ROWS[row.op if row.op in ROWS else row.op.rpartition("_")[0]]

    def prepared(make, function):
        def fresh():
            inputs = arrays(make, backward)
            return backward_of(function, inputs) if backward else lambda: function(*inputs)
        return fresh

    ways = [Way(lambda make: prepared(make, forward))]
    if device.kind == "cuda" and hasattr(torch, "compile"):
        ways.append(Way(lambda make: prepared(make, compiled(forward)), "-compile"))
    return ways


def optimizer_step(make):
    """AdamW on fp32 master weights, and the 16-bit weights that follow from them."""
    size = make.row.m
    if make.dtype != torch.float32:
        raise CannotMeasure("AdamW of PyTorch takes gradients in the format of the master weights, fp32")
    fused = {"fused": True} if make.device.kind == "cuda" else {}

    def fresh():
        master = torch.nn.Parameter(make.array(size))
        master.grad = make.array(size)
        weights = make.array(size, dtype=torch.bfloat16)
        optimizer = torch.optim.AdamW([master], **fused)

        def call():
            optimizer.step()
            weights.copy_(master.detach())

        return call

    return fresh


WAYS = {"gemm": product_ways, "bmm": product_ways, "grouped_gemm": product_ways, "moe_ffn": moe_ffn_ways,
        "attn_fwd": attention_ways, "attn_bwd": attention_ways, "mla_fwd": attention_ways, "mla_bwd": attention_ways,
        "optimizer_step": lambda _row, _device: [Way(optimizer_step)]}


def ways_of(row, device):
    ways = WAYS.get(row.op) or (row_ways if is_row_operation(row.op) else linear_ways if is_linear(row.op) else None)
    if ways is None:
        raise CannotMeasure(f"{row.op} is not measured here")
    return ways(row, device)


def round_of(way, row, device, seed):
    """Calls of one way: as many as it takes until the arrays of the first have left the cache."""
    make = Maker(row, device, seed)
    fresh = way.prepare(make)
    shared = make.bytes
    calls = [fresh()]
    size = max(1, make.bytes - shared)
    while len(calls) < min(MOST_CALLS, device.cache_bytes() / size):
        calls.append(fresh())
    return calls
