//! Does an input know the future?
//!
//! A kernel cannot look ahead, but a column of the user's can: tomorrow's return, a price one row too early, an average
//! around a bar rather than before it. Such a column orders the returns to come far better than anything honest does,
//! and better than it orders the returns that were.
//!
//! # The rule
//! A column is looked at as it is, in proportion to the close (a price of tomorrow orders tomorrow's returns only so),
//! and by its change from bar to bar (so does the market value of tomorrow). Each look is correlated by ranks, bar by
//! bar, with the returns of the next 1, 5 and 20 bars from the close and of the first bar after a fill, and with the
//! returns of as many bars that ended at this close. It is suspect where one of these holds:
//!
//! - **The future beats the past.** The mean rank IC with the future is above 0.2, five standard errors from zero, and
//!   five above both that with the past and that of the close itself. Honest daily factors reach 0.02 to 0.05, rarely
//!   0.1. What was made from past prices, a reversal above all, is always closer to past returns than to those that
//!   follow; and a column that sorts symbols by how they drift, such as a sector, orders both alike.
//! - **The future is left when the past is taken out.** The partial correlation with the future, given the past, is
//!   above 0.5 and five standard errors above that of the close itself. An average around a bar is as close to the past
//!   as to the future, so that the first test cannot see it; but no honest column is explained by returns to come. In
//!   prices that bounce between bid and ask half as much would be honest, hence the higher bar; and where the market
//!   itself reverts as much, the close does as well.
//! - **It is a bar column too early**: 99 of 100 values are the open, high, low, close or volume of up to 20 bars later.
//!   Returns cannot tell that of a volume.
//!
//! # Where the limits come from
//! Fifteen kinds of column that look ahead, thirteen that do not, the market's own fields and 50 columns of noise were
//! tried on random walks of 12 and 60 symbols and on 6, 88 and 505 US shares. What looks ahead had 0.29 and more with the
//! future beside at most 0.05 with the past (least: tomorrow's return under noise of three percent, and tomorrow's open),
//! an average around its bar 0.55 to 0.64 beside as much, with 0.67 and more left once the past is taken out. What does
//! not look ahead had at most 0.11, on twelve symbols over 20 bars; 0.13 where dividend-adjusted closes were held against
//! closes, and those do know of dividends to come. None came near a limit from the wrong side.
//!
//! A standard error is the larger of Newey and West's and that of ranks without any relation, so that a few bars, or a
//! constant IC, prove nothing by themselves. At most 400 bars, evenly spread, are looked at. What is not seen: futures
//! beyond some 400 bars, leaks that reach one symbol or one date, and universes chosen in hindsight.

use market::Panel;
use serde::Serialize;

use super::settings::Prices;
use crate::error::Error;
use crate::rank_ic::{LabelRanks, RankScratch, standard_error};
use crate::simulate::Fill;

/// Rank IC with the future above which a column is suspect.
const IMPLAUSIBLE: f64 = 0.2;
/// Partial rank correlation with the future, given the past, above which a column is suspect.
const IMPLAUSIBLE_GIVEN_PAST: f64 = 0.5;
/// A partial correlation given what explains more of a column than this says nothing.
const EXPLAINED: f64 = 0.9;
/// Standard errors that make a difference.
const ERRORS: f64 = 5.0;
/// Bars looked at, at most, and at least.
const MOST_BARS: usize = 400;
const FEWEST_BARS: usize = 20;
/// Horizons of returns from the close.
const HORIZONS: [usize; 3] = [1, 5, 20];
/// Columns that belong to their bar, and how early another may be to be found.
const BAR_COLUMNS: [&str; 5] = ["open", "high", "low", "close", "volume"];
const MOST_EARLY: usize = 20;

/// How an input is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// As it is.
    Level,
    /// Divided by the close.
    ToClose,
    /// Its change since the bar before, relative to its size there.
    Change,
}

const VIEWS: [View; 3] = [View::Level, View::ToClose, View::Change];

/// Where the returns begin that an input is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At the bar's own close.
    Close,
    /// Where an order decided on the bar is filled.
    Fill,
}

