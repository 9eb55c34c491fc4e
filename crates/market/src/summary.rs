//! What a panel holds, at a glance: `data info`.

use serde::{Deserialize, Serialize};

use crate::calendar::Frequency;
use crate::panel::Panel;

/// The figures of [`describe`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PanelSummary {
    /// Label of the first bar, `None` without bars.
    pub first: Option<String>,
    /// Label of the last bar.
    pub last: Option<String>,
    /// Number of bars.
    pub bars: usize,
    /// Number of symbols.
    pub symbols: usize,
    /// Share of the bars x symbols cells that have a close.
    pub coverage: f64,
    /// Symbols with a close on every bar.
    pub full_history: usize,
    /// Fewest symbols with a close on one bar.
    pub fewest_symbols: usize,
    /// Most symbols with a close on one bar.
    pub most_symbols: usize,
    /// Mean number of universe members a bar, see [`Panel::members`].
    pub mean_members: f64,
    /// How often bars come.
    pub frequency: Frequency,
    /// Bars a year, for annualised figures.
    pub periods_per_year: f64,
    /// IANA name of the zone that dates are read in, `None` for UTC.
    pub time_zone: Option<String>,
    /// Numeric fields and the share of cells that each one fills.
    pub fields: Vec<FieldSummary>,
    /// Groups and their number of labels.
    pub groups: Vec<GroupSummary>,
}

/// One numeric field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldSummary {
    /// Name, as expressions spell it.
    pub name: String,
    /// Share of the bars x symbols cells with a value.
    pub coverage: f64,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// Name, as expressions spell it.
    pub name: String,
    /// Number of distinct labels.
    pub labels: usize,
}

/// Describes a panel.
pub fn describe(panel: &Panel) -> PanelSummary {
    let (bars, symbols) = (panel.bars(), panel.symbols().len());
    let share = |count: usize| if bars * symbols == 0 { 0.0 } else { count as f64 / (bars * symbols) as f64 };
    let known = |name: &str| panel.values(name).unwrap_or_default().iter().filter(|value| value.is_finite()).count();
    let close = panel.values("close").unwrap_or_default();
    let per_bar: Vec<usize> =
        close.chunks(symbols.max(1)).map(|row| row.iter().filter(|value| value.is_finite()).count()).collect();
    let full = |symbol: &usize| close.iter().skip(*symbol).step_by(symbols).all(|value| value.is_finite());
    let members = panel.members().into_iter().filter(|&member| member).count();
    let calendar = panel.calendar();
    PanelSummary {
        first: (bars > 0).then(|| calendar.label(0)),
        last: (bars > 0).then(|| calendar.label(bars - 1)),
        bars,
        symbols,
        coverage: share(known("close")),
        full_history: (0..symbols).filter(full).count(),
        fewest_symbols: per_bar.iter().copied().min().unwrap_or(0),
        most_symbols: per_bar.iter().copied().max().unwrap_or(0),
        mean_members: if bars == 0 { 0.0 } else { members as f64 / bars as f64 },
        frequency: calendar.frequency(),
        periods_per_year: calendar.frequency().periods_per_year(),
        time_zone: calendar.time_zone().map(str::to_owned),
        fields: panel
            .field_names()
            .map(|name| FieldSummary { name: name.to_owned(), coverage: share(known(name)) })
            .collect(),
        groups: panel
            .group_names()
            .filter_map(|name| panel.group(name).map(|group| (name, group.labels.len())))
            .map(|(name, labels)| GroupSummary { name: name.to_owned(), labels })
            .collect(),
    }
}

impl std::fmt::Display for PanelSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            writeln!(f, "span        {first} to {last}, {} bars", self.bars)?;
        } else {
            writeln!(f, "span        no bars")?;
        }
        let zone = self.time_zone.as_deref().map(|zone| format!(", times in {zone}")).unwrap_or_default();
        writeln!(f, "frequency   {}, {} bars a year{zone}", self.frequency, self.periods_per_year)?;
        let (full, fewest, most) = (self.full_history, self.fewest_symbols, self.most_symbols);
        writeln!(f, "symbols     {}, {full} with every bar; {fewest} to {most} a bar", self.symbols)?;
        writeln!(f, "coverage    {} of all cells have a close", percent(self.coverage))?;
        let fields = self.fields.iter().map(|field| format!("{} {}", field.name, percent(field.coverage)));
        write!(f, "fields      {}", fields.collect::<Vec<_>>().join(", "))?;
        if !self.groups.is_empty() {
            let groups = self.groups.iter().map(|group| format!("{} ({} labels)", group.name, group.labels));
            write!(f, "\ngroups      {}", groups.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

/// Rounded down, so that 100 % means every cell.
fn percent(share: f64) -> String {
    format!("{:.2} %", (share * 1e4).floor() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{RandomWalk, random_walk};

    #[test]
    fn counts_what_is_there() {
        let whole = describe(&random_walk(60, 4, 1));
        assert_eq!((whole.bars, whole.symbols, whole.full_history), (60, 4, 4));
        assert_eq!((whole.fewest_symbols, whole.most_symbols, whole.mean_members), (4, 4, 4.0));
        assert_eq!((whole.coverage, whole.periods_per_year), (1.0, 252.0));
        assert_eq!(whole.fields.len(), 5);
        assert!(whole.to_string().starts_with("span        2015-01-01 to 2015-03-25, 60 bars\n"), "{whole}");

        let panel = RandomWalk { bars: 200, symbols: 9, seed: 2, gap_rate: 0.3, late_listing_rate: 0.5 }.panel();
        let gappy = describe(&panel);
        let close = panel.field("close").unwrap();
        let known = close.iter().filter(|v| v.is_finite()).count();
        assert_eq!(gappy.coverage, known as f64 / 1800.0);
        assert_eq!(gappy.full_history, close.columns().into_iter().filter(|c| c.iter().all(|v| v.is_finite())).count());
        let counts: Vec<usize> =
            close.rows().into_iter().map(|row| row.iter().filter(|v| v.is_finite()).count()).collect();
        assert_eq!(Some(&gappy.fewest_symbols), counts.iter().min());
        assert_eq!(Some(&gappy.most_symbols), counts.iter().max());
    }

    #[test]
    fn an_empty_panel_is_described_too() {
        let empty = describe(&random_walk(0, 0, 1));
        assert_eq!((empty.bars, empty.coverage, empty.first.clone()), (0, 0.0, None));
        assert!(empty.to_string().starts_with("span        no bars"));
        assert_eq!(describe(&random_walk(3, 0, 1)).fewest_symbols, 0);
    }
}
