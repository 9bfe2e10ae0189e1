"""The collector on chips that are not here: a simulated queue and clock, and PyTorch 2.11 as far as its signatures and demands go."""
import collections
import contextlib
import enum
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path
from unittest import mock

SOURCE = Path(os.environ["MOESAIC_DATA"])
BINARY = os.environ["MOESAIC_BINARY"]
COLLECTOR = SOURCE / "analysis" / "collect"
HAS_TORCH = importlib.util.find_spec("torch") is not None
if HAS_TORCH:
    sys.path.insert(0, str(COLLECTOR))
    import devices
    import kernels
    import measure
    import table
    import torch
    import torch.nn.functional as functional

    specification = importlib.util.spec_from_file_location("collect_main", COLLECTOR / "__main__.py")
    collect_main = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(collect_main)

CLOCK = 2e9  # cycles a second


class Chip:
    """Takes the place of torch.cuda: kernels run one after the other while the host's clock goes on."""

    def __init__(self, name="NVIDIA H200"):
        self.name, self.now, self.free = name, 0.0, 0.0
        chip = self

        class Event:
            def __init__(self, enable_timing=False):
                self.timed, self.at = enable_timing, None

            def record(self):
                self.at = max(chip.now, chip.free)

            def query(self):
                return chip.now >= self.at

            def synchronize(self):
                chip.now = max(chip.now, self.at)

            def elapsed_time(self, other):
                return (other.at - self.at) * 1e3

        self.Event = Event

    def launch(self, seconds, to_launch=5e-6):
        self.now += to_launch
        self.free = max(self.now, self.free) + seconds

    def _sleep(self, cycles):
        self.launch(cycles / CLOCK)

    def synchronize(self):
        self.now = max(self.now, self.free)

    def empty_cache(self):
        pass

    def get_device_name(self, _index):
        return self.name

    def get_device_properties(self, _index):
        return types.SimpleNamespace(gcnArchName="gfx942:sramecc+") if "MI300" in self.name else types.SimpleNamespace()


def device_of(chip):
    """Its arrays are on the CPU, its version is 2.11, and its cache holds a mebibyte."""
    device = devices.Device("cuda", chip)
    device.torch_device = torch.device("cpu")
    device.torch_version = lambda: (2, 11)
    device.cache_bytes = lambda: 1 << 20
    return device


def row_of(text, chip="H200-SXM-141GB"):
    return table.rows_of(f"{','.join(table.OF_LISTS)}\n{chip},{text}\n", "list")[0]


@unittest.skipUnless(HAS_TORCH, "python3-torch is not installed")
class Clock(unittest.TestCase):
    def setUp(self):
        self.chip = Chip()
        self.device = device_of(self.chip)
        patch = mock.patch("time.perf_counter", lambda: self.chip.now)
        patch.start()
        self.addCleanup(patch.stop)

    def test_what_the_host_takes_to_launch_is_not_in_the_time_of_a_small_kernel(self):
        for to_launch in (2e-6, 20e-6, 300e-6):
            timing = measure.time_of([lambda: self.chip.launch(3e-6, to_launch)], self.device, 0.01)
            self.assertAlmostEqual(timing.median, 3e-6, delta=0.05e-6)

    def test_a_kernel_that_takes_long_is_timed_as_it_is(self):
        timing = measure.time_of([lambda: self.chip.launch(8e-3)], self.device, 0.01)
        self.assertAlmostEqual(timing.median, 8e-3, delta=1e-6)

    def test_calls_that_wait_for_the_device_themselves_are_timed_all_the_same(self):
        def call():
            self.chip.launch(50e-6)
            self.chip.synchronize()

        timing = measure.time_of([call], self.device, 0.01)
        self.assertLess(abs(timing.median - 55e-6), 2e-6)

    def test_a_device_without_a_kernel_that_idles_is_kept_busy_with_products(self):
        class Npu(Chip):
            _sleep = property()  # not there

        self.chip = Npu("Ascend910B2")
        device = device_of(self.chip)
        with mock.patch.object(torch, "mm", lambda a, b: self.chip.launch(100e-6)):
            timing = measure.time_of([lambda: self.chip.launch(3e-6, 20e-6)], device, 0.01)
        self.assertAlmostEqual(timing.median, 3e-6, delta=0.05e-6)

    def test_clocks_get_a_share_of_the_seconds_to_rise(self):
        calls = []
        measure.time_of([lambda: (calls.append(self.chip.now), self.chip.launch(3e-6))], self.device, 1.0)
        self.assertGreater(sum(at < 0.1 for at in calls), 1000)

    def test_the_device_is_warm_before_the_first_kernel(self):
        with mock.patch.object(torch, "randn", lambda *_, **__: torch.zeros(1)), \
             mock.patch.object(torch, "mm", lambda *_: self.chip.launch(100e-6)):
            self.device.warm_up(1.0)
        self.assertGreaterEqual(self.chip.now, 1.0)


