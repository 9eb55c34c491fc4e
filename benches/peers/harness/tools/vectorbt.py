"""vectorbt: a book of the 20 highest scores, weighted equally, rebalanced each bar.

evoquant backtests it under its profile of vectorbt, with every ledger and all figures; equity has to agree bar by bar
before either is timed.
"""

import csv

import numpy as np
import pandas as pd
import vectorbt as vbt

from ..section import Row, Section, in_turn, milliseconds

BARS, SYMBOLS, HOLDINGS = 1_253, 505, 20
CASH, FEES = 1e6, 0.001
# Largest difference of equity at any bar, as a fraction of it.
TOLERANCE = 1e-9
STRATEGY = f"""\
name = "book"
[factors]
best = "score"
[positions]
rule = "top"
score = "best"
count = {HOLDINGS}
weight = "equal"
rebalance = "daily"
"""


def compare(session):
    """Its simulation, targets ready, against our whole backtest."""
    random = np.random.default_rng(1)
    close = pd.DataFrame(50 * np.exp(np.cumsum(0.02 * random.standard_normal((BARS, SYMBOLS)), axis=0)))
    # Of the bar before: both sides fill at the close of the bar that they know them.
    scores = pd.DataFrame(random.standard_normal((BARS, SYMBOLS))).rolling(20).mean().shift(1)
    targets = (scores.rank(axis=1, ascending=False) <= HOLDINGS) / HOLDINGS
    panel = session.engine.panel("simulation", {"close": close.to_numpy(), "score": scores.to_numpy()})
    strategy = session.folder / "book.toml"
    strategy.write_text(STRATEGY, encoding="utf-8")
    alike = ["--data", panel, "--profile", "vectorbt", "--set", f"costs.commission_bps={FEES * 1e4:g}", "--set",
             f"capital={CASH:.0f}"]

    def simulate():
        portfolio = vbt.Portfolio.from_orders(
            close, size=targets, size_type="targetpercent", group_by=True, cash_sharing=True, call_seq="auto",
            fees=FEES, freq="D", init_cash=CASH,
        )
        return portfolio, portfolio.total_return()

    section = Section(notes=[
        f"{BARS:,} bars x {SYMBOLS} symbols, {HOLDINGS} holdings, targets and orders on every bar, costs of "
        f"{FEES * 1e4:g} bps, one thread.",
        "vectorbt, compiled before, goes from targets to orders and total return. Ours goes from the strategy's graph to "
        "every order, fill, trade and position and to all figures of four periods: `evoquant bench backtest`.",
    ])
    out = session.folder / "equity.csv"
    session.engine.run("backtest", strategy, *alike, "--equity", out)
    with open(out, encoding="utf-8", newline="") as lines:
        ours = np.array([float(line["equity"]) for line in csv.DictReader(lines)])
    difference = np.abs(ours / simulate()[0].value().to_numpy() - 1).max()
    section.notes.append(f"Equity at {len(ours):,} bars, ours against theirs: at most {difference:.1e} of it apart.")
    if not difference <= TOLERANCE:
        section.apart.append(["vectorbt", f"equity is {difference:.1e} apart, more than {TOLERANCE}: not timed"])
        return section
    samples = in_turn(session.rounds, {
        "ours": lambda: session.engine.backtest(strategy, *alike), "theirs": lambda: milliseconds(simulate)})
    section.rows.append(Row(
        what=f"a book of {HOLDINGS}, rebalanced each bar", peer="vectorbt", ours=samples["ours"],
        theirs=samples["theirs"], remark=f"equity agrees to {difference:.0e}"))
    return section
