"""KunQuant's graphs, before any of its passes, as our text."""

from KunQuant import ops
from KunQuant.Op import ConstantOp, Input, Rank, Scale

# Operators of two inputs, between them.
INFIX = {
    ops.Add: "+", ops.Sub: "-", ops.Mul: "*", ops.Div: "/", ops.GreaterThan: ">", ops.GreaterEqual: ">=",
    ops.LessThan: "<", ops.LessEqual: "<=", ops.Equals: "==", ops.And: "and", ops.Or: "or",
}
# Operators of one input and a number, which may stand first.
WITH_NUMBER = {
    ops.AddConst: "+", ops.SubConst: "-", ops.MulConst: "*", ops.DivConst: "/", ops.GreaterThanConst: ">",
    ops.LessThanConst: "<",
}
FUNCTIONS = {
    ops.Sqrt: "sqrt", ops.Log: "log", ops.Abs: "abs", ops.Sign: "sign", ops.Exp: "exp", ops.Not: "not",
    ops.Max: "max", ops.Min: "min", Scale: "cs_scale",
}
# Operators with a window; its number stands last.
WINDOWED = {
    ops.WindowedSum: "ts_sum", ops.WindowedProduct: "ts_product", ops.WindowedMin: "ts_min", ops.WindowedMax: "ts_max",
    ops.WindowedAvg: "ts_mean", ops.WindowedVar: "ts_var", ops.WindowedStddev: "ts_std",
    ops.WindowedCovariance: "ts_cov", ops.WindowedCorrelation: "ts_corr", ops.DecayLinear: "ts_decay_linear",
    ops.BackRef: "ts_delay",
}


def number(value):
    """A literal; negative ones in brackets."""
    text = repr(float(value)).removesuffix(".0")
    return f"({text})" if text.startswith("-") else text


class Writer:
    """Writes graphs; what KunQuant says otherwise than we do is written out:

    - ranks across symbols and in time are average ranks, over the count and from 1 to the window;
    - places of extremes count from the oldest row, which is 1;
    - a comparison with something missing is false with them and missing with us: left as it is, since what follows
      from it is a value that we do not give, and such cells are not compared.
    """

    def __init__(self):
        self.texts = {}

    def text(self, node):
        """The text of a node; shared nodes are written where they are used."""
        if id(node) not in self.texts:
            self.texts[id(node)] = self.write(node)
        return self.texts[id(node)]

    def write(self, node):
        kind = type(node)
        inputs = [self.text(one) for one in node.inputs]
        window = node.attrs.get("window", node.attrs.get("length"))
        if kind is Input:
            return node.attrs["name"]
        if kind is ConstantOp:
            return number(node.attrs["value"])
        if kind in INFIX:
            return f"({inputs[0]} {INFIX[kind]} {inputs[1]})"
        if kind in WITH_NUMBER:
            sides = [inputs[0], number(node.attrs["value"])]
            first, second = reversed(sides) if node.attrs.get("swap") else sides
            return f"({first} {WITH_NUMBER[kind]} {second})"
        if kind in FUNCTIONS:
            return f"{FUNCTIONS[kind]}({', '.join(inputs)})"
        if kind in WINDOWED:
            return f"{WINDOWED[kind]}({', '.join(inputs)}, {window})"
        if kind is Rank:
            return f"cs_rank({inputs[0]}, scale=pct)"
        if kind is ops.TsRank:
            return f"({window} * ts_rank({inputs[0]}, {window}, scale=pct))"
        if kind in (ops.TsArgMax, ops.TsArgMin):
            return f"({window} - {kind.__name__.replace('TsArgM', 'ts_argm')}({inputs[0]}, {window}))"
        if kind is ops.SetInfOrNanToValue:
            return f"fill({inputs[0]}, {number(node.attrs['value'])})"
        if kind is ops.Select:
            return f"if_else({', '.join(inputs)})"
        if kind is ops.Pow:
            exponent = node.inputs[1]
            if type(exponent) is ConstantOp:
                return f"({inputs[0]})^{float(exponent.attrs['value']):g}"
            return f"exp(log({inputs[0]}) * {inputs[1]})"
        raise NotImplementedError(f"`{kind.__name__}` has no counterpart")
