"""KunQuant: its 82 alphas, compiled from its own graphs, against the same graphs written in our text.

Our own files of the alphas (`strategies/alpha101`) follow the paper, and KunQuant does not always: they are timed too,
and compared for information.
"""

import re
import time
from dataclasses import dataclass

import numpy as np
from KunQuant.Driver import KunCompilerConfig
from KunQuant.jit import cfake
from KunQuant.Op import Builder, Input, Output
from KunQuant.predefined import Alpha101
from KunQuant.runner import KunRunner
from KunQuant.Stage import Function

from .. import agreement
from ..ours import merged_ms
from ..section import Row, Section, in_turn, milliseconds
from .kunquant_text import Writer

FIELDS = ("open", "close", "high", "low", "volume", "amount")
# Bars and symbols; the second is KunQuant's small example.
SIZES = {"512 symbols x 1,260 bars": (1_260, 512), "64 symbols x 260 bars": (260, 64)}


def market(bars, symbols):
    """The random market of the workload, in 32 bits, which both sides read."""
    random = np.random.default_rng(0)

    def normal():
        return random.standard_normal((bars, symbols))

    close = 50 * np.exp(np.cumsum(0.02 * normal(), axis=0))
    opened = close * np.exp(0.005 * normal())
    volume = 1e6 * np.exp(normal())
    columns = {
        "open": opened, "close": close, "high": np.maximum(opened, close) * 1.01,
        "low": np.minimum(opened, close) * 0.99, "volume": volume, "amount": volume * close,
    }
    return {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in columns.items()}


def graph(alphas):
    """KunQuant's graph of some alphas."""
    builder = Builder()
    with builder:
        data = Alpha101.AllData(**{name: Input(name) for name in FIELDS})
        for alpha in alphas:
            Output(alpha(data), alpha.__name__)
    return Function(builder.ops)


@dataclass
class Compiled:
    """A library of alphas, and the milliseconds that compiling took."""

    name: str
    library: object
    module: object
    took: float


def compiled(alphas, name, dtype="float"):
    """Alphas as a library."""
    start = time.perf_counter()
    config = KunCompilerConfig(input_layout="TS", output_layout="TS", dtype=dtype)
    library = cfake.compileit([(name, graph(alphas), config)], name, cfake.CppCompilerConfig())
    return Compiled(name, library, library.getModule(name), (time.perf_counter() - start) * 1e3)


def texts_of(alphas):
    """Each alpha's graph in our text; those that cannot be written with the reason."""
    texts, refused = {}, {}
    for alpha in alphas:
        try:
            builder = Builder()
            with builder:
                data = Alpha101.AllData(**{name: Input(name) for name in FIELDS})
                root = alpha(data)
            texts[alpha.__name__] = Writer().text(root)
        except NotImplementedError as error:
            refused[alpha.__name__] = str(error)
    return texts, refused


def own_files(root, names):
    """The text of our files of the same numbers, on one line each."""
    folder = root / "strategies" / "alpha101"
    texts = {}
    for name in names:
        written = (folder / f"{name}.expr").read_text(encoding="utf-8")
        texts[name] = " ".join(re.sub(r"#.*", "", written).split())
    return texts


def run_theirs(executor, module, data, bars):
    """One run over all bars; results by name."""
    return KunRunner.runGraph(executor, module, data, 0, bars)


def compare(session):
    """All 82 alphas in both readings, and those that agree; two sizes; one and two threads."""
    section = Section(notes=[
        "KunQuant in 32 bits, compiled by g++ for this machine, layout TS; ours in 64 bits on the same 32-bit numbers.",
        "KunQuant's reading is its own graphs, node by node in our text; the paper's reading is `strategies/alpha101`.",
    ])
    texts, refused = texts_of(Alpha101.all_alpha)
    section.apart.extend([name, reason] for name, reason in refused.items())
    own = own_files(session.root, texts)
    agreeing = None
    for size, (bars, symbols) in SIZES.items():
        data = market(bars, symbols)
        exact = {name: values.astype(np.float64) for name, values in data.items()}
        panel = session.engine.panel("kunquant", {**exact, "vwap": exact["amount"] / (exact["volume"] + 1e-7)})
        if agreeing is None:
            whole = compiled(Alpha101.all_alpha, "alphas")
            theirs = run_theirs(KunRunner.createSingleThreadExecutor(), whole.module, data, bars)
            agreeing = check(session, section, panel, texts, theirs, exact, (bars, symbols))
            check_own(session, section, panel, own, theirs, (bars, symbols))
            part = compiled([alpha for alpha in Alpha101.all_alpha if alpha.__name__ in agreeing], "agreeing")
        sets = {
            f"{len(texts)} alphas, KunQuant's reading": (list(texts.values()), whole),
            f"{len(agreeing)} alphas that agree": ([texts[name] for name in agreeing], part),
            f"{len(own)} alphas, the paper's reading": (list(own.values()), whole),
        }
        for threads in (1, 2):
            time_sets(session, section, sets, size, panel, data, threads)
        if size == next(iter(SIZES)):
            build_times(session, section, sets, panel)
    return section


