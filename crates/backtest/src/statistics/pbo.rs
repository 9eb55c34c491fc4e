//! The probability of backtest overfitting.

use serde::{Deserialize, Serialize};

use super::folds::binomial;
use super::rows;
use crate::error::Error;
use crate::metrics::NEGLIGIBLE;

/// Most blocks: 20 make 184,756 splits.
const MOST_BLOCKS: usize = 20;

/// How the best trial of one half of history does in the other half, over all halves of a number of blocks: the
/// probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, Lopez de Prado
/// & Zhu 2015).
///
/// The best trial of a half is that of the highest Sharpe ratio per period, the lowest column where tied. Its rank `r`
/// among the `n` trials in the other half, counted from 1 for the worst, ties averaged, gives `w = r / (n + 1)` and the
/// logit `ln(w / (1 - w))`. An undefined Sharpe ratio ranks below all others: a flat strategy must not win a block
/// where all others lose. Noise expects .5 for even `n`, and `(n + 1) / (2 n)` for odd `n`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pbo {
    /// Number of splits into halves.
    pub n_splits: usize,
    /// Share of splits whose logit is at most 0: the best trial was no better than the median.
    pub pbo: f64,
    /// Share of splits whose logit is below 0.
    pub pbo_strict: f64,
    /// Mean logit.
    pub mean_logit: f64,
    /// Share of splits in which the best trial loses money in the other half.
    pub prob_oos_loss: f64,
    /// Slope of the best trial's Sharpe ratio in the other half on that in its own, where both are defined. Negative by
    /// construction, as the halves complement each other: its sign alone says nothing.
    pub slope_oos_on_is: Option<f64>,
    /// Mean Sharpe ratio per period of the best trial in its own half.
    pub mean_is_sharpe: Option<f64>,
    /// Mean Sharpe ratio per period of the best trial in the other half.
    pub mean_oos_sharpe: Option<f64>,
    /// How often each trial was the best.
    pub times_selected: Vec<usize>,
    /// The logit of each split, for a histogram. Not part of the JSON form.
    #[serde(skip)]
    pub logits: Vec<f64>,
}

impl Pbo {
    /// Computes the probability from returns `[periods x trials]`, cut into an even number of blocks; the oldest rows
    /// that do not fill a block are dropped.
    ///
    /// # Errors
    /// When the matrix does not divide into rows, holds a value that is not a number or fewer than two trials, when
    /// blocks are odd in number or more than 20, or a half would have fewer than two rows.
    pub fn from_returns(returns: &[f64], trials: usize, blocks: usize) -> Result<Self, Error> {
        let periods = rows(returns, trials)?;
        if trials < 2 {
            return Err(Error::Trials(trials));
        }
        if let Some(index) = returns.iter().position(|r| !r.is_finite()) {
            return Err(Error::NotANumber { row: index / trials, column: index % trials });
        }
        let length = periods.checked_div(blocks).unwrap_or(0);
        if !blocks.is_multiple_of(2) || !(2..=MOST_BLOCKS).contains(&blocks) || length * blocks < 4 {
            return Err(Error::Blocks { blocks, periods });
        }
        let table = BlockTable::new(&returns[(periods - length * blocks) * trials..], trials, length);
        let mut tally = Tally::new(trials, blocks);
        let (mut inside, mut outside) = (Half::new(trials), Half::new(trials));
        for split in halves(blocks) {
            table.gather(&mut inside, |block| split >> block & 1 == 1);
            table.gather(&mut outside, |block| split >> block & 1 == 0);
            tally.add(&inside, &outside);
        }
        Ok(tally.finish())
    }
}

/// Sums over one block or several of them.
#[derive(Debug, Clone, Copy)]
struct Sums {
    sum: f64,
    squares: f64,
    lowest: f64,
    highest: f64,
}

impl Sums {
    const NOTHING: Self = Self { sum: 0.0, squares: 0.0, lowest: f64::INFINITY, highest: f64::NEG_INFINITY };

    fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
            lowest: self.lowest.min(other.lowest),
            highest: self.highest.max(other.highest),
        }
    }
}

/// Sums per block and trial, of returns less the trial's mean: squares of what is large and nearly constant would
/// cancel.
struct BlockTable {
    rows_a_half: f64,
    centres: Vec<f64>,
    /// `[blocks x trials]`.
    sums: Vec<Sums>,
}

impl BlockTable {
    fn new(returns: &[f64], trials: usize, length: usize) -> Self {
        let periods = returns.len() / trials;
        let centre = |trial: usize| returns.iter().skip(trial).step_by(trials).sum::<f64>() / periods as f64;
        let centres: Vec<f64> = (0..trials).map(centre).collect();
        let mut sums = vec![Sums::NOTHING; periods / length * trials];
        for (row, values) in returns.chunks_exact(trials).enumerate() {
            let block = &mut sums[row / length * trials..][..trials];
            for ((sums, value), centre) in block.iter_mut().zip(values).zip(&centres) {
                let r = value - centre;
                *sums = sums.and(Sums { sum: r, squares: r * r, lowest: r, highest: r });
            }
        }
        Self { rows_a_half: (periods / 2) as f64, centres, sums }
    }

