//! Library factors: named sub-graphs with parameters, written in the expression language itself.
//!
//! A library factor is nothing more than its definition: degenerate windows follow from the operators. `x` is its
//! input, `close` unless the text gives another series first: `rsi(volume, 14)`. Exits that need an entry price, an
//! age or a high-water mark belong to a strategy's `[exits]`, not here.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use crate::operator::{Inferred, MAX_INPUTS, Output, Parameter, ParameterKind, Parameters};
use crate::schema::Schema;
use crate::text::{Lowered, LoweredKind, lower_template};
use crate::types::{Type, Unit};

/// A library factor; [`LibraryFactor::definition`] says everything about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LibraryFactor(u16);

/// Types throughout a library factor's definition, for one type of its input.
#[derive(Debug, Clone)]
pub(crate) struct Typing {
    /// Of each node of the template.
    pub(crate) nodes: Vec<Type>,
    /// What the factor gives.
    pub(crate) inferred: Inferred,
}

/// What a library factor is.
#[derive(Debug, Clone, Copy)]
pub struct LibraryDefinition {
    /// Name in expression text.
    pub name: &'static str,
    /// Column that `x` stands for unless the text gives another series.
    pub input: &'static str,
    /// Parameters; all have defaults.
    pub parameters: &'static [Parameter],
    /// Whether the first parameter must stay below the second (short and long windows).
    pub rising: bool,
    /// What it gives.
    pub output: Output,
    /// Whether the random generator may draw it.
    pub generated: bool,
    /// One sentence.
    pub summary: &'static str,
    /// The definition, in expression text over `x`, columns and parameter names.
    pub definition: &'static str,
}