def time_sets(session, section, sets, size, panel, data, threads):
    """Our merged plans against their libraries; each library runs once a round."""
    bars = len(data["close"])
    executor = KunRunner.createSingleThreadExecutor() if threads == 1 else KunRunner.createMultiThreadExecutor(threads)
    sides = {}
    for what, (written, library) in sets.items():
        sides[library.name] = lambda library=library: milliseconds(
            lambda: run_theirs(executor, library.module, data, bars))
        for keep in (True, False):
            sides[f"ours, {what}, {keep}"] = lambda written=written, keep=keep: session.engine.time(
                panel, written, keep=keep, threads=threads, repeat=1, merged_only=True)
    samples = in_turn(session.rounds, sides)
    for what, (_, library) in sets.items():
        kept, streamed = samples[f"ours, {what}, True"], samples[f"ours, {what}, False"]
        section.rows.append(Row(
            what=f"{what}, {size}, {threads} thread{'s' if threads > 1 else ''}, merged", peer="KunQuant",
            ours=list(map(merged_ms, kept)), streamed=list(map(merged_ms, streamed)), theirs=samples[library.name],
            remark="{operators_run:,} of {operators_asked:,} operators run".format(**kept[0]["merged"]),
        ))


def build_times(session, section, sets, panel):
    """What stands before the first value: text to plan for us, graph to library for them."""
    for what, (written, library) in sets.items():
        report = session.engine.time(panel, written, keep=False, repeat=1, merged_only=True)
        section.rows.append(Row(
            what=f"{what}: text to plan, graph to library", peer="KunQuant", theirs=[library.took],
            ours=[merged_ms(report, "compile") + merged_ms(report, "plan")],
        ))


def check(session, section, panel, texts, theirs, exact, shape):
    """Values of their graphs; the names that agree. Those that do not are compiled again in 64 bits: what agrees then
    differs by precision alone."""
    agreeing, differing = [], {}
    for (name, text), ours in zip(texts.items(), session.engine.values(panel, list(texts.values()), shape)):
        if agreement.record(section, name, "KunQuant", agreement.compare(ours, theirs[name])):
            agreeing.append(name)
        else:
            differing[name] = ours.copy()
    if differing:
        alphas = [alpha for alpha in Alpha101.all_alpha if alpha.__name__ in differing]
        module = compiled(alphas, "in_64_bits", "double").module
        double = run_theirs(KunRunner.createSingleThreadExecutor(), module, exact, shape[0])
        for name, ours in differing.items():
            found = agreement.compare(ours, double[name])
            known = "agrees where KunQuant is compiled in 64 bits: 32 do not settle the ranks" if found.good else \
                f"in 64 bits {found.agreeing} of {found.rows} rows agree: {REASONS.get(name, 'cause not known')}"
            section.apart.append([name, known])
    return agreeing


def check_own(session, section, panel, texts, theirs, shape):
    """How many of our files say what KunQuant says: for information."""
    values = session.engine.values(panel, list(texts.values()), shape)
    differing = [name for name, ours in zip(texts, values) if not agreement.compare(ours, theirs[name]).good]
    section.notes.append(
        f"Of our {len(texts)} files of the paper's formulas {len(texts) - len(differing)} agree with KunQuant as they "
        f"stand. These do not: {', '.join(name.removeprefix('alpha') for name in differing)}. Each file says how it "
        "reads the paper; why a file differs is not tested here, and precision is part of it as below."
    )


# Why values of KunQuant's own graphs cannot agree with ours even in 64 bits, as looked into by hand.
TIES = "KunQuant takes a covariance as a mean of products less a product of means, which leaves other last digits in "
REASONS = {
    "alpha045": TIES + "correlations over two rows, 1 or -1 exactly with us: 2 distinct values of a row become 509, "
                       "and ranks that are ties become noise",
    "alpha096": TIES + "correlations of small ranks, equal with us: the place of a maximum among ties becomes noise",
}
