//! The aligned market: dense time-major fields over one calendar and one list of symbols.

use std::hash::Hasher;
use std::ops::Range;

use indexmap::IndexMap;
use ndarray::{Array2, ArrayView2, Axis};

use crate::calendar::{Calendar, CalendarError};
use crate::cells::Cells;

/// A label per symbol and bar, such as a sector.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The distinct labels, sorted; a code is an index into this list.
    pub labels: Vec<String>,
    /// `[bars x symbols]` codes as f64; NaN where a symbol has no label.
    pub codes: Array2<f64>,
}

/// A [`Group`] as it stands in a panel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupView<'a> {
    /// The distinct labels, sorted; a code is an index into this list.
    pub labels: &'a [String],
    /// `[bars x symbols]` codes as f64; NaN where a symbol has no label.
    pub codes: ArrayView2<'a, f64>,
}

impl GroupView<'_> {
    /// The group by itself.
    pub fn to_owned(&self) -> Group {
        Group { labels: self.labels.to_vec(), codes: self.codes.to_owned() }
    }
}

/// Why parts do not make a panel.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PanelError {
    /// A field's shape differs from `[bars x symbols]`.
    #[error("field `{field}` has shape {found:?}, but the panel has {expected:?} bars and symbols")]
    Shape {
        /// Name of the field.
        field: String,
        /// Its shape.
        found: (usize, usize),
        /// `(bars, symbols)`.
        expected: (usize, usize),
    },
    /// There is no `close`, without which nothing is a member of the universe.
    #[error("a panel needs a `close` field; it has {0}")]
    NoClose(String),
    /// A symbol stands twice in the list.
    #[error("symbol `{0}` stands twice in the list of symbols")]
    DuplicateSymbol(String),
    /// The times are no calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}

/// A market: every field a dense `[bars x symbols]` f64 array in which row `t` holds all symbols at bar `t`,
/// contiguous. NaN where a symbol does not trade; never infinite.
///
/// Symbols are sorted by name in every panel that the importer builds, so that the same bars give the same panel
/// whatever the order of the input's rows.
#[derive(Debug, Clone)]
pub struct Panel {
    calendar: Calendar,
    symbols: Vec<String>,
    fields: IndexMap<String, Cells>,
    groups: IndexMap<String, (Vec<String>, Cells)>,
    /// What [`Panel::fingerprint`] gives, where that was computed before.
    fingerprint: Option<u64>,
}