    /// Means and Sharpe ratios over the chosen blocks.
    fn gather(&self, half: &mut Half, chosen: impl Fn(usize) -> bool) {
        half.sums.fill(Sums::NOTHING);
        for (block, sums) in self.sums.chunks_exact(self.centres.len()).enumerate() {
            if chosen(block) {
                for (total, sums) in half.sums.iter_mut().zip(sums) {
                    *total = total.and(*sums);
                }
            }
        }
        let n = self.rows_a_half;
        for (trial, sums) in half.sums.iter().enumerate() {
            let mean = self.centres[trial] + sums.sum / n;
            let variance = (sums.squares - sums.sum * sums.sum / n) / (n - 1.0);
            let constant = sums.highest - sums.lowest <= NEGLIGIBLE;
            half.means[trial] = mean;
            half.sharpes[trial] = if constant || variance <= 0.0 { f64::NEG_INFINITY } else { mean / variance.sqrt() };
        }
    }
}

/// Figures of all trials in one half; an undefined Sharpe ratio is minus infinity.
struct Half {
    sums: Vec<Sums>,
    means: Vec<f64>,
    sharpes: Vec<f64>,
}

impl Half {
    fn new(trials: usize) -> Self {
        Self { sums: vec![Sums::NOTHING; trials], means: vec![0.0; trials], sharpes: vec![0.0; trials] }
    }
}

/// What is counted over splits.
struct Tally {
    no_better: usize,
    worse: usize,
    losses: usize,
    times_selected: Vec<usize>,
    logits: Vec<f64>,
    /// Sharpe ratios of the best trial in its own half and the other, where both are defined.
    pairs: Vec<(f64, f64)>,
}

impl Tally {
    fn new(trials: usize, blocks: usize) -> Self {
        let splits = binomial(blocks as u64, blocks as u64 / 2).unwrap_or(0) as usize;
        Self {
            no_better: 0,
            worse: 0,
            losses: 0,
            times_selected: vec![0; trials],
            logits: Vec::with_capacity(splits),
            pairs: Vec::with_capacity(splits),
        }
    }

    fn add(&mut self, inside: &Half, outside: &Half) {
        let trials = self.times_selected.len();
        // The first of equals: later ones must be strictly better.
        let best = (1..trials).fold(0, |best, n| if inside.sharpes[n] > inside.sharpes[best] { n } else { best });
        self.times_selected[best] += 1;
        self.losses += usize::from(outside.means[best] < 0.0);
        let own = outside.sharpes[best];
        let below = outside.sharpes.iter().filter(|sharpe| **sharpe < own).count();
        let equal = outside.sharpes.iter().filter(|sharpe| **sharpe == own).count();
        // Twice the average rank, so that the comparison with the median is one of whole numbers.
        let doubled = 2 * below + equal + 1;
        let rest = 2 * (trials + 1) - doubled;
        self.no_better += usize::from(doubled <= rest);
        self.worse += usize::from(doubled < rest);
        self.logits.push(libm::log(doubled as f64 / rest as f64));
        if inside.sharpes[best].is_finite() && own.is_finite() {
            self.pairs.push((inside.sharpes[best], own));
        }
    }

    fn finish(self) -> Pbo {
        let n = self.logits.len() as f64;
        let defined = self.pairs.len() as f64;
        let sums = self.pairs.iter().fold((0.0, 0.0), |sums, pair| (sums.0 + pair.0, sums.1 + pair.1));
        let means = if self.pairs.is_empty() { None } else { Some((sums.0 / defined, sums.1 / defined)) };
        let slope = means.and_then(|(own, other)| {
            let squares: f64 = self.pairs.iter().map(|pair| (pair.0 - own) * (pair.0 - own)).sum();
            let products: f64 = self.pairs.iter().map(|pair| (pair.0 - own) * (pair.1 - other)).sum();
            crate::metrics::ratio(products, squares)
        });
        Pbo {
            n_splits: self.logits.len(),
            pbo: self.no_better as f64 / n,
            pbo_strict: self.worse as f64 / n,
            mean_logit: self.logits.iter().sum::<f64>() / n,
            prob_oos_loss: self.losses as f64 / n,
            slope_oos_on_is: slope,
            mean_is_sharpe: means.map(|means| means.0),
            mean_oos_sharpe: means.map(|means| means.1),
            times_selected: self.times_selected,
            logits: self.logits,
        }
    }
}

