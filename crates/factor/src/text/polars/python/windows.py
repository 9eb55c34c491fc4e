def lag(x, rows):
    """The value so many bars ago: the grid holds all symbols of a date, then those of the next."""
    return x.shift(rows * symbols)


def window(x, d):
    """The values of the window, the newest first; missing before the first full window."""
    return (lag(x, rows) for rows in range(d))


def along(expression, **columns):
    """An expression over the rows of each symbol in turn."""
    frame = pl.DataFrame({"symbol": grid["symbol"], **columns})
    return frame.select(value=expression.over("symbol")).to_series()


def shift_of_mean(x, d):
    """The window's mean less today's value: no digits are lost where the level is large beside the spread."""
    return sum(value - x for value in window(x, d)) / d


def centered(x, d):
    """The values of the window less their mean, the newest first."""
    shift = shift_of_mean(x, d)
    return (value - x - shift for value in window(x, d))


def variance(x, d, ddof=1):
    """The variance of the window; exactly 0 where it is flat."""
    value = sum(distance * distance for distance in centered(x, d)) / (d - ddof)
    return where(value.sqrt() <= 1e-12 * ts_mean(x, d).abs(), 0.0, value)


def covariance(x, y, d):
    return sum(a * b for a, b in zip(centered(x, d), centered(y, d))) / (d - 1)


def ts_delay(x, d):
    return lag(x, d)


def ts_delta(x, d):
    return cells(X - Y, x=x, y=lag(x, d))


def returns(x, d):
    base = lag(x, d)
    return where(base > 0, cells(X / Y - 1, x=x, y=base), None)


def log_returns(x, d):
    return cells((X / Y).log(), x=where(x > 0, x, None), y=where(lag(x, d) > 0, lag(x, d), None))


def ts_sum(x, d):
    return cells(X, x=sum(window(x, d)))


def ts_mean(x, d):
    return cells(X, x=sum(window(x, d)) / d)


def ts_wmean(x, y, d):
    products = sum(a * b for a, b in zip(window(x, d), window(y, d)))
    return cells(X / Y, x=products, y=sum(window(y, d)))


def ts_product(x, d):
    product = x
    for rows in range(1, d):
        product = product * lag(x, rows)
    return cells(X, x=product)


def ts_std(x, d, ddof=1):
    return cells(X.sqrt(), x=variance(x, d, ddof))


def ts_var(x, d, ddof=1):
    return cells(X, x=variance(x, d, ddof))


def ts_zscore(x, d, ddof=1):
    return cells(X / Y.sqrt(), x=-shift_of_mean(x, d), y=variance(x, d, ddof))


def ts_ir(x, d, ddof=1):
    return cells(X / Y.sqrt(), x=ts_mean(x, d), y=variance(x, d, ddof))


def ts_skew(x, d):
    cubes = sum(distance**3 for distance in centered(x, d)) * (d / ((d - 1) * (d - 2)))
    return cells(X / Y**1.5, x=cubes, y=to_nan(variance(x, d), 0))


def ts_kurt(x, d):
    fourths = sum(distance**4 for distance in centered(x, d)) * (d * (d + 1) / ((d - 1) * (d - 2) * (d - 3)))
    normal = 3 * (d - 1) ** 2 / ((d - 2) * (d - 3))
    return cells(X / Y**2 - normal, x=fourths, y=to_nan(variance(x, d), 0))


def ts_moment(x, d, k=2):
    moment = cells(X, x=sum(distance**k for distance in centered(x, d)) / d)
    return where(variance(x, d, 0) == 0, 0.0, moment)


def joint_moment(d, *sides):
    """The mean product of powers of distances from the means in standard deviations; missing where a side is flat."""
    product = [1.0] * d
    for x, power in sides:
        deviation = to_nan(variance(x, d, 0), 0).sqrt()
        product = [term * (distance / deviation) ** power for term, distance in zip(product, centered(x, d))]
    return cells(X, x=sum(product) / d)


def ts_triple_corr(x, y, z, d):
    return joint_moment(d, (x, 1), (y, 1), (z, 1))


def ts_co_skew(x, y, d):
    return joint_moment(d, (x, 1), (y, 2))


def ts_co_kurt(x, y, d):
    return joint_moment(d, (x, 1), (y, 3))


def ts_min(x, d):
    return along(X.rolling_min(d, min_samples=d), x=x)


def ts_max(x, d):
    return along(X.rolling_max(d, min_samples=d), x=x)


def ts_argmin(x, d):
    return rows_since_equal(x, ts_min(x, d), d)


def ts_argmax(x, d):
    return rows_since_equal(x, ts_max(x, d), d)


def rows_since_equal(x, value, d):
    """Rows since the window last held a value."""
    found = nothing(x)
    for rows in reversed(range(d)):
        found = where(lag(x, rows) == value, float(rows), found)
    return found


