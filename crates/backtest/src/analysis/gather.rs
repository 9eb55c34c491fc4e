//! A factor's rows, taken one by one.

use std::collections::VecDeque;

use market::{GroupView, Panel};

use super::leak::InputCheck;
use super::result::{
    Coverage, FactorAnalysis, GroupIc, HorizonAnalysis, HorizonSeries, PeriodIc, Quantile, Stability, mean,
};
use super::settings::{AnalysisSettings, Prices};
use crate::rank_ic::{IcSeries, IcSummary, LabelRanks, RankScratch, monotonicity, pearson, quantile_spread, spearman};

/// Fewest names of a group that have a rank IC.
const FEWEST_OF_GROUP: usize = 3;
/// Fewer years than these are shown as months.
const FEWEST_YEARS: usize = 3;
/// No quantile.
const NOWHERE: u8 = u8::MAX;

/// What every factor of an analysis is held against.
pub(super) struct World<'a> {
    panel: &'a Panel,
    members: &'a [bool],
    settings: &'a AnalysisSettings,
    prices: Prices<'a>,
    group: Option<GroupView<'a>>,
    min_names: usize,
}

impl<'a> World<'a> {
    pub(super) fn new(panel: &'a Panel, members: &'a [bool], settings: &'a AnalysisSettings) -> Self {
        Self {
            panel,
            members,
            settings,
            prices: Prices::new(panel, settings.fill),
            group: settings.by.as_deref().and_then(|name| panel.group(name)),
            min_names: settings.fewest_names(panel.symbols().len()),
        }
    }

    pub(super) fn symbols(&self) -> usize {
        self.panel.symbols().len()
    }

    /// The ranks of the returns that follow a bar, one a horizon.
    pub(super) fn rank_returns(&self, row: usize) -> Vec<LabelRanks> {
        let mut returns = Vec::new();
        let rank = |&horizon: &usize| {
            self.prices.future(row, horizon, &mut returns);
            ranks_of(&returns)
        };
        self.settings.horizons.iter().map(rank).collect()
    }

    fn members(&self, row: usize) -> &[bool] {
        &self.members[row * self.symbols()..][..self.symbols()]
    }

    fn periods_per_year(&self) -> f64 {
        self.panel.calendar().frequency().periods_per_year()
    }
}

/// One factor, so far.
pub(super) struct Gatherer {
    /// Members and names with a value, by bar.
    counts: Vec<[usize; 2]>,
    horizons: Vec<OfHorizon>,
    lags: Vec<OfLag>,
    groups: Vec<OfGroup>,
    /// The last rows, latest first, as many as the longest lag.
    past: VecDeque<Ranked>,
    /// Values of members.
    values: Vec<f64>,
    returns: Vec<f64>,
    scratch: RankScratch,
}

struct OfHorizon {
    ic: IcSeries,
    rank_ic: IcSeries,
    quantile_returns: Vec<f64>,
    mean_returns: Vec<f64>,
}

struct OfLag {
    correlation: IcSeries,
    /// Share of new names by bar, `[bars x quantiles]`.
    new: Vec<f64>,
}

struct OfGroup {
    rank_ic: IcSeries,
    names: usize,
    bars: usize,
}

/// A row's order.
struct Ranked {
    ranks: LabelRanks,
    /// Each symbol's quantile, from 0.
    quantiles: Vec<u8>,
}

impl Gatherer {
    pub(super) fn new(world: &World<'_>) -> Self {
        let of_horizon = |_: &usize| OfHorizon {
            ic: IcSeries::new(world.min_names),
            rank_ic: IcSeries::new(world.min_names),
            quantile_returns: Vec::new(),
            mean_returns: Vec::new(),
        };
        let of_lag = |_: &usize| OfLag { correlation: IcSeries::new(world.min_names), new: Vec::new() };
        let of_group = |_: &String| OfGroup { rank_ic: IcSeries::new(FEWEST_OF_GROUP), names: 0, bars: 0 };
        Self {
            counts: Vec::new(),
            horizons: world.settings.horizons.iter().map(of_horizon).collect(),
            lags: world.settings.lags.iter().map(of_lag).collect(),
            groups: world.group.iter().flat_map(|group| group.labels.iter().map(of_group)).collect(),
            past: VecDeque::new(),
            values: Vec::new(),
            returns: Vec::new(),
            scratch: RankScratch::default(),
        }
    }

    /// Takes the next bar's row; `ranked` are the ranks of the returns after it, one a horizon.
    pub(super) fn push(&mut self, world: &World<'_>, row: usize, values: &[f64], ranked: &[LabelRanks]) {
        let members = world.members(row);
        self.values.clear();
        let of_member = |(&value, &is_member): (&f64, &bool)| if is_member { value } else { f64::NAN };
        self.values.extend(values.iter().zip(members).map(of_member));
        let names = self.values.iter().filter(|value| !value.is_nan()).count();
        self.counts.push([members.iter().filter(|&&is_member| is_member).count(), names]);
        let ranks = ranks_of(&self.values);
        let quantiles = quantiles_of(&ranks, names, world.settings.quantiles);
        self.compare_with_returns(world, row, &quantiles, ranked);
        self.compare_with_past(world, &quantiles);
        self.past.truncate(world.settings.lags.iter().max().copied().unwrap_or(1) - 1);
        self.past.push_front(Ranked { ranks, quantiles });
    }