class Scaling(enum.Enum):
    BlockWise1x128 = 4
    BlockWise128x128 = 5


class Refused(RuntimeError):
    pass


def demand(holds, what):
    if not holds:
        raise Refused(what)


def up(size, by):
    return -(-size // by) * by


class PyTorch:
    """What 2.11 has and the PyTorch here may not have, with its demands on sizes, strides and formats (Hopper); results are empty."""

    def __init__(self):
        self.calls = collections.Counter()
        self.backend = None

    def scaled_matrices(self, a, b):
        demand(a.dtype == b.dtype == torch.float8_e4m3fn, "float8")
        demand(a.stride(-1) == 1 and b.stride(-2) == 1, "row-major times column-major")
        demand(a.shape[-1] % 16 == 0 and b.shape[-2] % 16 == 0 and b.shape[-1] % 16 == 0, "sizes divisible by 16")
        demand(a.shape[-1] == b.shape[-2], "inner sizes")

    def _scaled_mm(self, a, b, scale_a, scale_b, bias=None, scale_result=None, out_dtype=None, use_fast_accum=False):
        self.calls["_scaled_mm"] += 1
        self.scaled_matrices(a, b)
        demand(scale_a.numel() == scale_b.numel() == 1 and scale_a.dtype == torch.float32, "a scale each")
        return torch.empty(a.shape[0], b.shape[1], dtype=out_dtype)

    def scaled_mm(self, a, b, scale_a, scale_recipe_a, scale_b, scale_recipe_b, swizzle_a=None, swizzle_b=None, bias=None,
                  output_dtype=None, contraction_dim=(), use_fast_accum=False):
        self.calls["scaled_mm"] += 1
        self.scaled_matrices(a, b)
        (m, k), n = a.shape, b.shape[1]
        demand((scale_recipe_a, scale_recipe_b) == (Scaling.BlockWise1x128, Scaling.BlockWise128x128), "recipes")
        demand(scale_a.shape == (m, up(k, 128) // 128) and scale_a.stride() == (1, m), "scales of rows")
        padded = up(up(k, 128) // 128, 4)
        demand(scale_b.shape == (padded, up(n, 128) // 128) and scale_b.stride() == (1, padded), "scales of squares")
        return torch.empty(m, n, dtype=output_dtype)

    def groups(self, a, b, offs):
        for matrix in (a, b):
            side = matrix.stride(-1) if matrix.stride(-2) == 1 else matrix.stride(-2)
            demand(1 in matrix.stride()[-2:] and side * matrix.element_size() % 16 == 0, "strides should be multiple of 16 bytes")
        demand(offs.dtype == torch.int32 and offs.dim() == 1, "offsets")
        demand(b.dim() == 2 or (a.shape[-1] == b.shape[-2] and len(offs) == len(b)), "groups")
        demand(int(offs[-1]) == (a.shape[1] if b.dim() == 2 else a.shape[0]), "last offset")
        return (len(offs), a.shape[0], b.shape[1]) if b.dim() == 2 else (a.shape[0], b.shape[2])

    def _grouped_mm(self, a, b, offs=None, bias=None, out_dtype=None):
        self.calls["_grouped_mm"] += 1
        demand(a.dtype == b.dtype == torch.bfloat16, "bfloat16")
        return torch.empty(self.groups(a, b, offs), dtype=a.dtype)

    def _scaled_grouped_mm(self, a, b, scale_a, scale_b, offs=None, bias=None, scale_result=None, out_dtype=None,
                           use_fast_accum=False):
        self.calls["_scaled_grouped_mm"] += 1
        self.scaled_matrices(a, b)
        demand(scale_a.shape == (a.shape[0],) and scale_b.shape == (b.shape[0], b.shape[2]), "scales")
        return torch.empty(self.groups(a, b, offs), dtype=out_dtype)

    def scaled_dot_product_attention(self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
                                     enable_gqa=False):
        self.calls[self.backend] += 1
        demand(query.shape[1] == key.shape[1] or enable_gqa, "as many heads of keys as of queries")
        size, of_values = query.shape[-1], value.shape[-1]
        fits = {"cudnn": (size <= 128 and of_values <= 128) or (size, of_values) == (192, 128), "efficient": True,
                "flash": size == of_values <= 256}
        demand(fits[self.backend], "No available kernel. Aborting execution.")
        repeat = query.shape[1] // key.shape[1]
        keys, values = key.repeat_interleave(repeat, 1), value.repeat_interleave(repeat, 1)
        return torch.softmax(query @ keys.transpose(-1, -2), -1) @ values

    @contextlib.contextmanager
    def sdpa_kernel(self, backends, set_priority=False):
        self.backend, before = backends, self.backend
        yield {}
        self.backend = before

    def compile(self, model, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False):
        self.calls["compile"] += 1
        return model

    class AdamW(torch.optim.AdamW if HAS_TORCH else object):
        def __init__(self, params, lr=1e-3, fused=None):
            super().__init__(params, lr)

    def in_place(self):
        """A context in which it is what the collector finds."""
        stack = contextlib.ExitStack()

        def put(target, **attributes):
            for name, value in attributes.items():
                stack.enter_context(mock.patch.object(target, name, value, create=True))

        attention = types.SimpleNamespace(sdpa_kernel=self.sdpa_kernel, SDPBackend=types.SimpleNamespace(
            CUDNN_ATTENTION="cudnn", FLASH_ATTENTION="flash", EFFICIENT_ATTENTION="efficient"))
        dynamo, functorch = types.ModuleType("torch._dynamo"), types.ModuleType("torch._functorch")
        dynamo.reset = lambda: self.calls.update(reset=1)
        functorch.config = types.ModuleType("torch._functorch.config")
        stack.enter_context(mock.patch.dict(sys.modules, {
            "torch.nn.attention": attention, "torch._dynamo": dynamo, "torch._functorch": functorch,
            "torch._functorch.config": functorch.config}))
        put(torch, _scaled_mm=self._scaled_mm, _grouped_mm=self._grouped_mm, _scaled_grouped_mm=self._scaled_grouped_mm,
            compile=self.compile, float8_e4m3fn=torch.int8, float8_e4m3fnuz=torch.int8, _dynamo=dynamo, _functorch=functorch)
        put(torch.optim, AdamW=self.AdamW)
        put(functional, scaled_mm=self.scaled_mm, ScalingType=Scaling,
            scaled_dot_product_attention=self.scaled_dot_product_attention)
        return stack


@unittest.skipUnless(HAS_TORCH, "python3-torch is not installed")
class OnHopper(unittest.TestCase):
    def setUp(self):
        self.torch = PyTorch()
        stack = self.torch.in_place()
        self.addCleanup(stack.close)
        self.device = device_of(Chip())

    def run_way(self, way, row):
        calls = kernels.round_of(way, row, self.device, 1)
        for call in calls[:2]:
            call()
        return calls

    def ways(self, text):
        """Those that PyTorch does not refuse, by name."""
        row, done = row_of(text), {}
        for way in kernels.ways_of(row, self.device):
            with contextlib.suppress(Refused):
                self.run_way(way, row)
                done[way.name] = way.extra
        return done

    def test_products_in_eight_bits_have_one_scale_or_one_for_each_block(self):
        for m, n, k in ((64, 96, 256), (48, 576, 5376), (32, 7168, 576)):
            self.assertEqual(self.ways(f"gemm,fp8,{m},{n},{k},1,"), {"": "cold=weights"})
            self.assertEqual(self.ways(f"gemm,fp8_block,{m},{n},{k},1,"), {"": "cold=weights"})
        self.assertEqual({name for name, times in self.torch.calls.items() if times}, {"_scaled_mm", "scaled_mm"})

    def test_grouped_products_go_at_once_or_group_by_group(self):
        self.assertEqual(set(self.ways("grouped_gemm,bf16,24,40,32,4,")), {"-grouped", "-loop"})
        self.assertEqual(self.ways("grouped_gemm,fp8,24,48,32,4,"),
                         {"-loop": "cold=weights", "-grouped": "cold=weights;quant=ptok"})
        self.assertEqual(set(self.ways("grouped_gemm,fp8_block,24,128,256,4,")), {"-loop"})
        self.assertEqual(set(self.ways("grouped_gemm,fp64,24,40,32,4,")), {"-loop"})

    def test_gradients_of_weights_whose_rows_are_not_aligned_lie_the_other_way(self):
        self.assertEqual(set(self.ways("grouped_gemm,bf16,24,40,13,4,")), {"-grouped", "-loop"})
        make = kernels.Maker(row_of("gemm,bf16,64,96,13,1,"), self.device, 1)
        self.assertEqual((make.operand(64, 13).stride(), make.operand(64, 16).stride()), ((1, 64), (16, 1)))

    def test_heads_of_keys_are_not_copied_for_attention(self):
        self.assertEqual(set(self.ways("attn_fwd,bf16,64,64,32,2,h=8;hkv=2;causal=1")), {"-cudnn", "-flash", "-efficient"})
        self.assertEqual(set(self.ways("attn_bwd,fp32,64,64,32,2,h=8;hkv=2;causal=1")), {"-cudnn", "-flash", "-efficient"})

    def test_latent_attention_pads_its_values_where_a_library_wants_them_as_wide_as_keys(self):
        for op in ("mla_fwd", "mla_bwd"):
            self.assertEqual(set(self.ways(f"{op},fp32,32,32,192,1,h=4;hkv=4;dv=128;causal=1")),
                             {"-cudnn", "-efficient", "-flash-padded"})

    def test_linear_attention_is_that_of_its_library(self):
        asked = {}

        def chunks(*inputs):
            asked[len(inputs)] = [tuple(x.shape) for x in inputs]
            q, k, v = inputs[:3]
            return (q * k).sum(-1, keepdim=True) * v * sum(x.float().mean() for x in inputs[3:]), None

        fla = {"fla": types.SimpleNamespace(__version__="0.5"), "fla.ops": types.ModuleType("fla.ops")}
        for module, name in (("simple_gla", "chunk_simple_gla"), ("gated_delta_rule", "chunk_gated_delta_rule"), ("kda", "chunk_kda")):
            fla[f"fla.ops.{module}"] = types.SimpleNamespace(**{name: chunks})
        with self.assertRaisesRegex(kernels.CannotMeasure, "flash-linear-attention"):
            self.ways("delta_rule_fwd,fp32,64,1,16,2,h=4;hkv=2;dv=8;causal=1")
        with mock.patch.dict(sys.modules, fla):
            for op in ("linear_attn", "delta_rule", "kda"):
                for way in ("fwd", "bwd"):
                    self.assertEqual(set(self.ways(f"{op}_{way},fp32,64,1,16,2,h=4;hkv=2;dv=8;causal=1")), {"-fla0.5"})
        # sequences, positions, heads of values, size of a head; the last that was asked is KDA, whose decay is by column
        self.assertEqual(asked[4], [(2, 64, 4, 16), (2, 64, 4, 16), (2, 64, 4, 8), (2, 64, 4)])
        self.assertEqual(asked[5], [(2, 64, 4, 16), (2, 64, 4, 16), (2, 64, 4, 8), (2, 64, 4, 16), (2, 64, 4)])

    def test_row_operations_are_compiled_too_each_anew(self):
        for op in ("silu_mul_bwd", "rope_fwd", "quantise", "permute", "router_topk_bwd"):
            dtype = "fp8_block" if op == "quantise" else "fp32"
            self.assertEqual(set(self.ways(f"{op},{dtype},16,256,8,1,")), {"", "-compile"})
        self.assertEqual(self.torch.calls["compile"], self.torch.calls["reset"])
        self.assertIs(sys.modules["torch._functorch.config"].donated_buffer, False)  # the backward pass runs more than once

    def test_the_optimizer_is_the_fused_one(self):
        self.assertEqual(set(self.ways("optimizer_step,fp32,4096,1,0,1,")), {""})
        with self.assertRaisesRegex(kernels.CannotMeasure, "gradients in the format of the master weights"):
            self.ways("optimizer_step,bf16,4096,1,0,1,")

    def test_mi300_has_a_format_of_eight_bits_of_its_own(self):
        torch.float8_e4m3fnuz = torch.uint8
        self.assertIs(device_of(Chip("AMD Instinct MI300X")).eight_bits(), torch.uint8)
        self.assertIs(self.device.eight_bits(), torch.int8)

    def test_arrays_have_left_the_cache_before_they_are_used_again(self):
        for text, size in (("gemm,bf16,64,512,512,1,", 512 * 512 * 2), ("add,fp32,64,1024,0,1,", 2 * 64 * 1024 * 4),
                           ("attn_bwd,fp32,64,64,64,1,h=8;hkv=8", 3 * 8 * 64 * 64 * 4), ("add,bf16,2048,1024,0,1,", 8 << 20)):
            row = row_of(text)
            calls = kernels.round_of(kernels.ways_of(row, self.device)[0], row, self.device, 1)
            self.assertGreaterEqual(len(calls) * size, self.device.cache_bytes(), text)
            self.assertLess((len(calls) - 1) * size, self.device.cache_bytes(), text)

    def test_every_kernel_of_the_four_models_has_a_way(self):
        models = {"ling_plus": 8, "deepseek_v3": 64, "mixtral_8x7b": 8, "qwen3_235b_a22b": 16}
        with tempfile.TemporaryDirectory() as folder:
            for model, experts in models.items():
                for precision in ("bf16", "fp8", "fp8_block"):
                    scenario, missing = Path(folder) / "scenario.toml", Path(folder) / "missing.csv"
                    scenario.write_text(
                        f'name = "{model}"\nmodel = "{model}"\n[training]\nglobal_batch = 1024\nsequence_length = 4096\n'
                        f'precision = "{precision}"\n[[pools]]\nname = "h200"\ncluster = "h200_4096"\nchips = 256\n'
                        f'[parallel]\nexpert = {experts}\n', encoding="utf-8")
                    subprocess.run([BINARY, "timings", "coverage", scenario, "--missing", missing], capture_output=True, check=True)
                    listed = table.read_lists([missing])
                    self.assertGreater(len(listed), 30)
                    for row in listed:
                        self.assertTrue(kernels.ways_of(row, self.device), row.text())


@unittest.skipUnless(HAS_TORCH, "python3-torch is not installed")
class Course(unittest.TestCase):
    """What is measured and what is left, whatever the kernels."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.device = device_of(Chip())
        self.times = {"-slow": 3e-6, "-fast": 2e-6, "-none": None}

        def time_of(calls, _device, _seconds):
            if self.times[calls[0].name] is None:
                raise RuntimeError("no such kernel\nand more")
            return measure.Timing(self.times[calls[0].name], 0.01, 50)

        for target, name, value in ((kernels, "round_of", lambda way, *_: [way]), (measure, "time_of", time_of),
                                    (kernels, "ways_of", lambda *_: [kernels.Way(None, name) for name in self.times]),
                                    (self.device, "warm_up", lambda _: None)):
            patch = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def collect(self, rows, **arguments):
        said = io.StringIO()
        defaults = {"output": Path(self.folder.name) / "measured.csv", "seed": 1, "seconds": 0.01, "budget": None}
        with contextlib.redirect_stderr(said):
            try:
                code = collect_main.measure_all([row_of(text) for text in rows], self.device,
                                                types.SimpleNamespace(**{**defaults, **arguments}))
            except SystemExit as end:
                code = str(end)
        lines = defaults["output"].read_text(encoding="utf-8").splitlines()
        return code, [line.split(",") for line in lines if line.startswith("H200")], said.getvalue()

    def test_the_fastest_library_counts_and_those_that_refuse_are_told(self):
        code, rows, said = self.collect(["gemm,bf16,64,96,32,1,"])
        self.assertEqual((code, len(rows), rows[0][8]), (0, 1, "2"))
        self.assertRegex(rows[0][7], r"^kern=torch-.*-fast$")
        self.assertIn("measured without: 1 x none refused: RuntimeError: no such kernel\n", said)

    def test_a_fault_keeps_what_was_known_and_the_next_run_passes_it_over(self):
        self.device.is_usable = lambda: False
        code, rows, _ = self.collect(["gemm,bf16,64,96,32,1,", "bmm,bf16,64,96,32,4,"])
        self.assertEqual(len(rows), 1)
        self.assertIn("run again for the rest", code)
        self.times = {"-none": None}
        rest = ["gemm,bf16,64,96,32,1,", "attn_fwd,bf16,64,64,32,4,h=2;causal=1", "bmm,bf16,64,96,32,4,"]
        code, rows, _ = self.collect(rest)
        self.assertIn("attn_fwd bf16 64 x 64 x 32, 4, h=2;causal=1: refused: RuntimeError", code)
        self.assertEqual(len(rows), 1)
        self.times = {"-fast": 2e-6}
        code, rows, said = self.collect(rest)
        self.assertEqual((code, [row[1] for row in rows]), (0, ["gemm", "bmm"]))
        self.assertIn("2 x in the table already", said)

    def test_a_table_of_another_device_is_not_written_on(self):
        self.collect(["gemm,bf16,64,96,32,1,"])
        self.device.name = "NVIDIA H100 80GB HBM3"
        code, rows, _ = self.collect(["bmm,bf16,64,96,32,4,"])
        self.assertEqual(len(rows), 1)
        self.assertRegex(code, r"^error: .*: has device: NVIDIA H200, and this is device: NVIDIA H100 80GB HBM3: give another name")

    def test_a_device_that_is_not_the_chip_of_the_list_is_told(self):
        for name, chip, told in (("NVIDIA H200", "H200-SXM-141GB", False), ("NVIDIA H200", "H20", True),
                                 ("NVIDIA A100-SXM4-80GB", "A100-SXM4-80GB", False), ("AMD Instinct MI300X", "MI300X", False),
                                 ("Ascend910B2", "Ascend910B2", False), ("NVIDIA H100 80GB HBM3", "H200-SXM-141GB", True)):
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                collect_main.warn_of_another_chip([row_of("add,bf16,1,1,0,1,", chip)], device_of(Chip(name)))
            self.assertEqual("its times will stand as those of" in said.getvalue(), told, (name, chip))


if __name__ == "__main__":
    unittest.main()
