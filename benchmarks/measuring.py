"""How the benchmarks measure: the work and its floor in turn, and the median of each."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter

from attrs import frozen


@frozen(kw_only=True)
class Result:
    """One comparison: what was done in `seconds`, and the same by hand in `floor_seconds`."""

    name: str
    floor: str
    seconds: float
    floor_seconds: float

    @property
    def line(self) -> str:
        """The comparison as a line of text: how many times the floor's time, and what share of its speed."""
        ratio = self.seconds / self.floor_seconds
        return (
            f"{self.name:<58} {ratio:6.2f} × {self.floor:<44} "
            f"{self.seconds * 1000:11.3f} ms / {self.floor_seconds * 1000:11.3f} ms = {1 / ratio:5.0%} of its speed"
        )


def compare(
    name: str,
    work: Callable[[], object],
    floor: str,
    by_hand: Callable[[], object],
    *,
    rounds: int = 15,
    clock: Callable[[], float] = perf_counter,
) -> Result:
    """Run both in turn, so that a slow moment of the machine meets both; the first round only warms up."""
    times: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        start = clock()
        work()
        middle = clock()
        by_hand()
        times.append((middle - start, clock() - middle))
    counted = times[1:]
    return Result(
        name=name,
        floor=floor,
        seconds=median(seconds for seconds, _ in counted),
        floor_seconds=median(seconds for _, seconds in counted),
    )


def timed(work: Callable[[], object]) -> float:
    """The seconds that something takes once: for what is too long, or changes too much, to be done again."""
    start = perf_counter()
    work()
    return perf_counter() - start
