"""gplearn: symbolic regression on rows. Nothing of ours does the same work: for context."""

from statistics import median

import numpy as np
from gplearn.genetic import SymbolicRegressor

from ..section import Section, milliseconds

ROWS, POPULATION, GENERATIONS = 10_000, 1_000, 5


def compare(session):
    """Programs per second, one process."""
    random = np.random.default_rng(0)
    x = random.standard_normal((ROWS, 8))
    y = x[:, 0] * x[:, 1] - x[:, 2] / (1 + x[:, 3] ** 2) + x[:, 4] / 2 + 0.1 * random.standard_normal(ROWS)
    times = []
    for _ in range(min(session.rounds, 3)):
        model = SymbolicRegressor(
            population_size=POPULATION, generations=GENERATIONS, parsimony_coefficient=0.001, random_state=7, n_jobs=1,
            function_set=("add", "sub", "mul", "div", "log", "sin", "sqrt"),
        )
        times.append(milliseconds(lambda: model.fit(x, y)))
    rates = sorted(POPULATION * GENERATIONS / took * 1e3 for took in times)
    return Section(
        notes=[f"{ROWS:,} rows of 8 columns, population {POPULATION:,}, {GENERATIONS} generations, one process: "
               f"{median(rates):,.0f} programs a second (from {rates[0]:,.0f} to {rates[-1]:,.0f}, "
               f"{len(rates)} runs)."],
        apart=[["gplearn", "fits rows to a target with protected division and logarithm; evoquant evolves strategies "
                "over panels: no common work to pair"]],
    )