/// Whether an input knows the future.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputCheck {
    /// The column, or the expression.
    pub input: String,
    /// Whether it looks as if it did.
    pub suspect: bool,
    /// The strongest sign of it, suspect or not; `None` where too few bars have what it takes to say.
    pub evidence: Option<Evidence>,
    /// The bar column that it holds too early.
    pub early: Option<Early>,
}

/// How an input orders future and past returns, by one view and over one horizon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evidence {
    /// How the input was looked at.
    pub view: View,
    /// Where the future returns begin.
    pub start: Start,
    /// Bars that the returns span.
    pub horizon: usize,
    /// Bars looked at.
    pub bars: usize,
    /// Mean rank IC with the returns to come.
    pub future: f64,
    /// Its t-statistic.
    pub t: f64,
    /// Mean rank IC with the returns that were.
    pub past: f64,
    /// Partial rank correlation with the returns to come, given those that were; `None` where these explain the input.
    pub given_past: Option<f64>,
}

/// A column that holds another's values before their time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Early {
    /// The column whose values they are.
    pub column: String,
    /// By how many bars.
    pub bars: usize,
}

/// Looks at columns of a panel, in the order given; `fill` says where returns begin besides the close.
///
/// # Errors
/// When the panel lacks a column, or has more than 1,048,576 symbols.
pub fn check_columns(panel: &Panel, columns: &[&str], fill: Fill) -> Result<Vec<InputCheck>, Error> {
    let members = panel.members();
    let market = Hindsight::new(panel, &members, fill)?;
    let check = |&name: &&str| {
        let values = panel.values(name).ok_or_else(|| {
            let known: Vec<&str> = panel.field_names().collect();
            Error::Setting(format!("there is no column `{name}` in this market: {}", known.join(", ")))
        })?;
        let mut suspicion = Suspicion::new(&market);
        for (row, values) in values.chunks_exact(panel.symbols().len().max(1)).enumerate() {
            suspicion.push(&market, row, values);
        }
        let early = early(panel, name, values, market.stride);
        let found = suspicion.finish(&market, name);
        Ok(InputCheck { suspect: found.suspect || early.is_some(), early, ..found })
    };
    columns.iter().map(check).collect()
}

/// What came before and after some bars of a market.
pub(super) struct Hindsight<'a> {
    panel: &'a Panel,
    members: &'a [bool],
    stride: usize,
    min_names: usize,
    spans: Vec<(Start, usize)>,
    /// Future and past returns of the bars looked at, each span's.
    ranks: Vec<Vec<[LabelRanks; 2]>>,
    /// Mean rank IC of past and future returns, by span: momentum, or reversal.
    momentum: Vec<f64>,
    /// How much the close itself says of the future, by span, and given the past.
    of_close: Vec<[f64; 2]>,
}

impl<'a> Hindsight<'a> {
    pub(super) fn new(panel: &'a Panel, members: &'a [bool], fill: Fill) -> Result<Self, Error> {
        let symbols = panel.symbols().len();
        LabelRanks::new(&[], symbols)?;
        let stride = panel.bars().div_ceil(MOST_BARS).max(1);
        let from_close = HORIZONS.into_iter().filter(|horizon| horizon * 4 <= panel.bars());
        let mut spans: Vec<(Start, usize)> = from_close.map(|horizon| (Start::Close, horizon)).collect();
        if fill != Fill::SameClose {
            spans.push((Start::Fill, 1));
        }
        let (closes, fills) = (Prices::closes(panel), Prices::new(panel, fill));
        let (mut future, mut past) = (Vec::new(), Vec::new());
        let mut scratch = RankScratch::default();
        let mut reversals = vec![Vec::new(); spans.len()];
        let mut rank = |row: usize| -> Vec<[LabelRanks; 2]> {
            let of_span = |(&(start, horizon), reversals): (&(Start, usize), &mut Vec<f64>)| {
                let prices = if start == Start::Close { &closes } else { &fills };
                prices.future(row, horizon, &mut future);
                prices.past(row, horizon, &mut past);
                let ranks =
                    [&future, &past].map(|row| LabelRanks::new(row, symbols).expect("a width that was checked"));
                reversals.extend(ranks[0].ic(0, &past, &mut scratch).value);
                ranks
            };
            spans.iter().zip(&mut reversals).map(of_span).collect()
        };
        let ranks = (0..panel.bars()).step_by(stride).map(&mut rank).collect();
        let momentum = reversals.iter().map(|series| mean(series)).collect();
        let of_close = vec![[0.0; 2]; spans.len()];
        let min_names = super::AnalysisSettings::default().fewest_names(symbols);
        let mut market = Self { panel, members, stride, min_names, spans, ranks, momentum, of_close };
        market.look_at_close();
        Ok(market)
    }

