"""A whole search, per distinct formula or strategy: `falsealpha mine` against `evoquant evolve` on the same panel.

The two do not search the same space, nor score alike: falsealpha backtests a rank-weighted formula each day; evoquant
evolves graphs with rules, weights and exits, and scores each on train and validation. What is compared is how long one
distinct candidate takes from being drawn to being scored, end to end; and, against the same, how long `evoquant bench
evolution` takes over a strategy of random ones that nobody scored before, on a market of its own of the same shape.
"""

import csv
import gzip
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

from falsealpha.panel import Panel

from ..section import Row, Section, column, in_turn, milliseconds

# Bars and symbols of falsealpha's noise panel.
SHAPE = (2_500, 60)


def compare(session):
    """Both searches on falsealpha's own noise panel."""
    population, generations = (100, 5) if session.quick else (400, 25)
    noise = session.folder / "noise.npz"
    tool = Path(sys.executable).with_name("falsealpha")
    subprocess.run([tool, "data", "noise", "--out", noise], check=True, capture_output=True)
    panel = session.engine.panel("search", dict(Panel.load(noise).fields))
    counts = {"ours": [], "theirs": []}

    def ours():
        out = session.folder / "ours"
        took = milliseconds(lambda: session.engine.run(
            "evolve", "--data", panel, "--population", population, "--generations", generations, "--seed", 1,
            "--threads", 1, "--no-control", "--out", out))
        trials = [json.loads(line) for line in (out / "trials.jsonl").read_text(encoding="utf-8").splitlines()]
        # What never trades and the like is listed, but has no score.
        counts["ours"].append(sum(trial["rejected"] is None for trial in trials))
        shutil.rmtree(out)
        return took / counts["ours"][-1]

    def theirs():
        out = session.folder / "theirs"
        took = milliseconds(lambda: subprocess.run(
            [tool, "mine", noise, out, "--population", str(population), "--generations", str(generations), "--seed",
             "1", "--threads", "1"], check=True, capture_output=True))
        counts["theirs"].append(scored(out))
        shutil.rmtree(out)
        return took / counts["theirs"][-1]

    sides = {"ours": ours, "scored": lambda: session.engine.scored(*SHAPE), "theirs": theirs}
    samples = in_turn(min(session.rounds, 3), sides)
    section = Section(notes=[
        f"falsealpha's noise panel, {SHAPE[0]:,} bars x {SHAPE[1]} symbols; {population} x {generations}, seed 1, one "
        "thread; the whole command, reading and writing included, over distinct candidates that got a score.",
        __doc__.partition("\n\n")[2].replace("\n", " ").strip(),
    ])

    def add(what, ours, counts=""):
        rates = "{:,.0f} and {:,.0f} a second".format(1e3 / median(ours), 1e3 / median(samples["theirs"]))
        section.rows.append(Row(
            what=what, peer="falsealpha", ours=ours, theirs=samples["theirs"], remark=rates + counts))

    add("a distinct scored candidate, from draw to score", samples["ours"],
        f"; {counts['ours'][0]:,} and {counts['theirs'][0]:,} distinct and scored")
    for pace in ("weekly", "daily"):
        add(f"a strategy scored, {pace} rebalance and rank IC", column(samples["scored"], pace))
    return section


def scored(run):
    """Distinct formulas of a run of falsealpha that have a Sharpe ratio: its ledger lists the others too."""
    with gzip.open(run / "ledger.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        return sum(math.isfinite(float(trial["train_sharpe"])) for trial in csv.DictReader(lines))
