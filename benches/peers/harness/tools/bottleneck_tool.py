"""bottleneck, on arrays `[symbols x bars]`: windows along memory are its best case, so it gets them that way."""

import bottleneck
import numpy as np

NAME = "bottleneck"


def operators(fields):
    """Functions of a window by operator, over the field `x`."""
    across = np.ascontiguousarray(fields["x"])
    x = np.ascontiguousarray(fields["x"].T)
    return {
        "cs_rank": lambda _: bottleneck.rankdata(across, axis=1).T,
        "ts_rank": lambda window: bottleneck.move_rank(x, window, axis=1),
        "ts_argmax": lambda window: bottleneck.move_argmax(x, window, axis=1),
        "ts_std": lambda window: bottleneck.move_std(x, window, axis=1, ddof=1),
        "ts_max": lambda window: bottleneck.move_max(x, window, axis=1),
        "ts_mean": lambda window: bottleneck.move_mean(x, window, axis=1),
    }


def array(result):
    """As `[bars x symbols]`."""
    return result.T


ABSENT = {
    "ts_corr": "bottleneck has no moving correlation",
    "ts_decay_linear": "bottleneck has no weighted moving mean",
}