def window_rank(x, d):
    """The rank of today's value in the window, from 1."""
    return sum((value < x).cast(pl.Float64) + (value == x).cast(pl.Float64) / 2 for value in window(x, d)) + 0.5


def on_scale(rank, count, scale):
    """Ranks from 0 to 1, as shares of the count, as they are, or from -1 to 1."""
    unit = pl.when(count == 1).then(rank * 0 + 0.5).otherwise(divided(rank - 1, count - 1.0))
    return {"unit": unit, "pct": divided(rank, count), "raw": rank, "signed": 2 * unit - 1}[scale]


def ts_rank(x, d, scale="unit"):
    return cells(on_scale(X, pl.lit(d), scale), x=window_rank(x, d))


def driven(x, driver):
    """The quantile of a distribution at a share."""
    if driver == "gaussian":
        return x.map_elements(statistics.NormalDist().inv_cdf, return_dtype=pl.Float64)
    return x if driver == "uniform" else (math.pi * (x - 0.5)).tan()


def ts_quantile(x, d, driver="gaussian"):
    return driven(cells(divided(X - 0.5, d), x=window_rank(x, d)), driver)


def ts_percentile(x, d, c):
    return along(X.rolling_quantile(c, "linear", d, min_samples=d), x=x)


def ts_scale(x, d):
    low, high = ts_min(x, d), ts_max(x, d)
    return where(high > low, (x - low) / (high - low), None)


def ts_mad(x, d):
    return cells(X, x=sum(distance.abs() for distance in centered(x, d)) / d)


def ts_medad(x, d):
    distances = [(value - ts_median(x, d)).abs() for value in window(x, d)]
    return pl.DataFrame({"x": x}).select(value=pl.concat_list(distances).list.median()).to_series()


def ts_median(x, d):
    return along(X.rolling_median(d, min_samples=d), x=x)


def ts_corr(x, y, d):
    spread = variance(x, d) * variance(y, d)
    return cells((X / Y.sqrt()).clip(-1, 1), x=covariance(x, y, d), y=to_nan(spread, 0))


def ts_cov(x, y, d):
    return cells(X, x=covariance(x, y, d))


def squares(x, d):
    """The sum of squared distances from the mean."""
    return sum(distance * distance for distance in centered(x, d))


def residuals(x, y, d):
    """What the window's least-squares line of x on y leaves of x, the newest first; missing where y is flat."""
    slope = beta(x, y, d)
    return [a - slope * b for a, b in zip(centered(x, d), centered(y, d))]


def ts_partial_corr(x, y, z, d):
    left = residuals(x, z, d), residuals(y, z, d)
    lengths = [sum(value * value for value in side) for side in left]
    for place, whole in enumerate((x, y)):
        enough = (lengths[place] > 1e-12 * squares(whole, d)) & (variance(whole, d) > 0)
        lengths[place] = where(enough, lengths[place], None)
    product = sum(a * b for a, b in zip(*left))
    return cells((X / Y.sqrt()).clip(-1, 1), x=product, y=lengths[0] * lengths[1])


def ts_decay_linear(x, d):
    return cells(X, x=sum(value * (d - rows) for rows, value in enumerate(window(x, d))) / (d * (d + 1) / 2))


def ts_decay_exp(x, d, c=0.5):
    weights = [c**rows for rows in range(d)]
    distance = sum((value - x) * weight for value, weight in zip(window(x, d), weights)) / sum(weights)
    return cells(X + Y, x=x, y=distance)


def ts_entropy(x, d, k=10):
    low, high = ts_min(x, d), ts_max(x, d)
    bins = [((value - low) / (high - low) * k).floor().clip(upper_bound=k - 1) for value in window(x, d)]
    entropy = 0.0
    for number in range(k):
        share = sum((place == number).cast(pl.Float64) for place in bins) / d
        entropy = entropy - where(share > 0, share * share.log(), 0.0)
    return where(low == high, 0.0, cells(X, x=entropy))


def ts_max_drawdown(x, d):
    high, deepest = lag(x, d - 1), lag(x, d - 1) * 0
    for rows in reversed(range(d - 1)):
        high = maximum(high, lag(x, rows))
        deepest = minimum(deepest, lag(x, rows) / high - 1)
    return where(ts_min(x, d) > 0, deepest, None)


def trend(x, d):
    """The slope of the window's least-squares line on its rows."""
    products = sum(distance * ((d - 1) / 2 - rows) for rows, distance in enumerate(centered(x, d)))
    return products / (d * (d * d - 1) / 12)


def ts_slope(x, d):
    return cells(X, x=trend(x, d))