impl Panel {
    /// Puts a panel together. Infinite values become NaN.
    ///
    /// # Errors
    /// When a shape differs, a symbol repeats, or `close` is missing.
    pub fn new(
        calendar: Calendar,
        symbols: Vec<String>,
        fields: IndexMap<String, Array2<f64>>,
        groups: IndexMap<String, Group>,
    ) -> Result<Self, PanelError> {
        let expected = (calendar.len(), symbols.len());
        let mut seen = symbols.clone();
        seen.sort_unstable();
        if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(PanelError::DuplicateSymbol(pair[0].clone()));
        }
        if !fields.contains_key("close") {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            return Err(PanelError::NoClose(names.join(", ")));
        }
        let shapes = fields
            .iter()
            .map(|(name, field)| (name, field.dim()))
            .chain(groups.iter().map(|(name, group)| (name, group.codes.dim())));
        for (name, found) in shapes {
            if found != expected {
                return Err(PanelError::Shape { field: name.clone(), found, expected });
            }
        }
        let owned = |array| Cells::Owned(standard(array));
        let fields = fields.into_iter().map(|(name, field)| (name, owned(field))).collect();
        let groups = groups.into_iter().map(|(name, group)| (name, (group.labels, owned(group.codes)))).collect();
        Ok(Self { calendar, symbols, fields, groups, fingerprint: None })
    }

    /// A panel put together before, whose cells lie elsewhere now.
    pub(crate) fn from_cells(
        calendar: Calendar,
        symbols: Vec<String>,
        fields: IndexMap<String, Cells>,
        groups: IndexMap<String, (Vec<String>, Cells)>,
        fingerprint: u64,
    ) -> Self {
        Self { calendar, symbols, fields, groups, fingerprint: Some(fingerprint) }
    }

    /// Bar times.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Symbol names, one a column.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// Number of bars (rows).
    pub fn bars(&self) -> usize {
        self.calendar.len()
    }

    /// Names of the numeric fields, in the order of the input.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Names of the groups, in the order of the input.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    /// A numeric field, `[bars x symbols]`.
    pub fn field(&self, name: &str) -> Option<ArrayView2<'_, f64>> {
        self.fields.get(name).map(Cells::view)
    }

    /// A numeric field or a group's codes as one flat slice, row after row.
    pub fn values(&self, name: &str) -> Option<&[f64]> {
        let cells = self.fields.get(name).or_else(|| self.groups.get(name).map(|(_, codes)| codes))?;
        Some(cells.as_slice())
    }

    /// A group.
    pub fn group(&self, name: &str) -> Option<GroupView<'_>> {
        self.groups.get(name).map(|(labels, codes)| GroupView { labels, codes: codes.view() })
    }

    /// Who belongs to the universe, `[bars x symbols]`, row after row: where the panel has a field `universe`, the cells
    /// in which it is above 0 (NaN is not); else those with a close.
    pub fn members(&self) -> Vec<bool> {
        match self.values("universe") {
            Some(universe) => universe.iter().map(|&value| value > 0.0).collect(),
            None => self.values("close").unwrap_or_default().iter().map(|value| value.is_finite()).collect(),
        }
    }

    /// The first `bars` bars: what one would have had on that day.
    #[must_use]
    pub fn prefix(&self, bars: usize) -> Self {
        self.part(0..bars)
    }

    /// The last `bars` bars: what is still needed when the rest is long past.
    #[must_use]
    pub fn suffix(&self, bars: usize) -> Self {
        self.part(self.bars() - bars..self.bars())
    }

    fn part(&self, bars: Range<usize>) -> Self {
        let cut = |cells: &Cells| Cells::Owned(cells.view().slice_axis(Axis(0), bars.clone().into()).to_owned());
        Self {
            calendar: self.calendar.part(bars.clone()),
            symbols: self.symbols.clone(),
            fields: self.fields.iter().map(|(name, field)| (name.clone(), cut(field))).collect(),
            groups: self
                .groups
                .iter()
                .map(|(name, (labels, codes))| (name.clone(), (labels.clone(), cut(codes))))
                .collect(),
            fingerprint: None,
        }
    }

    /// Appends one later bar, given as one row for every field and group in the order of
    /// [`Panel::field_names`] and then [`Panel::group_names`].
    ///
    /// # Errors
    /// When the time does not come after the last bar, or a row's length is not the number of symbols.
    pub fn push_bar(&mut self, time: i64, rows: &[&[f64]]) -> Result<(), PanelError> {
        let expected = (self.fields.len() + self.groups.len(), self.symbols.len());
        let shape = |found| PanelError::Shape { field: "the new bar".to_owned(), found, expected };
        if let Some(row) = rows.iter().find(|row| row.len() != expected.1) {
            return Err(shape((rows.len(), row.len())));
        }
        if rows.len() != expected.0 {
            return Err(shape((rows.len(), expected.1)));
        }
        self.calendar.push(time)?;
        self.fingerprint = None;
        let arrays = self.fields.values_mut().chain(self.groups.values_mut().map(|(_, codes)| codes));
        for (cells, row) in arrays.zip(rows) {
            let array = cells.to_mut();
            let clean: Vec<f64> = row.iter().map(|&value| finite(value)).collect();
            array.push_row(clean.as_slice().into()).map_err(|_| shape((1, row.len())))?;
        }
        Ok(())
    }

    /// A hash of everything in the panel (xxh3, 64 bits): times, symbols, names and the bits of every value.
    /// Equal panels have equal fingerprints on every machine.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint.unwrap_or_else(|| self.hash_everything())
    }

    fn hash_everything(&self) -> u64 {
        let fields = self.fields.iter().map(|(name, cells)| (name.as_str(), cells.as_slice(), None));
        let groups =
            self.groups.iter().map(|(name, (labels, codes))| (name.as_str(), codes.as_slice(), Some(&labels[..])));
        fingerprint(self.calendar.times(), &self.symbols, fields.chain(groups))
    }
}

