"""Values of operators as pandas, numpy, scipy and bottleneck compute them, for `operators.json` beside this file.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 pandas==3.1.1 scipy==1.17.1 bottleneck==1.6.0
    venv/bin/python operators.py > operators.json

Nothing here comes from evoquant: each case says an expression and computes its values by other people's code.
"""

import json
import sys

import bottleneck as bn
import numpy as np
import pandas as pd
import scipy
from scipy import special, stats

BARS, SYMBOLS, D = 16, 6, 5
SECTOR = ["a", "b", "a", "b", "a", "b"]

rng = np.random.default_rng(7)
# One decimal: ties occur in rows and windows.
close = pd.DataFrame((50 + rng.normal(0, 1, (BARS, SYMBOLS)).cumsum(axis=0)).round(1))
open_ = (close + rng.normal(0, 0.7, close.shape)).round(1)
high = np.maximum(open_, close) + rng.uniform(0, 1, close.shape).round(1)
low = np.minimum(open_, close) - rng.uniform(0, 1, close.shape).round(1)
volume = pd.DataFrame(rng.integers(1, 9, close.shape) * 100.0)
gaps = [(3, 1), (9, 4), (10, 4), (12, 0)]
for field in (close, open_, high, low, volume):
    for row, symbol in gaps:
        field.iat[row, symbol] = np.nan
x = close - open_
r = close / open_
known = close.notna()


def flag(frame):
    """True and false as 1 and 0, unknown where the bar is missing."""
    return frame.astype(float).where(known)


def windows(f, *frames):
    """`f` over each full window of the frames."""
    out = pd.DataFrame(np.nan, close.index, close.columns)
    for symbol in close.columns:
        for row in range(D - 1, BARS):
            parts = [frame.iloc[row - D + 1 : row + 1, symbol].to_numpy() for frame in frames]
            if not any(np.isnan(part).any() for part in parts):
                out.iat[row, symbol] = f(*parts)
    return out


def rows(f, *frames):
    """`f` over the symbols of each row that have values."""
    out = pd.DataFrame(np.nan, close.index, close.columns)
    for row in range(BARS):
        parts = [frame.iloc[row].to_numpy() for frame in frames]
        there = ~np.logical_or.reduce([np.isnan(part) for part in parts])
        out.iloc[row, np.flatnonzero(there)] = f(*[part[there] for part in parts])
    return out


def by_group(f, frame):
    """`f` over the symbols of each group of each row."""
    out = pd.DataFrame(np.nan, close.index, close.columns)
    for group in set(SECTOR):
        columns = [symbol for symbol, label in enumerate(SECTOR) if label == group]
        part = frame[columns]
        for row in range(BARS):
            there = part.iloc[row].notna().to_numpy()
            values = part.iloc[row].to_numpy()[there]
            out.iloc[row, np.array(columns)[there]] = f(values)
    return out


def wilder(values):
    """The definition in Wilder's New Concepts in Technical Trading Systems (1978)."""
    out, seen, average = [], [], np.nan
    for value in values:
        if np.isnan(value):
            out.append(np.nan)
            continue
        seen.append(value)
        if len(seen) == D:
            average = np.mean(seen)
        elif len(seen) > D:
            average += (value - average) / D
        out.append(average)
    return out


def top_bottom(values, k):
    order = np.argsort(values, kind="stable")
    out = np.zeros(len(values))
    out[order[:k]], out[order[len(values) - k :]] = -1, 1
    return out


def line(y, x):
    fit = stats.linregress(x, y)
    return fit.slope, fit.intercept, fit.rvalue**2, y[-1] - fit.intercept - fit.slope * x[-1]


def trend(part):
    return windows(lambda w: line(w, np.arange(D))[part], close)


def regression(part):
    return windows(lambda y, z: line(y, z)[part], close, volume)


def row_line(y, z):
    slope, level = np.polyfit(z, y, 1)
    return level + slope * z


def clip_mad(values):
    center = np.median(values)
    most = 1.5 * stats.median_abs_deviation(values)
    return np.clip(values, center - most, center + most)


def clip_std(values):
    center, most = values.mean(), values.std(ddof=1)
    return np.clip(values, center - most, center + most)


def minmax(values):
    with np.errstate(invalid="ignore"):
        return (values - values.min()) / (values.max() - values.min())


def unit_rank(values):
    return (stats.rankdata(values) - 1) / (len(values) - 1)