    fn compare_with_returns(&mut self, world: &World<'_>, row: usize, quantiles: &[u8], ranked: &[LabelRanks]) {
        for (place, ((of, &horizon), ranks)) in
            self.horizons.iter_mut().zip(&world.settings.horizons).zip(ranked).enumerate()
        {
            world.prices.future(row, horizon, &mut self.returns);
            of.rank_ic.push(ranks.ic(0, &self.values, &mut self.scratch));
            let pearson = pearson(&self.values, &self.returns);
            of.ic.push(pearson);
            let first = of.quantile_returns.len();
            of.quantile_returns.resize(first + world.settings.quantiles, f64::NAN);
            let mean = if pearson.n_pairs < world.min_names {
                f64::NAN
            } else {
                mean_returns(quantiles, &self.returns, &mut of.quantile_returns[first..])
            };
            of.mean_returns.push(mean);
            if let (0, Some(group)) = (place, world.group) {
                let codes = group.codes.row(row);
                for (code, of) in self.groups.iter_mut().enumerate() {
                    of.push(code, &self.values, &self.returns, codes.iter().copied(), &mut self.scratch);
                }
            }
        }
    }

    fn compare_with_past(&mut self, world: &World<'_>, quantiles: &[u8]) {
        for (of, &lag) in self.lags.iter_mut().zip(&world.settings.lags) {
            let first = of.new.len();
            of.new.resize(first + world.settings.quantiles, f64::NAN);
            // The first bars have nothing to be compared with, and count in no series.
            if let Some(past) = self.past.get(lag - 1) {
                of.correlation.push(past.ranks.ic(0, &self.values, &mut self.scratch));
                if past.ranks.present(0) > 0 {
                    share_new(quantiles, &past.quantiles, &mut of.new[first..]);
                }
            }
        }
    }

    pub(super) fn finish(self, world: &World<'_>, leak: InputCheck) -> FactorAnalysis {
        let AnalysisSettings { horizons, lags, quantiles, fill, .. } = world.settings;
        let first_horizon = horizons[0];
        let summary = |series: &IcSeries| series.summary(first_horizon, world.periods_per_year());
        let periods = self.horizons[0].by_period(world, first_horizon);
        let of_group = |(of, label): (&OfGroup, &String)| GroupIc {
            group: label.clone(),
            names: (of.bars > 0).then(|| of.names as f64 / of.bars as f64),
            rank_ic: summary(&of.rank_ic),
        };
        let labels = world.group.map(|group| group.labels).unwrap_or_default();
        FactorAnalysis {
            fill: *fill,
            price: world.prices.name,
            min_names: world.min_names,
            coverage: coverage(&self.counts),
            groups: self.groups.iter().zip(labels).map(of_group).collect(),
            horizons: self.horizons.into_iter().zip(horizons).map(|(of, &h)| of.finish(world, h)).collect(),
            stability: self.lags.iter().zip(lags).map(|(of, &lag)| of.finish(lag, *quantiles)).collect(),
            periods,
            leak,
        }
    }
}

impl OfHorizon {
    /// Rank IC by year, or by month where there are fewer than three years. Bars without one make no period.
    fn by_period(&self, world: &World<'_>, horizon: usize) -> Vec<PeriodIc> {
        let calendar = world.panel.calendar();
        let by = |length: usize| {
            let mut periods: Vec<(String, Vec<f64>)> = Vec::new();
            for (row, &value) in self.rank_ic.values().iter().enumerate().filter(|(_, value)| !value.is_nan()) {
                let label: String = calendar.label(row).chars().take(length).collect();
                match periods.last_mut().filter(|(last, _)| *last == label) {
                    Some((_, values)) => values.push(value),
                    None => periods.push((label, vec![value])),
                }
            }
            periods
        };
        let (years, months) = ("2013".len(), "2013-02".len());
        let mut periods = by(years);
        if periods.len() < FEWEST_YEARS {
            periods = by(months);
        }
        let of_period = |(period, values): (String, Vec<f64>)| PeriodIc {
            period,
            rank_ic: IcSummary::from_values(&values, horizon, world.periods_per_year()),
        };
        periods.into_iter().map(of_period).collect()
    }

