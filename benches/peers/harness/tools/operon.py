"""pyoperon: random element-wise trees over ten columns, both mixes of its operators.

The trees are Operon's, walked node by node into our text, so that both sides hold the same nodes. Its creator makes
every constant 1; a second setting draws them, so that nothing folds but what is constant by itself.
"""

import re

import numpy as np
import pyoperon

from .. import agreement
from ..ours import merged_ms
from ..section import Row, Section, in_turn, milliseconds

BARS, SYMBOLS, COLUMNS = 25, 512, 10
TREES = 1_000
# Share of trees that may differ for no known reason; beyond it nothing is timed.
UNEXPLAINED = 0.01
# Times that errors in the last digit are drawn before they are said to change nothing.
TRIES = 10
Type = pyoperon.NodeType
ARITHMETIC = {Type.Add: "+", Type.Sub: "-", Type.Mul: "*", Type.Div: "/"}
FUNCTIONS = {Type.Exp: "exp", Type.Log: "log", Type.Sqrt: "sqrt", Type.Tanh: "tanh"}
# Expressions to a plan of ours; `None` is all.
WAYS = {"each tree a plan": 1, "all one plan": None}
MIXES = {"+ - * /": {}, "+ - * / exp log sqrt tanh": FUNCTIONS}


def trees(dataset, functions, count):
    """Trees by the balanced creator with seed 1 and lengths from 1 to 64."""
    config = Type.Constant | Type.Variable
    for kind in (*ARITHMETIC, *functions):
        config = config | kind
    problem = pyoperon.Problem(dataset)
    problem.ConfigurePrimitiveSet(config)
    primitives = problem.PrimitiveSet
    for kind in ARITHMETIC:
        primitives.SetMinMaxArity(pyoperon.Node(kind), 2, 2)
    creator = pyoperon.BalancedTreeCreator(primitives, dataset.VariableHashes, 0.0)
    random = pyoperon.RandomGenerator(1)
    lengths = np.random.default_rng(1).integers(1, 65, count)
    return [creator(random, int(length), 0, 1_000) for length in lengths]


def draw_constants(made, seed):
    """Gives constants values of their own; the weights of variables stay 1."""
    random = np.random.default_rng(seed)
    for tree in made:
        values = [1.0 if node.IsVariable else random.standard_normal() for node in tree.Nodes if node.Optimize]
        tree.SetCoefficients(np.array(values, dtype=np.float32))


def text(tree, names):
    """A tree in our text. Nodes stand in postfix order, the first operand last, as Operon's formatter reads them."""
    stack = []
    for node in tree.Nodes:
        if node.IsVariable:
            if node.Value != 1.0:
                raise ValueError("a variable with a weight would be a node more in ours")
            stack.append(names[node.HashValue])
        elif node.IsConstant:
            # `(-x)` is the literal of a negative number, not an operator.
            value = repr(float(node.Value))
            stack.append(f"({value})" if value.startswith("-") else value)
        elif node.Type in ARITHMETIC:
            first, second = stack.pop(), stack.pop()
            stack.append(f"({first} {ARITHMETIC[node.Type]} {second})")
        else:
            stack.append(f"{FUNCTIONS[node.Type]}({stack.pop()})")
    (whole,) = stack
    return whole


def leaves_of_text(written):
    """Columns and numbers of a text: what Operon counts as leaves."""
    return len(re.findall(r"\bx\d+\b|(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?", written))


def compare(session):
    """Both mixes, constants as created and drawn."""
    random = np.random.default_rng(1)
    # Column after column, as suits Operon. Its data set is a view: the array has to outlive it.
    data = np.asfortranarray(random.standard_normal((BARS * SYMBOLS, COLUMNS)).astype(np.float32))
    dataset = pyoperon.Dataset(data)
    if not np.array_equal(np.asarray(dataset.Values), data):
        raise ValueError("Operon does not hold the numbers that it was given")
    names = {variable.Hash: f"x{variable.Index}" for variable in dataset.Variables}
    columns = {f"x{index}": data[:, index].reshape(BARS, SYMBOLS) for index in range(COLUMNS)}
    panel = session.engine.panel("operon", columns)
    section = Section(notes=[
        f"{TREES:,} trees of 1 to 64 nodes, {BARS * SYMBOLS:,} rows: {BARS} bars x {SYMBOLS} symbols for us. Operon "
        "in 32 bits, ours in 64, both on one thread.",
        "G node-rows/s count every node of the trees that Operon made, leaves included, for both sides.",
        "With a plan for each tree we do the work that Operon does, which shares nothing among trees; one pass over "
        "all trees is timed on both sides. In one plan of all trees, equal nodes run once.",
        "Ours turns infinite values into NaN in every operator; cells where either side is not finite are not "
        "compared.",
        "Created constants are all 1, and what has only constants below it is folded into a literal by us, at "
        "compile time. Drawn constants are normal; constant subtrees still fold, and stand in the count of operators.",
    ])
    for mix, functions in MIXES.items():
        for constants in ("created", "drawn"):
            made = trees(dataset, functions, TREES)
            if constants == "drawn":
                draw_constants(made, 2)
            compare_mix(session, section, (mix, constants), made, dataset, data, panel, names)
    return section


