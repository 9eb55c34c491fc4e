"""Values of operators as pandas, numpy, scipy and bottleneck compute them, for `operators.json` beside this file.

    python3 -m venv venv
    venv/bin/pip install numpy==2.4.6 pandas==3.1.1 scipy==1.17.1 bottleneck==1.6.0 TA-Lib==0.8.2
    venv/bin/python operators.py > operators.json

Nothing here comes from evoquant: each case says an expression and computes its values by other people's code. What no
other tool has (the last of the cases) is written out here, row by row, from its definition.
"""

import json
import sys

import bottleneck as bn
import numpy as np
import pandas as pd
import scipy
import talib
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


def partial(least, f, *frames, now=False):
    """`f` over the rows of each window that all frames have and their places in it, 1 to D, where they are enough; with
    `now` the current row must be one of them."""
    out = pd.DataFrame(np.nan, close.index, close.columns)
    for symbol in close.columns:
        for row in range(BARS):
            first = max(row - D + 1, 0)
            parts = np.array([frame.iloc[first : row + 1, symbol].to_numpy() for frame in frames])
            there = ~np.isnan(parts).any(axis=0)
            if there.sum() >= least and (there[-1] or not now):
                places = np.arange(first, row + 1)[there] - row + D
                out.iat[row, symbol] = f(*parts[:, there], places)
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


def partial_corr(a, b, c):
    """From the inverse of the correlation matrix."""
    precision = np.linalg.inv(np.corrcoef([a, b, c]))
    return -precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1])


def standard(w):
    return (w - w.mean()) / w.std()


def last_different(w):
    earlier = [value for value in w if value < w[-1] or value > w[-1]]
    return earlier[-1] if earlier else np.nan


def entropy(w):
    return stats.entropy(np.histogram(w, bins=10)[0])


def max_drawdown(w):
    return (w / np.maximum.accumulate(w) - 1).min()


def kleene(frame, how):
    """`any` or `all` of pandas' three-valued booleans over full windows."""
    out = pd.DataFrame(np.nan, frame.index, frame.columns)
    for symbol in frame.columns:
        column = frame[symbol].astype("boolean")
        for row in range(2, BARS):
            value = getattr(column.iloc[row - 2 : row + 1], how)(skipna=False)
            out.iat[row, symbol] = np.nan if value is pd.NA else float(value)
    return out


def crossed(now, before):
    both = now.astype("boolean") & before.astype("boolean")
    return both.astype("Float64").astype(float)


def by_talib(f):
    """A function of TA-Lib over each symbol's known closes."""
    return close.apply(lambda column: pd.Series(f(column.dropna().to_numpy()), column.dropna().index)).reindex(close.index)


def plane(y, a, b):
    design = np.column_stack([np.ones_like(a), a, b])
    return y - design @ np.linalg.lstsq(design, y, rcond=None)[0]


def by_label(frame, labels, f):
    """`f` of each row's values by label, for all of them."""
    out = pd.DataFrame(np.nan, frame.index, frame.columns)
    for row in range(BARS):
        out.iloc[row] = frame.iloc[row].groupby(labels.iloc[row]).transform(f)
    return out


def qcut(frame, k):
    return rows(lambda w: np.floor((stats.rankdata(w) - 0.5) * k / len(w)), frame)


def group_pairs(f, *frames):
    """`f` over the symbols of each group that have all values."""
    out = pd.DataFrame(np.nan, close.index, close.columns)
    for group in set(SECTOR):
        columns = [symbol for symbol, label in enumerate(SECTOR) if label == group]
        out[columns] = rows_of(f, *[frame[columns] for frame in frames])
    return out


def rows_of(f, *frames):
    out = pd.DataFrame(np.nan, close.index, frames[0].columns)
    for row in range(BARS):
        parts = [frame.iloc[row].to_numpy() for frame in frames]
        there = ~np.logical_or.reduce([np.isnan(part) for part in parts])
        out.iloc[row, np.flatnonzero(there)] = f(*[part[there] for part in parts])
    return out


def group_backfill(frame, d, c):
    out = frame.copy()
    for row in range(BARS):
        for symbol in close.columns:
            if np.isnan(frame.iat[row, symbol]) and known.iat[row, symbol]:
                same = [other for other in close.columns if SECTOR[other] == SECTOR[symbol] and known.iat[row, other]]
                values = frame.iloc[max(row - d + 1, 0) : row + 1, same].to_numpy().ravel()
                values = values[~np.isnan(values)]
                if len(values) > 1:
                    most = c * values.std(ddof=1)
                    values = np.clip(values, values.mean() - most, values.mean() + most)
                out.iat[row, symbol] = values.mean() if len(values) else np.nan
    return out


