"""falsealpha's C++ core, by formula, as its own bench calls it."""

import numpy as np
from falsealpha import _core
from falsealpha.panel import Panel

NAME = "falsealpha"


def core(fields):
    """Fields `[bars x symbols]` as the core takes them."""
    bars, symbols = next(iter(fields.values())).shape
    # A panel of falsealpha is none without returns; formulas need not read them.
    fields = {"returns": np.zeros((bars, symbols)), **fields}
    days = np.datetime64("2000-01-01") + np.arange(bars)
    names = [f"S{index:05}" for index in range(symbols)]
    return Panel(days, names, fields, np.ones((bars, symbols), bool), "peers").core()


def operators(fields):
    """Functions of a window by operator, over fields `x` and `y`."""
    data = core({"x": fields["x"], "y": fields["y"]})

    def formula(text):
        return lambda window: _core.evaluate(_core.canonical(text.format(window)), data)

    return {
        "cs_rank": formula("rank(x)"),
        "ts_rank": formula("ts_rank(x, {})"),
        "ts_corr": formula("ts_corr(x, y, {})"),
        "ts_argmax": formula("ts_argmax(x, {})"),
        "ts_std": formula("ts_std(x, {})"),
        "ts_max": formula("ts_max(x, {})"),
        "ts_decay_linear": formula("decay_linear(x, {})"),
        "ts_mean": formula("ts_mean(x, {})"),
    }


def array(result):
    """As `[bars x symbols]`."""
    return np.asarray(result)


ABSENT = {}
