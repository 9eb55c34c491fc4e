"""pandas: one frame `[bars x symbols]` a field, as Alpha101 is usually written with it."""

import numpy as np
import pandas as pd

NAME = "pandas"


def operators(fields):
    """Functions of a window by operator, over fields `x` and `y`."""
    x, y = pd.DataFrame(fields["x"]), pd.DataFrame(fields["y"])

    def decay(window):
        weights = np.arange(1, window + 1) / (window * (window + 1) / 2)
        return x.rolling(window).apply(lambda values: values @ weights, raw=True)

    return {
        "cs_rank": lambda _: x.rank(axis=1, pct=True),
        "ts_rank": lambda window: x.rolling(window).rank(pct=True),
        "ts_corr": lambda window: x.rolling(window).corr(y),
        "ts_argmax": lambda window: x.rolling(window).apply(lambda values: np.argmax(values[::-1]), raw=True),
        "ts_std": lambda window: x.rolling(window).std(),
        "ts_max": lambda window: x.rolling(window).max(),
        "ts_decay_linear": decay,
        "ts_mean": lambda window: x.rolling(window).mean(),
    }


def array(result):
    """As `[bars x symbols]`."""
    return result.to_numpy()


ABSENT = {}