cases = {
    # Cells: numpy and scipy.special.
    "close + open": close + open_,
    "close - open": x,
    "close * volume": close * volume,
    "close / open": r,
    "-close": np.negative(close),
    "inverse(close)": np.reciprocal(close),
    "abs(close - open)": x.abs(),
    "sign(close - open)": np.sign(x),
    "log(close)": np.log(close),
    "exp(close / open)": np.exp(r),
    "sqrt(close)": np.sqrt(close),
    "square(close)": np.square(close),
    "(close / open)^3": np.power(r, 3),
    "signed_pow(close / open - 1, 0.5)": np.sign(r - 1) * np.sqrt((r - 1).abs()),
    "tanh(close / open)": np.tanh(r),
    "sigmoid(close / open)": special.expit(r),
    "clip(close / open, 0.99, 1.01)": np.clip(r, 0.99, 1.01),
    "log1p(close / open)": np.log1p(r),
    "s_log_1p(close / open - 1)": np.sign(r - 1) * np.log1p((r - 1).abs()),
    "cbrt(close / open - 1)": np.cbrt(r - 1),
    "arcsin(close / open - 1)": np.arcsin(r - 1),
    "arctan(close / open - 1)": np.arctan(r - 1),
    "frac(100 * (close / open - 1))": np.fmod(100 * (r - 1), 1),
    "round(100 * (close / open - 1))": np.rint(100 * (r - 1)),
    "floor(100 * (close / open - 1))": np.floor(100 * (r - 1)),
    "ceil(100 * (close / open - 1))": np.ceil(100 * (r - 1)),
    "min(open, close)": np.minimum(open_, close),
    "max(open, close)": np.maximum(open_, close),
    # Flags as numbers.
    "num(close < open)": flag(close < open_),
    "num(close <= open)": flag(close <= open_),
    "num(close > open)": flag(close > open_),
    "num(close >= open)": flag(close >= open_),
    "num(close == open)": flag(close == open_),
    "num(close != open)": flag(close != open_),
    "num(close > open and volume > 400)": flag((close > open_) & (volume > 400)),
    "num(close > open or volume > 400)": flag((close > open_) | (volume > 400)),
    "num(xor(close > open, volume > 400))": flag((close > open_) ^ (volume > 400)),
    "num(not (close > open))": flag(~(close > open_)),
    "if_else(close > open, high, low)": high.where(close > open_, low).where(known),
    "num(is_nan(close))": close.isna().astype(float),
    "fill(close, 7)": close.fillna(7),
    "nan_where(close, volume > 400)": close.mask(volume > 400),
    "to_nan(volume, 400)": volume.replace(400, np.nan),
    "left_tail(close - open, 0)": x.where(x <= 0),
    "right_tail(close - open, 0)": x.where(x >= 0),
    "tail(close - open, -0.5, 0.5, 0)": x.mask((x >= -0.5) & (x <= 0.5), 0),
    # Time series: pandas, bottleneck and scipy.stats.
    "ts_delay(close, 2)": close.shift(2),
    "ts_delta(close, 2)": close.diff(2),
    "returns(close, 2)": close.pct_change(2, fill_method=None),
    "log_returns(close, 2)": np.log(close).diff(2),
    "ts_sum(close, 5)": close.rolling(D).sum(),
    "ts_mean(close, 5)": close.rolling(D).mean(),
    "ts_wmean(close, volume, 5)": (close * volume).rolling(D).sum() / volume.rolling(D).sum(),
    "ts_product(close / open, 5)": windows(np.prod, r),
    "ts_std(close, 5)": close.rolling(D).std(),
    "ts_std(close, 5, ddof=0)": close.rolling(D).std(ddof=0),
    "ts_var(close, 5)": close.rolling(D).var(),
    "ts_zscore(close, 5)": (close - close.rolling(D).mean()) / close.rolling(D).std(),
    "ts_ir(close, 5)": close.rolling(D).mean() / close.rolling(D).std(),
    "ts_min(low, 5)": low.rolling(D).min(),
    "ts_max(high, 5)": high.rolling(D).max(),
    "ts_argmin(close, 5)": pd.DataFrame(bn.move_argmin(close.to_numpy(), D, axis=0)),
    "ts_argmax(close, 5)": pd.DataFrame(bn.move_argmax(close.to_numpy(), D, axis=0)),
    "ts_rank(close, 5)": (close.rolling(D).rank() - 1) / (D - 1),
    "ts_median(close, 5)": close.rolling(D).median(),
    "ts_corr(close, volume, 5)": close.rolling(D).corr(volume),
    "ts_cov(close, volume, 5)": close.rolling(D).cov(volume),
    "ts_decay_linear(close, 5)": windows(lambda w: np.average(w, weights=np.arange(1, D + 1)), close),
    "ts_backfill(close, 2)": close.ffill(limit=1),
    "ts_count(close > open, 5)": flag(close > open_).rolling(D).sum(),
    "ts_ema(close, 5)": close.ewm(span=D, adjust=False, min_periods=D, ignore_na=True).mean().where(known),
    "ts_rma(close, 5)": close.apply(lambda column: pd.Series(wilder(column))),
    "ts_slope(close, 5)": trend(0),
    "ts_rsquare(close, 5)": trend(2),
    "ts_trend_resid(close, 5)": trend(3),
    "ts_beta(close, volume, 5)": regression(0),
    "ts_alpha(close, volume, 5)": regression(1),
    "ts_r2(close, volume, 5)": regression(2),
    "ts_resid(close, volume, 5)": regression(3),
    "ts_vector_proj(close, volume, 5)": windows(lambda a, b: b[-1] * a.dot(b) / b.dot(b), close, volume),
    "ts_vector_neut(close, volume, 5)": windows(lambda a, b: a[-1] - b[-1] * a.dot(b) / b.dot(b), close, volume),
    # Cross-section: pandas, numpy and scipy.stats.
    "cs_rank(volume)": rows(unit_rank, volume),
    "cs_zscore(close)": rows(lambda w: stats.zscore(w, ddof=1), close),
    "cs_demean(close)": close.sub(close.mean(axis=1), axis=0),
    "cs_scale(close - open)": x.div(x.abs().sum(axis=1), axis=0),
    "cs_winsorize(close, 1)": rows(clip_std, close),
    "cs_mean(close)": rows(np.mean, close),
    "cs_sum(close)": rows(np.sum, close),
    "cs_std(close)": rows(lambda w: np.std(w, ddof=1), close),
    "cs_median(close)": rows(np.median, close),
    "cs_min(close)": rows(np.min, close),
    "cs_max(close)": rows(np.max, close),
    "cs_count(close)": rows(len, close),
    "cs_minmax(close)": rows(minmax, close),
    "cs_truncate(close - open, 0.2)": rows(lambda w: np.clip(w, -0.2 * abs(w).sum(), 0.2 * abs(w).sum()), x),
    "cs_top_bottom(volume, 2)": rows(lambda w: top_bottom(w, 2), volume),
    "cs_clip_quantile(close, 0.2, 0.8)": rows(lambda w: np.clip(w, *np.quantile(w, [0.2, 0.8])), close),
    "cs_clip_mad(close, 1.5)": rows(clip_mad, close),
    "cs_one_side(close - open)": rows(lambda w: w - min(w.min(), 0), x),
    "cs_reg_resid(close, volume)": rows(lambda y, z: y - row_line(y, z), close, volume),
    "cs_reg_fit(close, volume)": rows(row_line, close, volume),
    "cs_vector_neut(close, volume)": rows(lambda a, b: a - b * a.dot(b) / b.dot(b), close, volume),
    "cs_vector_proj(close, volume)": rows(lambda a, b: b * a.dot(b) / b.dot(b), close, volume),
    # Groups.
    "group_neutralize(close, sector)": by_group(lambda w: w - w.mean(), close),
    "group_rank(volume, sector)": by_group(unit_rank, volume),
    "group_zscore(close, sector)": by_group(lambda w: stats.zscore(w, ddof=1), close),
    "group_mean(close, sector)": by_group(np.mean, close),
    "group_sum(close, sector)": by_group(np.sum, close),
    "group_std(close, sector)": by_group(lambda w: np.std(w, ddof=1), close),
    "group_median(close, sector)": by_group(np.median, close),
    "group_min(close, sector)": by_group(np.min, close),
    "group_max(close, sector)": by_group(np.max, close),
    "group_count(close, sector)": by_group(len, close),
    "group_minmax(close, sector)": by_group(minmax, close),
    "group_normalize(close - open, sector)": by_group(lambda w: w / abs(w).sum(), x),
    "group_percentile(close, sector, 0.3)": by_group(lambda w: np.quantile(w, 0.3), close),
}


def table(frame):
    return [[None if np.isnan(value) else float(value) for value in row] for row in frame.to_numpy()]


tools = {tool.__name__: tool.__version__ for tool in (np, pd, scipy, bn)}
fields = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
def block(name, tables):
    rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(table(frame))}" for key, frame in tables.items())
    return f'"{name}": {{\n{rows}\n}}'


head = [f'"tools": {json.dumps(tools)}', f'"sector": {json.dumps(SECTOR)}']
sys.stdout.write("{\n" + ",\n".join([*head, block("fields", fields), block("cases", cases)]) + "\n}\n")
