"""The time of a piece of work: warm-up, many calls between two events, the median of several such stretches."""
import statistics
from dataclasses import dataclass

LEAST_STRETCH = 200e-6  # seconds: what an event costs is small beside it
WARM_UP = 3
LEAST_STRETCHES, MOST_STRETCHES = 5, 50


@dataclass
class Timing:
    median: float  # seconds of one call
    spread: float  # of the stretches: half the distance between the quartiles over the median
    calls: int


def time_of(work, device, seconds):
    for _ in range(WARM_UP):
        work.call()
    device.synchronize()
    one = max(device.time(work.call, 1), 1e-7)
    in_stretch = max(1, round(LEAST_STRETCH / one))
    stretches = min(MOST_STRETCHES, max(LEAST_STRETCHES, int(seconds / (in_stretch * one))))
    times = [device.time(work.call, in_stretch) / in_stretch for _ in range(stretches)]
    quartiles = statistics.quantiles(times, n=4)
    median = statistics.median(times)
    return Timing(median, (quartiles[2] - quartiles[0]) / 2 / median, stretches * in_stretch)
