"""The time of a piece of work: warm-up, many calls between two events, the median of several such stretches."""
import itertools
import statistics
import time
from dataclasses import dataclass

LEAST_STRETCH = 200e-6  # seconds: what an event costs is small beside it
MOST_CALLS = 50  # in a stretch: the queue of a device holds some hundred kernels
WARM_UP_CALLS, WARM_UP_SHARE = 3, 0.1  # at least; and of the seconds, since clocks sink while the host compiles
LEAST_STRETCHES, MOST_STRETCHES = 5, 50


@dataclass
class Timing:
    median: float  # seconds of one call
    spread: float  # of the stretches: half the distance between the quartiles over the median
    calls: int


def warm_up(calls, device, seconds):
    end = time.perf_counter() + WARM_UP_SHARE * seconds
    for done in itertools.count(1):
        next(calls)()
        device.synchronize()
        if done >= WARM_UP_CALLS and time.perf_counter() >= end:
            return


def time_of(work, device, seconds):
    """Of one call, where `work` is a round of calls that do the same on data of their own."""
    calls = itertools.cycle(work)

    def stretch_of(count):
        return device.time([next(calls) for _ in range(count)]) / count

    warm_up(calls, device, seconds)
    one = max(stretch_of(1), 1e-7)
    in_stretch = min(MOST_CALLS, max(1, round(LEAST_STRETCH / one)))
    stretches = min(MOST_STRETCHES, max(LEAST_STRETCHES, int(seconds / (in_stretch * one))))
    times = [stretch_of(in_stretch) for _ in range(stretches)]
    quartiles = statistics.quantiles(times, n=4)
    median = statistics.median(times)
    return Timing(median, (quartiles[2] - quartiles[0]) / 2 / median, stretches * in_stretch)
