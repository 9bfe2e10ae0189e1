"""The chip that is measured, behind one face: CUDA and ROCm (torch.cuda), Ascend (torch_npu), CPU for tests."""
import datetime
import gc
import importlib.metadata
import os
import platform
import subprocess
import time

# compiled here and now: no pool of processes, and no backward pass from a cache that was compiled to run but once
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
os.environ.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")

import torch  # noqa: E402

from arguments import KINDS  # noqa: E402

SHORTEST_WAIT, LONGEST_WAIT = 200e-6, 30e-3  # seconds that the device is kept busy while calls queue up behind
ATTEMPTS = 3  # to have them all in time


class Device:
    """Events of the chip's own clock, synchronisation, and what the environment is."""

    def __init__(self, kind, api=None):
        self.kind = kind
        self.torch_device = torch.device("cpu" if kind == "cpu" else f"{kind}:0")
        self.api = api or (None if kind == "cpu" else getattr(torch, kind))
        self.is_cpu = kind == "cpu"
        self.name = platform.processor() or platform.machine() if self.is_cpu else self.api.get_device_name(0)
        self.out_of_memory = getattr(torch, "OutOfMemoryError", getattr(torch.cuda, "OutOfMemoryError", MemoryError))
        self.idle, self.idle_rate = None, None  # what keeps the device busy, by units; units in a second

    def synchronize(self):
        if not self.is_cpu:
            self.api.synchronize()

    def give_back(self):
        """Memory that no array uses any more. What is left then stays: so the next search for garbage is short."""
        gc.collect()
        gc.freeze()
        if not self.is_cpu:
            self.api.empty_cache()

    def is_usable(self):
        """After some faults a chip runs nothing more in the same process."""
        try:
            self.give_back()
            self.synchronize()
        except RuntimeError:
            return False
        return True

    def has_room(self, size):
        """Whether bytes fit; an accelerator says so itself, while a system may end a process that asks for too much."""
        return not self.is_cpu or size < 4 << 30

    def cache_bytes(self):
        """More than any cache of a chip holds (MI300X: 256 MiB): what was used so many bytes ago comes from memory."""
        return (8 if self.is_cpu else 512) << 20

    def time(self, calls):
        """Seconds that the device takes for the calls in a row. They wait in its queue until all of them are there, as in training,
        where the host runs ahead: so the time that the host takes to launch them is not in it."""
        if self.is_cpu:
            return self.time_on_host(calls)
        wait = SHORTEST_WAIT
        for _ in range(ATTEMPTS):  # calls that wait for the device themselves never queue up: then the last one has to do
            begin, end = self.api.Event(enable_timing=True), self.api.Event(enable_timing=True)
            self.keep_busy(wait)
            begin.record()
            to_launch = self.time_on_host(calls)
            end.record()
            all_in_time = not begin.query()
            end.synchronize()
            if all_in_time:
                break
            wait = min(2 * to_launch + wait, LONGEST_WAIT)
        return begin.elapsed_time(end) * 1e-3

    @staticmethod
    def time_on_host(calls):
        begin = time.perf_counter()
        for call in calls:
            call()
        return time.perf_counter() - begin

    def keep_busy(self, seconds):
        if self.idle is None:
            self.idle, self.idle_rate = self.way_to_idle()
        self.idle(max(1, int(seconds * self.idle_rate)))

    def way_to_idle(self):
        """A kernel that counts the cycles of its clock, or a product over and over; and how many units of it take a second."""
        if hasattr(self.api, "_sleep"):
            idle, units = self.api._sleep, 1 << 21
        else:
            a = torch.ones(2048, 2048, device=self.torch_device, dtype=torch.float16)
            idle, units = lambda times: [torch.mm(a, a) for _ in range(times)], 16
        begin, end = self.api.Event(enable_timing=True), self.api.Event(enable_timing=True)
        idle(units)
        begin.record()
        idle(units)
        end.record()
        end.synchronize()
        return idle, units / (begin.elapsed_time(end) * 1e-3)

    def warm_up(self, seconds):
        """Idle chips run at a fraction of their clock."""
        if self.is_cpu:
            return
        a = torch.randn(4096, 4096, device=self.torch_device).to(torch.bfloat16)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for _ in range(20):
                torch.mm(a, a)
            self.synchronize()

    def library(self):
        """"torch-2.4.0": the dispatcher that chose the kernels."""
        return f"torch-{torch.__version__.split('+')[0]}"

    def torch_version(self):
        """(2, 11)"""
        return tuple(int(part) for part in torch.__version__.split(".")[:2])

    def eight_bits(self):
        """The format of products in fp8, none where PyTorch has none: MI300's has another bias."""
        architecture = getattr(self.api.get_device_properties(0), "gcnArchName", "") if self.kind == "cuda" else ""
        return getattr(torch, "float8_e4m3fnuz" if architecture.startswith("gfx94") else "float8_e4m3fn", None)

    def environment(self):
        """Lines for the head of the table."""
        said = {"device": self.name, "torch": torch.__version__, "date": datetime.date.today().isoformat(),
                "cuda": torch.version.cuda, "hip": getattr(torch.version, "hip", None), "driver": self._driver(),
                "cudnn": torch.backends.cudnn.version() if self.kind == "cuda" else None,
                "triton": self._version_of("triton"), "torch_npu": self._version_of("torch_npu"),
                "python": platform.python_version()}
        return [f"{key}: {value}" for key, value in said.items() if value]

    def _version_of(self, package):
        try:
            return None if self.is_cpu else importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return None

    def _driver(self):
        """With the power limit and the highest clock, which may be set below the usual ones."""
        tool = {"cuda": ["nvidia-smi", "--query-gpu=driver_version,power.limit,clocks.max.sm", "--format=csv,noheader"],
                "npu": ["npu-smi", "info", "-v"]}
        try:
            done = subprocess.run(tool[self.kind], capture_output=True, text=True, timeout=20, check=True)
            return done.stdout.split("\n", maxsplit=1)[0].strip()
        except (KeyError, OSError, subprocess.SubprocessError):
            return None


def is_there(kind):
    if kind == "npu":
        try:
            import torch_npu  # noqa: F401, PLC0415
        except ImportError:
            return False
        return torch.npu.is_available()
    return kind == "cpu" or torch.cuda.is_available()


def open_device(kind=None):
    found = next((k for k in KINDS if is_there(k)), None) if kind is None else kind
    if not is_there(found):
        raise SystemExit(f"error: no {found} device here")
    return Device(found)