/// All choices of half of `blocks` blocks, as bit sets in rising order.
fn halves(blocks: usize) -> impl Iterator<Item = u32> {
    let first = (1_u32 << (blocks / 2)) - 1;
    std::iter::successors(Some(first), move |set| {
        // Gosper's step to the next number with as many bits set.
        let lowest = set & set.wrapping_neg();
        let carried = set + lowest;
        let next = carried | ((set ^ carried) >> (2 + lowest.trailing_zeros()));
        (next >> blocks == 0).then_some(next)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::SplitMix64;

    fn noise(periods: usize, trials: usize, seed: u64) -> Vec<f64> {
        let mut random = SplitMix64(seed);
        (0..periods * trials).map(|_| 0.01 * random.normal()).collect()
    }

    /// Sharpe ratio of rows by the definition.
    fn slow_sharpe(rows: &[f64]) -> f64 {
        let n = rows.len() as f64;
        let mean = rows.iter().sum::<f64>() / n;
        let deviation = (rows.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (n - 1.0)).sqrt();
        mean / deviation
    }

    #[test]
    fn halves_are_all_different_and_complete() {
        for blocks in [2, 4, 8, 16, 20] {
            let all: Vec<u32> = halves(blocks).collect();
            assert_eq!(Some(all.len() as u64), binomial(blocks as u64, blocks as u64 / 2));
            assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(all.iter().all(|set| set.count_ones() as usize * 2 == blocks && set >> blocks == 0));
        }
    }

    #[test]
    fn noise_is_overfitted_half_of_the_time() {
        // One matrix proves nothing: single ones range from 0 to 1.
        for (trials, expected, expected_strict) in [(4, 0.5, 0.5), (5, 0.6, 0.4), (10, 0.5, 0.5)] {
            let worlds = 600;
            let (mut sum, mut strict) = (0.0, 0.0);
            for seed in 0..worlds {
                let pbo = Pbo::from_returns(&noise(32, trials, seed), trials, 8).unwrap();
                sum += pbo.pbo;
                strict += pbo.pbo_strict;
            }
            let (mean, strict) = (sum / worlds as f64, strict / worlds as f64);
            assert!((mean - expected).abs() < 0.04, "{trials}: {mean}");
            assert!((strict - expected_strict).abs() < 0.04, "{trials}: {strict}");
        }
    }

    #[test]
    fn a_flat_strategy_wins_nothing() {
        // All others lose in every block, by different amounts.
        let mut returns = noise(64, 4, 1);
        for row in returns.chunks_exact_mut(4) {
            for r in row.iter_mut() {
                *r -= 0.05;
            }
            row[2] = 0.0;
        }
        let pbo = Pbo::from_returns(&returns, 4, 8).unwrap();
        assert_eq!(pbo.times_selected[2], 0);
        assert_eq!(pbo.prob_oos_loss, 1.0);
        let flat = Pbo::from_returns(&[0.0; 64], 4, 8).unwrap();
        assert_eq!((flat.pbo, flat.pbo_strict, flat.prob_oos_loss), (1.0, 0.0, 0.0));
        assert_eq!((flat.mean_oos_sharpe, flat.slope_oos_on_is), (None, None));
        assert_eq!(flat.times_selected, [70, 0, 0, 0]);
    }

    #[test]
    fn copies_share_their_rank() {
        // Three copies of one column: whichever is chosen, its rank is the middle, not the place where it stands.
        let returns: Vec<f64> = noise(32, 1, 4).into_iter().flat_map(|r| [r; 3]).collect();
        let pbo = Pbo::from_returns(&returns, 3, 8).unwrap();
        assert_eq!((pbo.pbo, pbo.pbo_strict, pbo.mean_logit), (1.0, 0.0, 0.0));
        assert_eq!(pbo.times_selected, [70, 0, 0]);
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        let matrix = vec![0.1; 64];
        for (blocks, periods) in [(3, 32), (0, 32), (22, 32)] {
            assert_eq!(Pbo::from_returns(&matrix, 2, blocks), Err(Error::Blocks { blocks, periods }));
        }
        assert_eq!(Pbo::from_returns(&matrix[..6], 2, 4), Err(Error::Blocks { blocks: 4, periods: 3 }));
        assert_eq!(Pbo::from_returns(&matrix, 1, 8), Err(Error::Trials(1)));
        assert_eq!(Pbo::from_returns(&matrix, 5, 8), Err(Error::Matrix { values: 64, columns: 5 }));
        let mut gap = matrix.clone();
        gap[7] = f64::NAN;
        assert_eq!(Pbo::from_returns(&gap, 2, 8), Err(Error::NotANumber { row: 3, column: 1 }));
    }

    proptest! {
        #[test]
        fn the_oldest_rows_are_dropped(seed in 0..1_000_u64, extra in 0..8_usize) {
            let returns = noise(32 + extra, 4, seed);
            let newest = Pbo::from_returns(&returns[extra * 4..], 4, 8).unwrap();
            prop_assert_eq!(Pbo::from_returns(&returns, 4, 8).unwrap(), newest);
        }

        #[test]
        fn block_sums_give_the_sharpe_ratios_of_the_rows(seed in 0..1_000_u64) {
            let returns = noise(24, 3, seed);
            let table = BlockTable::new(&returns, 3, 4);
            let mut half = Half::new(3);
            for split in halves(6) {
                table.gather(&mut half, |block| split >> block & 1 == 1);
                for trial in 0..3 {
                    let rows = (0..24).filter(|row| split >> (row / 4) & 1 == 1);
                    let rows: Vec<f64> = rows.map(|row| returns[row * 3 + trial]).collect();
                    prop_assert!((half.sharpes[trial] - slow_sharpe(&rows)).abs() < 1e-10);
                }
            }
        }
    }
}
