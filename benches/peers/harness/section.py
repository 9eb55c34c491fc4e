"""What a workload hands back, and how two sides are run in turn."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from .ours import Engine

# A call that takes longer is not repeated beyond two rounds.
SLOW_SECONDS = 3.0


@dataclass
class Session:
    """Where and how often a workload runs."""

    engine: Engine
    folder: Path
    root: Path
    rounds: int
    quick: bool


@dataclass
class Row:
    """One comparison: times in milliseconds, round by round; `ours` and `theirs` of one round ran in turn."""

    what: str
    peer: str
    ours: list
    theirs: list
    # Ours where values are looked at and dropped, as in a search, rather than written to memory.
    streamed: list = field(default_factory=list)
    remark: str = ""


@dataclass
class Section:
    """The results of a workload."""

    rows: list = field(default_factory=list)
    # What agreed: dictionaries of `agreement.Agreement`, with `what` and `peer`.
    agreement: list = field(default_factory=list)
    # What cannot agree, or is not there: [name, reason].
    apart: list = field(default_factory=list)
    notes: list = field(default_factory=list)


def milliseconds(work):
    """How long a call takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def in_turn(rounds, sides):
    """Runs the sides one after the other, in each round in the other direction.

    `sides` maps names to functions that return milliseconds, or a dictionary of them; the lists come back by name.
    There is no round for warming up: values were checked before, so that all sides have run, and ours warms up inside.
    """
    samples = {name: [] for name in sides}
    slow = set()
    for index in range(rounds):
        print(f"  round {index + 1} of {rounds}", file=sys.stderr, flush=True)
        names = list(sides) if index % 2 == 0 else list(reversed(sides))
        for name in names:
            if name in slow and index >= 2:
                continue
            start = time.perf_counter()
            samples[name].append(sides[name]())
            if time.perf_counter() - start > SLOW_SECONDS and not str(name).startswith("ours"):
                slow.add(name)
    return samples


def column(samples, key):
    """One key of a list of dictionaries."""
    return [sample[key] for sample in samples]
