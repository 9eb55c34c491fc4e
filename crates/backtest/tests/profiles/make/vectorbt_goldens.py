"""Goldens of vectorbt: `python vectorbt_goldens.py`, with requirements.txt installed."""

import numpy as np
import pandas as pd
import vectorbt as vbt

import golden

TOOL = f"vectorbt {vbt.__version__}"
DAILY = {"rule": "weights", "count": 1, "weight": "equal", "rebalance": "daily"}
WEEKLY = {**DAILY, "rebalance": "weekly"}


def frame(bars, values):
    return pd.DataFrame(values, index=pd.to_datetime(bars["dates"]), columns=bars["symbols"], dtype=float)


def expected(portfolio):
    """Fills and equity as the portfolio has them; figures on its own year of 365 days."""
    fills = [golden.fill(order.idx, order.col, order.size if order.side == 0 else -order.size, order.price, order.fees)
             for order in portfolio.orders.records.sort_values(["idx", "col"]).itertuples()]
    equity = [float(value) for value in np.asarray(portfolio.value()).ravel()]
    figure = lambda value: float(np.asarray(value).ravel()[0])
    return {"fills": fills, "equity": equity, "sharpe": figure(portfolio.sharpe_ratio()),
            "volatility": figure(portfolio.annualized_volatility())}


def from_orders(bars, size, **options):
    cash = options.pop("init_cash", 10_000.0)
    return vbt.Portfolio.from_orders(
        frame(bars, bars["close"]), size=frame(bars, size), size_type="targetpercent", init_cash=cash,
        cash_sharing=True, group_by=True, call_seq="auto", freq="1D", **options)


