"""The chip that is measured, behind one face: CUDA and ROCm (torch.cuda), Ascend (torch_npu), CPU for tests."""
import datetime
import platform
import subprocess
import time

import torch

from arguments import KINDS


class Device:
    """Events of the chip's own clock, synchronisation, and what the environment is."""

    def __init__(self, kind):
        self.kind = kind
        self.torch_device = torch.device("cpu" if kind == "cpu" else f"{kind}:0")
        self.api = None if kind == "cpu" else getattr(torch, kind)
        self.is_cpu = kind == "cpu"
        self.name = platform.processor() or platform.machine() if self.is_cpu else self.api.get_device_name(0)
        self.out_of_memory = getattr(torch.cuda, "OutOfMemoryError", MemoryError) if kind == "cuda" else MemoryError

    def synchronize(self):
        if not self.is_cpu:
            self.api.synchronize()

    def is_usable(self):
        """Gives cached memory back; after some faults a chip runs nothing more in the same process."""
        try:
            if not self.is_cpu:
                self.api.empty_cache()
            self.synchronize()
        except RuntimeError:
            return False
        return True

    def free_bytes(self):
        if self.kind == "cuda":
            return self.api.mem_get_info()[0]
        return 4 << 30 if self.is_cpu else 48 << 30

    def cache_bytes(self):
        """More than any cache of the chip holds: weights that are read once per step come from memory."""
        return (8 if self.is_cpu else 256) << 20

    def time(self, call, calls):
        """Seconds that `calls` calls in a row take."""
        if self.is_cpu:
            begin = time.perf_counter()
            for _ in range(calls):
                call()
            return time.perf_counter() - begin
        begin, end = self.api.Event(enable_timing=True), self.api.Event(enable_timing=True)
        begin.record()
        for _ in range(calls):
            call()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e-3

    def library(self):
        """"torch-2.4.0": the dispatcher that chose the kernels."""
        return f"torch-{torch.__version__.split('+')[0]}"

    def environment(self):
        """Lines for the head of the table."""
        said = {"device": self.name, "torch": torch.__version__, "date": datetime.date.today().isoformat(),
                "cuda": torch.version.cuda, "hip": getattr(torch.version, "hip", None), "driver": self._driver(),
                "cudnn": torch.backends.cudnn.version() if self.kind == "cuda" else None}
        return [f"{key}: {value}" for key, value in said.items() if value]

    def _driver(self):
        tool = {"cuda": ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"], "npu": ["npu-smi", "info", "-v"]}
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