def down_rows(step, *frames):
    """Carries a state down the rows of each symbol: `step(state, *values)` gives the next state and the value."""
    out = pd.DataFrame(np.nan, close.index, close.columns)
    for symbol in close.columns:
        state = None
        for row in range(BARS):
            state, out.iat[row, symbol] = step(state, row, *[frame.iat[row, symbol] for frame in frames])
    return out


def since(state, row, truth):
    state = row if truth == 1 else state
    return state, np.nan if state is None else row - state


def since_change(state, row, value):
    before, changed = state or (np.nan, np.nan)
    if np.isnan(value):
        return (before, changed), np.nan
    if not np.isnan(before) and value != before:
        changed = row
    return (value, changed), row - changed


def trade_when(state, row, enter, value, leave):
    if leave == 1:
        return None, np.nan
    if np.isnan(leave) or np.isnan(enter) or (enter == 1 and np.isnan(value)):
        return state, np.nan
    state = value if enter == 1 else state
    return state, np.nan if state is None else state


def hump_decay(state, row, value):
    if np.isnan(value):
        return state, np.nan
    if state is None or abs(value - state) > 0.01 * abs(value):
        state = value
    return state, state


def delta_limit(state, row, value, size):
    if np.isnan(value) or np.isnan(size):
        return state, np.nan
    state = value if state is None else state + np.clip(value - state, -0.002 * size, 0.002 * size)
    return state, state


def hump(frame, c):
    out, held = pd.DataFrame(np.nan, frame.index, frame.columns), [np.nan] * SYMBOLS
    for row in range(BARS):
        most = c * frame.iloc[row].abs().sum()
        for symbol in frame.columns:
            value, before = frame.iat[row, symbol], held[symbol]
            if not np.isnan(value):
                step = value - before
                moved = before if abs(step) <= most else before + most * np.sign(step)
                held[symbol] = value if np.isnan(before) else moved
                out.iat[row, symbol] = held[symbol]
    return out