impl LibraryFactor {
    /// Every library factor, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = LibraryFactor> {
        (0..LIBRARY.len() as u16).map(LibraryFactor)
    }

    /// What it is.
    pub fn definition(self) -> &'static LibraryDefinition {
        &LIBRARY[self.0 as usize]
    }

    /// Its place in the order of [`LibraryFactor::all`].
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// The library factor with this name.
    pub fn by_name(name: &str) -> Option<LibraryFactor> {
        static BY_NAME: LazyLock<HashMap<&'static str, LibraryFactor>> =
            LazyLock::new(|| LibraryFactor::all().map(|factor| (factor.definition().name, factor)).collect());
        BY_NAME.get(name).copied()
    }

    /// The definition as a list of nodes, inputs before consumers, the value last.
    pub(crate) fn template(self) -> &'static [Lowered] {
        static TEMPLATES: LazyLock<Vec<Vec<Lowered>>> = LazyLock::new(|| {
            LibraryFactor::all()
                .map(|factor| {
                    let definition = factor.definition();
                    lower_template(definition.definition, definition.parameters)
                        .unwrap_or_else(|error| panic!("the library's own `{}` must parse: {error}", definition.name))
                })
                .collect()
        });
        &TEMPLATES[self.0 as usize]
    }

    /// The type it gives for an input of this type.
    ///
    /// # Errors
    /// The index of the input, 0, where it is not a number.
    pub fn infer(self, input: Type) -> Result<Inferred, usize> {
        self.typing(input).map(|typing| typing.inferred)
    }

    /// Types throughout the definition, for an input of this type.
    ///
    /// # Errors
    /// As [`LibraryFactor::infer`].
    pub(crate) fn typing(self, input: Type) -> Result<Cow<'static, Typing>, usize> {
        // Nearly every input is one of these; their answers are looked up.
        const COMMON: [Type; 5] = [
            Type::Number(Unit::PRICE),
            Type::RATIO,
            Type::Plain,
            Type::Number(Unit::VOLUME),
            Type::Number(Unit::MONEY),
        ];
        static ANSWERS: LazyLock<Vec<[Result<Typing, usize>; COMMON.len()]>> =
            LazyLock::new(|| LibraryFactor::all().map(|factor| COMMON.map(|input| factor.walk(input))).collect());
        match COMMON.iter().position(|&common| common == input) {
            Some(place) => ANSWERS[self.0 as usize][place].as_ref().map(Cow::Borrowed).map_err(|&index| index),
            None => self.walk(input).map(Cow::Owned),
        }
    }

    fn walk(self, input: Type) -> Result<Typing, usize> {
        let template = self.template();
        let mut nodes: Vec<Type> = Vec::with_capacity(template.len());
        let mut mixes_units = false;
        for node in template {
            let output = match &node.kind {
                LoweredKind::Input => input,
                LoweredKind::Operator(operator, ..) => {
                    let mut arguments = [Type::Plain; MAX_INPUTS];
                    for (argument, &place) in arguments.iter_mut().zip(node.inputs()) {
                        *argument = nodes[place as usize];
                    }
                    // Everything but the input is typed when the library is read, so the input is to blame.
                    let inferred =
                        operator.definition().infer(&arguments[..node.inputs().len()]).map_err(|_| 0_usize)?;
                    mixes_units |= inferred.mixes_units;
                    inferred.output
                }
                _ => node.output,
            };
            nodes.push(output);
        }
        let output = self.output(nodes[nodes.len() - 1]);
        Ok(Typing { nodes, inferred: Inferred { output, mixes_units } })
    }

    /// The type of the output, where the definition gives `inferred`: a choice between literals, or a quotient of
    /// columns whose unit is not known, is a ratio if the factor declares one.
    fn output(self, inferred: Type) -> Type {
        match (inferred, self.definition().output) {
            (Type::Plain, Output::RATIO) => Type::RATIO,
            _ => inferred,
        }
    }

    /// Whether the definition reads its input and no column besides.
    pub(crate) fn reads_input_alone(self) -> bool {
        let reads = |wanted: fn(&LoweredKind) -> bool| self.template().iter().any(|node| wanted(&node.kind));
        reads(|kind| matches!(kind, LoweredKind::Input)) && !reads(|kind| matches!(kind, LoweredKind::Field(..)))
    }

    /// Columns that the definition reads besides its input and that `schema` lacks.
    pub(crate) fn missing_column(self, schema: &Schema) -> Option<&'static str> {
        self.template().iter().find_map(|node| match &node.kind {
            LoweredKind::Field(name, _) if schema.get(name).is_none() => Some(&**name),
            _ => None,
        })
    }
}

impl LibraryDefinition {
    /// Whether these parameters may stand; if not, the words that say what may.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, parameters: &Parameters) -> Result<(), String> {
        if parameters.as_slice().len() != self.parameters.len() {
            return Err(format!("needs {} parameters", self.parameters.len()));
        }
        for (parameter, &value) in self.parameters.iter().zip(parameters.as_slice()) {
            parameter.check(value)?;
        }
        if self.rising && parameters.real(0) >= parameters.real(1) {
            let (low, high) = (self.parameters[0].name, self.parameters[1].name);
            return Err(format!(
                "`{low}` must be below `{high}`, not {} and {}",
                parameters.real(0),
                parameters.real(1)
            ));
        }
        Ok(())
    }

    /// The parameters that stand where a text gives none.
    pub fn defaults(&self) -> Parameters {
        Parameters::new(&self.parameters.iter().map(|p| p.default.unwrap_or(p.usual.0)).collect::<Vec<_>>())
    }

    /// The signature as documentation prints it: `momentum(x=close, period=20)`.
    pub fn signature(&self) -> String {
        let series = format!("x={}", self.input);
        let parameters = self.parameters.iter().map(|p| format!("{}={}", p.name, p.default.unwrap_or(p.usual.0)));
        let all: Vec<String> = std::iter::once(series).chain(parameters).collect();
        format!("{}({})", self.name, all.join(", "))
    }
}