    fn look_at_close(&mut self) {
        let mut close = Suspicion::new(self);
        for row in 0..self.panel.bars() {
            close.push(self, row, self.close(row));
        }
        for (view, span) in VIEWS.iter().flat_map(|&view| (0..self.spans.len()).map(move |span| (view, span))) {
            if let Some(figures) = close.figures(self, view, span) {
                let [future, given_past] = &mut self.of_close[span];
                *future = future.max(figures.evidence.future.abs());
                *given_past = given_past.max(figures.evidence.given_past.unwrap_or(0.0).abs());
            }
        }
    }

    fn close(&self, row: usize) -> &'a [f64] {
        let symbols = self.panel.symbols().len();
        &self.panel.values("close").expect("a panel without `close` cannot be built")[row * symbols..][..symbols]
    }
}

/// One input, so far.
pub(super) struct Suspicion {
    before: Vec<f64>,
    seen: Vec<f64>,
    scratch: RankScratch,
    /// By view and span.
    series: Vec<Vec<Series>>,
}

/// Rank ICs of one view over one span, bar by bar.
#[derive(Clone, Default)]
struct Series {
    future: Vec<f64>,
    past: Vec<f64>,
    names: usize,
}

impl Suspicion {
    pub(super) fn new(market: &Hindsight<'_>) -> Self {
        Self {
            before: Vec::new(),
            seen: Vec::new(),
            scratch: RankScratch::default(),
            series: vec![vec![Series::default(); market.spans.len()]; VIEWS.len()],
        }
    }

    /// Takes the next bar's row.
    pub(super) fn push(&mut self, market: &Hindsight<'_>, row: usize, values: &[f64]) {
        if row.is_multiple_of(market.stride) {
            let members = &market.members[row * values.len()..][..values.len()];
            for (view, series) in VIEWS.into_iter().zip(&mut self.series) {
                self.seen.clear();
                match view {
                    View::Level => self.seen.extend_from_slice(values),
                    View::ToClose => {
                        let close = market.close(row).iter();
                        self.seen.extend(values.iter().zip(close).map(|(value, close)| value / close));
                    }
                    View::Change => {
                        let changes = values.iter().zip(&self.before);
                        self.seen.extend(changes.map(|(value, before)| (value - before) / before.abs()));
                        self.seen.resize(values.len(), f64::NAN);
                    }
                }
                for (seen, is_member) in self.seen.iter_mut().zip(members) {
                    // What is divided by nothing is missing, not the largest of all.
                    *seen = if *is_member && seen.is_finite() { *seen } else { f64::NAN };
                }
                for (series, ranks) in series.iter_mut().zip(&market.ranks[row / market.stride]) {
                    let [future, past] = ranks.each_ref().map(|ranks| ranks.ic(0, &self.seen, &mut self.scratch));
                    if let (Some(of_future), Some(of_past)) = (future.value, past.value)
                        && future.n_pairs.min(past.n_pairs) >= market.min_names
                    {
                        series.future.push(of_future);
                        series.past.push(of_past);
                        series.names += future.n_pairs;
                    }
                }
            }
        }
        self.before.clear();
        self.before.extend_from_slice(values);
    }

