"""Whether two arrays say the same: rank correlation, row by row."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

# A row agrees from this rank correlation on, and arrays where this share of rows does.
CORRELATION = 0.99
SHARE = 0.99
# Rows of fewer common values than this are passed over.
LEAST = 8
# Rows that are looked at: that many, evenly spread, of longer panels.
MOST_ROWS = 400


@dataclass
class Agreement:
    """How far two arrays agree on the cells where both have a value."""

    # Rows compared, those that agree, and the worst and mean correlation.
    rows: int
    agreeing: int
    worst: float
    mean: float
    # Rows in which neither side distinguishes symbols.
    flat: int
    # Cells where both have a finite value, as a share of those where either has.
    overlap: float

    @property
    def good(self):
        """Whether the arrays say the same."""
        return self.rows + self.flat > 0 and self.agreeing >= SHARE * self.rows


def ranks(values, mask):
    """Average ranks along rows of what the mask lets through; 0 elsewhere."""
    return np.where(mask, rankdata(np.where(mask, values, np.inf), axis=1), 0.0)


def compare(ours, theirs):
    """Compares two arrays `[bars x symbols]`."""
    rows = np.unique(np.linspace(0, len(ours) - 1, min(len(ours), MOST_ROWS)).astype(int))
    ours, theirs = np.asarray(ours[rows], float), np.asarray(theirs[rows], float)
    mask, either = np.isfinite(ours) & np.isfinite(theirs), np.isfinite(ours) | np.isfinite(theirs)
    overlap = mask.sum() / max(either.sum(), 1)
    full = mask.sum(axis=1) >= LEAST
    mask, ours, theirs = mask[full], ours[full], theirs[full]
    count = mask.sum(axis=1)
    sides = []
    for values in (ours, theirs):
        placed = ranks(values, mask)
        sides.append(np.where(mask, placed - (placed.sum(axis=1) / count)[:, None], 0.0))
    x, y = sides
    xx, yy, xy = (x * x).sum(axis=1), (y * y).sum(axis=1), (x * y).sum(axis=1)
    flat = (xx == 0) & (yy == 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = np.where((xx == 0) | (yy == 0), 0.0, xy / np.sqrt(xx * yy))[~flat]
    return Agreement(
        rows=len(correlations), agreeing=int((correlations >= CORRELATION).sum()),
        worst=float(correlations.min(initial=1.0)), mean=float(correlations.mean()) if len(correlations) else 1.0,
        flat=int(flat.sum()), overlap=float(overlap),
    )


def record(section, what, peer, agreement):
    """Notes an agreement in a section; says whether it is good."""
    section.agreement.append({"what": what, "peer": peer, "good": agreement.good, **agreement.__dict__})
    return agreement.good
