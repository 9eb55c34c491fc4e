"""Goldens of backtrader: `python backtrader_goldens.py`, with requirements.txt installed."""

import backtrader as bt
import pandas as pd

import golden

TOOL = f"backtrader {bt.__version__}"
DAILY = {"rule": "weights", "count": 1, "weight": "equal", "rebalance": "daily"}
WEEKLY = {**DAILY, "rebalance": "weekly"}


class Recorded(bt.Strategy):
    """Writes down what the broker did."""

    def __init__(self):
        self.fills, self.rejected, self.equity = [], [], []

    def notify_order(self, order):
        symbol, row = self.datas.index(order.data), len(self) - 1
        if order.status == order.Completed:
            done = order.executed
            self.fills.append(golden.fill(row, symbol, done.size, done.price, done.comm))
            self.filled(order)
        elif order.status in (order.Margin, order.Rejected):
            self.rejected.append({"row": row, "symbol": symbol})

    def filled(self, order):
        """What follows from a fill."""

    def next(self):
        self.equity.append(self.broker.getvalue())
        self.decide(len(self) - 1)


class Weights(Recorded):
    """Target per cents, what is sold first."""

    params = {"size": None}

    def decide(self, row):
        size = self.p.size[row]
        if size[0] != size[0]:
            return
        value = self.broker.getvalue()
        change = [size[k] * value - self.broker.getvalue([data]) for k, data in enumerate(self.datas)]
        order = sorted(range(len(self.datas)), key=lambda k: (change[k] >= 0, k))
        for k in order:
            self.order_target_percent(self.datas[k], target=size[k])


class Stops(Recorded):
    """Entries by flag into slots of equal parts; each has a stop and a target order, one of which cancels the other."""

    params = {"entry": None, "slots": 1, "stop": 0.0, "target": 0.0}

    def decide(self, row):
        for k, data in enumerate(self.datas):
            if self.p.entry[row][k] and not self.getposition(data).size:
                self.order_target_percent(data, target=1.0 / self.p.slots)

    def filled(self, order):
        if order.isbuy():
            price, size = order.executed.price, order.executed.size
            stop = self.sell(order.data, size=size, exectype=bt.Order.Stop, price=price * (1 - self.p.stop))
            self.sell(order.data, size=size, exectype=bt.Order.Limit, price=price * (1 + self.p.target), oco=stop)


def run(bars, strategy, broker=lambda broker: None, **params):
    cerebro = bt.Cerebro(stdstats=False)
    index = pd.to_datetime(bars["dates"])
    for k, name in enumerate(bars["symbols"]):
        columns = {field: [row[k] for row in bars[field]] for field in ("open", "high", "low", "close", "volume")}
        cerebro.adddata(bt.feeds.PandasData(dataname=pd.DataFrame(columns, index=index)), name=name)
    cerebro.broker.setcash(10_000.0)
    broker(cerebro.broker)
    cerebro.addstrategy(strategy, **params)
    found = cerebro.run()[0]
    fills = sorted(found.fills, key=lambda fill: (fill["row"], fill["symbol"]))
    return {"fills": fills, "equity": found.equity, "rejected": found.rejected}


def write(name, pins, bars, positions, expected, costs, cash_short=None, **rows):
    settings = {"cash_short": cash_short} if cash_short else {}
    golden.write("backtrader", name, TOOL, pins, bars, positions, expected,
                 settings={**settings, "capital": 10_000.0, "costs": costs}, **rows)


