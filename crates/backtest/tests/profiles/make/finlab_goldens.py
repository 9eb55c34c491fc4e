"""Goldens of finlab's rules, by a script of our own: `python finlab_goldens.py`, standard library only.

`finlab.backtest.sim` asks its maker's server for leave before it runs, so no figure here comes from it. The rules are
those of

- its reference, https://doc.finlab.tw/reference/backtest/, and the documentation of `sim` in finlab 2.2.20: a row of
  positions is traded one bar later at `trade_at_price`; `fee_ratio` 1.425 / 1000 is paid on both sides, `tax_ratio`
  3 / 1000 on sales; rows whose sizes sum to more than 1 are scaled to 1; `resample` "D" rebalances on every bar,
  "W-MON" on what is known on Mondays, none when a row changes; a stop loss or take profit is judged on closes and
  executed on the bar after;
- what others measured against it to 1e-13 (https://github.com/Yvictor/polars_backtest_extension, RESEARCH.md, sections
  1, 2, 6 and 10): a weight is one of the balance at the prices of the trade, before costs; a purchase takes its whole
  amount from the cash and its fee from what is bought; so a full book is switched on borrowed cash.
"""

import golden

TOOL = "finlab 2.2.20 as documented, by a script of our own"
CAPITAL = 1_000_000.0
FEE, TAX = 1.425 / 1000, 3 / 1000
NAN = float("nan")


class Account:
    """Cash and shares."""

    def __init__(self, symbols):
        self.cash, self.shares, self.fills = CAPITAL, [0.0] * symbols, []

    def worth(self, prices):
        return self.cash + sum(shares * price for shares, price in zip(self.shares, prices))

    def trade(self, row, symbol, amount, price):
        """Buys for an amount of money, or sells where it is below 0."""
        if amount > 0:
            fee = amount * FEE
            shares, costs = (amount - fee) / price, fee
            self.cash -= amount
        elif amount < 0:
            shares, costs = amount / price, -amount * (FEE + TAX)
            self.cash += -amount - costs
        else:
            return
        self.shares[symbol] += shares
        self.fills.append(golden.fill(row, symbol, shares, price, costs))

    def close(self, row, symbol, price):
        """Sells all there is."""
        self.trade(row, symbol, -self.shares[symbol] * price, price)
        self.shares[symbol] = 0.0

    def rebalance(self, row, weights, prices):
        """Sets every position to its part of the balance at these prices."""
        balance, gross = self.worth(prices), sum(abs(weight) for weight in weights)
        for symbol, (weight, price) in enumerate(zip(weights, prices)):
            if weight == 0:
                if self.shares[symbol]:
                    self.close(row, symbol, price)
            else:
                self.trade(row, symbol, weight * balance / max(gross, 1.0) - self.shares[symbol] * price, price)


def simulate(bars, weights, price, rebalances, stop_loss=None, take_profit=None):
    """Trades rows of weights one bar after those on which `rebalances` is true."""
    symbols = len(bars["symbols"])
    account, equity = Account(symbols), []
    entered, leaving = [None] * symbols, set()
    for row in range(len(bars["dates"])):
        prices, closes = bars[price][row], bars["close"][row]
        for symbol in sorted(leaving):
            account.close(row, symbol, prices[symbol])
        leaving.clear()
        if row > 0 and rebalances(row - 1):
            account.rebalance(row, weights[row - 1], prices)
            entered = list(prices)
        equity.append(account.worth(closes))
        for symbol in range(symbols):
            if account.shares[symbol]:
                grown = closes[symbol] / entered[symbol]
                lost = stop_loss is not None and grown < 1 - stop_loss
                won = take_profit is not None and grown >= 1 + take_profit
                # What a rebalance sells on the next bar anyway is not closed twice.
                if (lost or won) and not (rebalances(row) and weights[row][symbol] == 0):
                    leaving.add(symbol)
    account.fills.sort(key=lambda fill: (fill["row"], fill["symbol"]))
    return {"fills": account.fills, "equity": equity}


def write(name, pins, bars, positions, found, exits=None, settings=None, **rows):
    golden.write("finlab", name, TOOL, pins, bars, positions, found, exits=exits,
                 settings={"capital": CAPITAL, **(settings or {})}, **rows)


def by_weights(name, pins, seed, symbols, gross, weekly, price="close", settings=None):
    bars = golden.panel(60, symbols, seed)
    starts = golden.starts_week(bars["dates"]) if weekly else [True] * 60
    weights = golden.weights(bars, seed + 1, gross)
    found = simulate(bars, weights, price, lambda row: starts[row])
    positions = {"rule": "weights", "count": 1, "weight": "equal", "rebalance": "weekly" if weekly else "daily"}
    write(name, pins, bars, positions, found, settings=settings, score=weights)


def by_flags(name, pins, seed, **stops):
    """One stock, held while its position is true; traded when the position changes."""
    bars = golden.panel(100, 1, seed, step=0.04)
    chance, held, position = golden.Chance(seed + 1), False, []
    for _ in range(100):
        held = chance.next() < (0.92 if held else 0.3)
        position.append(held)
    changes = [row == 0 or position[row] != position[row - 1] for row in range(100)]
    found = simulate(bars, [[1.0 if held else 0.0] for held in position], "close", lambda row: changes[row], **stops)
    entry = [[1.0 if changes[row] and position[row] else 0.0] for row in range(100)]
    exit_ = [[0.0 if held else 1.0] for held in position]
    positions = {"rule": "signal", "count": 1, "weight": "equal", "rebalance": "daily"}
    write(name, pins, bars, positions, found, exits=stops, entry=entry, exit=exit_)


def main():
    by_weights("daily", "resample D: every bar, one bar later, at the close; fees on both sides, tax on sales.", 81, 2,
               0.8, weekly=False)
    by_weights("weekly", "resample W-MON, four stocks and no cash left: sized at the prices of the trade, and the costs "
               "of a switch are borrowed.", 83, 4, 1.0, weekly=True)
    by_weights("weekly_at_the_open", "trade_at_price open: sized and traded at the open, valued at the close.", 85, 3,
               0.9, weekly=True, price="open", settings={"fill": "next_open"})
    by_flags("switches", "resample none, one stock: bought and sold when its position changes, and not in between.", 87)
    by_flags("stop_loss", "A stop loss and a take profit on the close, executed at the next; not bought again before the "
             "position has been false.", 89, stop_loss=0.06, take_profit=0.1)


if __name__ == "__main__":
    main()
