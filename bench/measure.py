"""Timing and percentiles."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

WARM_UP_ROUNDS = 50


@dataclass(frozen=True)
class Timing:
    """What many repetitions of one thing took, in milliseconds.

    `cpu_ms` is what the caller's own thread used of the processor, at p50; None where nobody knows.
    """

    p50_ms: float
    p99_ms: float
    cpu_ms: float | None = None

    @classmethod
    def of(cls, durations_ms: list[float], cpu_ms: list[float] | None = None) -> Timing:
        """The percentiles (nearest rank) of some durations."""
        ordered = sorted(durations_ms)
        cpu = _percentile(sorted(cpu_ms), 50) if cpu_ms else None
        return cls(_percentile(ordered, 50), _percentile(ordered, 99), cpu)


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]


def in_turns(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    warm_up: int = WARM_UP_ROUNDS,
) -> dict[str, Timing]:
    """Time each contestant once a round, so that what disturbs the machine disturbs them all.

    Each round in another order: who follows one of its kind finds the code of both in the caches.
    """
    order, dice = list(contestants.items()), random.Random(1)
    durations: dict[str, list[float]] = {name: [] for name in contestants}
    cpu: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(warm_up + rounds):
        dice.shuffle(order)
        for name, contestant in order:
            began, used = time.perf_counter(), time.thread_time()
            contestant()
            if number >= warm_up:
                durations[name].append((time.perf_counter() - began) * 1000)
                cpu[name].append((time.thread_time() - used) * 1000)
    return {name: Timing.of(taken, cpu[name]) for name, taken in durations.items()}
