"""vectorbt: simulating a book of the 20 highest scores, weighted equally, rebalanced each bar."""

from statistics import median

import numpy as np
import pandas as pd
import vectorbt as vbt

from ..section import Section, in_turn, milliseconds

BARS, SYMBOLS, HOLDINGS = 1_253, 505, 20


def compare(session):
    """The time of its simulation, targets ready."""
    random = np.random.default_rng(1)
    close = pd.DataFrame(50 * np.exp(np.cumsum(0.02 * random.standard_normal((BARS, SYMBOLS)), axis=0)))
    scores = pd.DataFrame(random.standard_normal((BARS, SYMBOLS))).rolling(20).mean()
    targets = (scores.rank(axis=1, ascending=False) <= HOLDINGS) / HOLDINGS
    targets = targets.shift(1)

    def simulate():
        portfolio = vbt.Portfolio.from_orders(
            close, size=targets, size_type="targetpercent", group_by=True, cash_sharing=True, call_seq="auto",
            fees=0.001, freq="D", init_cash=1e6,
        )
        return portfolio.total_return()

    simulate()
    times = sorted(in_turn(session.rounds, {"theirs": lambda: milliseconds(simulate)})["theirs"])
    return Section(
        notes=[f"{BARS:,} bars x {SYMBOLS} symbols, {HOLDINGS} holdings, orders with costs, total return: "
               f"{median(times):,.0f} ms (from {times[0]:,.0f} to {times[-1]:,.0f}, {len(times)} runs, compiled "
               "before)."],
        apart=[["vectorbt", "evoquant has no command that times the simulation by itself yet, without its scores; a "
                "row belongs here as soon as it has"]],
    )
