//! Names that other tools have and this vocabulary leaves out, and what to write in their place.

/// Names that are left out on purpose, with the reason, in order.
pub const ABSENT: &[(&str, &str)] = &[
    ("combo", "a pool of factors is a strategy's business: write their weighted sum"),
    ("cs_fill_mean", "write `group_fill(x, cs_qcut(close, 1))`: one group holds every symbol"),
    ("cs_generalized_rank", "ranks are shares of a row: write `cs_rank(x)`"),
    ("cs_rank_if", "write `cs_rank(nan_where(x, not f))`"),
    ("densify", "how labels are numbered changes no value: write the group itself"),
    ("inst_tvr", "write `ts_sum(abs(ts_delta(x, 1)), d) / ts_sum(abs(x), d)`"),
    ("reduce_avg", "fields have one value for each bar and symbol: there is nothing to reduce"),
    ("reduce_sum", "fields have one value for each bar and symbol: there is nothing to reduce"),
    ("ts_poly_resid", "write `ts_trend_resid(x, d)`, the residual of a line"),
    (
        "ts_regression",
        "its results are operators of their own: ts_resid, ts_alpha, ts_beta, ts_fit, ts_sse, ts_sst, ts_r2, ts_mse, \
         ts_se_beta, ts_se_alpha; delay the second series for a lag",
    ),
    ("ts_step", "a row's number says where the panel starts: ts_slope, ts_rsquare and ts_trend_resid hold its uses"),
    ("ts_target_tvr_decay", "it fits its parameter on the whole path, later bars included"),
    ("ts_target_tvr_delta_limit", "it fits its parameter on the whole path, later bars included"),
    ("ts_target_tvr_hump", "it fits its parameter on the whole path, later bars included"),
    ("ts_theilsen", "write `ts_slope(x, d)`, the least-squares slope"),
    ("ts_weighted_decay", "write `c * x + (1 - c) * ts_delay(x, 1)`"),
    ("vec_avg", "fields have one value for each bar and symbol: there is no vector to average"),
    ("vec_sum", "fields have one value for each bar and symbol: there is no vector to sum"),
];

/// Why a name is left out, if it is.
pub fn why_absent(name: &str) -> Option<&'static str> {
    ABSENT.iter().find(|(absent, _)| *absent == name).map(|&(_, reason)| reason)
}