def target_percent():
    bars = golden.panel(40, 1, seed=1)
    size = [[[0.8, 0.8, 0.25, 0.0, 0.6][row // 3 % 5]] for row in range(40)]
    golden.write("vectorbt", "target_percent", TOOL,
                 "One symbol, target per cent on every bar, filled at the close that decided, free of costs.",
                 bars, DAILY, expected(from_orders(bars, size)), settings={"capital": 10_000.0}, score=size)


def fees_and_slippage():
    bars = golden.panel(40, 1, seed=2)
    size = [[[0.9, 0.4, 0.0, 0.7][row // 4 % 4]] for row in range(40)]
    portfolio = from_orders(bars, size, fees=0.001, slippage=0.0005)
    golden.write("vectorbt", "fees_and_slippage", TOOL,
                 "Slippage moves the price and fees are paid on the moved one; sizes come from the close itself.",
                 bars, DAILY, expected(portfolio), score=size,
                 settings={"capital": 10_000.0, "costs": {"commission_bps": 10.0, "slippage_bps": 5.0}})


def sells_before_buys():
    bars = golden.panel(60, 4, seed=3)
    size = golden.weights(bars, 4, 1.0, rows=golden.starts_week(bars["dates"]))
    golden.write("vectorbt", "sells_before_buys", TOOL,
                 "Four symbols share cash, call sequence auto: what is sold at a bar pays for what is bought at it.",
                 bars, WEEKLY, expected(from_orders(bars, size)), settings={"capital": 10_000.0}, score=size)


def cash_short():
    bars = golden.panel(40, 1, seed=5)
    size = [[1.0 if row % 7 < 5 else 0.3] for row in range(40)]
    portfolio = from_orders(bars, size, fees=0.002)
    golden.write("vectorbt", "cash_short", TOOL,
                 "All of equity in one symbol, with fees: a buy is cut to what cash can pay, its fees included.",
                 bars, DAILY, expected(portfolio), score=size,
                 settings={"capital": 10_000.0, "costs": {"commission_bps": 20.0}})


def cash_short_shared():
    bars = golden.panel(60, 3, seed=6)
    size = golden.weights(bars, 7, 1.0, rows=golden.starts_week(bars["dates"]))
    portfolio = from_orders(bars, size, fees=0.003)
    golden.write("vectorbt", "cash_short_shared", TOOL,
                 "Three symbols share too little cash: buys are filled from the smallest to the largest, and the one "
                 "that the cash does not cover is cut to what is left.",
                 bars, WEEKLY, expected(portfolio), score=size,
                 settings={"capital": 10_000.0, "costs": {"commission_bps": 30.0}})


def shorts():
    bars = golden.panel(60, 4, seed=8)
    size = golden.weights(bars, 9, 0.95, short=True, rows=golden.starts_week(bars["dates"]))
    portfolio = from_orders(bars, size, fees=0.001)
    golden.write("vectorbt", "shorts", TOOL,
                 "Negative weights are sold short, and a weight that changes its sign goes through zero.",
                 bars, WEEKLY, expected(portfolio), score=size,
                 settings={"capital": 10_000.0, "costs": {"commission_bps": 10.0}})


def from_signals(bars, entry, exit_, with_ranges, **options):
    columns = {name: frame(bars, bars[name]) for name in ("open", "high", "low")} if with_ranges else {}
    return vbt.Portfolio.from_signals(
        frame(bars, bars["close"]), frame(bars, entry).astype(bool), frame(bars, exit_).astype(bool),
        init_cash=10_000.0, freq="1D", **columns, **options)


def signals(name, pins, seed, exits, options, fees=0.0):
    bars = golden.panel(80, 1, seed=seed, step=0.04, gap=0.03)
    chance = golden.Chance(seed + 100)
    entry = [[1.0 if chance.next() < 0.5 else 0.0] for _ in range(80)]
    exit_ = [[1.0 if chance.next() < 0.06 else 0.0] for _ in range(80)]
    # A bar with both does nothing there and closes here.
    entry = [[0.0] if told == [1.0] else flag for flag, told in zip(entry, exit_)]
    portfolio = from_signals(bars, entry, exit_, False, fees=fees, **options)
    positions = {"rule": "signal", "count": 1, "weight": "equal", "rebalance": "daily"}
    settings = {"capital": 10_000.0, "costs": {"commission_bps": fees * 1e4}}
    golden.write("vectorbt", name, TOOL, pins, bars, positions, expected(portfolio), exits=exits, settings=settings,
                 entry=entry, exit=exit_)


def within_bar(name, pins, first, exits, options):
    """Of many panels the first on which a stop gaps and no target does: there the engine parts from vectorbt by intent."""
    most = 1 + exits.get("take_profit", 9.0)
    for seed in range(first, first + 1000):
        bars = golden.panel(80, 1, seed=seed, step=0.03, gap=0.02)
        chance = golden.Chance(seed + 100)
        entry, exit_ = [[1.0 if chance.next() < 0.5 else 0.0] for _ in range(80)], [[0.0]] * 80
        while True:
            portfolio = from_signals(bars, entry, exit_, True, **options)
            fills = expected(portfolio)["fills"]
            again = [fill["row"] for fill in fills if fill["side"] == "sell" and entry[fill["row"]] == [1.0]]
            # Whether an entry on the bar of an exit counts is not what these scenarios ask.
            if not again:
                break
            for row in again:
                entry[row] = [0.0]
        sold = [(fill["price"], before["price"], bars["open"][fill["row"]][0])
                for before, fill in zip(fills, fills[1:]) if fill["side"] == "sell"]
        gaps = sum(price == open_ for price, _, open_ in sold)
        won = sum(price > bought for price, bought, _ in sold)
        if gaps and won > 2 and all(price <= bought * most * (1 + 1e-9) for price, bought, _ in sold):
            break
    positions = {"rule": "signal", "count": 1, "weight": "equal", "rebalance": "daily"}
    golden.write("vectorbt", name, TOOL, pins, bars, positions, expected(portfolio),
                 exits={**exits, "trigger": "touched"}, settings={"capital": 10_000.0}, entry=entry, exit=exit_)


def main():
    vbt.settings.caching["enabled"] = False
    target_percent()
    fees_and_slippage()
    sells_before_buys()
    cash_short()
    cash_short_shared()
    shorts()
    signals("stops_on_close", "Stop loss and take profit from the close of the entry, judged on closes.", 11,
            {"stop_loss": 0.04, "take_profit": 0.06}, {"sl_stop": 0.04, "tp_stop": 0.06})
    signals("trailing_on_close", "A trailing stop from the best close, with fees and a buy cut to the cash.", 12,
            {"trailing_stop": {"activation": 0.0, "trail": 0.05}}, {"sl_stop": 0.05, "sl_trail": True}, fees=0.001)
    within_bar("stops_within_bar", "Stop loss and take profit within the bar: at their level, a stop at the open where it "
               "gaps, the stop before the target.", 13, {"stop_loss": 0.04, "take_profit": 0.05},
               {"sl_stop": 0.04, "tp_stop": 0.05})
    within_bar("trailing_within_bar", "A trailing stop within the bar, from the highest price up to the bar before.", 14,
               {"trailing_stop": {"activation": 0.0, "trail": 0.05}}, {"sl_stop": 0.05, "sl_trail": True})


if __name__ == "__main__":
    main()
