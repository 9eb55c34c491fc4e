def carried(step, *columns):
    """Runs down the rows of each symbol. A step takes what was carried and the row's values, and gives what is carried on
    and the output."""
    held = [None] * symbols
    outputs = []
    for place, row in enumerate(zip(*(column.to_list() for column in columns))):
        held[place % symbols], output = step(held[place % symbols], *row)
        outputs.append(output)
    return pl.Series(outputs, dtype=pl.Float64)


def ts_kama(x, d, fast=2, slow=30):
    quick, lazy = 2 / (fast + 1), 2 / (slow + 1)

    def step(held, x):
        known, average = held or ([], None)
        if x is None:
            return (known, average), None
        known = [*known, x][-d - 1 :]
        if len(known) <= d:
            return (known, x), None
        path = sum(abs(after - before) for before, after in zip(known, known[1:]))
        efficiency = abs(x - known[0]) / path if path else 1.0
        average += (efficiency * (quick - lazy) + lazy) ** 2 * (x - average)
        return (known, average), average

    return carried(step, x)


def rows_since(f):
    def step(rows, f):
        rows = 0.0 if f else None if rows is None else rows + 1
        return rows, rows

    return carried(step, f)


def rows_since_change(x):
    def step(held, x):
        before, rows = held or (None, None)
        rows = None if rows is None else rows + 1
        if x is None:
            return (before, rows), None
        if before is not None and x != before:
            rows = 0.0
        return (x, rows), rows

    return carried(step, x)


def trade_when(f, y, h):
    def step(held, f, y, h):
        known = f is not None and h is not None and (not f or y is not None)
        if h:
            held = None
        elif known and f:
            held = y
        return held, held if known else None

    return carried(step, f, y, h)


def hump(x, c=0.01):
    def step(held, x, most):
        if x is None:
            return held, None
        if held is None:
            held = x
        elif abs(x - held) > most:
            held += math.copysign(most, x - held)
        return held, held

    return carried(step, across(X, x=x), across(c * X.abs().sum(), x=x))


def hump_decay(x, c=0.01):
    def step(held, x):
        if x is None:
            return held, None
        if held is None or abs(x - held) > c * abs(x):
            held = x
        return held, held

    return carried(step, x)


def ts_delta_limit(x, y, c=0.1):
    def step(held, x, y):
        if x is None or y is None:
            return held, None
        held = x if held is None else held + max(-c * abs(y), min(c * abs(y), x - held))
        return held, held

    return carried(step, x, y)
