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


def total(terms, least=0):
    """The sum of a window's terms: of all, or of those that are known where the window is content with some."""
    return sum(term.fill_null(0) for term in terms) if least else sum(terms)


def counted(x, d, least):
    """The rows of the window that count; missing where they are too few."""
    if not least:
        return d
    known = sum(value.is_not_null().cast(pl.Float64) for value in window(x, d))
    return where(known >= least, known, None)


def shared(least, *columns):
    """Columns whose rows count where all have a value."""
    if not least:
        return columns
    known = sum(column * 0 for column in columns)
    return [column + known for column in columns]


def anchor(x, d, least):
    """A value of the window near the others: today's, or the newest that is known."""
    return ts_backfill(x, d) if least else x


def shift_of_mean(x, d, least=0):
    """The window's mean less its anchor: no digits are lost where the level is large beside the spread."""
    near = anchor(x, d, least)
    return total((value - near for value in window(x, d)), least) / counted(x, d, least)


def centered(x, d, least=0):
    """The values of the window less their mean, the newest first."""
    near, shift = anchor(x, d, least), shift_of_mean(x, d, least)
    return [value - near - shift for value in window(x, d)]


def variance(x, d, ddof=1, least=0):
    """The variance of the window; exactly 0 where it is flat."""
    value = squares(x, d, least) / (counted(x, d, least) - ddof)
    return where(value.sqrt() <= 1e-12 * ts_mean(x, d, least).abs(), 0.0, value)


def squares(x, d, least=0):
    """The sum of squared distances from the mean."""
    return total((distance * distance for distance in centered(x, d, least)), least)


def covariance(x, y, d, least=0):
    products = (a * b for a, b in zip(centered(x, d, least), centered(y, d, least)))
    return total(products, least) / (counted(x, d, least) - 1)


def ts_delay(x, d):
    return lag(x, d)


def ts_delta(x, d):
    return cells(X - Y, x=x, y=lag(x, d))


def returns(x, d):
    base = lag(x, d)
    return where(base > 0, cells(X / Y - 1, x=x, y=base), None)


def log_returns(x, d):
    return cells((X / Y).log(), x=where(x > 0, x, None), y=where(lag(x, d) > 0, lag(x, d), None))


def ts_sum(x, d, min_periods=0):
    return cells(X + 0 * Y, x=total(window(x, d), min_periods), y=counted(x, d, min_periods))


def ts_mean(x, d, min_periods=0):
    return cells(X, x=total(window(x, d), min_periods) / counted(x, d, min_periods))


def ts_wmean(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    products = total((a * b for a, b in zip(window(x, d), window(y, d))), min_periods)
    return cells(X / Y, x=products, y=ts_sum(y, d, min_periods))


def ts_product(x, d, min_periods=0):
    product = 1.0
    for value in window(x, d):
        product = product * (value.fill_null(1) if min_periods else value)
    return cells(X + 0 * Y, x=product, y=counted(x, d, min_periods))


def ts_std(x, d, ddof=1, min_periods=0):
    return cells(X.sqrt(), x=variance(x, d, ddof, min_periods))


def ts_var(x, d, ddof=1, min_periods=0):
    return cells(X, x=variance(x, d, ddof, min_periods))


def ts_zscore(x, d, ddof=1, min_periods=0):
    return cells(X / Y.sqrt(), x=centered(x, d, min_periods)[0], y=variance(x, d, ddof, min_periods))


def ts_ir(x, d, ddof=1, min_periods=0):
    return cells(X / Y.sqrt(), x=ts_mean(x, d, min_periods), y=variance(x, d, ddof, min_periods))


def ts_skew(x, d, min_periods=0):
    n = counted(x, d, min_periods)
    cubes = total((distance**3 for distance in centered(x, d, min_periods)), min_periods) * (n / ((n - 1) * (n - 2)))
    return cells(X / Y**1.5, x=cubes, y=to_nan(variance(x, d, 1, min_periods), 0))


def ts_kurt(x, d, min_periods=0):
    n = counted(x, d, min_periods)
    fourths = total((distance**4 for distance in centered(x, d, min_periods)), min_periods)
    fourths = fourths * (n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)))
    normal = 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))
    return cells(X / Y**2 - Z, x=fourths, y=to_nan(variance(x, d, 1, min_periods), 0), z=normal)