/// [`Panel::fingerprint`] of parts: fields, then groups with their labels.
pub(crate) fn fingerprint<'a>(
    times: &[i64],
    symbols: &[String],
    columns: impl Iterator<Item = (&'a str, &'a [f64], Option<&'a [String]>)>,
) -> u64 {
    const VALUES: usize = 1 << 13;
    let mut hasher = twox_hash::XxHash3_64::with_seed(0);
    let mut bytes = Vec::new();
    for time in times {
        hasher.write(&time.to_le_bytes());
    }
    for symbol in symbols {
        hasher.write(symbol.as_bytes());
        hasher.write(&[0]);
    }
    let mut all_labels = Vec::new();
    for (name, values, labels) in columns {
        hasher.write(name.as_bytes());
        hasher.write(&[0]);
        for piece in values.chunks(VALUES) {
            bytes.clear();
            // Value by value: an iterator over single bytes takes ten times as long.
            for value in piece {
                bytes.extend_from_slice(&canonical_bits(*value).to_le_bytes());
            }
            hasher.write(&bytes);
        }
        all_labels.extend(labels.unwrap_or_default());
    }
    for label in all_labels {
        hasher.write(label.as_bytes());
        hasher.write(&[0]);
    }
    hasher.finish()
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

/// Standard layout and no infinities.
fn standard(mut array: Array2<f64>) -> Array2<f64> {
    array.mapv_inplace(finite);
    if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() }
}

