"""Values of library factors as TA-Lib and pandas compute them, for `library.json` beside this file.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 pandas==3.1.1 TA-Lib==0.8.2
    venv/bin/python library.py > library.json

Nothing here comes from evoquant: each case says an expression and computes its values by other people's code, TA-Lib's
where it has the factor. A case compares the rows from `first` on; before that TA-Lib hides what it could show, or still
remembers another start of its averages.
"""

import json
import sys

import numpy as np
import pandas as pd
import talib as ta

BARS, SYMBOLS = 170, 2
# What is written out: the start, and the end, where recursive averages have forgotten how they started.
SHOWN = [*range(70), *range(150, BARS)]

rng = np.random.default_rng(23)
# Three decimals: no typical price repeats but for rounding, on which mfi would turn.
close = pd.DataFrame((80 * np.exp(rng.normal(0, 0.015, (BARS, SYMBOLS)).cumsum(axis=0))).round(3))
open_ = (close.shift(1).fillna(80) * np.exp(rng.normal(0, 0.004, close.shape))).round(3)
high = (np.maximum(open_, close) * np.exp(abs(rng.normal(0, 0.006, close.shape)))).round(3)
low = (np.minimum(open_, close) * np.exp(-abs(rng.normal(0, 0.006, close.shape)))).round(3)
volume = pd.DataFrame(rng.integers(100, 900, close.shape) * 10.0)
market = pd.DataFrame(np.tile(close.mean(axis=1).round(3), (SYMBOLS, 1)).T)
revenue = pd.DataFrame(rng.integers(100, 200, close.shape) * 1.0)
roe = pd.DataFrame(rng.normal(0.1, 0.05, close.shape).round(6))
fields = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
fields |= {"market": market, "revenue": revenue, "roe": roe}

typical = (high + low + close) / 3
daily = close.pct_change()
cases = {}


def case(text, frame, first=0):
    cases[text] = (first, frame)


def talib(f, *frames, **options):
    """`f` over each symbol; the last of several outputs by `out`."""
    out = options.pop("out", None)
    columns = []
    for symbol in range(SYMBOLS):
        values = f(*[frame[symbol].to_numpy(dtype=float) for frame in frames], **options)
        columns.append(values if out is None else values[out])
    return pd.DataFrame(np.column_stack(columns))


def flag(frame, known):
    """True and false as 1 and 0, unknown where `known` is missing."""
    return frame.astype(float).where(known.notna())


def mean(frame, d):
    return frame.rolling(d).mean()


def ema(frame, d):
    """The usual exponential average, started at the first value and shown from the d-th."""
    return frame.ewm(span=d, adjust=False, ignore_na=True, min_periods=d).mean()


# Trend and momentum.
case("momentum(20)", mean(daily, 20))
case("roc(10)", talib(ta.ROC, close, timeperiod=10))
case("reversal(5)", -close.pct_change(5))
case("momentum_skip(5, 30)", close.shift(5) / close.shift(30) - 1)
case("ma_filter(20)", flag(close > mean(close, 20), mean(close, 20)))
# Below the short average the answer is known before the long one is.
both = ((close > mean(close, 5)) & (close > mean(close, 30))).astype(float)
below = close <= mean(close, 5)
case("dual_ma_filter(5, 30)", both.where(mean(close, 30).notna() | below))
case("ma_cross(5, 30)", flag(mean(close, 5) > mean(close, 30), mean(close, 30)))
case("ma_gap(5, 30)", mean(close, 5) / mean(close, 30) - 1)
case("revenue_catalyst(10, 40)", flag(mean(revenue, 10) > mean(revenue, 40), mean(revenue, 40)))
case("earnings_catalyst(10, 40)", flag(mean(roe, 10) > mean(roe, 40), mean(roe, 40)))
macd = ema(close, 12) - ema(close, 26)
case("macd(12, 26)", macd)
case("macd_signal(12, 26, 9)", ema(macd, 9))
case("macd_hist(12, 26, 9)", macd - ema(macd, 9))
case("macd_pct(12, 26)", macd / close)
for output, name in enumerate(["macd(4, 8)", "macd_signal(4, 8, 3)", "macd_hist(4, 8, 3)"]):
    case(name, talib(ta.MACD, close, fastperiod=4, slowperiod=8, signalperiod=3, out=output), 150)
case("trend_strength(20)", mean(daily, 20) / daily.rolling(20).std())
case("trend_slope(30)", talib(ta.LINEARREG_SLOPE, np.log(close), timeperiod=30))
rows = pd.DataFrame(np.tile(np.arange(BARS), (SYMBOLS, 1)).T)
case("trend_r2(30)", talib(ta.CORREL, np.log(close), rows, timeperiod=30) ** 2)
case("max_return(20)", daily.rolling(20).max())
case("efficiency_ratio(10)", close.diff(10).abs() / close.diff().abs().rolling(10).sum())
case("kama_gap(10)", close / talib(ta.KAMA, close, timeperiod=10) - 1)

