"""Goldens of alphalens: `python alphalens_goldens.py`, with requirements.txt installed.

alphalens gives weights and portfolio returns by bar, and neither shares nor money. Fills and equity are what those weights
and returns come to: equity grows by the returns, a weight is held as weight x equity / close shares, and a fill is the
difference from one close to the next. On the last bar there is no forward return and so no factor: the book is sold.
"""

import alphalens
import numpy as np
import pandas as pd

import golden

TOOL = f"alphalens-reloaded {alphalens.__version__}"
CAPITAL = 10_000.0


def table(bars, rows):
    index = pd.DatetimeIndex(bars["dates"], name="date")
    return pd.DataFrame(rows, index=index, columns=pd.Index(bars["symbols"], name="asset"), dtype=float)


def clean(bars, factor, quantiles):
    """What every study of alphalens starts from."""
    return alphalens.utils.get_clean_factor_and_forward_returns(
        table(bars, factor).stack(), table(bars, bars["close"]), quantiles=quantiles, periods=(1,), max_loss=0.5)


def expected(bars, weights, returns):
    """Fills and equity that weights `[bars x symbols]` and returns from one close to the next come to."""
    close = table(bars, bars["close"])
    weights = weights.reindex(index=close.index, columns=close.columns).fillna(0.0)
    earned = returns.reindex(close.index).fillna(0.0).to_numpy()[:-1]
    equity = CAPITAL * np.concatenate([[1.0], np.cumprod(1.0 + earned)])
    shares = weights.to_numpy() * equity[:, None] / close.to_numpy()
    change = np.diff(shares, axis=0, prepend=0.0)
    fills = [golden.fill(row, symbol, change[row, symbol], close.iat[row, symbol], 0.0)
             for row, symbol in np.argwhere(change)]
    return {"fills": fills, "equity": [float(value) for value in equity], "weights": weights.to_numpy().tolist()}


def write(name, pins, bars, rule, count, found, score):
    positions = {"rule": rule, "count": count, "weight": "equal", "rebalance": "daily"}
    last = [[float("nan")] * len(bars["symbols"])]
    golden.write("alphalens", name, TOOL, pins, bars, positions, found, settings={"capital": CAPITAL},
                 score=score[:-1] + last)


def scores(bars, seed, missing=0.0):
    """Factor values without ties, a share of them missing."""
    chance = golden.Chance(seed)
    row = lambda: [round(20.0 * chance.next() - 10.0, 4) for _ in bars["symbols"]]
    return [[float("nan") if chance.next() < missing else value for value in row()] for _ in bars["dates"]]


def by_factor(name, pins, bars, factor):
    """`factor_returns` of weights in proportion to the demeaned factor. Its demeaning is the strategy's to write; what
    the score is then divided by is ours."""
    data = clean(bars, factor, quantiles=2)
    weights = alphalens.performance.factor_weights(data, demeaned=True)
    returns = alphalens.performance.factor_returns(data, demeaned=True)["1D"]
    demeaned = table(bars, factor).sub(table(bars, factor).mean(axis=1), axis=0)
    write(name, pins, bars, "weights", 1, expected(bars, weights.unstack(), returns), demeaned.to_numpy().tolist())


def halves():
    bars = golden.panel(40, 6, seed=63)
    factor = scores(bars, 64)
    data = clean(bars, factor, quantiles=2)
    weights = alphalens.performance.factor_weights(data, demeaned=True, equal_weight=True)
    returns = alphalens.performance.factor_returns(data, demeaned=True, equal_weight=True)["1D"]
    write("equal_weight_halves", "factor_returns with equal weights: the upper half against the lower, half a side.",
          bars, "long_short", 3, expected(bars, weights.unstack(), returns), factor)


def quantile(name, pins, rule, sides):
    """Quantiles of two symbols each, held in equal parts: `sides` says how much of the book each of them is."""
    bars = golden.panel(40, 8, seed=65)
    factor = scores(bars, 66)
    data = clean(bars, factor, quantiles=4)
    means, _ = alphalens.performance.mean_return_by_quantile(data, by_date=True, demeaned=False)
    means = means["1D"].unstack("factor_quantile")
    returns = sum(part * means[number] for number, part in sides.items())
    parts = data["factor_quantile"].map(lambda number: sides.get(number, 0.0) / 2)
    write(name, pins, bars, rule, 2, expected(bars, parts.unstack(), returns), factor)
    return data, returns


def main():
    by_factor("factor_weights", "factor_returns of weights in proportion to the demeaned factor, gross 1, net 0.",
              *(lambda bars: (bars, scores(bars, 61)))(golden.panel(50, 4, seed=60)))
    by_factor("missing_factors", "The same where the factor is missing at times: who has none is not held.",
              *(lambda bars: (bars, scores(bars, 62, missing=0.25)))(golden.panel(50, 5, seed=67)))
    halves()
    data, returns = quantile("quantile_spread", "Top quantile less bottom quantile, equal weights, half a side.",
                             "long_short", {4: 0.5, 1: -0.5})
    means, errors = alphalens.performance.mean_return_by_quantile(data, by_date=True, demeaned=False)
    spread, _ = alphalens.performance.compute_mean_returns_spread(means, 4, 1, std_err=errors)
    print("  spread over our returns:", (spread["1D"] / returns).round(12).unique())
    quantile("top_quantile", "Mean return of the top quantile, equal weights, not demeaned.", "top", {4: 1.0})


if __name__ == "__main__":
    main()
