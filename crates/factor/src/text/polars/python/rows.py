def across(expression, **columns):
    """An expression over the members of each date that have a value in every column, by label where there is one."""
    known = pl.all_horizontal(pl.col("member"), pl.col(*columns).is_not_null())
    frame = pl.DataFrame({"date": grid["date"], "member": member, **columns}).with_columns(known=known)
    frame = frame.with_columns(pl.when("known").then(pl.col(*columns)))
    value = expression.over("date", "g") if "g" in columns else expression.over("date")
    return frame.select(value=pl.when(pl.col("known") & value.is_finite()).then(value)).to_series()


def less_mean(x):
    """Distances from the mean, taken twice: no digits are lost where the level is large beside the spread."""
    near = x - x.mean()
    return near - near.mean()


def deviation(x, ddof=1):
    """The standard deviation of a row; exactly 0 where it is flat."""
    value = finite(((less_mean(x) ** 2).sum() / (x.count() - float(ddof))).sqrt())
    return pl.when(value <= 1e-12 * x.mean().abs()).then(0.0).otherwise(value)


def zscore(x, ddof=1):
    spread = deviation(x, ddof)
    return pl.when(spread > 0).then(divided(less_mean(x), spread))


def rank(x, scale="unit"):
    return on_scale(x.rank("average"), x.count(), scale)


def share(x):
    """The rank of a row less a half, as a share of the count."""
    return divided(x.rank("average") - 0.5, x.count())


def place(x):
    """Where between the smallest value and the largest."""
    return pl.when(x.max() > x.min()).then(divided(x - x.min(), x.max() - x.min()))


def scaled(x, a):
    """Scaled so that absolute values sum to a; zeros stay."""
    total = x.abs().sum()
    return pl.when(total == 0).then(0.0).otherwise(divided(a * x, total))


def line(y, x):
    """The least-squares line of y on x, less the mean of y; 0 where x is flat."""
    squares = (less_mean(x) ** 2).sum()
    slope = pl.when(deviation(x) > 0).then((less_mean(x) * less_mean(y)).sum() / squares).otherwise(0.0)
    return slope * less_mean(x)


def projection(x, y):
    """The part of x that lies along y; 0 where y is."""
    length = (y * y).sum()
    return pl.when(length == 0).then(0.0).otherwise(y * ((x * y).sum() / length))


def between(x, low, high):
    return pl.when(x < low).then(low).when(x > high).then(high).otherwise(x)


def cs_rank(x, scale="unit"):
    return across(rank(X, scale), x=x)


def cs_zscore(x, ddof=1):
    return across(zscore(X, ddof), x=x)


def cs_normalize(x, limit=0, ddof=1):
    value = zscore(X, ddof)
    return across(between(value, -limit, limit) if limit > 0 else value, x=x)


def cs_quantile(x, c=1, driver="gaussian"):
    return c * driven(across(share(X), x=x), driver)


def cs_qcut(x, k=10):
    return across((share(X) * k).floor().clip(upper_bound=k - 1), x=x)


def cs_bucket(x, low, high, k=10):
    edges = [low + (high - low) * (number / k) for number in range(k + 1)]
    below = sum((x > edge).cast(pl.Float64) for edge in edges)
    return across(X, x=below) if low < high else nothing(x)


def cs_demean(x):
    return across(less_mean(X), x=x)


def cs_scale(x, a=1, long=0, short=0):
    sides = scaled(X.clip(lower_bound=0), long) + scaled(X.clip(upper_bound=0), short)
    return across(sides if long or short else scaled(X, a), x=x)


def cs_winsorize(x, c=4, ddof=1):
    low, high = X.mean() - c * deviation(X, ddof), X.mean() + c * deviation(X, ddof)
    return across(pl.when(X.count() == 1).then(X).otherwise(between(X, low, high)), x=x)


def cs_mean(x):
    return across(X.mean(), x=x)


def cs_sum(x):
    return across(X.sum(), x=x)


def cs_std(x, ddof=1):
    return across(deviation(X, ddof), x=x)


def cs_median(x):
    return across(X.median(), x=x)


def cs_min(x):
    return across(X.min(), x=x)


def cs_max(x):
    return across(X.max(), x=x)


def cs_count(x):
    return across(X.count().cast(pl.Float64), x=x)


def cs_minmax(x, c=0):
    return across(place(X) - c, x=x)