busy = flag(volume > 400)
above = flag(close > open_)
quiet = close.mask(volume > 500)
calm = open_.mask(volume < 300)
few, one = quiet.rolling(D, min_periods=2), quiet.rolling(D, min_periods=1)

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
    "ts_rank(close, 5, scale=pct)": close.rolling(D).rank(pct=True),
    "ts_rank(close, 5, scale=raw)": close.rolling(D).rank(),
    "ts_rank(close, 5, scale=signed)": pd.DataFrame(bn.move_rank(close.to_numpy(), D, axis=0)),
    "ts_median(close, 5)": close.rolling(D).median(),
    "ts_corr(close, volume, 5)": close.rolling(D).corr(volume),
    "ts_cov(close, volume, 5)": close.rolling(D).cov(volume),
    "ts_decay_linear(close, 5)": windows(lambda w: np.average(w, weights=np.arange(1, D + 1)), close),
    "ts_backfill(close, 2)": close.ffill(limit=1),
    "ts_count(close > open, 5)": flag(close > open_).rolling(D).sum(),
    "ts_ema(close, 5)": close.ewm(span=D, adjust=False, min_periods=D, ignore_na=True).mean().where(known),
    "ts_ema(close, 5, seed=adjusted)": close.ewm(span=D, min_periods=D, ignore_na=True).mean().where(known),
    "ts_ema(close, 5, seed=sma)": by_talib(lambda values: talib.EMA(values, D)),
    "ts_sma_cn(close, 5, 2)": close.ewm(alpha=2 / D, adjust=False, ignore_na=True).mean().where(known),
    "ts_kama(close, 5)": by_talib(lambda values: talib.KAMA(values, D)),
    "ts_cumsum(volume)": volume.cumsum(),
    "ts_rma(close, 5)": close.apply(lambda column: pd.Series(wilder(column))),
    "ts_slope(close, 5)": trend(0),
    "ts_rsquare(close, 5)": trend(2),
    "ts_trend_resid(close, 5)": trend(3),
    "ts_beta(close, volume, 5)": regression(0),
    "ts_alpha(close, volume, 5)": regression(1),
    "ts_r2(close, volume, 5)": regression(2),
    "ts_resid(close, volume, 5)": regression(3),
    "ts_fit(close, volume, 5)": windows(lambda y, z: stats.linregress(z, y).slope * z[-1] + stats.linregress(z, y).intercept, close, volume),
    "ts_sse(close, volume, 5)": windows(lambda y, z: np.polyfit(z, y, 1, full=True)[1][0], close, volume),
    "ts_sst(close, 5)": windows(lambda w: w.var() * D, close),
    "ts_mse(close, volume, 5)": windows(lambda y, z: np.polyfit(z, y, 1, full=True)[1][0] / (D - 2), close, volume),
    "ts_se_beta(close, volume, 5)": windows(lambda y, z: stats.linregress(z, y).stderr, close, volume),
    "ts_se_alpha(close, volume, 5)": windows(lambda y, z: stats.linregress(z, y).intercept_stderr, close, volume),
    "ts_skew(close, 5)": close.rolling(D).skew(),
    "ts_kurt(close, 5)": close.rolling(D).kurt(),
    "ts_moment(close / open, 5, 3)": windows(lambda w: stats.moment(w, 3), r),
    "ts_moment(close / open, 5, 4)": windows(lambda w: stats.moment(w, 4), r),
    "ts_mad(close, 5)": windows(lambda w: np.abs(w - w.mean()).mean(), close),
    "ts_medad(close, 5)": windows(stats.median_abs_deviation, close),
    "ts_percentile(close, 5, 0.3)": close.rolling(D).quantile(0.3),
    "ts_quantile(close, 5)": windows(lambda w: stats.norm.ppf((stats.rankdata(w)[-1] - 0.5) / D), close),
    "ts_quantile(close, 5, driver=cauchy)": windows(lambda w: stats.cauchy.ppf((stats.rankdata(w)[-1] - 0.5) / D), close),
    "ts_scale(close, 5)": (close - close.rolling(D).min()) / (close.rolling(D).max() - close.rolling(D).min()),
    "ts_partial_corr(close, volume, high / low, 5)": windows(partial_corr, close, volume, high / low),
    "ts_triple_corr(close, volume, high / low, 5)": windows(
        lambda a, b, c: (standard(a) * standard(b) * standard(c)).mean(), close, volume, high / low
    ),
    "ts_co_skew(close, volume, 5)": windows(lambda a, b: (standard(a) * standard(b) ** 2).mean(), close, volume),
    "ts_co_kurt(close, volume, 5)": windows(lambda a, b: (standard(a) * standard(b) ** 3).mean(), close, volume),
    "ts_entropy(close / open, 10)": r.rolling(10).apply(entropy, raw=True),
    "ts_max_drawdown(close, 5)": windows(max_drawdown, close),
    "ts_decay_exp(close, 5)": windows(lambda w: np.average(w, weights=0.5 ** np.arange(D - 1, -1, -1)), close),
    "ts_kth_element(close, 5, 2)": close.rolling(D, min_periods=1).apply(
        lambda w: np.nan if (~np.isnan(w)).sum() < 2 else w[~np.isnan(w)][-2], raw=True
    ),
    "ts_last_diff_value(volume, 5)": volume.rolling(D, min_periods=1).apply(last_different, raw=True),
    "ts_count_nans(close, 5)": close.isna().rolling(D).sum(),
    "num(ts_any(volume > 400, 3))": kleene(busy, "any"),
    "num(ts_all(volume > 400, 3))": kleene(busy, "all"),
    "num(cross_above(close, open))": crossed(above, flag(close <= open_).shift(1)),
    "num(cross_below(close, open))": crossed(flag(close < open_), flag(close >= open_).shift(1)),
    "ts_vector_proj(close, volume, 5)": windows(lambda a, b: b[-1] * a.dot(b) / b.dot(b), close, volume),
    "ts_vector_neut(close, volume, 5)": windows(lambda a, b: a[-1] - b[-1] * a.dot(b) / b.dot(b), close, volume),
    # Windows with gaps, of which the known rows count: pandas with `min_periods`, and others over those rows.
    "ts_sum(nan_where(close, volume > 500), 5, min_periods=1)": one.sum(),
    "ts_mean(nan_where(close, volume > 500), 5, min_periods=1)": one.mean(),
    "ts_mean(nan_where(close, volume > 500), 5, min_periods=2)": few.mean(),
    "ts_std(nan_where(close, volume > 500), 5, min_periods=2)": few.std(),
    "ts_std(nan_where(close, volume > 500), 5, ddof=0, min_periods=1)": one.std(ddof=0),
    "ts_var(nan_where(close, volume > 500), 5, min_periods=1)": one.var(),
    "ts_zscore(nan_where(close, volume > 500), 5, min_periods=2)": (quiet - few.mean()) / few.std(),
    "ts_ir(nan_where(close, volume > 500), 5, min_periods=2)": (few.mean() / few.std()).replace(np.inf, np.nan),
    "ts_min(nan_where(close, volume > 500), 5, min_periods=1)": one.min(),
    "ts_max(nan_where(close, volume > 500), 5, min_periods=2)": few.max(),
    "ts_median(nan_where(close, volume > 500), 5, min_periods=2)": few.median(),
    "ts_percentile(nan_where(close, volume > 500), 5, 0.3, min_periods=2)": few.quantile(0.3),
    "ts_skew(nan_where(close, volume > 500), 5, min_periods=3)": quiet.rolling(D, min_periods=3).skew(),
    "ts_kurt(nan_where(close, volume > 500), 5, min_periods=1)": quiet.rolling(D, min_periods=4).kurt(),
    "ts_rank(nan_where(close, volume > 500), 5, scale=pct, min_periods=1)": one.rank(pct=True),
    "ts_rank(nan_where(close, volume > 500), 5, scale=raw, min_periods=2)": few.rank(),
    "ts_scale(nan_where(close, volume > 500), 5, min_periods=2)": ((quiet - few.min()) / (few.max() - few.min())),
    "ts_product(nan_where(close, volume > 500) / open, 5, min_periods=2)": (
        (quiet / open_).rolling(D, min_periods=2).apply(np.nanprod, raw=True)
    ),
    "ts_argmin(nan_where(close, volume > 500), 5, min_periods=1)": one.apply(lambda w: np.nanargmin(w[::-1]), raw=True),
    "ts_argmax(nan_where(close, volume > 500), 5, min_periods=2)": few.apply(lambda w: np.nanargmax(w[::-1]), raw=True),
    "ts_mad(nan_where(close, volume > 500), 5, min_periods=2)": (
        few.apply(lambda w: np.nanmean(abs(w - np.nanmean(w))), raw=True)
    ),
    "ts_medad(nan_where(close, volume > 500), 5, min_periods=1)": (
        one.apply(lambda w: np.nanmedian(abs(w - np.nanmedian(w))), raw=True)
    ),
    "ts_moment(nan_where(close, volume > 500) / open, 5, 3, min_periods=2)": (
        partial(2, lambda w, _: stats.moment(w, 3), quiet / open_)
    ),
    "ts_count(nan_where(close, volume > 500) > open, 5, min_periods=2)": (
        flag(quiet > open_).where(quiet.notna()).rolling(D, min_periods=2).sum()
    ),
    "ts_corr(nan_where(close, volume > 500), nan_where(open, volume < 300), 5, min_periods=2)": few.corr(calm),
    "ts_cov(nan_where(close, volume > 500), nan_where(open, volume < 300), 5, min_periods=2)": few.cov(calm),
    "ts_wmean(nan_where(close, volume > 500), nan_where(open, volume < 300), 5, min_periods=1)": (
        partial(1, lambda a, b, _: np.average(a, weights=b), quiet, calm)
    ),
    "ts_beta(nan_where(close, volume > 500), nan_where(open, volume < 300), 5, min_periods=3)": (
        partial(3, lambda a, b, _: line(a, b)[0], quiet, calm)
    ),
    "ts_alpha(nan_where(close, volume > 500), nan_where(open, volume < 300), 5, min_periods=3)": (
        partial(3, lambda a, b, _: line(a, b)[1], quiet, calm)
    ),
    "ts_r2(nan_where(close, volume > 500), nan_where(open, volume < 300), 5, min_periods=3)": (
        partial(3, lambda a, b, _: line(a, b)[2], quiet, calm)
    ),
    "ts_resid(nan_where(close, volume > 500), nan_where(open, volume < 300), 5, min_periods=3)": (
        partial(3, lambda a, b, _: line(a, b)[3], quiet, calm, now=True)
    ),
    "ts_slope(nan_where(close, volume > 500), 5, min_periods=2)": partial(2, lambda w, i: line(w, i)[0], quiet),
    "ts_rsquare(nan_where(close, volume > 500), 5, min_periods=3)": partial(3, lambda w, i: line(w, i)[2], quiet),
    "ts_trend_resid(nan_where(close, volume > 500), 5, min_periods=3)": (
        partial(3, lambda w, i: line(w, i)[3], quiet, now=True)
    ),
    "ts_decay_linear(nan_where(close, volume > 500), 5, min_periods=1)": (
        partial(1, lambda w, i: np.average(w, weights=i), quiet)
    ),
    "ts_decay_exp(nan_where(close, volume > 500), 5, 0.7, min_periods=2)": (
        partial(2, lambda w, i: np.average(w, weights=0.7 ** (D - i)), quiet)
    ),
    "ts_max_drawdown(nan_where(close, volume > 500), 5, min_periods=2)": (
        partial(2, lambda w, _: max_drawdown(w), quiet)
    ),
    "ts_quantile(nan_where(close, volume > 500), 5, driver=uniform, min_periods=2)": (
        partial(2, lambda w, _: (stats.rankdata(w)[-1] - 0.5) / len(w), quiet, now=True)
    ),
    # Cross-section: pandas, numpy and scipy.stats.
    "cs_rank(volume)": rows(unit_rank, volume),
    "cs_rank(volume, scale=pct)": volume.rank(axis=1, pct=True),
    "cs_rank(volume, scale=raw)": volume.rank(axis=1),
    "cs_rank(volume, scale=signed)": rows(lambda w: 2 * unit_rank(w) - 1, volume),
    "cs_zscore(close, ddof=0)": rows(stats.zscore, close),
    "cs_normalize(close, 1)": rows(lambda w: np.clip(stats.zscore(w, ddof=1), -1, 1), close),
    "cs_quantile(volume)": rows(lambda w: stats.norm.ppf((stats.rankdata(w) - 0.5) / len(w)), volume),
    "cs_quantile(volume, 2, driver=cauchy)": rows(lambda w: 2 * stats.cauchy.ppf((stats.rankdata(w) - 0.5) / len(w)), volume),
    "cs_resid(close, volume, high / low)": rows(plane, close, volume, high / low),
    "group_mean(close, cs_qcut(volume, 3))": by_label(close, qcut(volume, 3), "mean"),
    "group_mean(close, cs_bucket(volume, 200, 600, 2))": by_label(
        close, volume.apply(lambda column: pd.cut(column, [-np.inf, 200, 400, 600, np.inf], labels=False)), "mean"
    ),
    "cs_scale(close - open, long=2, short=1)": rows(
        lambda w: np.where(w > 0, 2 * w / w[w > 0].sum(), np.where(w < 0, w / -w[w < 0].sum(), 0)), x
    ),
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
    "group_wmean(close, volume, sector)": group_pairs(lambda w, v: np.average(w, weights=v), close, volume),
    "group_vector_neut(close, volume, sector)": group_pairs(lambda a, b: a - b * a.dot(b) / b.dot(b), close, volume),
    "group_vector_proj(close, volume, sector)": group_pairs(lambda a, b: b * a.dot(b) / b.dot(b), close, volume),
    "group_resid(close, volume, sector)": group_pairs(lambda y, z: y - row_line(y, z), close, volume),
    "group_mean(close, group_cross(sector, cs_qcut(volume, 2)))": by_label(
        close, qcut(volume, 2) + 10 * np.array([ord(label) for label in SECTOR]), "mean"
    ),
    "group_fill(nan_where(close, volume > 500), sector)": quiet.fillna(by_group(np.mean, quiet).apply(
        lambda row: row.groupby(np.array(SECTOR)).transform("max"), axis=1
    )).where(known),
    # No other tool: from the definitions.
    "group_backfill(nan_where(close, volume > 500), sector, 3, 1)": group_backfill(quiet, 3, 1),
    "rows_since(volume > 400)": down_rows(since, busy),
    "rows_since_change(volume)": down_rows(since_change, volume),
    "trade_when(volume > 400, close, close > open)": down_rows(trade_when, busy, close, above),
    "hump_decay(close)": down_rows(hump_decay, close),
    "ts_delta_limit(close, volume, 0.002)": down_rows(delta_limit, close, volume),
    "hump(close, 0.002)": hump(close, 0.002),
}


def table(frame):
    return [[None if np.isnan(value) else float(value) for value in row] for row in frame.to_numpy()]


tools = {tool.__name__: tool.__version__ for tool in (np, pd, scipy, bn, talib)}
fields = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
def block(name, tables):
    rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(table(frame))}" for key, frame in tables.items())
    return f'"{name}": {{\n{rows}\n}}'


head = [f'"tools": {json.dumps(tools)}', f'"sector": {json.dumps(SECTOR)}']
sys.stdout.write("{\n" + ",\n".join([*head, block("fields", fields), block("cases", cases)]) + "\n}\n")