    fn finish(self, world: &World<'_>, horizon: usize) -> HorizonAnalysis {
        let (count, a_year) = (world.settings.quantiles, world.periods_per_year());
        let rows = || self.quantile_returns.chunks_exact(count);
        let of_quantile = |quantile: usize| {
            let (bars, earned) = mean(rows().map(|row| row[quantile]));
            let (_, excess) = mean(rows().zip(&self.mean_returns).map(|(row, of_all)| row[quantile] - of_all));
            Quantile { quantile: quantile + 1, bars, mean: earned, excess }
        };
        let quantiles: Vec<Quantile> = (0..count).map(of_quantile).collect();
        let spreads: Vec<f64> = rows().map(|row| quantile_spread(row).unwrap_or(f64::NAN)).collect();
        let means: Vec<f64> = quantiles.iter().map(|quantile| quantile.mean.unwrap_or(f64::NAN)).collect();
        HorizonAnalysis {
            horizon,
            ic: self.ic.summary(horizon, a_year),
            rank_ic: self.rank_ic.summary(horizon, a_year),
            quantiles,
            spread: IcSummary::from_values(&spreads, horizon, a_year).into(),
            monotonicity: monotonicity(&means, &mut RankScratch::default()),
            series: HorizonSeries {
                ic: self.ic.values().to_vec(),
                rank_ic: self.rank_ic.values().to_vec(),
                quantile_returns: self.quantile_returns,
                mean_returns: self.mean_returns,
            },
        }
    }
}

impl OfLag {
    fn finish(&self, lag: usize, quantiles: usize) -> Stability {
        let (n_dates, rank_autocorrelation) = mean(self.correlation.values().iter().copied());
        let share = |quantile: usize| mean(self.new.chunks_exact(quantiles).map(|row| row[quantile])).1;
        Stability { lag, rank_autocorrelation, n_dates, turnover: (0..quantiles).map(share).collect() }
    }
}

impl OfGroup {
    fn push(
        &mut self,
        code: usize,
        values: &[f64],
        returns: &[f64],
        codes: impl Iterator<Item = f64>,
        scratch: &mut RankScratch,
    ) {
        let inside = values.iter().zip(returns).zip(codes).filter(|&(_, of)| of == code as f64);
        let (values, returns): (Vec<f64>, Vec<f64>) = inside.map(|((&value, &earned), _)| (value, earned)).unzip();
        let correlation = spearman(&values, &returns, scratch);
        self.names += correlation.n_pairs;
        self.bars += usize::from(correlation.n_pairs > 0);
        self.rank_ic.push(correlation);
    }
}

/// A row's ranks. [`Analysis::new`](super::Analysis::new) refuses rows that are too wide for them.
fn ranks_of(row: &[f64]) -> LabelRanks {
    LabelRanks::new(row, row.len()).expect("one row of a width that was checked")
}

/// Each symbol's quantile from 0, by its rank among all names with a value.
fn quantiles_of(ranks: &LabelRanks, names: usize, quantiles: usize) -> Vec<u8> {
    // Doubled ranks are from 1 to twice the names, odd where no values are equal: rank less a half, doubled.
    let quantile = |&doubled: &u32| match doubled {
        0 => NOWHERE,
        doubled => ((doubled as usize - 1) * quantiles / (2 * names)) as u8,
    };
    let mut of_symbols: Vec<u8> = ranks.doubled(0).iter().map(quantile).collect();
    of_symbols.resize(ranks.symbols(), NOWHERE);
    of_symbols
}

/// Mean return of the names of each quantile into `means`, NaN where there are none, and that of all of them.
fn mean_returns(quantiles: &[u8], returns: &[f64], means: &mut [f64]) -> f64 {
    let mut counts = vec![0.0; means.len()];
    means.fill(0.0);
    for (&quantile, earned) in quantiles.iter().zip(returns).filter(|(_, earned)| !earned.is_nan()) {
        if let Some(mean) = means.get_mut(usize::from(quantile)) {
            *mean += earned;
            counts[usize::from(quantile)] += 1.0;
        }
    }
    let of_all = means.iter().sum::<f64>() / counts.iter().sum::<f64>();
    for (mean, count) in means.iter_mut().zip(counts) {
        *mean /= count;
    }
    of_all
}

/// Share of each quantile's names that were not in it before into `new`, NaN where it has none.
fn share_new(now: &[u8], before: &[u8], new: &mut [f64]) {
    let mut counts = vec![0.0; new.len()];
    new.fill(0.0);
    for (&now, &before) in now.iter().zip(before) {
        if let Some(share) = new.get_mut(usize::from(now)) {
            *share += f64::from(u8::from(now != before));
            counts[usize::from(now)] += 1.0;
        }
    }
    for (share, count) in new.iter_mut().zip(counts) {
        *share /= count;
    }
}

fn coverage(counts: &[[usize; 2]]) -> Coverage {
    let first = counts.iter().position(|&[_, names]| names > 0).unwrap_or(counts.len());
    let spoken = &counts[first..];
    let sum = |of: usize| spoken.iter().map(|count| count[of]).sum::<usize>() as f64;
    let is_any = !spoken.is_empty();
    Coverage {
        bars_before: first,
        bars: spoken.len(),
        share: is_any.then(|| sum(1) / sum(0)),
        least: spoken.iter().map(|&[_, names]| names).min(),
        mean: is_any.then(|| sum(1) / spoken.len() as f64),
    }
}
