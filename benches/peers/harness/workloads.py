"""The workloads by name. No imports from outside the standard library: the help text needs this list."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """A comparison: its title, and the function `compare` of a module under `harness.tools` that makes it."""

    title: str
    module: str


WORKLOADS = {
    "operators": Workload("operators on a million cells: pandas, bottleneck, polars, falsealpha", "operators"),
    "operon": Workload("random element-wise trees: pyoperon", "operon"),
    "kunquant": Workload("82 alphas of the 101: KunQuant", "kunquant"),
    "formulas": Workload("the twelve formulas of falsealpha's own bench: falsealpha, pandas", "formulas"),
    "search": Workload("a whole search, per distinct formula or strategy: falsealpha", "search"),
    "simulation": Workload("simulating a book of the best 20: vectorbt", "vectorbt"),
    "gplearn": Workload("symbolic regression, for context: gplearn", "gplearn"),
}
