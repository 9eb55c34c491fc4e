//! The aligned market: dense time-major fields over one calendar and one list of symbols.

use std::hash::Hasher;

use indexmap::IndexMap;
use ndarray::{Array2, ArrayView2, Axis};

use crate::calendar::{Calendar, CalendarError};

/// A label per symbol and bar, such as a sector.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The distinct labels, sorted; a code is an index into this list.
    pub labels: Vec<String>,
    /// `[bars x symbols]` codes as f64; NaN where a symbol has no label.
    pub codes: Array2<f64>,
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
    fields: IndexMap<String, Array2<f64>>,
    groups: IndexMap<String, Group>,
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
        let fields = fields.into_iter().map(|(name, field)| (name, standard(field))).collect();
        let groups = groups
            .into_iter()
            .map(|(name, group)| (name, Group { labels: group.labels, codes: standard(group.codes) }))
            .collect();
        Ok(Self { calendar, symbols, fields, groups })
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
        self.fields.get(name).map(|field| field.view())
    }

    /// A numeric field or a group's codes as one flat slice, row after row.
    ///
    /// # Panics
    /// Never: arrays are kept in standard layout.
    pub fn values(&self, name: &str) -> Option<&[f64]> {
        let array = self.fields.get(name).or_else(|| self.groups.get(name).map(|group| &group.codes))?;
        Some(array.as_slice().expect("panel arrays are kept in standard layout"))
    }

    /// A group.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Who belongs to the universe, `[bars x symbols]`, row after row: where the panel has a field `universe`, the
    /// cells in which it is above 0; else those with a close.
    pub fn members(&self) -> Vec<bool> {
        match self.values("universe") {
            Some(universe) => universe.iter().map(|&value| value > 0.0).collect(),
            None => self.values("close").unwrap_or_default().iter().map(|value| value.is_finite()).collect(),
        }
    }

    /// The first `bars` bars: what one would have had on that day.
    #[must_use]
    pub fn prefix(&self, bars: usize) -> Self {
        let cut = |array: &Array2<f64>| array.slice_axis(Axis(0), (..bars).into()).to_owned();
        Self {
            calendar: self.calendar.prefix(bars),
            symbols: self.symbols.clone(),
            fields: self.fields.iter().map(|(name, field)| (name.clone(), cut(field))).collect(),
            groups: self
                .groups
                .iter()
                .map(|(name, group)| (name.clone(), Group { labels: group.labels.clone(), codes: cut(&group.codes) }))
                .collect(),
        }
    }

    /// Appends one later bar, given as one row for every field and group in the order of
    /// [`Panel::field_names`] and then [`Panel::group_names`].
    ///
    /// # Errors
    /// When the time does not come after the last bar, or a row's length is not the number of symbols.
    ///
    /// # Panics
    /// Never: lengths are checked first.
    pub fn push_bar(&mut self, time: i64, rows: &[&[f64]]) -> Result<(), PanelError> {
        let expected = (self.fields.len() + self.groups.len(), self.symbols.len());
        let width = rows.iter().map(|row| row.len()).find(|&width| width != expected.1).unwrap_or(expected.1);
        let found = (rows.len(), width);
        if found != expected {
            return Err(PanelError::Shape { field: "the new bar".to_owned(), found, expected });
        }
        self.calendar.push(time)?;
        let arrays = self.fields.values_mut().chain(self.groups.values_mut().map(|group| &mut group.codes));
        for (array, row) in arrays.zip(rows) {
            let clean: Vec<f64> = row.iter().map(|&value| finite(value)).collect();
            array.push_row(clean.as_slice().into()).expect("lengths were checked above");
        }
        Ok(())
    }

    /// A hash of everything in the panel (xxh3, 64 bits): times, symbols, names and the bits of every value.
    /// Equal panels have equal fingerprints on every machine.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = twox_hash::XxHash3_64::with_seed(0);
        let mut bytes = Vec::new();
        for time in self.calendar.times() {
            hasher.write(&time.to_le_bytes());
        }
        for symbol in &self.symbols {
            hasher.write(symbol.as_bytes());
            hasher.write(&[0]);
        }
        let groups = self.groups.iter().map(|(name, group)| (name, &group.codes));
        for (name, array) in self.fields.iter().chain(groups) {
            hasher.write(name.as_bytes());
            hasher.write(&[0]);
            for row in array.rows() {
                bytes.clear();
                bytes.extend(row.iter().flat_map(|v| canonical_bits(*v).to_le_bytes()));
                hasher.write(&bytes);
            }
        }
        for group in self.groups.values() {
            for label in &group.labels {
                hasher.write(label.as_bytes());
                hasher.write(&[0]);
            }
        }
        hasher.finish()
    }
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
    use ndarray::{ShapeBuilder, array};

    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn panel(fields: &[(&str, Array2<f64>)], groups: &[(&str, Group)]) -> Result<Panel, PanelError> {
        let calendar = Calendar::new((0..3).map(|day| day * DAY).collect(), None)?;
        let own = |name: &&str| (*name).to_owned();
        Panel::new(
            calendar,
            vec!["A".to_owned(), "B".to_owned()],
            fields.iter().map(|(name, field)| (own(name), field.clone())).collect(),
            groups.iter().map(|(name, group)| (own(name), group.clone())).collect(),
        )
    }

    fn close() -> Array2<f64> {
        array![[1.0, f64::NAN], [2.0, 20.0], [f64::INFINITY, 30.0]]
    }

    fn sector(labels: [&str; 2]) -> Group {
        Group { labels: labels.map(str::to_owned).to_vec(), codes: array![[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]] }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let check = |found: Result<Panel, PanelError>, part: &str| {
            let text = found.unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        };
        check(panel(&[("open", close())], &[]), "needs a `close` field; it has open");
        let short = array![[1.0, 2.0]];
        check(panel(&[("close", close()), ("pe", short.clone())], &[]), "field `pe` has shape (1, 2)");
        let group = Group { labels: vec![], codes: short };
        check(panel(&[("close", close())], &[("sector", group)]), "field `sector` has shape");
        let twice = Panel::new(
            Calendar::new(vec![0], None).unwrap(),
            vec!["A".to_owned(), "B".to_owned(), "A".to_owned()],
            IndexMap::new(),
            IndexMap::new(),
        );
        check(twice, "symbol `A` stands twice");
    }

    #[test]
    fn values_are_rows_after_rows_and_never_infinite() {
        let columns_first =
            Array2::from_shape_vec((3, 2).f(), vec![1.0, 2.0, 3.0, 4.0, 5.0, f64::NEG_INFINITY]).unwrap();
        let panel = panel(&[("close", columns_first)], &[]).unwrap();
        let values = panel.values("close").unwrap();
        assert_eq!(values[..5], [1.0, 4.0, 2.0, 5.0, 3.0]);
        assert!(values[5].is_nan());
        assert_eq!(panel.values("open"), None);
    }

    #[test]
    fn members_have_a_close_unless_a_universe_says_otherwise() {
        let plain = panel(&[("close", close())], &[]).unwrap();
        assert_eq!(plain.members(), [true, false, true, true, false, true]);
        let universe = array![[1.0, 1.0], [0.0, f64::NAN], [-1.0, 0.5]];
        let chosen = panel(&[("close", close()), ("universe", universe)], &[]).unwrap();
        assert_eq!(chosen.members(), [true, true, false, false, false, true]);
    }

    #[test]
    fn the_fingerprint_tells_panels_apart() {
        let group = |labels| panel(&[("close", close())], &[("sector", sector(labels))]).unwrap();
        let base = group(["x", "y"]);
        assert_eq!(base.fingerprint(), group(["x", "y"]).fingerprint());
        let mut negative_zero = close();
        negative_zero[[0, 0]] = -0.0;
        let mut zero = close();
        zero[[0, 0]] = 0.0;
        let of = |field: Array2<f64>| panel(&[("close", field)], &[]).unwrap().fingerprint();
        assert_eq!(of(zero.clone()), of(negative_zero));
        let all = [
            base.fingerprint(),
            group(["x", "z"]).fingerprint(),
            of(close()),
            of(zero),
            base.prefix(2).fingerprint(),
            panel(&[("close", close()), ("open", close())], &[]).unwrap().fingerprint(),
        ];
        let distinct: std::collections::BTreeSet<u64> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn pushing_the_last_bar_gives_the_whole_panel() {
        let whole = panel(&[("close", close())], &[("sector", sector(["x", "y"]))]).unwrap();
        let mut grown = whole.prefix(2);
        assert_eq!(grown.bars(), 2);
        let before = grown.fingerprint();
        for rows in [&[][..], &[&[1.0, 2.0][..]], &[&[1.0, 2.0], &[0.0]], &[&[1.0], &[0.0, 1.0]]] {
            assert!(matches!(grown.push_bar(2 * DAY, rows), Err(PanelError::Shape { .. })), "{rows:?}");
        }
        assert!(grown.push_bar(DAY, &[&[1.0, 2.0], &[0.0, 1.0]]).is_err());
        assert_eq!(grown.fingerprint(), before);
        grown.push_bar(2 * DAY, &[&[f64::INFINITY, 30.0], &[0.0, 1.0]]).unwrap();
        assert_eq!(grown.fingerprint(), whole.fingerprint());
    }
}
