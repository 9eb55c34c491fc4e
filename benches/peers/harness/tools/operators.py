"""Operators one by one, on a million cells, against every tool that has them."""

import importlib
import sys

import numpy as np

from .. import agreement
from ..ours import alone_ms
from ..section import Row, Section, column, in_turn, milliseconds

BARS, SYMBOLS = 2_000, 500
WINDOWS = (20, 250)
# Our text by operator; `{}` is the window.
TEXTS = {
    "cs_rank": "cs_rank({x})",
    "ts_rank": "ts_rank({x}, {window})",
    "ts_corr": "ts_corr({x}, {y}, {window})",
    "ts_argmax": "ts_argmax({x}, {window})",
    "ts_std": "ts_std({x}, {window})",
    "ts_max": "ts_max({x}, {window})",
    "ts_decay_linear": "ts_decay_linear({x}, {window})",
    "ts_mean": "ts_mean({x}, {window})",
}
TOOLS = ("pandas_tool", "bottleneck_tool", "polars_tool", "falsealpha_tool")
# Columns of the panel that stand for x and y.
KINDS = {"noise": ("a", "b"), "price levels": ("close", "c")}


def columns():
    """Two columns of independent noise and two of price levels."""
    random = np.random.default_rng(1)
    def noise():
        return random.standard_normal((BARS, SYMBOLS))

    def levels():
        return 50 * np.exp(np.cumsum(0.02 * noise(), axis=0))

    return {"a": noise(), "b": noise(), "close": levels(), "c": levels()}


def cases():
    """Operator and window; a rank across symbols has none."""
    return [(name, window) for name in TEXTS for window in (WINDOWS[:1] if name == "cs_rank" else WINDOWS)]


def tools(fields, section):
    """The tools that are there, with their functions over the fields."""
    found = {}
    for module in TOOLS:
        try:
            tool = importlib.import_module(f".{module}", __package__)
            found[tool] = tool.operators(fields)
        except Exception as error:  # A tool that is missing or broken is passed over, whatever it raises.
            section.apart.append([module.removesuffix("_tool"), f"{type(error).__name__}: {error}"])
    return found


def compare(session):
    """Both kinds of numbers, every operator, every tool."""
    section = Section(notes=[
        f"{BARS:,} bars x {SYMBOLS} symbols. Each tool gets its data in the layout that suits it, before the clock "
        "starts.",
    ])
    data = columns()
    panel = session.engine.panel("operators", data)
    for kind, (x, y) in KINDS.items():
        compare_kind(session, section, panel, kind, {"x": data[x], "y": data[y]}, (x, y))
    return section


def compare_kind(session, section, panel, kind, fields, names):
    """One kind of numbers: values of every tool, then times of those that agree."""
    texts = {case: TEXTS[case[0]].format(x=names[0], y=names[1], window=case[1]) for case in cases()}
    found = tools(fields, section)
    agreed = {}
    for case, ours in zip(texts, session.engine.values(panel, list(texts.values()), (BARS, SYMBOLS))):
        for tool, functions in found.items():
            title = label(case, kind)
            if case[0] not in functions:
                entry = [f"{tool.NAME}: {case[0]}", tool.ABSENT[case[0]]]
                if entry not in section.apart:
                    section.apart.append(entry)
                continue
            try:
                theirs = tool.array(functions[case[0]](case[1]))
            except Exception as error:  # Such as a window that a tool does not take.
                section.apart.append([f"{tool.NAME}: {title}", f"{type(error).__name__}: {error}"])
                continue
            if agreement.record(section, title, tool.NAME, agreement.compare(ours, theirs)):
                agreed[tool, case] = functions[case[0]]
            else:
                section.apart.append([f"{tool.NAME}: {title}", "values differ, cause not known"])
    print(f"  {kind}: {len(agreed)} agree", file=sys.stderr)

    def ours(keep):
        report = session.engine.time(panel, list(texts.values()), keep=keep)
        return dict(zip(texts, alone_ms(report)))

    sides = {"ours, kept": lambda: ours(True), "ours, streamed": lambda: ours(False)}
    for (tool, case), work in agreed.items():
        sides[tool, case] = lambda work=work, window=case[1]: milliseconds(lambda: work(window))
    samples = in_turn(session.rounds, sides)
    for case in texts:
        for tool in found:
            if (tool, case) in agreed:
                section.rows.append(Row(
                    what=label(case, kind), peer=tool.NAME, ours=column(samples["ours, kept"], case),
                    streamed=column(samples["ours, streamed"], case), theirs=samples[tool, case],
                ))


def label(case, kind):
    name, window = case
    return f"{name}, {kind}" if name == "cs_rank" else f"{name} {window}, {kind}"
