//! The checks on bars, each with the rule by which a bar that fails it is mended.

use super::align::Grid;
use super::cells::{BarColumns, ValueColumn};
use super::ledger::{Ledger, Rule};
use super::raw::RawTable;
use crate::error::excerpt;

/// Vendors store adjusted prices in single precision or round each on its own: a close above the high by less than
/// this share is rounding, not an error.
const ROUNDING: f64 = 1e-6;

/// Mends the values of the kept rows, in the order of [`Rule`].
pub(super) fn mend(table: &RawTable<'_>, grid: &Grid<'_>, values: &mut [ValueColumn], ledger: &mut Ledger) {
    let bar = BarColumns::of(values);
    // Rows that had no close when they came; bars that a rule sets to missing are counted by that rule alone.
    let without_close = bar.close.map_or_else(Tally::default, |close| {
        let mut tally = Tally::default();
        grid.kept().filter(|&row| values[close].values[row].is_nan()).for_each(|row| tally.add(row, close));
        tally
    });
    let mut mender = Mender { table, grid, values, ledger };
    mender.infinite();
    let prices: Vec<usize> = [bar.open, bar.high, bar.low, bar.close].into_iter().flatten().collect();
    mender.bars(Rule::PositivePrices, bar, |cell| prices.iter().copied().find(|&column| cell(column) <= 0.0));
    mender.volume(bar);
    if let (Some(high), Some(low)) = (bar.high, bar.low) {
        mender.bars(Rule::HighNotBelowLow, bar, |cell| {
            (cell(high) < cell(low) * (1.0 - ROUNDING)).then_some(high)
        });
    }
    mender.bars(Rule::InsideRange, bar, |cell| {
        let highest = bar.high.map_or(f64::NAN, cell) * (1.0 + ROUNDING);
        let lowest = bar.low.map_or(f64::NAN, cell) * (1.0 - ROUNDING);
        let outside = |&column: &usize| cell(column) > highest || cell(column) < lowest;
        [bar.open, bar.close].into_iter().flatten().find(outside)
    });
    mender.enter(Rule::HasClose, &without_close, |_| String::new());
}

/// Rows that break a rule.
#[derive(Default)]
struct Tally {
    rows: usize,
    /// The first of them, and the column at fault.
    first: Option<(usize, usize)>,
}

impl Tally {
    /// Rows come in rising order.
    fn add(&mut self, row: usize, column: usize) {
        self.rows += 1;
        self.first = self.first.or(Some((row, column)));
    }
}

struct Mender<'t, 'v> {
    table: &'t RawTable<'t>,
    grid: &'t Grid<'t>,
    values: &'v mut [ValueColumn],
    ledger: &'v mut Ledger,
}

impl Mender<'_, '_> {
    /// Infinite values of any column.
    fn infinite(&mut self) {
        let suspects: Vec<usize> =
            (0..self.values.len()).filter(|&c| self.values[c].values.iter().any(|v| v.is_infinite())).collect();
        if suspects.is_empty() {
            return;
        }
        let grid = self.grid;
        let mut tally = Tally::default();
        let mut first = 0.0;
        for row in grid.kept() {
            let mut counted = false;
            for &column in &suspects {
                let value = &mut self.values[column].values[row];
                if value.is_infinite() {
                    if tally.rows == 0 {
                        first = *value;
                    }
                    if !counted {
                        tally.add(row, column);
                        counted = true;
                    }
                    *value = f64::NAN;
                }
            }
        }
        self.enter(Rule::Finite, &tally, |_| format!("{first}"));
    }

    fn volume(&mut self, bar: BarColumns) {
        let Some(volume) = bar.volume else { return };
        let grid = self.grid;
        let mut tally = Tally::default();
        let mut first = 0.0;
        for row in grid.kept() {
            let value = &mut self.values[volume].values[row];
            if *value < 0.0 {
                if tally.rows == 0 {
                    first = *value;
                }
                tally.add(row, volume);
                *value = f64::NAN;
            }
        }
        self.enter(Rule::VolumeNotNegative, &tally, |_| format!("{first}"));
    }

    /// Sets the whole bar to missing where `fault` names a column: one price that cannot be says that the row is
    /// broken, and which of its prices are right is not known.
    fn bars(
        &mut self,
        rule: Rule,
        bar: BarColumns,
        fault: impl for<'c> Fn(&'c dyn Fn(usize) -> f64) -> Option<usize>,
    ) {
        let grid = self.grid;
        let mut tally = Tally::default();
        let mut first = String::new();
        let parts: Vec<usize> = [bar.open, bar.high, bar.low, bar.close, bar.volume].into_iter().flatten().collect();
        for row in grid.kept() {
            let Some(column) = fault(&|column| self.values[column].values[row]) else { continue };
            if tally.rows == 0 {
                first = self.values[column].values[row].to_string();
                if let (Rule::HighNotBelowLow | Rule::InsideRange, Some(high), Some(low)) = (rule, bar.high, bar.low) {
                    let (low, high) = (self.values[low].values[row], self.values[high].values[row]);
                    first = format!("{first}` with low `{low}` and high `{high}");
                }
            }
            tally.add(row, column);
            for &part in &parts {
                self.values[part].values[row] = f64::NAN;
            }
        }
        self.enter(rule, &tally, |_| first.clone());
    }

    fn enter(&mut self, rule: Rule, tally: &Tally, value: impl Fn(usize) -> String) {
        let Some((row, column)) = tally.first else { return };
        let header = excerpt(&self.table.columns[self.values[column].index].name);
        let place = self.grid.name_row(self.table, row);
        self.ledger.enter(rule, tally.rows, || format!("{place}, column `{header}`, value `{}`", value(row)));
    }
}