def whole_shares():
    bars = golden.panel(50, 1, seed=21)
    size = [[[0.8, 0.4, 0.0, 0.65][row // 5 % 4]] for row in range(50)]
    found = run(bars, Weights, lambda broker: broker.setcommission(commission=0.001), size=size)
    write("whole_shares", "Whole shares at the next open, changes cut towards what is held, commission in per cent.",
          bars, DAILY, found, {"commission_bps": 10.0}, score=size)


def sells_before_buys():
    bars = golden.panel(60, 4, seed=22)
    size = golden.weights(bars, 23, 0.93, rows=golden.starts_week(bars["dates"]))
    found = run(bars, Weights, lambda broker: broker.setcommission(commission=0.001), size=size)
    write("sells_before_buys", "Four symbols, weekly: what is sold pays for what is bought at the same open.",
          bars, WEEKLY, found, {"commission_bps": 10.0}, score=size)


def margin(name, check, seed, pins):
    bars = golden.panel(60, 3, seed=seed, gap=0.02)
    size = golden.weights(bars, seed + 1, 1.0, rows=golden.starts_week(bars["dates"]))

    def broker(broker):
        broker.setcommission(commission=0.002)
        broker.set_checksubmit(check)

    found = run(bars, Weights, broker, size=size)
    write(name, pins, bars, WEEKLY, found, {"commission_bps": 20.0}, None if check else "reject", score=size)
    print("  rejected", found["rejected"])


def shorts():
    bars = golden.panel(60, 4, seed=27)
    size = golden.weights(bars, 28, 0.9, short=True, rows=golden.starts_week(bars["dates"]))
    fixed = lambda broker: broker.setcommission(commission=0.02, commtype=bt.CommInfoBase.COMM_FIXED, stocklike=True)
    found = run(bars, Weights, fixed, size=size)
    write("shorts", "Short sales bring cash; a fixed commission a share.", bars, WEEKLY, found,
          {"commission_bps": 0.0, "per_share": 0.02}, score=size)


def slippage():
    bars = golden.panel(60, 2, seed=29)
    size = golden.weights(bars, 30, 0.9, rows=golden.starts_week(bars["dates"]))

    def broker(broker):
        broker.setcommission(commission=0.001)
        broker.set_slippage_perc(0.001, slip_open=True, slip_match=True, slip_out=True)

    found = run(bars, Weights, broker, size=size)
    write("slippage", "Slippage in per cent moves the open (slip_open, slip_out); commission is paid on the moved price.",
          bars, WEEKLY, found, {"commission_bps": 10.0, "slippage_bps": 10.0}, score=size)


def beyond(bars, fills, stop, target):
    """Whether a target was filled at more than its level, or a bar of entry would have touched a level: there the engine
    parts from backtrader by intent."""
    entered = {}
    for fill in fills:
        row, symbol = fill["row"], fill["symbol"]
        if fill["side"] == "buy":
            entered[symbol] = price = fill["price"]
            if bars["low"][row][symbol] <= price * (1 - stop) or bars["high"][row][symbol] >= price * (1 + target):
                return True
        elif fill["price"] > entered[symbol] * (1 + target) * (1 + 1e-9):
            return True
    return False


def stops():
    stop, target = 0.05, 0.06
    commission = lambda broker: broker.setcommission(commission=0.001)
    for seed in range(31, 1000):
        bars = golden.panel(80, 2, seed=seed, step=0.03, gap=0.02)
        chance = golden.Chance(seed + 1)
        entry = [[1.0 if chance.next() < 0.3 else 0.0 for _ in range(2)] for _ in range(80)]
        while True:
            found = run(bars, Stops, commission, entry=entry, slots=3, stop=stop, target=target)
            again = [(fill["row"], fill["symbol"]) for fill in found["fills"]
                     if fill["side"] == "sell" and entry[fill["row"]][fill["symbol"]]]
            # Whether an entry on the bar of an exit counts is not what this scenario asks.
            if not again:
                break
            for row, symbol in again:
                entry[row][symbol] = 0.0
        gaps = sum(fill["side"] == "sell" and fill["price"] == bars["open"][fill["row"]][fill["symbol"]]
                   for fill in found["fills"])
        if gaps and not beyond(bars, found["fills"], stop, target):
            break
    positions = {"rule": "signal", "count": 3, "weight": "equal", "rebalance": "daily"}
    write("stops", "Stop and target orders work from the bar after the entry: at their level, a stop at the open where it "
          "gaps, the stop first.", bars, positions, found, {"commission_bps": 10.0},
          exits={"stop_loss": stop, "take_profit": target, "trigger": "touched"}, entry=entry, exit=[[0.0, 0.0]] * 80)


def main():
    whole_shares()
    sells_before_buys()
    margin("rejected_for_margin", True, 24,
           "A buy that costs more than the cash is rejected whole, in the order of orders, judged at the close when it "
           "is submitted and again at the open.")
    margin("rejected_at_the_open", False, 25,
           "With checksubmit off: a buy that costs more than the cash at the open is rejected whole.")
    shorts()
    slippage()
    stops()


if __name__ == "__main__":
    main()
