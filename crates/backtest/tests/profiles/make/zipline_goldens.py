"""Goldens of zipline: `python zipline_goldens.py`, with requirements_zipline.txt installed.

`zipline.run_algorithm` itself trades a bundle written here, on the New York calendar; nothing is computed beside it.
The bundle keeps prices as thousandths.
"""

import os
import tempfile

import exchange_calendars
import pandas as pd
import zipline
from zipline import run_algorithm
from zipline.api import order_target_percent, set_commission
from zipline.data.bundles import ingest, register
from zipline.finance.commission import PerShare

import golden

TOOL = f"zipline-reloaded {zipline.__version__}"
SESSIONS = exchange_calendars.get_calendar("XNYS").sessions_in_range("2024-01-02", "2024-12-31")
DAILY = {"rule": "weights", "count": 1, "weight": "equal", "rebalance": "daily"}
WEEKLY = {**DAILY, "rebalance": "weekly"}
MONTHLY = {**DAILY, "rebalance": "monthly"}


def panel(bars, symbols, seed, **options):
    return golden.panel(bars, symbols, seed, dates=[day.date() for day in SESSIONS[:bars]], **options)


def bundle(name, bars):
    """Registers and writes a bundle of these bars."""
    index = pd.DatetimeIndex(bars["dates"])

    def write(environ, assets, minutes, days, adjustments, calendar, start, end, cache, show_progress, output_dir):
        assets.write(
            equities=pd.DataFrame({"symbol": bars["symbols"], "asset_name": bars["symbols"], "start_date": index[0],
                                   "end_date": index[-1], "auto_close_date": index[-1] + pd.Timedelta(days=30),
                                   "exchange": "NYSE"}),
            exchanges=pd.DataFrame([["NYSE", "NYSE", "US"]], columns=["exchange", "canonical_name", "country_code"]))
        columns = ("open", "high", "low", "close", "volume")
        frames = ((k, pd.DataFrame({column: [row[k] for row in bars[column]] for column in columns}, index=index))
                  for k in range(len(bars["symbols"])))
        days.write(frames, show_progress=False)
        adjustments.write()

    register(name, write, calendar_name="XNYS", start_session=index[0], end_session=index[-1])
    ingest(name, show_progress=False)


def run(name, bars, size, capital, commission=None):
    bundle(name, bars)
    row = -1

    def initialize(context):
        context.assets = [zipline.api.symbol(symbol) for symbol in bars["symbols"]]
        if commission is not None:
            set_commission(commission)

    def handle_data(context, data):
        nonlocal row
        row += 1
        for asset, target in zip(context.assets, size[row]):
            if target == target:
                order_target_percent(asset, target)

    start, end = pd.Timestamp(bars["dates"][0]), pd.Timestamp(bars["dates"][-1])
    flat = pd.Series(0.0, index=pd.DatetimeIndex(bars["dates"]))
    found = run_algorithm(start=start, end=end, initialize=initialize, handle_data=handle_data, capital_base=capital,
                          bundle=name, data_frequency="daily", benchmark_returns=flat)
    fills, paid = [], {}
    for row, (transactions, orders) in enumerate(zip(found.transactions, found.orders)):
        charged = {}
        for order in orders:
            charged[order["id"]] = order["commission"] - paid.get(order["id"], 0.0)
            paid[order["id"]] = order["commission"]
        for done in transactions:
            symbol = bars["symbols"].index(done["sid"].symbol)
            fills.append(golden.fill(row, symbol, done["amount"], done["price"], charged[done["order_id"]]))
    fills.sort(key=lambda fill: (fill["row"], fill["symbol"]))
    return {"fills": fills, "equity": [float(value) for value in found.portfolio_value]}


def write(name, pins, bars, positions, size, capital=10_000.0, costs=None, commission=None):
    found = run(name, bars, size, capital, commission)
    settings = {"capital": capital, "costs": costs} if costs else {"capital": capital}
    golden.write("zipline", name, TOOL, pins, bars, positions, found, settings=settings, score=size)


def starts_month(bars):
    months = [day[:7] for day in bars["dates"]]
    return [row == 0 or months[row] != months[row - 1] for row in range(len(months))]


def main():
    bars = panel(50, 1, seed=41)
    write("defaults", "Defaults: whole shares at the next close, 5 bps of slippage in the price, 0.001 a share.", bars,
          DAILY, [[[0.8, 0.4, 0.0, 0.65][row // 5 % 4]] for row in range(50)])

    bars = panel(60, 2, seed=42)
    write("volume_cap", "A tenth of the bar's volume at most; what is left of an order is carried to the next bars.",
          bars, MONTHLY, golden.weights(bars, 43, 0.9, rows=starts_month(bars)), capital=150_000.0)

    bars = panel(60, 4, seed=44, step=0.05)
    write("no_cash_limit", "All of equity, sized at one close and bought at the next: what is short is borrowed.", bars,
          WEEKLY, golden.weights(bars, 45, 1.0, rows=golden.starts_week(bars["dates"])))

    bars = panel(60, 4, seed=46)
    write("shorts", "Negative weights are sold short, and a weight that changes its sign goes through zero.", bars,
          WEEKLY, golden.weights(bars, 47, 0.9, short=True, rows=golden.starts_week(bars["dates"])))

    bars = panel(60, 2, seed=48)
    write("minimum_fee", "A commission a share, with a least one an order.", bars, WEEKLY,
          golden.weights(bars, 49, 0.9, rows=golden.starts_week(bars["dates"])),
          costs={"per_share": 0.02, "minimum_fee": 1.0}, commission=PerShare(cost=0.02, min_trade_cost=1.0))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as root:
        os.environ["ZIPLINE_ROOT"] = root
        main()