def compare_mix(session, section, setting, made, dataset, data, panel, names):
    """One mix: leaves counted, values checked, time taken."""
    mix, constants = setting
    texts = [text(tree, names) for tree in made]
    nodes = sum(tree.Length for tree in made)
    leaves = sum(node.IsLeaf for tree in made for node in tree.Nodes)
    if leaves != sum(map(leaves_of_text, texts)):
        raise ValueError(f"our texts of `{mix}` hold another number of leaves than Operon's {leaves:,}")
    rows = BARS * SYMBOLS
    result = np.zeros(len(made) * rows, dtype=np.float32)

    def theirs():
        return milliseconds(lambda: pyoperon.EvaluateTrees(made, dataset, pyoperon.Range(0, rows), result, 1))

    theirs()
    good = finite = unexplained = 0
    indices = {variable.Hash: variable.Index for variable in dataset.Variables}
    arrays = result.reshape(len(made), BARS, SYMBOLS)
    for index, ours in enumerate(session.engine.values(panel, texts, (BARS, SYMBOLS), group=100)):
        found = agreement.compare(ours, arrays[index])
        # A tree without variables, or one that is never finite, has nothing to rank.
        nothing = found.rows + found.flat == 0
        good += found.good or nothing
        finite += not nothing
        if not (found.good or nothing):
            explained, reason = explain(made[index], ours, found, data, indices)
            unexplained += not explained
            section.apart.append([f"{mix}, constants {constants}, tree {index}", reason])
    if unexplained > UNEXPLAINED * len(made):
        raise ValueError(f"`{mix}`, constants {constants}: {unexplained} trees differ for no known reason; not timed")
    section.notes.append(
        f"`{mix}`, constants {constants}: {nodes:,} nodes, {leaves:,} of them leaves on both sides; {good:,} of "
        f"{len(made):,} trees agree, {finite:,} of them with finite values to rank; {unexplained} differ for no "
        "known reason."
    )
    sides = {"theirs": theirs}
    for way, group in WAYS.items():
        for keep in (True, False):
            sides[f"ours, {way}, {keep}"] = lambda group=group, keep=keep: session.engine.time(
                panel, texts, keep=keep, group=group, merged_only=True)
    samples = in_turn(session.rounds, sides)
    giga = nodes * rows / 1e6
    for way in WAYS:
        kept, streamed = (samples[f"ours, {way}, {keep}"] for keep in (True, False))
        row = Row(
            what=f"{mix}, constants {constants}, {way}", peer="pyoperon", theirs=samples["theirs"],
            ours=list(map(merged_ms, kept)), streamed=list(map(merged_ms, streamed)),
        )
        rates = (giga / np.median(times) for times in (row.ours, row.streamed, row.theirs))
        row.remark = ("G node-rows/s {:.2f}, dropped {:.2f}, Operon {:.2f}".format(*rates)
                      + f"; {kept[0]['merged']['operators_run']:,} operators run")
        section.rows.append(row)


def by_numpy(tree, columns, indices, error=0.0, seed=0):
    """The values of a tree by numpy, in the precision of the columns; NaN where any operator gave no finite number. With
    an error, what each operator gives is off by up to that share of it, either way."""
    operate = {Type.Add: np.add, Type.Sub: np.subtract, Type.Mul: np.multiply, Type.Div: np.divide,
               Type.Exp: np.exp, Type.Log: np.log, Type.Sqrt: np.sqrt, Type.Tanh: np.tanh}
    random = np.random.default_rng(seed)
    stack = []
    with np.errstate(all="ignore"):
        for node in tree.Nodes:
            if node.IsVariable:
                stack.append(columns[:, indices[node.HashValue]])
            elif node.IsConstant:
                stack.append(np.full(len(columns), node.Value, dtype=columns.dtype))
            else:
                values = operate[node.Type](*(stack.pop() for _ in range(node.Arity)))
                if error:
                    values = values * (1 + error * random.uniform(-1, 1, len(columns)))
                stack.append(np.where(np.isfinite(values), values, columns.dtype.type(np.nan)))
    return stack.pop().reshape(BARS, SYMBOLS)


def explain(tree, ours, found, data, indices):
    """Whether precision is why a tree differs, and that in words. It is, where numpy in 64 bits agrees with us and numpy
    in 32 bits does not; or where errors in the last digit of 32 bits, or of 64, change how its rows are ranked: then so
    many bits do not settle it."""
    exact = data.astype(np.float64)
    by_double = by_numpy(tree, exact, indices)
    double = agreement.compare(ours, by_double)
    single = agreement.compare(ours, by_numpy(tree, data, indices))
    sides = {"Operon": found, "numpy in 32 bits": single, "numpy in 64 bits": double}
    figures = "rows that agree with ours: " + ", ".join(
        f"{name} {side.agreeing} of {side.rows}" for name, side in sides.items())
    if double.good and not single.good:
        return True, f"32 bits do not settle the ranks; {figures}"
    for precision, bits in ((np.float64, 64), (np.float32, 32)):
        off = (by_numpy(tree, exact, indices, np.finfo(precision).eps, seed) for seed in range(TRIES))
        if not all(agreement.compare(by_double, values).good for values in off):
            return True, f"errors in the last of {bits} bits change the ranks; {figures}"
    return False, f"differs, cause not known; {figures}"
