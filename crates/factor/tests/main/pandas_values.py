"""Runs printed pandas programs and compares what they leave in `value` with our values.

Usage: pandas_values.py CASES.json, which the test `printed_pandas_programs_give_our_values` writes.
"""

import json
import sys
import warnings

import numpy as np
import pandas as pd

# Running sums of pandas carry bits of rows that left the window.
TOLERANCE = 1e-7


def compare(case, columns):
    """The worst difference of a case, and in how many cells it lies, or what went wrong."""
    names = dict(columns)
    exec(case["program"], names)
    value = names["value"]
    theirs = np.asarray(value, dtype=float)
    ours = np.array(case["values"], dtype=float)
    if theirs.shape != ours.shape:
        return f"gives the shape {theirs.shape}"
    missing = np.isnan(theirs) != np.isnan(ours)
    scale = np.maximum(np.abs(ours), 1e-3 + 1e-6 * np.nanmax(np.abs(ours), initial=0))
    apart = np.abs(theirs - ours) > TOLERANCE * scale
    wrong = missing | apart
    if not wrong.any():
        return None
    row, symbol = np.argwhere(wrong)[0]
    return f"{wrong.sum()} of {wrong.size} cells, first row {row} symbol {symbol}: {theirs[row, symbol]} for {ours[row, symbol]}"


def main():
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    data = json.load(open(sys.argv[1]))
    columns = {name: pd.DataFrame(rows) for name, rows in data["columns"].items()}
    failed = {True: 0, False: 0}
    for case in data["cases"]:
        try:
            problem = compare(case, columns)
        except Exception as error:  # a program that does not run is a failure like any other
            problem = f"{type(error).__name__}: {error}"
        if problem:
            failed[case["random"]] += 1
            print(case["text"], case["program"], problem, sep="\n    ")
    random = sum(case["random"] for case in data["cases"])
    print(f"pandas {pd.__version__}: of {len(data['cases']) - random} examples {failed[False]} have other values, ", end="")
    print(f"of {random} random programs {failed[True]}")
    # Random programs may floor, rank or divide what is nothing but the last digits of a sum.
    sys.exit(failed[False] > 0 or failed[True] > 0.05 * random)


main()