    pub(super) fn finish(&self, market: &Hindsight<'_>, input: &str) -> InputCheck {
        let places = VIEWS.iter().flat_map(|&view| (0..market.spans.len()).map(move |span| (view, span)));
        let figures = places.filter_map(|(view, span)| self.figures(market, view, span));
        // The first of the largest: what is suspect before what is not, then by how much it says of the future.
        let weight = |figures: &Figures| (figures.suspect, figures.evidence.future.abs());
        let strongest = figures.reduce(|best, next| if weight(&next) > weight(&best) { next } else { best });
        InputCheck {
            input: input.to_owned(),
            suspect: strongest.as_ref().is_some_and(|figures| figures.suspect),
            evidence: strongest.map(|figures| figures.evidence),
            early: None,
        }
    }

    fn figures(&self, market: &Hindsight<'_>, view: View, span: usize) -> Option<Figures> {
        let series = &self.series[view as usize][span];
        let bars = series.future.len();
        if bars < FEWEST_BARS {
            return None;
        }
        let (start, horizon) = market.spans[span];
        // Bars looked at whose returns overlap.
        let overlapping = horizon.div_ceil(market.stride);
        let names = series.names as f64 / bars as f64;
        let unrelated = 1.0 / ((names - 1.0) * bars as f64 / overlapping as f64).sqrt();
        let error = |values: &[f64]| standard_error(values, overlapping - 1).max(unrelated);
        let (future, past) = (mean(&series.future), mean(&series.past));
        let (of_future, of_past) = (error(&series.future), error(&series.past));
        let [close, close_given_past] = market.of_close[span];
        let beats_past = future.abs() > IMPLAUSIBLE
            && future.abs() > ERRORS * of_future
            && future.abs() > past.abs() + ERRORS * of_future.hypot(of_past)
            && future.abs() > close + ERRORS * of_future;
        let momentum = market.momentum[span];
        let left = ((1.0 - past * past) * (1.0 - momentum * momentum)).sqrt();
        let given_past = (past * past < EXPLAINED && left > 0.0).then(|| (future - past * momentum) / left);
        let is_left = given_past.is_some_and(|given_past| {
            given_past.abs() > IMPLAUSIBLE_GIVEN_PAST && given_past.abs() > close_given_past + ERRORS * of_future / left
        });
        let t = future / of_future;
        let evidence = Evidence { view, start, horizon, bars, future, t, past, given_past };
        Some(Figures { suspect: beats_past || is_left, evidence })
    }
}

struct Figures {
    suspect: bool,
    evidence: Evidence,
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Whether a column's values are those of a bar column some bars later, wherever that one moves.
fn early(panel: &Panel, name: &str, values: &[f64], stride: usize) -> Option<Early> {
    /// Cells that a guess is dropped after.
    const GLANCE: usize = 64;
    if BAR_COLUMNS.contains(&name) {
        return None;
    }
    let symbols = panel.symbols().len();
    let is_early = |column: &[f64], bars: usize| {
        let (mut moving, mut equal) = (0, 0);
        for row in (0..panel.bars().saturating_sub(bars)).step_by(stride) {
            let here = row * symbols..(row + 1) * symbols;
            let later = &column[(row + bars) * symbols..][..symbols];
            for ((&value, &now), &later) in values[here.clone()].iter().zip(&column[here]).zip(later) {
                let moves = !value.is_nan() && !later.is_nan() && now != later;
                moving += usize::from(moves);
                equal += usize::from(moves && (value - later).abs() <= 1e-9 * later.abs());
            }
            if moving >= GLANCE && 2 * equal < moving {
                return false;
            }
        }
        moving >= FEWEST_BARS && 100 * equal >= 99 * moving
    };
    let columns = BAR_COLUMNS.iter().filter_map(|&name| Some((name, panel.values(name)?)));
    let mut guesses = columns.flat_map(|column| (1..=MOST_EARLY).map(move |bars| (column, bars)));
    let ((column, _), bars) = guesses.find(|&((_, column), bars)| is_early(column, bars))?;
    Some(Early { column: column.to_owned(), bars })
}
