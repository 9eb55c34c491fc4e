"""Values of the 101 Formulaic Alphas as another package computes them, for `alpha101.json` beside this file.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 pandas==3.1.1 scipy==1.17.1 alpha101v==0.1.9
    venv/bin/python alpha101.py > alpha101.json

alpha101v writes each formula of the paper anew in pandas and takes the paper's open points nearly as we do: ranks from
0 to 1, rows since a maximum, floored windows, dollar volume. Its deviations are set to divisor d - 1 and its
decay_linear to one that a missing value makes missing, as ours are. Nothing here comes from evoquant: the market is
made by the arithmetic below, which the test repeats.
"""

import inspect
import json
import math
import sys
import warnings

import alpha101v
import numpy as np
import pandas as pd
from alpha101v import factors, operators

BARS, SYMBOLS, SHOWN = 320, 40, 2

state = 7


def uniform():
    """The next number of a linear congruential generator, from 0 to 1."""
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 11) * 2.0**-53


def cents(price):
    return math.floor(price * 100.0 + 0.5) / 100.0


names = ["open", "high", "low", "close", "volume", "vwap", "cap"]
fields = {name: np.empty((BARS, SYMBOLS)) for name in names}
last = [30.0 + 3.0 * symbol for symbol in range(SYMBOLS)]
for bar in range(BARS):
    market = 0.02 * (uniform() - 0.5)
    for symbol in range(SYMBOLS):
        open_ = cents(last[symbol] * (1.0 + 0.01 * (uniform() - 0.5)))
        close = cents(last[symbol] * (1.0 + market + 0.05 * (uniform() - 0.5)))
        high = cents(max(open_, close) * (1.0 + 0.01 * uniform()))
        low = cents(min(open_, close) * (1.0 - 0.01 * uniform()))
        volume = math.floor(1000.0 * (1.0 + symbol) * (0.2 + 3.0 * uniform() * uniform()))
        vwap = low + (high - low) * (0.2 + 0.6 * uniform())
        cap = close * (1e6 * (1.0 + (7 * symbol) % 11))
        last[symbol] = close
        for name, value in zip(names, [open_, high, low, close, volume, vwap, cap], strict=True):
            fields[name][bar, symbol] = value

frames = {name: pd.DataFrame(values) for name, values in fields.items()}
frames["Open"] = frames["open"]
frames["amount"] = frames["close"] * frames["volume"]
frames["returns"] = frames["close"] / frames["close"].shift(1) - 1
for level, groups in (("sector", 3), ("industry", 6), ("subindustry", 12)):
    labels = [f"{level}{symbol % groups}" for symbol in range(SYMBOLS)]
    frames[f"ind_{level}"] = pd.DataFrame([labels] * BARS)

factors.stddev = lambda x, d: operators.stddev(x, d, ddof=1)
factors.covariance = lambda x, y, d: operators.covariance(x, y, d, ddof=1)
warnings.filterwarnings("ignore")

values = {}
with operators.research_mode(decay_dense=True):
    for number in range(1, 102):
        factor = getattr(factors, f"alpha{number}")
        frame = factor(**{name: frames[name] for name in inspect.signature(factor).parameters})
        values[f"{number:03}"] = [
            [float(f"{cell:.12g}") if np.isfinite(cell) else None for cell in row] for row in frame.to_numpy()[-SHOWN:]
        ]

versions = {"alpha101v": alpha101v.__version__, "pandas": pd.__version__}
rows = ",\n".join(f'"{number}": {json.dumps(cells)}' for number, cells in values.items())
sys.stdout.write(f'{{\n"tools": {json.dumps(versions)},\n"values": {{\n{rows}\n}}\n}}\n')