def cs_truncate(x, c=0.01):
    most = c * X.abs().sum()
    return across(between(X, -most, most), x=x)


def cs_top_bottom(x, k):
    at = X.rank("ordinal").cast(pl.Int64)
    most = pl.min_horizontal(pl.lit(int(k), pl.Int64), X.count().cast(pl.Int64) // 2)
    side = pl.when(at <= most).then(-1.0).when(at > X.count().cast(pl.Int64) - most).then(1.0).otherwise(0.0)
    return across(side, x=x)


def cs_clip_quantile(x, low=0.025, high=0.975):
    bounds = [X.quantile(share, "linear") for share in (low, high)]
    return across(between(X, *bounds), x=x) if low <= high else nothing(x)


def cs_clip_mad(x, c=3):
    most = c * (X - X.median()).abs().median()
    return across(between(X, X.median() - most, X.median() + most), x=x)


def cs_one_side(x):
    return across(X - pl.min_horizontal(X.min(), 0.0), x=x)


def cs_reg_resid(x, y):
    return across(residual(X, Y), x=x, y=y)


def cs_reg_fit(x, y):
    return across(X.mean() + line(X, Y), x=x, y=y)


def residual(y, x):
    """What the least-squares line of y on x leaves of y."""
    return less_mean(y) - line(y, x)


def cs_resid(x, y, z):
    x, y, z = (across(value, x=x, y=y, z=z) for value in (X, Y, Z))
    of_x, of_z = across(residual(X, Y), x=x, y=y), across(residual(X, Y), x=z, y=y)
    nothing_new = (deviation(X) ** 2 <= 1e-18 * deviation(Y) ** 2).cast(pl.Float64)
    left = where(across(nothing_new, x=of_z, y=z) == 1, of_x, across(residual(X, Y), x=of_x, y=of_z))
    return where(cs_count(x) >= 4, left, None)


def cs_vector_neut(x, y):
    return across(X - projection(X, Y), x=x, y=y)


def cs_vector_proj(x, y):
    return across(projection(X, Y), x=x, y=y)


def group_neutralize(x, g):
    return across(less_mean(X), x=x, g=g)


def group_rank(x, g):
    return across(rank(X), x=x, g=g)


def group_zscore(x, g, ddof=1):
    return across(zscore(X, ddof), x=x, g=g)


def group_mean(x, g):
    return across(X.mean(), x=x, g=g)


def group_sum(x, g):
    return across(X.sum(), x=x, g=g)


def group_std(x, g, ddof=1):
    return across(deviation(X, ddof), x=x, g=g)


def group_median(x, g):
    return across(X.median(), x=x, g=g)


def group_min(x, g):
    return across(X.min(), x=x, g=g)


def group_max(x, g):
    return across(X.max(), x=x, g=g)


def group_count(x, g):
    return across(X.count().cast(pl.Float64), x=x, g=g)


def group_minmax(x, g):
    return across(place(X), x=x, g=g)


def group_normalize(x, g, a=1):
    return across(scaled(X, a), x=x, g=g)


def group_percentile(x, g, c):
    return across(X.quantile(c, "linear"), x=x, g=g)


def group_wmean(x, y, g):
    near = X - X.mean()
    return across(X.mean() + (near * Y).sum() / Y.sum(), x=x, y=where(y > 0, y, None), g=g)


def group_vector_neut(x, y, g):
    return across(X - projection(X, Y), x=x, y=y, g=g)


def group_vector_proj(x, y, g):
    return across(projection(X, Y), x=x, y=y, g=g)


def group_resid(x, y, g):
    return across(residual(X, Y), x=x, y=y, g=g)


def group_cross(g, h):
    return across((X * (Y.max() + 1) + Y).rank("dense").cast(pl.Float64) - 1, x=g, y=h)


def group_fill(x, g):
    return group_backfill(x, g, 1, math.inf)


def group_backfill(x, g, d, c=4):
    x, g = where(member, x, None), where(member, g, None)
    rows = [pl.DataFrame({"date": grid["date"], "g": g, "x": value}) for value in window(x, d)]
    most = pl.when(X.count() == 1).then(0.0).otherwise(c * deviation(X))
    mean = between(X, X.mean() - most, X.mean() + most).mean().over("date", "g")
    means = pl.concat(rows).select(value=mean).to_series().head(grid.height)
    return where(x.is_null() & g.is_not_null(), means, x)