# Oscillators.
case("rsi(14)", talib(ta.RSI, close, timeperiod=14))
upper, middle, lower = (talib(ta.BBANDS, close, timeperiod=20, nbdevup=2.0, nbdevdn=2.0, out=i) for i in range(3))
case("bollinger_b(20, 2)", (close - lower) / (upper - lower))
case("bollinger_width(20, 2)", (upper - lower) / middle)
stochastic = [
    talib(ta.STOCH, high, low, close, fastk_period=14, slowk_period=3, slowd_period=3, out=i) for i in range(2)
]
case("stochastic_k(14, 3)", stochastic[0], 17)
case("stochastic_d(14, 3, 3)", stochastic[1])
case("williams_r(14)", talib(ta.WILLR, high, low, close, timeperiod=14))
case("mfi(14)", talib(ta.MFI, high, low, close, volume, timeperiod=14))
case("plus_di(5)", talib(ta.PLUS_DI, high, low, close, timeperiod=5), 150)
case("minus_di(5)", talib(ta.MINUS_DI, high, low, close, timeperiod=5), 150)
case("adx(5)", talib(ta.ADX, high, low, close, timeperiod=5), 160)
case("cci(20)", talib(ta.CCI, high, low, close, timeperiod=20))
change = close.diff()
case("tsi(25, 13)", 100 * ema(ema(change, 25), 13) / ema(ema(change.abs(), 25), 13))
case("aroon_up(25)", talib(ta.AROON, high, low, timeperiod=25, out=1))
case("aroon_down(25)", talib(ta.AROON, high, low, timeperiod=25, out=0))
case("aroon(25)", talib(ta.AROONOSC, high, low, timeperiod=25))

# Channels and levels.
highest, lowest = high.shift(1).rolling(20).max(), low.shift(1).rolling(20).min()
case("breakout(20)", ((close > highest).astype(float) - (close < lowest)).where(highest.notna()))
highest, lowest = high.rolling(20).max(), low.rolling(20).min()
case("donchian(20)", (close - lowest) / (highest - lowest))
case("drawdown(30)", close / close.rolling(30).max() - 1)
case("near_high(30)", close / high.rolling(30).max())
top, bottom = close.rolling(20).max(), close.rolling(20).min()
case("rolling_trailing_stop(0.05, 20)", flag(close < top * (1 - 0.05), top))
case("rolling_profit_target(0.05, 20)", flag(close / bottom - 1 >= 0.05, bottom))

# Risk.
case("volatility(20)", daily.rolling(20).std())
case("parkinson_vol(20)", np.sqrt(mean(np.log(high / low) ** 2, 20) / (4 * np.log(2))))
case("skewness(20)", daily.rolling(20).skew())
by_market = [daily[symbol].rolling(30).cov(market[symbol].pct_change()) for symbol in range(SYMBOLS)]
case("beta(30)", pd.concat(by_market, axis=1) / market.pct_change().rolling(30).var())
true_range = talib(ta.TRANGE, high, low, close)
case("true_range()", true_range)
case("atr(14)", talib(ta.ATR, high, low, close, timeperiod=14))
case("atr_simple(20)", mean(true_range, 20))
case("natr(14)", talib(ta.NATR, high, low, close, timeperiod=14))

# Volume.
case("relative_volume(20)", volume / mean(volume, 20))
case("dollar_volume(20)", mean(close * volume, 20))
case("amihud(20)", mean(daily.abs() / (close * volume), 20))
on_balance = talib(ta.OBV, close, volume)
case("obv(20)", on_balance - on_balance.shift(20))
case("obv_total()", (on_balance - volume.iloc[0]).where(close.diff().notna()))
average = (typical * volume).rolling(20).sum() / volume.rolling(20).sum()
case("vwap(20)", average)
case("vwap_gap(20)", close / average - 1)
location = (2 * close - high - low) / (high - low)
case("money_flow(20)", (location * volume).rolling(20).sum() / volume.rolling(20).sum())

# What other platforms have as operators of their own.
lowest, highest = close.rolling(20).min(), close.rolling(20).max()
case("ts_realized_vol(20)", np.sqrt((np.log(close).diff() ** 2).rolling(20).sum()))
case("ts_max_diff(20)", close - highest)
case("ts_min_diff(20)", close - lowest)
case("ts_min_max_diff(20, 0.4)", close - 0.4 * (lowest + highest))
case("ts_min_max_cps(20, 1.5)", lowest + highest - 1.5 * close)
case("ts_av_diff(20)", close - mean(close, 20))
calm = close.diff().abs() <= 0.5 * close.rolling(20).std()
case("jump_decay(20, 0.5, 0.1)", close.where(calm, close.shift(1) + 0.1 * close.diff()).where(highest.notna()))

# One bar.
case("overnight()", open_ / close.shift(1) - 1)
case("intraday()", close / open_ - 1)
case("range_pct()", (high - low) / close)
case("close_location()", location)


def numbers(frame, shown):
    return [
        [float(f"{cell:.12g}") if np.isfinite(cell) else None for cell in row] for row in frame.to_numpy()[shown]
    ]


def block(name, lines):
    body = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in lines.items())
    return f'"{name}": {{\n{body}\n}}'


def written(first, frame):
    return {"first": first, "values": numbers(frame, [row for row in SHOWN if row >= first])}


tools = {"TA-Lib": ta.__version__, "pandas": pd.__version__}
head = [f'"tools": {json.dumps(tools)}', f'"shown": {json.dumps(SHOWN)}']
inputs = block("fields", {name: numbers(frame, range(BARS)) for name, frame in fields.items()})
outputs = block("cases", {text: written(*entry) for text, entry in cases.items()})
sys.stdout.write("{\n" + ",\n".join([*head, inputs, outputs]) + "\n}\n")
