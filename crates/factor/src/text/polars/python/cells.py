def labels(name):
    """A column of labels on the grid, as their places in the order of all labels."""
    known = grid[name].drop_nulls().unique().sort()
    return grid[name].replace_strict(known, range(known.len()), return_dtype=pl.Float64)


def constant(value, kind=pl.Float64):
    """One number or flag everywhere on the grid."""
    return pl.Series([value], dtype=kind).new_from_index(0, grid.height)


def cells(expression, **columns):
    """An expression over columns of the grid; what is infinite or not a number is missing."""
    return pl.DataFrame(columns).select(value=finite(expression)).to_series()


def finite(expression):
    return pl.when(expression.is_finite()).then(expression)


def where(flag, x, y):
    """x where the flag is true, y where it is false, missing where it is not known."""
    choice = pl.when(pl.col("flag")).then(X).when(~pl.col("flag")).then(Y)
    return pl.DataFrame({"flag": flag, "x": x, "y": y}).select(value=choice).to_series()


def divided(x, y):
    """x / y to the last digit: by one number polars multiplies with its reciprocal, by a column it divides."""
    return x / (x * 0 + y)


def nothing(x):
    """Missing everywhere."""
    return x.clear(x.len())


def signed_pow(x, c):
    power = cells(X**c, x=x.abs())
    return where(x < 0, -power, power)


def s_log_1p(x):
    return x.abs().log1p() * x.sign()


def clip(x, low, high):
    return x.clip(low, high) if low <= high else nothing(x)


def minimum(x, y):
    return where(x <= y, x, y)


def maximum(x, y):
    return where(x >= y, x, y)


def nan_where(x, f):
    return where(f, None, x)


def to_nan(x, c):
    return where(x == c, None, x)


def left_tail(x, c):
    return where(x <= c, x, None)


def right_tail(x, c):
    return where(x >= c, x, None)


def tail(x, low, high, c):
    return where((x >= low) & (x <= high), c, x)
