//! What is asked of a factor, and which returns it is held against.

use market::Panel;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::rank_ic::IcSeries;
use crate::simulate::Fill;

/// Most horizons, and most lags, of one analysis: each costs a pass over all cells.
const MOST_HORIZONS: usize = 32;
/// Most quantiles.
const MOST_QUANTILES: usize = 100;

/// What is asked of a factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnalysisSettings {
    /// Bars that returns span, at least 1 each. Quantile turnover aside, every figure is given for each; years, groups
    /// and charts are those of the first.
    pub horizons: Vec<usize>,
    /// Bars back, at least 1 each, at which rank autocorrelation and quantile turnover compare.
    pub lags: Vec<usize>,
    /// Number of quantiles, from 2 to 100, and no more than symbols.
    pub quantiles: usize,
    /// Where returns begin: at the price at which an order decided on the factor's bar is filled. [`Fill::SameClose`]
    /// is what alphalens does.
    pub fill: Fill,
    /// Fewest names a bar must have to count. `None`: ten, or half the symbols of a market of fewer than twenty, but at
    /// least three.
    pub min_names: Option<usize>,
    /// A group of the panel, such as `sector`, in each of which rank IC is also computed.
    pub by: Option<String>,
}

impl Default for AnalysisSettings {
    fn default() -> Self {
        Self {
            horizons: vec![1, 5, 10, 20],
            lags: vec![1, 5, 20],
            quantiles: 5,
            fill: Fill::default(),
            min_names: None,
            by: None,
        }
    }
}

impl AnalysisSettings {
    /// Whether a market has what is asked for.
    ///
    /// # Errors
    /// The first thing it has not, in words.
    pub fn check(&self, panel: &Panel) -> Result<(), Error> {
        let (bars, symbols) = (panel.bars(), panel.symbols().len());
        let last = bars.saturating_sub(1);
        check_bars("horizon", &self.horizons, last.saturating_sub(delay(self.fill)), bars)?;
        check_bars("lag", &self.lags, last, bars)?;
        if self.horizons.is_empty() {
            return Err(Error::Setting("at least one horizon is needed".to_owned()));
        }
        if !(2..=MOST_QUANTILES).contains(&self.quantiles) {
            let quantiles = self.quantiles;
            return Err(Error::Setting(format!("quantiles must be from 2 to {MOST_QUANTILES}, not {quantiles}")));
        }
        if self.quantiles > symbols {
            let quantiles = self.quantiles;
            return Err(Error::Setting(format!("{quantiles} quantiles are more than the {symbols} symbols")));
        }
        match &self.by {
            Some(name) if panel.group(name).is_none() => {
                let known: Vec<&str> = panel.group_names().collect();
                let known = if known.is_empty() { "it has none".to_owned() } else { known.join(", ") };
                Err(Error::Setting(format!("`{name}` is not a group of this market: {known}")))
            }
            _ => Ok(()),
        }
    }

    /// Fewest names a bar must have to count, in a market of so many symbols.
    pub fn fewest_names(&self, symbols: usize) -> usize {
        self.min_names.unwrap_or_else(|| (symbols / 2).clamp(3, IcSeries::MIN_NAMES))
    }
}

/// Checks numbers of bars: some, above 0, none twice, none beyond what the market holds.
fn check_bars(what: &str, values: &[usize], most: usize, bars: usize) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::Setting(message));
    if values.len() > MOST_HORIZONS {
        return refuse(format!("{} {what}s are more than the {MOST_HORIZONS} possible", values.len()));
    }
    for (place, &value) in values.iter().enumerate() {
        if value == 0 {
            return refuse(format!("a {what} must be at least 1 bar"));
        }
        if values[..place].contains(&value) {
            return refuse(format!("the {what} {value} is given twice"));
        }
        if value > most {
            return refuse(format!(
                "a {what} of {value} bars does not fit into a market of {bars} bars: at most {most} do"
            ));
        }
    }
    Ok(())
}

/// Bars from the decision to the fill.
fn delay(fill: Fill) -> usize {
    match fill {
        Fill::NextOpen | Fill::NextClose => 1,
        Fill::SameClose => 0,
    }
}

/// The prices at which positions begin and end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices<'a> {
    /// `open` or `close`.
    pub(super) name: &'static str,
    values: &'a [f64],
    symbols: usize,
    delay: usize,
}

impl<'a> Prices<'a> {
    /// Those of a fill; closes for opens in a market that has none, as in a simulation.
    pub(super) fn new(panel: &'a Panel, fill: Fill) -> Self {
        let open = panel.values("open").filter(|_| fill == Fill::NextOpen).map(|values| ("open", values));
        let close = || ("close", panel.values("close").expect("a panel without `close` cannot be built"));
        let (name, values) = open.unwrap_or_else(close);
        Self { name, values, symbols: panel.symbols().len(), delay: delay(fill) }
    }

    /// Closes, from the bar's own: what a return is without any fill.
    pub(super) fn closes(panel: &'a Panel) -> Self {
        Self::new(panel, Fill::SameClose)
    }

    /// The returns over `horizon` bars that a decision on a bar earns, one a symbol: the row of
    /// [`forward_returns`](crate::forward_returns), to the bit.
    pub(super) fn future(&self, row: usize, horizon: usize, returns: &mut Vec<f64>) {
        self.between(row.saturating_add(self.delay), row.saturating_add(self.delay).saturating_add(horizon), returns);
    }

    /// The last returns over `horizon` bars that the close of a bar knows, one a symbol.
    pub(super) fn past(&self, row: usize, horizon: usize, returns: &mut Vec<f64>) {
        self.between(row.wrapping_sub(horizon), row, returns);
    }

    fn between(&self, entry: usize, exit: usize, returns: &mut Vec<f64>) {
        let row = |row: usize| {
            let start = row.checked_mul(self.symbols)?;
            self.values.get(start..start.checked_add(self.symbols)?)
        };
        returns.clear();
        if let Some((entry, exit)) = row(entry).zip(row(exit)) {
            let earned = |(&entry, &exit): (&f64, &f64)| {
                if entry > 0.0 && exit > 0.0 { exit / entry - 1.0 } else { f64::NAN }
            };
            returns.extend(entry.iter().zip(exit).map(earned));
        }
        returns.resize(self.symbols, f64::NAN);
    }
}