def ts_rsquare(x, d):
    explained = trend(x, d) ** 2 * (d * (d + 1) / 12)
    return cells((X / Y).clip(upper_bound=1), x=explained, y=to_nan(variance(x, d), 0))


def ts_trend_resid(x, d):
    return cells(X, x=-shift_of_mean(x, d) - trend(x, d) * ((d - 1) / 2))


def beta(x, y, d):
    """The slope of the least-squares line of x on y over the window; missing where y is flat."""
    spread = variance(y, d)
    return covariance(x, y, d) / where(spread > 0, spread, None)


def ts_beta(x, y, d):
    return cells(X, x=beta(x, y, d))


def ts_alpha(x, y, d):
    return cells(X, x=ts_mean(x, d) - beta(x, y, d) * ts_mean(y, d))


def ts_resid(x, y, d):
    return cells(X, x=beta(x, y, d) * shift_of_mean(y, d) - shift_of_mean(x, d))


def ts_fit(x, y, d):
    return cells(X - Y, x=x, y=ts_resid(x, y, d))


def ts_sse(x, y, d):
    return cells(X, x=sum(residual * residual for residual in residuals(x, y, d)))


def ts_sst(x, d):
    return cells(X, x=variance(x, d, 0) * d)


def ts_mse(x, y, d):
    return ts_sse(x, y, d) / (d - 2)


def ts_se_beta(x, y, d):
    return cells((X / Y).sqrt(), x=ts_mse(x, y, d), y=squares(y, d))


def ts_se_alpha(x, y, d):
    return cells((X * (1 / d + Z**2 / Y)).sqrt(), x=ts_mse(x, y, d), y=squares(y, d), z=ts_mean(y, d))


def ts_r2(x, y, d):
    spread = variance(x, d) * variance(y, d)
    return cells((X**2 / Y).clip(upper_bound=1), x=covariance(x, y, d), y=to_nan(spread, 0))


def ts_vector_proj(x, y, d):
    product = sum(a * b for a, b in zip(window(x, d), window(y, d)))
    length = sum(value * value for value in window(y, d)) + 0.0 * product
    return where(length == 0, 0.0, cells(Z * (X / Y), x=product, y=length, z=y))


def ts_vector_neut(x, y, d):
    return cells(X - Y, x=x, y=ts_vector_proj(x, y, d))


def ts_backfill(x, d):
    filled = x
    for rows in range(1, d):
        filled = filled.zip_with(filled.is_not_null(), lag(x, rows))
    return filled


def ts_kth_element(x, d, k=1):
    found, seen = nothing(x), 0
    for value in window(x, d):
        seen = seen + value.is_not_null().cast(pl.Int64)
        found = found.zip_with((seen != k) | value.is_null(), value)
    return found


def ts_last_diff_value(x, d):
    found = nothing(x)
    for rows in reversed(range(1, d)):
        found = found.zip_with((lag(x, rows) == x).fill_null(True), lag(x, rows))
    return found


def started(d):
    """Where so many rows have been."""
    return lag(grid["date"], d - 1).is_not_null()


def ts_count_nans(x, d):
    count = sum(value.is_null().cast(pl.Float64) for value in window(x, d))
    return where(started(d), count, None)


def ts_count(f, d):
    return sum(value.cast(pl.Float64) for value in window(f, d))


def ts_any(f, d):
    result = f
    for rows in range(1, d):
        result = result | lag(f, rows)
    return where(started(d), result, None)


def ts_all(f, d):
    result = f
    for rows in range(1, d):
        result = result & lag(f, rows)
    return where(started(d), result, None)


def cross_above(x, y):
    above = x > y
    return above & ~lag(above, 1)


def cross_below(x, y):
    below = x < y
    return below & ~lag(below, 1)


def ewm(x, alpha, adjust=False):
    """An exponential average over the values that are not missing."""
    return x.ewm_mean(alpha=alpha, adjust=adjust, ignore_nulls=True)


def from_mean(d):
    """The mean of the first d values in the place of the d-th, then the values."""
    seen = X.is_not_null().cum_sum()
    return pl.when(seen == d).then(X.cum_sum() / d).when(seen > d).then(X)


def ts_ema(x, d, seed="first"):
    average = ewm(from_mean(d) if seed == "sma" else X, 2 / (d + 1), seed == "adjusted")
    return along(shown_from(average, d), x=x)


def ts_rma(x, d):
    return along(shown_from(ewm(from_mean(d), 1 / d), d), x=x)


def ts_sma_cn(x, d, k=1):
    return along(shown_from(ewm(X, min(k / d, 1)), 1), x=x)


def ts_cumsum(x):
    return cells(X, x=along(X.cum_sum(), x=x))


def shown_from(average, d):
    """An average where there is a value, from the d-th on."""
    return pl.when(X.is_not_null() & (X.is_not_null().cum_sum() >= d)).then(average)
