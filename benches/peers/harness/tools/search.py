"""A whole search, per distinct formula or strategy: `falsealpha mine` against `evoquant evolve` on the same panel.

The two do not search the same space, nor score alike: falsealpha backtests a rank-weighted formula each day; evoquant
evolves graphs with rules, weights and exits, and scores each on train and validation. What is compared is how long one
distinct candidate takes from being drawn to being scored, end to end.
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

from ..section import Row, Section, in_turn, milliseconds


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

    samples = in_turn(min(session.rounds, 3), {"ours": ours, "theirs": theirs})
    section = Section(notes=[
        f"falsealpha's noise panel, 2,500 bars x 60 symbols; {population} x {generations}, seed 1, one thread; the "
        "whole command, reading and writing included, over distinct candidates that got a score.",
        __doc__.partition("\n\n")[2].replace("\n", " ").strip(),
    ])
    rates = (1e3 / median(samples[side]) for side in ("ours", "theirs"))
    section.rows.append(Row(
        what="a distinct scored candidate, from draw to score", peer="falsealpha", ours=samples["ours"],
        theirs=samples["theirs"],
        remark="{:.0f} and {:.0f} a second; ".format(*rates)
               + f"{counts['ours'][0]:,} and {counts['theirs'][0]:,} distinct and scored",
    ))
    return section


def scored(run):
    """Distinct formulas of a run of falsealpha that have a Sharpe ratio: its ledger lists the others too."""
    with gzip.open(run / "ledger.csv.gz", "rt", encoding="utf-8", newline="") as lines:
        return sum(math.isfinite(float(trial["train_sharpe"])) for trial in csv.DictReader(lines))
