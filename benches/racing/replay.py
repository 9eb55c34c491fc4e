"""What races under other rules would have dropped, replayed on trial lists that hold every strategy's fitness so far."""

import math
from collections import Counter
from dataclasses import dataclass

# Rows of train and validation that a strategy is evaluated on, as parts: the decisions fall on quarters of train, which
# is three quarters of both together.
PARTS = [0.1875, 0.375, 0.5625]
ARCHIVE = 50


@dataclass
class Run:
    """A run that dropped nobody: its trials in order, and the identities of its champions, best first."""

    trials: list
    champions: list


@dataclass
class Losses:
    """Sums over runs."""

    runs: int = 0
    rows: float = 0.0
    spared: float = 0.0
    dropped: int = 0
    trials: int = 0
    first: int = 0
    champions: int = 0
    of_champions: int = 0
    archive: int = 0
    of_archive: int = 0
    parents: int = 0
    of_parents: int = 0


def ranked(finishers):
    """Best first; of equals the earlier."""
    return sorted(finishers, key=lambda trial: -trial["fitness"])


def best_share(best, power=1.0):
    """Ours: the lowest that any of the best had, their share being `best` over the part of train that is seen."""

    def bars(finishers):
        ranking = ranked(finishers)
        shares = [min(1.0, best / ((decision + 1) / 4) ** power) for decision in range(3)]
        return [lowest(ranking[: math.ceil(share * len(ranking))], decision) for decision, share in enumerate(shares)]

    return bars


def best_count(count):
    """The lowest that any of the best so many had."""

    def bars(finishers):
        ranking = ranked(finishers)[:count]
        return [lowest(ranking, decision) for decision in range(3)]

    return bars


def quantile(share):
    """A quantile of all; at one half the median rule."""

    def bars(finishers):
        return [at(known(finishers, decision), share) for decision in range(3)]

    return bars


def largest_gain(share, beyond):
    """What the best share begins at, less the gain to the end that only `beyond` of all exceeded."""

    def bars(finishers):
        fitness = sorted((trial["fitness"] for trial in finishers), reverse=True)
        target = fitness[math.ceil(share * len(fitness)) - 1]
        heights = []
        for decision in range(3):
            partial = [(trial["fitness"], trial["partial_fitness"][decision]) for trial in finishers]
            gains = sorted(end - so_far for end, so_far in partial if so_far is not None)
            heights.append(target - at(gains, 1 - beyond) if gains else -math.inf)
        return heights

    return bars


DEFAULT = "the lowest of the best 15 % / part seen"
RULES = {
    "the lowest of the best 10 % / part seen": best_share(0.10),
    DEFAULT: best_share(0.15),
    "the lowest of the best 20 % / part seen": best_share(0.20),
    "the lowest of the best 30 % / part seen": best_share(0.30),
    "the lowest of the best 20 %": best_share(0.20, power=0),
    "the lowest of the best 30 %": best_share(0.30, power=0),
    "the lowest of the best 50": best_count(50),
    "the lowest fifth of all": quantile(0.2),
    "the lowest third of all": quantile(1 / 3),
    "the median of all": quantile(0.5),
    "the best 10 % less the largest gain": largest_gain(0.10, 0.0),
    "the best 10 % less a gain of one in fifty": largest_gain(0.10, 0.02),
}


def known(trials, decision):
    """Their fitness so far, where it is defined, sorted."""
    partial = (trial["partial_fitness"][decision] for trial in trials)
    return sorted(value for value in partial if value is not None)


def lowest(trials, decision):
    return next(iter(known(trials, decision)), -math.inf)


def at(values, share):
    """The value below which this share lies."""
    return values[min(int(share * len(values)), len(values) - 1)] if values else -math.inf


def falls(partial, bars):
    """The decision at which a strategy falls, if any."""
    below = (k for k, value in enumerate(partial) if value is not None and value < bars[k])
    return next(below, None)


def dropped(run, rule):
    """Identities of the strategies that a rule would have dropped, and the part of their rows that ran. The course of
    evolution stays that of the run; whoever is dropped teaches no bar."""
    finishers, gone, rows = [], {}, 0
    generations = {}
    for trial in run.trials:
        generations.setdefault(trial["generation"], []).append(trial)
    for generation in sorted(generations):
        bars = rule(finishers) if finishers else [-math.inf] * 3
        passed = []
        for trial in generations[generation]:
            fall = falls(trial.get("partial_fitness", []), bars)
            if fall is not None:
                gone[trial["hash"]] = PARTS[fall]
            elif trial["fitness"] is not None:
                passed.append(trial)
            rows += trial["rejected"] != "not_enough_history"
        finishers += passed
    return gone, rows


def replay(runs, rule):
    """What a rule would have spared and lost."""
    sums = Losses(runs=len(runs))
    for run in runs:
        gone, rows = dropped(run, rule)
        sums.rows += rows
        sums.spared += sum(1 - part for part in gone.values())
        sums.dropped += len(gone)
        sums.trials += len(run.trials)
        sums.first += run.champions[0] in gone
        sums.champions += sum(champion in gone for champion in run.champions)
        sums.of_champions += len(run.champions)
        scored = [trial for trial in run.trials if trial["fitness"] is not None]
        archive = ranked(scored)[:ARCHIVE]
        sums.archive += sum(trial["hash"] in gone for trial in archive)
        sums.of_archive += len(archive)
        parents = Counter(parent for trial in run.trials for parent in trial["parents"])
        sums.parents += sum(count for parent, count in parents.items() if parent in gone)
        sums.of_parents += sum(parents.values())
    return sums