/// All NaN are one, and -0.0 equals 0.0.
fn canonical_bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::RandomWalk;

    const DAY: i64 = 86_400_000_000;

    fn panel_of(symbols: &[&str], fields: &[(&str, &[f64])]) -> Result<Panel, PanelError> {
        let bars = fields.first().map_or(0, |(_, values)| values.len() / symbols.len());
        let calendar = Calendar::new((0..bars as i64).map(|bar| bar * DAY).collect(), None)?;
        let array =
            |values: &[f64]| Array2::from_shape_vec((values.len() / symbols.len(), symbols.len()), values.to_vec());
        let fields = fields.iter().map(|(name, values)| ((*name).to_owned(), array(values).unwrap())).collect();
        Panel::new(calendar, symbols.iter().map(|&symbol| symbol.to_owned()).collect(), fields, IndexMap::new())
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        assert_eq!(panel_of(&["A"], &[("open", &[1.0])]).unwrap_err(), PanelError::NoClose("open".into()));
        let twice = panel_of(&["A", "B", "A"], &[("close", &[1.0; 3])]).unwrap_err();
        assert_eq!(twice, PanelError::DuplicateSymbol("A".into()));
        let uneven = panel_of(&["A", "B"], &[("close", &[1.0; 4]), ("volume", &[1.0; 2])]).unwrap_err();
        assert_eq!(uneven, PanelError::Shape { field: "volume".into(), found: (1, 2), expected: (2, 2) });
    }

    #[test]
    fn infinities_become_missing_and_values_lie_row_after_row() {
        let panel = panel_of(&["A", "B"], &[("close", &[1.0, f64::INFINITY, 3.0, f64::NEG_INFINITY])]).unwrap();
        assert_eq!(format!("{:?}", panel.values("close").unwrap()), "[1.0, NaN, 3.0, NaN]");
        assert_eq!((panel.values("open"), panel.field("open")), (None, None));

        let columns_first = Array2::from_shape_vec((2, 2), vec![1.0, 2.0, 3.0, 4.0]).unwrap().reversed_axes();
        let fields = IndexMap::from([("close".to_owned(), columns_first)]);
        let calendar = Calendar::new(vec![0, DAY], None).unwrap();
        let panel = Panel::new(calendar, vec!["A".into(), "B".into()], fields, IndexMap::new()).unwrap();
        assert_eq!(panel.values("close").unwrap(), [1.0, 3.0, 2.0, 4.0]);
    }

    #[test]
    fn members_follow_the_universe_and_else_the_close() {
        let nan = f64::NAN;
        let close: &[f64] = &[1.0, nan, 2.0, 3.0];
        assert_eq!(panel_of(&["A", "B"], &[("close", close)]).unwrap().members(), [true, false, true, true]);
        let chosen = panel_of(&["A", "B"], &[("close", close), ("universe", &[0.0, 1.0, nan, 0.5])]).unwrap();
        assert_eq!(chosen.members(), [false, true, false, true]);
    }

    #[test]
    fn pushing_bars_gives_the_same_panel_as_the_whole() {
        for symbols in [1, 7] {
            let whole = RandomWalk { bars: 40, symbols, seed: 3, gap_rate: 0.2, late_listing_rate: 0.0 }.panel();
            for start in [1, 25] {
                let mut grown = whole.prefix(start);
                assert_eq!(grown.values("close").unwrap().len(), start * symbols);
                for bar in start..40 {
                    let names: Vec<&str> = whole.field_names().collect();
                    let row = |name: &&str| &whole.values(name).unwrap()[bar * symbols..(bar + 1) * symbols];
                    grown.push_bar(whole.calendar().times()[bar], &names.iter().map(row).collect::<Vec<_>>()).unwrap();
                }
                assert_eq!(grown.fingerprint(), whole.fingerprint());
                assert_eq!(grown.values("low").unwrap().len(), 40 * symbols);
            }
        }
    }

    #[test]
    fn a_bar_that_does_not_fit_changes_nothing() {
        let mut panel = panel_of(&["A", "B"], &[("close", &[1.0; 4]), ("open", &[1.0; 4])]).unwrap();
        let before = panel.fingerprint();
        let row: &[f64] = &[1.0, 2.0];
        for rows in [&[][..], &[row], &[row, &row[..1]], &[row, row, row]] {
            assert!(matches!(panel.push_bar(9 * DAY, rows), Err(PanelError::Shape { .. })), "{rows:?}");
        }
        assert!(matches!(panel.push_bar(DAY, &[row, row]), Err(PanelError::Calendar(_))));
        assert_eq!((panel.fingerprint(), panel.bars()), (before, 2));
    }

    #[test]
    fn fingerprints_tell_panels_apart_and_only_panels() {
        let print = |symbols: &[&str], fields: &[(&str, &[f64])]| panel_of(symbols, fields).unwrap().fingerprint();
        let base = print(&["A", "B"], &[("close", &[0.0, f64::NAN])]);
        assert_eq!(base, print(&["A", "B"], &[("close", &[-0.0, -f64::NAN])]));
        assert_eq!(base, print(&["A", "B"], &[("close", &[0.0, f64::INFINITY])]));
        let others = [
            print(&["A", "C"], &[("close", &[0.0, f64::NAN])]),
            print(&["A", "B"], &[("close", &[f64::NAN, 0.0])]),
            print(&["A", "B"], &[("close", &[1e-300, f64::NAN])]),
            print(&["A"], &[("close", &[0.0, f64::NAN])]),
            print(&["A", "B"], &[("close", &[0.0, f64::NAN]), ("open", &[0.0, f64::NAN])]),
        ];
        assert!(others.iter().all(|&other| other != base));
    }
}
