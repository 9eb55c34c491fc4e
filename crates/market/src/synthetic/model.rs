//! A synthetic market that can be made: a spec whose parts fit each other.

use super::clock::Clock;
use super::random::{Purpose, Tails, key, uniform_of};
use super::spec::{ScenarioKind, SynthSpec};
use crate::error::{Error, excerpt};

/// Bars that one stream of random numbers of a symbol serves.
pub(super) const BLOCK: usize = 4_096;
/// Logarithm of the factor beyond which prices would leave what a number can hold in earnest.
pub(super) const WIDEST: f64 = 300.0;

/// A synthetic market, checked: whatever makes bars of it cannot fail.
///
/// A bar's return is, in logarithms, beta x market + sector + own move + drift. Each of these components has unit
/// innovations (normal, or Student t scaled to unit variance), a GARCH(1,1) variance of long-run mean one, and an
/// AR(1), times its volatility. A close-to-close move follows that law as a whole; the share `overnight` of its
/// variance is the gap before a session's first bar, uncorrelated with the rest. High and low are those of a Brownian
/// bridge from open to close, each drawn by itself. Half the variance is taken off the drift, so that simple returns
/// have the mean `drift`.
#[derive(Debug, Clone)]
pub struct Synthetic {
    pub(super) spec: SynthSpec,
    pub(super) clock: Clock,
    pub(super) tails: Tails,
    /// Scenarios with their bars.
    pub(super) windows: Vec<Window>,
    names: Vec<String>,
    sector_names: Vec<String>,
}

/// A scenario on the bars of a market.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) kind: ScenarioKind,
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) strength: f64,
    /// Its place in the list, which chance depends on.
    place: u64,
    /// The one symbol that is always hit.
    chosen: u64,
    seed: u64,
}

impl Synthetic {
    /// Checks a spec: every value against its range, and all against each other.
    ///
    /// # Errors
    /// One line that names the key that does not fit, and what does.
    pub fn new(spec: SynthSpec) -> Result<Self, Error> {
        // Fields can be set to anything; text is read within ranges.
        SynthSpec::from_toml(&spec.to_toml(), "synth")?;
        let clock = check(&spec).map_err(|problem| Error::unusable("synth", problem))?;
        let width = spec.symbols.to_string().len().max(4);
        let names = (1..=spec.symbols).map(|number| format!("S{number:0width$}")).collect();
        let width = spec.sectors.to_string().len().max(2);
        // Those beyond the symbols have nobody.
        let sector_names =
            (1..=spec.sectors.min(spec.symbols)).map(|number| format!("Sector{number:0width$}")).collect();
        let windows = spec
            .scenarios
            .iter()
            .enumerate()
            .map(|(place, scenario)| Window {
                kind: scenario.kind,
                start: clock.bar_at(&scenario.start).expect("checked above"),
                length: scenario.length,
                strength: scenario.strength,
                place: place as u64,
                chosen: key(spec.seed, Purpose::Scenario, place as u64, u64::MAX) % spec.symbols as u64,
                seed: spec.seed,
            })
            .collect();
        Ok(Self { clock, tails: Tails::new(spec.degrees_of_freedom), windows, names, sector_names, spec })
    }

    /// The spec it was made of.
    pub fn spec(&self) -> &SynthSpec {
        &self.spec
    }

    /// Bars a symbol.
    pub fn bars(&self) -> usize {
        self.spec.bars
    }

    /// Names of the symbols, in order of name.
    pub fn symbols(&self) -> &[String] {
        &self.names
    }

    /// Names of the sectors, in order of name; empty where there are none.
    pub fn sectors(&self) -> &[String] {
        &self.sector_names
    }

    /// The sector of a symbol, as an index into [`Synthetic::sectors`].
    pub fn sector(&self, symbol: usize) -> Option<usize> {
        symbol.checked_rem(self.spec.sectors)
    }