def ts_moment(x, d, k=2, min_periods=0):
    powers = total((distance**k for distance in centered(x, d, min_periods)), min_periods)
    moment = cells(X, x=powers / counted(x, d, min_periods))
    return where(variance(x, d, 0, min_periods) == 0, 0.0, moment)


def joint_moment(d, least, *sides):
    """The mean product of powers of distances from the means in standard deviations; missing where a side is flat."""
    product = [1.0] * d
    for x, power in sides:
        deviation = to_nan(variance(x, d, 0, least), 0).sqrt()
        product = [term * (distance / deviation) ** power for term, distance in zip(product, centered(x, d, least))]
    flat = sum(0 * variance(x, d, 0, least) / variance(x, d, 0, least) for x, _ in sides)
    return cells(X + Y, x=total(product, least) / counted(sides[0][0], d, least), y=flat)


def ts_triple_corr(x, y, z, d, min_periods=0):
    x, y, z = shared(min_periods, x, y, z)
    return joint_moment(d, min_periods, (x, 1), (y, 1), (z, 1))


def ts_co_skew(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    return joint_moment(d, min_periods, (x, 1), (y, 2))


def ts_co_kurt(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    return joint_moment(d, min_periods, (x, 1), (y, 3))


def ts_min(x, d, min_periods=0):
    return along(X.rolling_min(d, min_samples=min_periods or d), x=x)


def ts_max(x, d, min_periods=0):
    return along(X.rolling_max(d, min_samples=min_periods or d), x=x)


def ts_argmin(x, d, min_periods=0):
    return rows_since_equal(x, ts_min(x, d, min_periods), d)


def ts_argmax(x, d, min_periods=0):
    return rows_since_equal(x, ts_max(x, d, min_periods), d)


def rows_since_equal(x, value, d):
    """Rows since the window last held a value."""
    found = nothing(x)
    for rows in reversed(range(d)):
        found = where((lag(x, rows) == value).fill_null(False), float(rows), found)
    return found


def window_rank(x, d, least=0):
    """The rank of today's value in the window, from 1."""
    places = ((value < x).cast(pl.Float64) + (value == x).cast(pl.Float64) / 2 for value in window(x, d))
    return total(places, least) + 0.5 + 0 * x


def on_scale(rank, count, scale):
    """Ranks from 0 to 1, as shares of the count, as they are, or from -1 to 1."""
    unit = pl.when(count == 1).then(rank * 0 + 0.5).otherwise(divided(rank - 1, count - 1.0))
    return {"unit": unit, "pct": divided(rank, count), "raw": rank, "signed": 2 * unit - 1}[scale]


def ts_rank(x, d, scale="unit", min_periods=0):
    return cells(on_scale(X, Y, scale) + 0 * Y, x=window_rank(x, d, min_periods), y=counted(x, d, min_periods))


def driven(x, driver):
    """The quantile of a distribution at a share."""
    if driver == "gaussian":
        return x.map_elements(statistics.NormalDist().inv_cdf, return_dtype=pl.Float64)
    return x if driver == "uniform" else (math.pi * (x - 0.5)).tan()


def ts_quantile(x, d, driver="gaussian", min_periods=0):
    rank = window_rank(x, d, min_periods)
    return driven(cells(divided(X - 0.5, Y), x=rank, y=counted(x, d, min_periods)), driver)


def ts_percentile(x, d, c, min_periods=0):
    return along(X.rolling_quantile(c, "linear", d, min_samples=min_periods or d), x=x)


def ts_scale(x, d, min_periods=0):
    low, high = ts_min(x, d, min_periods), ts_max(x, d, min_periods)
    return where(high > low, (x - low) / (high - low), None)


def ts_mad(x, d, min_periods=0):
    distances = total((distance.abs() for distance in centered(x, d, min_periods)), min_periods)
    return cells(X, x=distances / counted(x, d, min_periods))


def ts_medad(x, d, min_periods=0):
    distances = [(value - ts_median(x, d, min_periods)).abs() for value in window(x, d)]
    return pl.DataFrame({"x": x}).select(value=pl.concat_list(distances).list.median()).to_series()


def ts_median(x, d, min_periods=0):
    return along(X.rolling_median(d, min_samples=min_periods or d), x=x)


def ts_corr(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    spread = variance(x, d, 1, min_periods) * variance(y, d, 1, min_periods)
    return cells((X / Y.sqrt()).clip(-1, 1), x=covariance(x, y, d, min_periods), y=to_nan(spread, 0))


def ts_cov(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    return cells(X, x=covariance(x, y, d, min_periods))


def residuals(x, y, d, least=0):
    """What the window's least-squares line of x on y leaves of x, the newest first; missing where y is flat."""
    slope = beta(x, y, d, least)
    return [a - slope * b for a, b in zip(centered(x, d, least), centered(y, d, least))]


def ts_partial_corr(x, y, z, d, min_periods=0):
    x, y, z = shared(min_periods, x, y, z)
    left = residuals(x, z, d, min_periods), residuals(y, z, d, min_periods)
    lengths = [total((value * value for value in side), min_periods) for side in left]
    for place, whole in enumerate((x, y)):
        enough = lengths[place] > 1e-12 * squares(whole, d, min_periods)
        enough = enough & (variance(whole, d, 1, min_periods) > 0) & (variance(z, d, 1, min_periods) > 0)
        lengths[place] = where(enough, lengths[place], None)
    product = total((a * b for a, b in zip(*left)), min_periods)
    return cells((X / Y.sqrt()).clip(-1, 1), x=product, y=lengths[0] * lengths[1])


def ts_decay_linear(x, d, min_periods=0):
    return weighted(x, d, [float(d - rows) for rows in range(d)], min_periods)


def ts_decay_exp(x, d, c=0.5, min_periods=0):
    return weighted(x, d, [c**rows for rows in range(d)], min_periods)


def weighted(x, d, weights, least):
    """The mean of the window with weights, the newest's first."""
    near, values = anchor(x, d, least), list(window(x, d))
    distance = total(((value - near) * weight for value, weight in zip(values, weights)), least)
    weight = total((value * 0 + weight for value, weight in zip(values, weights)), least)
    return cells(X + Y + 0 * Z, x=near, y=distance / weight, z=counted(x, d, least))


def ts_entropy(x, d, k=10, min_periods=0):
    low, high = ts_min(x, d, min_periods), ts_max(x, d, min_periods)
    bins = [((value - low) / (high - low) * k).floor().clip(upper_bound=k - 1) for value in window(x, d)]
    entropy = 0.0
    for number in range(k):
        share = total(((place == number).cast(pl.Float64) for place in bins), min_periods) / counted(x, d, min_periods)
        entropy = entropy - where(share > 0, share * share.log(), 0.0)
    return where(low == high, 0.0, cells(X, x=entropy))


def ts_max_drawdown(x, d, min_periods=0):
    low, high, deepest = ts_min(x, d, min_periods), lag(x, d - 1), 0 * x.fill_null(0)
    for rows in reversed(range(d)):
        value = lag(x, rows)
        high = maximum(high.fill_null(value), value.fill_null(high))
        deepest = minimum(deepest, (value / high - 1).fill_null(0))
    return where(low > 0, deepest, None)


def places(x, d, least):
    """The numbers of the window's rows that count less their mean, the newest first."""
    if not least:
        return [(d - 1) / 2 - rows for rows in range(d)]
    numbers = [value * 0 - rows for rows, value in enumerate(window(x, d))]
    mean = total(numbers, least) / counted(x, d, least)
    return [number - mean for number in numbers]


def trend(x, d, least=0):
    """The slope of the window's least-squares line on its rows, and the sum of squares of those about their mean."""
    numbers = places(x, d, least)
    products = total((distance * number for distance, number in zip(centered(x, d, least), numbers)), least)
    spread = total((number * number for number in numbers), least)
    return products / spread, spread


def ts_slope(x, d, min_periods=0):
    return cells(X, x=trend(x, d, min_periods)[0])


def ts_rsquare(x, d, min_periods=0):
    slope, spread = trend(x, d, min_periods)
    explained = slope**2 * (spread / (counted(x, d, min_periods) - 1))
    return cells((X / Y).clip(upper_bound=1), x=explained, y=to_nan(variance(x, d, 1, min_periods), 0))


def ts_trend_resid(x, d, min_periods=0):
    slope = trend(x, d, min_periods)[0]
    return cells(X, x=centered(x, d, min_periods)[0] - slope * places(x, d, min_periods)[0])


def beta(x, y, d, least=0):
    """The slope of the least-squares line of x on y over the window; missing where y is flat."""
    spread = variance(y, d, 1, least)
    return covariance(x, y, d, least) / where(spread > 0, spread, None)


def ts_beta(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    return cells(X, x=beta(x, y, d, min_periods))


def ts_alpha(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    return cells(X, x=ts_mean(x, d, min_periods) - beta(x, y, d, min_periods) * ts_mean(y, d, min_periods))


def ts_resid(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    return cells(X, x=residuals(x, y, d, min_periods)[0])


def ts_fit(x, y, d, min_periods=0):
    return cells(X - Y, x=x, y=ts_resid(x, y, d, min_periods))


def ts_sse(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    left = residuals(x, y, d, min_periods)
    slope = beta(x, y, d, min_periods)
    return cells(X + 0 * Y, x=total((residual * residual for residual in left), min_periods), y=slope)


def ts_sst(x, d, min_periods=0):
    return cells(X, x=variance(x, d, 0, min_periods) * counted(x, d, min_periods))


def ts_mse(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    return cells(X / Y, x=ts_sse(x, y, d, min_periods), y=counted(x, d, min_periods) - 2)


def ts_se_beta(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    return cells((X / Y).sqrt(), x=ts_mse(x, y, d, min_periods), y=squares(y, d, min_periods))


def ts_se_alpha(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    spread = ts_mean(y, d, min_periods) ** 2 / squares(y, d, min_periods) + 1 / counted(x, d, min_periods)
    return cells((X * Y).sqrt(), x=ts_mse(x, y, d, min_periods), y=spread)


def ts_r2(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    spread = variance(x, d, 1, min_periods) * variance(y, d, 1, min_periods)
    return cells((X**2 / Y).clip(upper_bound=1), x=covariance(x, y, d, min_periods), y=to_nan(spread, 0))


def ts_vector_proj(x, y, d, min_periods=0):
    x, y = shared(min_periods, x, y)
    product = total((a * b for a, b in zip(window(x, d), window(y, d))), min_periods)
    length = total((value * value for value in window(y, d)), min_periods)
    length = length + 0.0 * (product + y) + 0.0 * counted(x, d, min_periods)
    return where(length == 0, 0.0, cells(Z * (X / Y), x=product, y=length, z=y))


def ts_vector_neut(x, y, d, min_periods=0):
    return cells(X - Y, x=x, y=ts_vector_proj(x, y, d, min_periods))


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


def ts_count(f, d, min_periods=0):
    return ts_sum(f.cast(pl.Float64), d, min_periods)


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
