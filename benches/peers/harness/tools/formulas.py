"""falsealpha's own bench: its twelve formulas, over its own random panel, with pandas beside it."""

import ast
import re

from falsealpha import _core, bench

from .. import agreement
from ..ours import alone_ms, merged_ms
from ..section import Row, Section, in_turn, milliseconds

BARS, SYMBOLS = 2_000, 500
# Their names for what we call otherwise. Their ranks run from 0 to 1 like ours; `returns` is a column of theirs, and
# the name of an operator of ours.
NAMES = {r"\brank\(": "cs_rank(", r"\bdecay_linear\(": "ts_decay_linear(", r"\breturns\b": "change"}


def text(formula):
    """A formula in our text."""
    for pattern, name in NAMES.items():
        formula = re.sub(pattern, name, formula)
    return formula


def compare(session):
    """The twelve formulas: ours merged and one by one, theirs, pandas."""
    random_panel = bench.random_panel(BARS, SYMBOLS)
    data, namespace = random_panel.core(), bench.pandas_namespace(random_panel)
    columns = {"change" if name == "returns" else name: values for name, values in random_panel.fields.items()}
    panel = session.engine.panel("formulas", columns)
    formulas = {name: _core.canonical(formula) for name, formula in bench.FORMULAS.items()}
    programs = {name: compile(ast.parse(formula, mode="eval"), name, "eval") for name, formula in formulas.items()}
    texts = {name: text(formula) for name, formula in formulas.items()}
    section = Section(notes=[
        f"{BARS:,} bars x {SYMBOLS} symbols, the panel of `falsealpha bench`; formulas in falsealpha's own writing, "
        "word for word in ours.",
    ])

    def evaluate(name):
        return eval(programs[name], {"__builtins__": {}}, namespace)  # A formula of the table, not input.

    agreeing = {"falsealpha": [], "pandas": []}
    for name, ours in zip(texts, session.engine.values(panel, list(texts.values()), (BARS, SYMBOLS))):
        values = {"falsealpha": _core.evaluate(formulas[name], data), "pandas": evaluate(name).to_numpy()}
        for peer, theirs in values.items():
            if agreement.record(section, name, peer, agreement.compare(ours, theirs)):
                agreeing[peer].append(name)
            else:
                section.apart.append([f"{peer}: {name}", REASONS.get((peer, name), "values differ, cause not known")])

    def ours(keep):
        def run():
            report = session.engine.time(panel, list(texts.values()), keep=keep)
            return {"merged": merged_ms(report), **dict(zip(texts, alone_ms(report)))}
        return run

    samples = in_turn(session.rounds, {
        "ours, kept": ours(True), "ours, streamed": ours(False),
        "falsealpha": lambda: {name: milliseconds(lambda: _core.evaluate(formulas[name], data)) for name in texts},
        "pandas": lambda: {name: milliseconds(lambda: evaluate(name)) for name in texts},
    })

    def row(what, peer, names, own=None):
        """Sums over some formulas; `own` names our figure where that is not such a sum."""
        def sums(side, names):
            return [sum(sample[name] for name in names) for sample in samples[side]]
        kept, streamed = (sums(side, own or names) for side in ("ours, kept", "ours, streamed"))
        section.rows.append(Row(what=what, peer=peer, ours=kept, streamed=streamed, theirs=sums(peer, names)))

    for peer, names in agreeing.items():
        if len(names) == len(texts):
            row(f"{len(names)} formulas, ours merged", peer, names, ["merged"])
        row(f"{len(names)} formulas, ours each alone", peer, names)
    for name in agreeing["falsealpha"]:
        row(name, "falsealpha", [name])
    return section


# Why values cannot agree with ours.
REASONS = {
    ("pandas", "alpha004"): "the pandas side of falsealpha's bench counts lower values only, where equal ones share a "
                            "rank in its core and in ours; ranks of a row repeat within a window",
}