/// A window parameter with its default and the range that variation keeps to.
const fn rows(name: &'static str, default: u32, least: u32, most: u32) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Rows { least: if least < 2 { least } else { 2 } },
        default: Some(default as f64),
        option: false,
        usual: (least as f64, most as f64),
    }
}

/// A window that means nothing below `floor` rows.
const fn from(floor: u32, parameter: Parameter) -> Parameter {
    Parameter { kind: ParameterKind::Rows { least: floor }, ..parameter }
}

/// A fraction or multiple with its default and the range that variation keeps to.
const fn level(name: &'static str, default: f64, least: f64, most: f64) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Real { least: 0.0, most: 1e6 },
        default: Some(default),
        option: false,
        usual: (least, most),
    }
}

const SHORT_LONG: &[Parameter] = &[rows("short", 20, 5, 100), rows("long", 60, 10, 200)];
const PERIOD_20: &[Parameter] = &[rows("period", 20, 5, 100)];
const PERIOD_14: &[Parameter] = &[rows("period", 14, 2, 50)];
const DIRECTION: &[Parameter] = &[rows("period", 14, 5, 50)];
const AROON: &[Parameter] = &[rows("period", 25, 5, 100)];
const TREND: &[Parameter] = &[from(3, rows("period", 60, 10, 250))];
const YEAR: &[Parameter] = &[rows("period", 252, 20, 504)];
const BANDS: &[Parameter] = &[rows("period", 20, 5, 100), level("k", 2.0, 0.5, 4.0)];
const MACD: &[Parameter] = &[rows("fast", 12, 5, 50), rows("slow", 26, 10, 100), rows("signal", 9, 3, 30)];

/// One line of the library.
const fn factor(
    name: &'static str,
    parameters: &'static [Parameter],
    output: Output,
    summary: &'static str,
    definition: &'static str,
) -> LibraryDefinition {
    LibraryDefinition { name, input: "close", parameters, rising: false, output, generated: true, summary, definition }
}

/// A factor whose first parameter stays below its second.
const fn rising(definition: LibraryDefinition) -> LibraryDefinition {
    LibraryDefinition { rising: true, ..definition }
}

/// A factor that reads another column unless told otherwise.
const fn reading(input: &'static str, definition: LibraryDefinition) -> LibraryDefinition {
    LibraryDefinition { input, ..definition }
}

/// A factor that people write and variation does not draw: what is drawn stays what it was when factors are added.
const fn written(definition: LibraryDefinition) -> LibraryDefinition {
    LibraryDefinition { generated: false, ..definition }
}

const RATIO: Output = Output::RATIO;
const FLAG: Output = Output::Flag;
const PRICE: Output = Output::Fixed(Unit::PRICE);

/// Parts of definitions that several factors share.
#[rustfmt::skip]
macro_rules! part {
    (typical) => { "(high + low + x) / 3" };
    (true_range) => { "max(max(high - low, abs(high - ts_delay(x, 1))), abs(low - ts_delay(x, 1)))" };
    (macd) => { "ts_ema(x, fast) - ts_ema(x, slow)" };
    (stochastic) => { "100 * (x - ts_min(low, period)) / (ts_max(high, period) - ts_min(low, period))" };
    (location) => { "(2 * x - high - low) / (high - low)" };
    // Money on the rows where the typical price rose (`>`) or fell (`<`).
    (flow $sign:literal) => {
        concat!("ts_sum(if_else(ts_delta(", part!(typical), ", 1) ", $sign, " 0, ", part!(typical), " * volume, 0), period)")
    };
    // Wilder's average of the move in one direction on the rows where it is the larger.
    (move $move:literal, $other:literal) => {
        concat!("ts_rma(if_else(", $move, " > ", $other, " and ", $move, " > 0, ", $move, ", 0), period)")
    };
    // How recent the extremum of `period + 1` rows is: the oldest of them, or one of the window of the rest.
    (recency $x:literal, $beyond:literal, $extremum:literal, $rows:literal) => {
        concat!("100 * (1 - if_else(ts_delay(", $x, ", period) ", $beyond, " ", $extremum, "(", $x, ", period), period, ",
            $rows, "(", $x, ", period)) / period)")
    };
    (smooth $x:literal) => { concat!("ts_ema(ts_ema(", $x, ", long), short)") };
}