    /// Names of the numeric columns, in order: open, high, low, close, volume, and split where there are splits.
    pub fn fields(&self) -> &'static [&'static str] {
        const FIELDS: [&str; 6] = ["open", "high", "low", "close", "volume", "split"];
        &FIELDS[..if self.spec.split_rate > 0.0 { 6 } else { 5 }]
    }

    /// Microseconds since 1970-01-01T00:00 UTC of a bar.
    pub fn time(&self, bar: usize) -> i64 {
        self.clock.time(bar)
    }

    /// Cells of the market: bars times symbols, missing ones included.
    pub fn cells(&self) -> u64 {
        self.spec.bars as u64 * self.spec.symbols as u64
    }

    /// The same market with other keys, for trials.
    pub(super) fn with(&self, change: impl FnOnce(&mut SynthSpec)) -> Self {
        let mut copy = self.clone();
        change(&mut copy.spec);
        copy
    }
}

impl Window {
    /// Bars since its start, if a bar lies within.
    pub(super) fn at(&self, bar: usize) -> Option<usize> {
        bar.checked_sub(self.start).filter(|&along| along < self.length)
    }

    /// Whether it hits symbols one by one.
    pub(super) fn is_personal(&self) -> bool {
        matches!(self.kind, ScenarioKind::TradingHalt | ScenarioKind::MemeRally)
    }

    /// Whether it hits a symbol, in a scenario that does not hit all.
    pub(super) fn hits(&self, symbol: usize) -> bool {
        const MEMES: f64 = 0.05;
        let share = if self.kind == ScenarioKind::MemeRally { MEMES } else { self.strength };
        let drawn = uniform_of(self.seed, Purpose::Scenario, self.place, symbol as u64) < share;
        drawn || (symbol as u64 == self.chosen && share > 0.0)
    }

    /// Whether an outage takes a bar.
    pub(super) fn darkens(&self, bar: usize) -> bool {
        // Symbols are numbered up from 0, bars down from the top.
        uniform_of(self.seed, Purpose::Scenario, self.place, u64::MAX - 1 - bar as u64) < self.strength
    }
}

fn check(spec: &SynthSpec) -> Result<Clock, String> {
    let clock = Clock::new(spec)?;
    if spec.garch_alpha + spec.garch_beta >= 0.9995 {
        let sum = spec.garch_alpha + spec.garch_beta;
        return Err(format!(
            "`garch_alpha` and `garch_beta` add up to {sum}: below 0.9995 variances come back to their mean"
        ));
    }
    for scenario in &spec.scenarios {
        let kind = scenario.kind.name();
        let Some(start) = clock.bar_at(&scenario.start) else {
            let start = excerpt(&scenario.start);
            return Err(format!("`scenario` {kind} starts at `{start}`, which is neither a bar's number nor a date"));
        };
        if start >= spec.bars {
            return Err(format!("`scenario` {kind} starts at bar {start}, and there are only {} bars", spec.bars));
        }
    }
    if spec.plant.is_some() && spec.symbols < 3 {
        return Err(format!("`plant` needs at least 3 symbols to rank, not {}", spec.symbols));
    }
    let loudest = spec.regimes.iter().map(|regime| regime.volatility).fold(1.0, f64::max);
    let steepest = spec.regimes.iter().map(|regime| regime.drift.abs()).fold(0.0, f64::max) + spec.drift.abs();
    let own = spec.volatility * libm::exp(3.0 * spec.volatility_spread);
    let market = spec.market_volatility * (1.0 + 3.0 * spec.beta_spread);
    let variance = loudest * loudest * (own * own + market * market + spec.sector_volatility * spec.sector_volatility);
    let years = spec.bars as f64 / clock.bars_per_year();
    let widest = years * (steepest + variance / 2.0) + 6.0 * libm::sqrt(variance * years);
    if widest > WIDEST {
        return Err(format!(
            "{years:.0} years of such volatility would take prices beyond what numbers hold; lower `volatility`, \
             `market_volatility` or `drift`, or take fewer `bars`"
        ));
    }
    Ok(clock)
}
