"""polars, eager: a column a symbol for windows, a long frame for ranks across symbols."""

import numpy as np
import polars as pl

NAME = "polars"


def operators(fields):
    """Functions of a window by operator, over fields `x` and `y`."""
    bars, symbols = fields["x"].shape
    names = [f"s{index}" for index in range(symbols)]
    wide = pl.DataFrame(dict(zip(names, np.ascontiguousarray(fields["x"].T))))
    others = np.ascontiguousarray(fields["y"].T)
    both = wide.with_columns(**{f"y{index}": values for index, values in enumerate(others)})
    long = pl.DataFrame({"bar": np.repeat(np.arange(bars), symbols), "x": fields["x"].ravel()})

    def decay(window):
        weights = list(np.arange(1, window + 1) / (window * (window + 1) / 2))
        return wide.select(pl.all().rolling_sum(window, weights=weights))

    def correlation(window):
        pairs = (pl.rolling_corr(pl.col(name), pl.col(f"y{index}"), window_size=window).alias(name)
                 for index, name in enumerate(names))
        return both.select(*pairs)

    return {
        "cs_rank": lambda _: long.select(pl.col("x").rank().over("bar"))["x"].to_numpy().reshape(bars, symbols),
        "ts_rank": lambda window: wide.select(pl.all().rolling_rank(window)),
        "ts_corr": correlation,
        "ts_std": lambda window: wide.select(pl.all().rolling_std(window)),
        "ts_max": lambda window: wide.select(pl.all().rolling_max(window)),
        "ts_decay_linear": decay,
        "ts_mean": lambda window: wide.select(pl.all().rolling_mean(window)),
    }


def array(result):
    """As `[bars x symbols]`."""
    if isinstance(result, np.ndarray):
        return result
    return result.cast(pl.Float64).to_numpy()


ABSENT = {"ts_argmax": "polars has no rolling argmax short of a Python function for each window"}
