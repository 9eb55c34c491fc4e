//! Figures as people read them.

/// How a figure is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A fraction, shown in percent.
    Percent,
    /// A pure number, shown with two decimals.
    Ratio,
    /// A number of things, shown without decimals.
    Count,
    /// An amount of money, shown with two decimals.
    Money,
    /// Hundredths of a percent, shown with one decimal.
    BasisPoints,
}

/// One line of a table of figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The figure's name, as in JSON.
    pub name: &'static str,
    /// Its value, `None` where undefined.
    pub value: Option<f64>,
    /// How it is shown.
    pub kind: Kind,
}

impl Row {
    pub(super) fn new(name: &'static str, value: Option<f64>, kind: Kind) -> Self {
        Self { name, value, kind }
    }

    /// The value as people read it.
    pub fn text(&self) -> String {
        display(self.value, self.kind)
    }
}

/// A figure as people read it: `--` where undefined, percent for fractions.
pub fn display(value: Option<f64>, kind: Kind) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return "--".to_owned() };
    let text = match kind {
        Kind::Percent => format!("{:.2}%", value * 100.0),
        Kind::Ratio | Kind::Money => format!("{value:.2}"),
        Kind::Count => format!("{value:.0}"),
        Kind::BasisPoints => format!("{value:.1} bps"),
    };
    // A tiny loss must not read "-0.00".
    match text.strip_prefix('-') {
        Some(size) if !size.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) => size.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        let cases = [
            (None, Kind::Percent, "--"),
            (Some(f64::NAN), Kind::Ratio, "--"),
            (Some(f64::INFINITY), Kind::Count, "--"),
            (Some(0.123_456), Kind::Percent, "12.35%"),
            (Some(-0.000_01), Kind::Percent, "0.00%"),
            (Some(-0.5), Kind::Percent, "-50.00%"),
            (Some(-0.001), Kind::Ratio, "0.00"),
            (Some(1.675), Kind::Ratio, "1.68"),
            (Some(30.0), Kind::Count, "30"),
            (Some(-12.5), Kind::Money, "-12.50"),
            (Some(7.25), Kind::BasisPoints, "7.2 bps"),
        ];
        for (value, kind, expected) in cases {
            assert_eq!(display(value, kind), expected, "{value:?} {kind:?}");
        }
    }
}
