"""Writes alphalens.json: what alphalens-reloaded says of two small panels, for the tests beside it.

    pip install alphalens-reloaded==0.5.1 'pandas<2.3'
    python alphalens_goldens.py

Figures that alphalens does not have (Pearson IC, the t-statistics) are computed by scipy and statsmodels from the table
that it makes. Factors are missing on the last bars, so that alphalens, which drops bars without a return, and we, who
keep them for turnover, look at the same ones.
"""

import json
import pathlib
import warnings

import numpy as np
import pandas as pd
import statsmodels.api as sm
from alphalens import performance, utils
from scipy import stats

warnings.filterwarnings("ignore")

HORIZONS, LAGS, QUANTILES = (1, 5, 10), (1, 5), 5


def panel(seed, bars, symbols, missing):
    """Prices, and a factor that knows a little of the future; `missing` names a bar lack it."""
    random = np.random.default_rng(seed)
    returns = random.normal(0, 0.02, (bars, symbols))
    close = 50 * np.exp(np.cumsum(returns, axis=0))
    open_ = close * np.exp(random.normal(0, 0.01, (bars, symbols)))
    ahead = np.vstack([returns[1:], returns[:1]])
    factor = random.normal(0, 1, (bars, symbols)).cumsum(axis=0) * 0.3 + 20 * ahead
    for row in factor:
        row[random.permutation(symbols)[: missing * random.integers(0, 3)]] = np.nan
    factor[-max(HORIZONS) - 1 :] = np.nan
    index = pd.bdate_range("2020-01-01", periods=bars, name="date")
    names = [f"S{i:02}" for i in range(symbols)]
    frame = lambda values: pd.DataFrame(values, index=index, columns=pd.Index(names, name="asset"))
    # Short numbers keep the file short.
    return frame(open_.round(4)), frame(close.round(4)), frame(factor.round(5))


def number(value):
    return None if value is None or not np.isfinite(value) else float(value)


def t_statistics(series, horizon):
    series = series.dropna()
    robust = sm.OLS(series.values, np.ones(len(series))).fit(
        cov_type="HAC", cov_kwds={"maxlags": horizon - 1, "use_correction": False}
    )
    return {"t_plain": stats.ttest_1samp(series, 0).statistic, "t_newey_west": robust.tvalues[0]}


def by_bar(series, index):
    return [number(value) for value in series.reindex(index)]


def summary(series, horizon):
    return {
        "n_dates": int(series.count()),
        "mean": series.mean(),
        "std": series.std(),
        "icir": series.mean() / series.std(),
        "share_positive": float((series.dropna() > 0).mean()),
        **t_statistics(series, horizon),
    }


def of_horizon(clean, horizon, index):
    column = clean.columns[0]
    rank_ic = performance.factor_information_coefficient(clean)[column]
    pearson = clean.groupby(level="date").apply(lambda day: stats.pearsonr(day["factor"], day[column]).statistic)
    means, _ = performance.mean_return_by_quantile(clean, demeaned=False)
    excess, _ = performance.mean_return_by_quantile(clean, demeaned=True)
    daily, errors = performance.mean_return_by_quantile(clean, by_date=True, demeaned=False)
    spread, _ = performance.compute_mean_returns_spread(daily, QUANTILES, 1, errors)
    top = daily.xs(QUANTILES, level="factor_quantile")[column] - daily.xs(1, level="factor_quantile")[column]
    assert np.allclose(top, 2 * spread[column]), "alphalens halves the spread"
    return {
        "horizon": horizon,
        "rank_ic": summary(rank_ic, horizon),
        "rank_ic_by_bar": by_bar(rank_ic, index),
        "ic": summary(pearson, horizon),
        "means": means[column].tolist(),
        "excess": excess[column].tolist(),
        "spread": {"mean": top.mean(), "std": top.std(), **t_statistics(top, horizon)},
        "monotonicity": stats.spearmanr(range(QUANTILES), means[column]).statistic,
    }


def of_lag(clean, lag, common_names):
    quantiles = clean["factor_quantile"]
    turnover = [performance.quantile_turnover(quantiles, q, lag).mean() for q in range(1, QUANTILES + 1)]
    # With gaps, alphalens correlates ranks among the names of each bar; ours are among the names that both bars have.
    steady = performance.factor_rank_autocorrelation(clean, lag).mean() if common_names else None
    return {"lag": lag, "rank_autocorrelation": steady, "turnover": turnover}


def golden(seed, bars, symbols, missing, fill):
    open_, close, factor = panel(seed, bars, symbols, missing)
    prices = {"same_close": close, "next_close": close.shift(-1), "next_open": open_.shift(-1)}[fill]
    prices = prices.dropna(how="all")
    stacked = factor.stack().dropna()
    cleaned = {
        horizon: utils.get_clean_factor_and_forward_returns(
            stacked, prices, quantiles=QUANTILES, periods=(horizon,), max_loss=1.0, filter_zscore=None
        )
        for horizon in HORIZONS
    }
    rows = lambda frame: [[number(value) for value in row] for row in frame.values]
    return {
        "fill": fill,
        "quantiles": QUANTILES,
        "open": rows(open_),
        "close": rows(close),
        "factor": rows(factor),
        "horizons": [of_horizon(clean, horizon, factor.index) for horizon, clean in cleaned.items()],
        "lags": [of_lag(cleaned[1], lag, missing == 0) for lag in LAGS],
    }


goldens = [
    golden(1, 60, 20, 0, "same_close"),
    golden(2, 48, 25, 5, "next_open"),
    golden(3, 48, 15, 5, "next_close"),
]
path = pathlib.Path(__file__).with_name("alphalens.json")
path.write_text(json.dumps(goldens, indent=None, separators=(",", ":")) + "\n")
