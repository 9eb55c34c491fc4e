//! The vocabulary is whole: what a researcher may look for is an operator, a library factor, or left out for a reason
//! that is told.

use factor::{ABSENT, LibraryFactor, Operator, Schema, parse, why_absent};

/// Names by which operators are known, in the usual spelling of this field.
const NAMES: &str = "
    ts_delay delay ts_delta delta returns ts_returns log_returns ts_sum ts_mean ts_wmean ts_product ts_std ts_var
    ts_zscore ts_ir ts_skew ts_skewness ts_kurt ts_kurtosis ts_moment ts_min ts_max ts_argmin ts_argmax ts_rank
    ts_scale ts_quantile ts_percentile ts_percentage ts_median ts_mad ts_medad ts_corr ts_cov ts_covariance
    ts_partial_corr ts_triple_corr ts_co_skew ts_co_kurt ts_regression ts_beta ts_alpha ts_resid ts_r2 ts_slope
    ts_rsquare ts_trend_resid ts_vector_proj ts_vector_neut ts_decay_linear decay_linear ts_decay_exp
    ts_decay_exp_window ts_backfill kth_element ts_count_nans ts_count ts_any ts_all rows_since cross_above
    cross_below rows_since_change days_from_last_change last_diff_value ts_entropy ts_max_drawdown ts_step
    ts_theilsen ts_poly_resid ts_weighted_decay inst_tvr ts_ema ts_rma ts_sma_cn ts_kama ts_cumsum trade_when hump
    hump_decay jump_decay ts_delta_limit ts_target_tvr_decay ts_target_tvr_hump ts_target_tvr_delta_limit
    cs_rank rank cs_zscore zscore cs_demean cs_normalize cs_mean cs_sum cs_std cs_median cs_min cs_max cs_count
    cs_scale scale cs_minmax scale_down cs_quantile cs_winsorize winsorize cs_clip_quantile cs_clip_mad cs_truncate
    truncate cs_reg_resid regression_neut cs_reg_fit regression_proj cs_vector_neut vector_neut cs_vector_proj
    vector_proj cs_resid cs_bucket cs_qcut cs_top_bottom cs_one_side one_side left_tail right_tail tail
    cs_generalized_rank cs_rank_if cs_fill_mean
    group_neutralize group_demean indneutralize group_rank group_zscore group_minmax group_scale group_normalize
    group_mean group_sum group_median group_min group_max group_std group_count group_percentile group_backfill
    group_fill group_extra group_vector_neut group_vector_proj group_resid group_cross group_cartesian_product densify
    add sub neg mul div inverse log log1p exp sqrt square cbrt pow signed_pow abs sign tanh sigmoid s_log_1p frac
    round floor ceil clip arcsin arctan min max lt le gt ge eq ne and or not xor if_else is_nan fill nan_where to_nan
    num ts_realized_vol ts_max_diff ts_min_diff ts_min_max_diff ts_min_max_cps ts_av_diff vec_avg vec_sum reduce_avg reduce_sum combo
";

#[test]
fn every_name_is_an_operator_or_left_out_for_a_reason() {
    for name in NAMES.split_whitespace() {
        let known = Operator::by_name(name).is_some() || LibraryFactor::by_name(name).is_some();
        assert!(known != why_absent(name).is_some(), "`{name}` is known: {known}");
    }
    assert!(Operator::ALL.len() >= 110, "{} operators", Operator::ALL.len());
}

#[test]
fn what_is_left_out_says_what_to_write() {
    assert!(ABSENT.is_sorted(), "names are in order");
    for (name, reason) in ABSENT {
        let error = parse(&format!("{name}(close, 5)"), &Schema::bars()).expect_err("it is left out").to_string();
        assert!(error.starts_with(&format!("`{name}` is left out: {reason} (column 1)")), "{error}");
    }
}

/// The named factors of technical analysis and of the cross-section of returns that people look for.
const FACTORS: &str = "
    momentum roc reversal momentum_skip ma_filter dual_ma_filter ma_cross ma_gap macd macd_signal macd_hist macd_pct rsi
    true_range atr natr atr_simple bollinger_b bollinger_width breakout donchian efficiency_ratio kama_gap
    relative_volume stochastic_k stochastic_d williams_r cci mfi obv obv_total vwap vwap_gap plus_di minus_di adx tsi
    aroon_up aroon_down aroon rolling_trailing_stop rolling_profit_target volatility parkinson_vol trend_strength
    trend_slope trend_r2 drawdown near_high overnight intraday range_pct close_location dollar_volume amihud money_flow
    beta max_return skewness
";

#[test]
fn every_named_factor_is_in_the_library() {
    for name in FACTORS.split_whitespace() {
        assert!(LibraryFactor::by_name(name).is_some(), "`{name}` is missing");
    }
}