#[rustfmt::skip]
static LIBRARY: &[LibraryDefinition] = &[
    // Trend and momentum.
    factor("momentum", PERIOD_20, RATIO, "Mean of one-bar returns.", "ts_mean(returns(x, 1), period)"),
    factor("roc", &[rows("period", 10, 2, 250)], RATIO, "Rate of change in percent.", "100 * returns(x, period)"),
    factor("reversal", &[rows("period", 5, 1, 20)], RATIO, "Return over the period with its sign turned.", "-returns(x, period)"),
    rising(factor("momentum_skip", &[rows("skip", 21, 1, 63), rows("period", 252, 64, 504)], RATIO,
        "Return over the period without its last `skip` bars: 12-1 momentum.", "ts_delay(x, skip) / ts_delay(x, period) - 1")),
    factor("ma_filter", &[rows("period", 60, 10, 200)], FLAG, "Whether the series lies above its moving average.", "x > ts_mean(x, period)"),
    rising(factor("dual_ma_filter", SHORT_LONG, FLAG, "Whether the series lies above both moving averages.",
        "x > ts_mean(x, short) and x > ts_mean(x, long)")),
    rising(factor("ma_cross", SHORT_LONG, FLAG, "Whether the short moving average lies above the long one.",
        "ts_mean(x, short) > ts_mean(x, long)")),
    rising(factor("ma_gap", SHORT_LONG, RATIO, "Short over long moving average, less one.",
        "ts_mean(x, short) / ts_mean(x, long) - 1")),
    reading("revenue", rising(factor("revenue_catalyst", &[rows("short", 63, 21, 126), rows("long", 252, 127, 504)], FLAG,
        "Whether recent revenue runs above its long average; needs a `revenue` column known on its date.",
        "ts_mean(x, short) > ts_mean(x, long)"))),
    reading("roe", rising(factor("earnings_catalyst", &[rows("short", 63, 21, 252), rows("long", 504, 253, 756)], FLAG,
        "Whether recent return on equity runs above its long average; needs a `roe` column known on its date.",
        "ts_mean(x, short) > ts_mean(x, long)"))),
    rising(factor("macd", &[rows("fast", 12, 5, 50), rows("slow", 26, 10, 100)], Output::SAME,
        "Fast less slow exponential average.", part!(macd))),
    rising(factor("macd_hist", MACD, Output::SAME, "MACD less its own exponential average.",
        concat!(part!(macd), " - ts_ema(", part!(macd), ", signal)"))),
    written(rising(factor("macd_signal", MACD, Output::SAME, "Exponential average of the MACD.",
        concat!("ts_ema(", part!(macd), ", signal)")))),
    written(rising(factor("macd_pct", &[rows("fast", 12, 5, 50), rows("slow", 26, 10, 100)], RATIO,
        "MACD as a part of the series.", concat!("(", part!(macd), ") / x")))),
    factor("trend_strength", &[rows("period", 60, 10, 250)], RATIO, "Mean over deviation of one-bar returns.",
        "ts_mean(returns(x, 1), period) / ts_std(returns(x, 1), period)"),
    factor("efficiency_ratio", &[rows("period", 10, 5, 100)], RATIO, "Kaufman: net change over the path walked; no movement gives NaN.",
        "abs(ts_delta(x, period)) / ts_sum(abs(ts_delta(x, 1)), period)"),
    written(factor("trend_slope", TREND, RATIO, "Slope of the least-squares line through the series' logarithm, per bar.", "ts_slope(log(x), period)")),
    written(factor("trend_r2", TREND, RATIO, "Share of the variance of the series' logarithm that its least-squares line explains, 0 to 1.",
        "ts_rsquare(log(x), period)")),
    written(factor("max_return", &[rows("period", 20, 10, 250)], RATIO, "Highest one-bar return: lotteries have a high one.",
        "ts_max(returns(x, 1), period)")),
    written(factor("kama_gap", &[rows("period", 10, 5, 100)], RATIO, "Series over Kaufman's adaptive average, less one.",
        "x / ts_kama(x, period) - 1")),
    // Oscillators.
    factor("rsi", PERIOD_14, RATIO, "Wilder's relative strength index, 0 to 100; a flat series gives NaN.",
        "100 * ts_rma(max(ts_delta(x, 1), 0), period) / (ts_rma(max(ts_delta(x, 1), 0), period) + ts_rma(max(-ts_delta(x, 1), 0), period))"),
    factor("bollinger_b", BANDS, RATIO, "Place between the Bollinger bands: 0 at the lower, 1 at the upper; flat gives NaN.",
        "(x - (ts_mean(x, period) - k * ts_std(x, period, ddof=0))) / (2 * k * ts_std(x, period, ddof=0))"),
    factor("bollinger_width", BANDS, RATIO, "Width of the Bollinger bands over their middle.",
        "2 * k * ts_std(x, period, ddof=0) / ts_mean(x, period)"),
    factor("stochastic_k", &[rows("period", 14, 5, 50), rows("smooth", 3, 1, 10)], RATIO, "Smoothed place in the range of highs and lows, 0 to 100.",
        concat!("ts_mean(", part!(stochastic), ", smooth)")),
    written(factor("stochastic_d", &[rows("period", 14, 5, 50), rows("smooth", 3, 1, 10), rows("signal", 3, 1, 10)], RATIO,
        "Mean of stochastic_k.", concat!("ts_mean(ts_mean(", part!(stochastic), ", smooth), signal)"))),
    factor("williams_r", &[rows("period", 14, 5, 50)], RATIO, "Distance from the highest high in parts of the range, -100 to 0.",
        "-100 * (ts_max(high, period) - x) / (ts_max(high, period) - ts_min(low, period))"),
    written(factor("mfi", DIRECTION, RATIO, "Money flow index: money on rows where the typical price rose, in percent of all that moved it.",
        concat!("100 * ", part!(flow ">"), " / (", part!(flow ">"), " + ", part!(flow "<"), ")"))),
    written(factor("tsi", &[rows("long", 25, 10, 50), rows("short", 13, 5, 25)], RATIO,
        "True strength index: change over absolute change, each smoothed twice, -100 to 100.",
        concat!("100 * ", part!(smooth "ts_delta(x, 1)"), " / ", part!(smooth "abs(ts_delta(x, 1))")))),
    written(factor("plus_di", DIRECTION, RATIO, "Wilder's upward movement in percent of the true range.",
        concat!("100 * ", part!(move "ts_delta(high, 1)", "-ts_delta(low, 1)"), " / ts_rma(", part!(true_range), ", period)"))),
    written(factor("minus_di", DIRECTION, RATIO, "Wilder's downward movement in percent of the true range.",
        concat!("100 * ", part!(move "-ts_delta(low, 1)", "ts_delta(high, 1)"), " / ts_rma(", part!(true_range), ", period)"))),
    // The true range of both directions cancels.
    written(reading("high", factor("adx", DIRECTION, RATIO, "Wilder's average directional index: strength of a trend, up or down, 0 to 100.",
        concat!("ts_rma(100 * abs(", part!(move "ts_delta(x, 1)", "-ts_delta(low, 1)"), " - ", part!(move "-ts_delta(low, 1)", "ts_delta(x, 1)"),
            ") / (", part!(move "ts_delta(x, 1)", "-ts_delta(low, 1)"), " + ", part!(move "-ts_delta(low, 1)", "ts_delta(x, 1)"), "), period)")))),
    written(reading("high", factor("aroon_up", AROON, RATIO, "How recent the highest of period + 1 highs is: 100 today, 0 at the far end.",
        part!(recency "x", ">", "ts_max", "ts_argmax")))),
    written(reading("low", factor("aroon_down", AROON, RATIO, "How recent the lowest of period + 1 lows is: 100 today, 0 at the far end.",
        part!(recency "x", "<", "ts_min", "ts_argmin")))),
    written(reading("high", factor("aroon", AROON, RATIO, "aroon_up less aroon_down, -100 to 100.",
        concat!(part!(recency "x", ">", "ts_max", "ts_argmax"), " - ", part!(recency "low", "<", "ts_min", "ts_argmin"))))),
    written(factor("cci", PERIOD_20, RATIO, "Commodity channel index: distance of the typical price from its mean, in 0.015 mean deviations.",
        concat!("(", part!(typical), " - ts_mean(", part!(typical), ", period)) / (0.015 * ts_mad(", part!(typical), ", period))"))),
    // Channels and levels.
    factor("breakout", PERIOD_20, RATIO, "+1 above the highest high of the prior rows, -1 below their lowest low, else 0.",
        "if_else(x > ts_max(ts_delay(high, 1), period), 1, if_else(x < ts_min(ts_delay(low, 1), period), -1, 0))"),
    factor("donchian", PERIOD_20, RATIO, "Place in the range of highs and lows, 0 to 1.",
        "(x - ts_min(low, period)) / (ts_max(high, period) - ts_min(low, period))"),
    factor("drawdown", YEAR, RATIO, "Fall from the highest value of the window.", "x / ts_max(x, period) - 1"),
    factor("near_high", YEAR, RATIO, "Series over the highest high of the window.", "x / ts_max(high, period)"),
    factor("rolling_trailing_stop", &[level("trail", 0.1, 0.01, 0.5), rows("lookback", 20, 5, 100)], FLAG,
        "Whether the series fell more than `trail` below its highest value; a signal that knows no entry.",
        "x < ts_max(x, lookback) * (1 - trail)"),
    factor("rolling_profit_target", &[level("target", 0.3, 0.05, 2.0), rows("lookback", 20, 5, 100)], FLAG,
        "Whether the series rose `target` above its lowest value; a signal that knows no entry.",
        "x / ts_min(x, lookback) - 1 >= target"),
    // Risk.
    factor("volatility", &[rows("period", 20, 5, 250)], RATIO, "Standard deviation of one-bar returns, per bar.", "ts_std(returns(x, 1), period)"),
    written(reading("high", factor("parkinson_vol", &[rows("period", 20, 5, 250)], RATIO,
        "Deviation of one-bar returns as highs and lows tell it, per bar.", "sqrt(ts_mean(square(log(x / low)), period) / (4 * log(2)))"))),
    written(factor("beta", &[from(3, rows("period", 60, 20, 504))], RATIO, "Slope of returns on those of a column `market`.",
        "ts_beta(returns(x, 1), returns(market, 1), period)")),
    factor("true_range", &[], PRICE, "Largest of high - low and the gaps from the previous value to high and low.",
        part!(true_range)),
    factor("atr", &[rows("period", 14, 5, 100)], PRICE, "Wilder's average true range.",
        concat!("ts_rma(", part!(true_range), ", period)")),
    factor("atr_simple", PERIOD_20, PRICE, "Mean of the true range.",
        concat!("ts_mean(", part!(true_range), ", period)")),
    factor("natr", &[rows("period", 14, 5, 100)], RATIO, "Average true range in percent of the series.",
        concat!("100 * ts_rma(", part!(true_range), ", period) / x")),
    written(factor("skewness", &[from(3, rows("period", 20, 10, 250))], RATIO, "Skewness of one-bar returns: lotteries have a high one.",
        "ts_skew(returns(x, 1), period)")),
    // Volume.
    reading("volume", factor("relative_volume", PERIOD_20, RATIO, "Volume over its moving average, today included.", "x / ts_mean(x, period)")),
    factor("dollar_volume", &[rows("period", 20, 1, 250)], Output::Fixed(Unit::MONEY), "Mean of price times volume.", "ts_mean(x * volume, period)"),
    factor("amihud", &[rows("period", 20, 5, 250)], Output::Fixed(Unit { money: -2, share: 0 }), "Illiquidity: mean of absolute return over traded money.",
        "ts_mean(abs(returns(x, 1)) / (x * volume), period)"),
    factor("obv", PERIOD_20, Output::Fixed(Unit::VOLUME), "Volume signed by the day's direction, summed.", "ts_sum(sign(ts_delta(x, 1)) * volume, period)"),
    factor("vwap_gap", PERIOD_20, RATIO, "Series over the volume-weighted mean of the typical price, less one.",
        concat!("x / ts_wmean(", part!(typical), ", volume, period) - 1")),
    written(factor("vwap", &[rows("period", 20, 1, 100)], PRICE, "Volume-weighted mean of the typical price; a day's own is a column, where there is one.",
        concat!("ts_wmean(", part!(typical), ", volume, period)"))),
    written(factor("money_flow", PERIOD_20, RATIO, "Chaikin: place of the close in the bar, weighted by volume; a bar without range blanks the window.",
        concat!("ts_sum(", part!(location), " * volume, period) / ts_sum(volume, period)"))),
    written(factor("obv_total", &[], Output::Fixed(Unit::VOLUME), "On-balance volume since the panel's first row.",
        "ts_cumsum(sign(ts_delta(x, 1)) * volume)")),
    // What other platforms have as operators of their own.
    written(factor("ts_realized_vol", &[rows("period", 20, 2, 250)], RATIO, "Root of the summed squares of logarithmic one-bar returns: volatility over the window.",
        "sqrt(ts_sum(square(log_returns(x, 1)), period))")),
    written(factor("ts_max_diff", PERIOD_20, Output::SAME, "Distance from the window's largest value.", "x - ts_max(x, period)")),
    written(factor("ts_min_diff", PERIOD_20, Output::SAME, "Distance from the window's smallest value.", "x - ts_min(x, period)")),
    written(factor("ts_min_max_diff", &[rows("period", 20, 5, 100), level("c", 0.5, 0.0, 1.0)], Output::SAME,
        "Distance from a part of the sum of the window's extremes.", "x - c * (ts_min(x, period) + ts_max(x, period))")),
    written(factor("ts_min_max_cps", &[rows("period", 20, 5, 100), level("c", 2.0, 0.5, 4.0)], Output::SAME,
        "Sum of the window's extremes less a multiple of the series.", "ts_min(x, period) + ts_max(x, period) - c * x")),
    written(factor("ts_av_diff", PERIOD_20, Output::SAME, "Distance from the window's mean.", "x - ts_mean(x, period)")),
    written(factor("jump_decay", &[from(2, rows("period", 20, 5, 100)), level("jump", 0.5, 0.1, 4.0), level("kept", 0.1, 0.0, 1.0)], Output::SAME,
        "The series, with only a part of a change that exceeds `jump` deviations of the window.",
        "if_else(abs(ts_delta(x, 1)) > jump * ts_std(x, period), ts_delay(x, 1) + kept * ts_delta(x, 1), x)")),
    // One bar.
    factor("overnight", &[], RATIO, "Open over the previous value, less one.", "open / ts_delay(x, 1) - 1"),
    factor("intraday", &[], RATIO, "Value over the open, less one.", "x / open - 1"),
    factor("range_pct", &[], RATIO, "The bar's range over the value.", "(high - low) / x"),
    factor("close_location", &[], RATIO, "Where in its range the bar closed, -1 to 1.", part!(location)),
];
