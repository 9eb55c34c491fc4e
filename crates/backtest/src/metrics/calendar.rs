//! Returns by month and by year.

use market::Calendar;

use super::finite;

/// What the bars of one month or year earned together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalendarReturn {
    /// The year.
    pub year: i16,
    /// The month, 1 to 12; for a whole year that of its first bar.
    pub month: i8,
    /// Row of the first bar.
    pub first_row: usize,
    /// How many bars there are.
    pub bars: usize,
    /// The compounded return, a fraction; `None` where no return was observed. -1 with a ruinous bar, and `None` from
    /// then on.
    pub value: Option<f64>,
}

/// Compounded returns by calendar month, in order; months without a bar are absent. `returns` has one number a bar of
/// `calendar`, NaN = missing; rows beyond the shorter of the two are left out.
pub fn monthly_returns(returns: &[f64], calendar: &Calendar) -> Vec<CalendarReturn> {
    compounded(returns, calendar, |now, before| now == before)
}

/// The same by calendar year.
pub fn yearly_returns(returns: &[f64], calendar: &Calendar) -> Vec<CalendarReturn> {
    compounded(returns, calendar, |now, before| now.0 == before.0)
}

fn compounded(
    returns: &[f64],
    calendar: &Calendar,
    together: impl Fn((i16, i8), (i16, i8)) -> bool,
) -> Vec<CalendarReturn> {
    let mut spans: Vec<CalendarReturn> = Vec::new();
    let mut ruined = false;
    let mut growth = 1.0;
    for (row, &r) in returns.iter().enumerate().take(calendar.len()) {
        let (year, month) = calendar.year_month(row);
        if spans.last().is_none_or(|span| !together((year, month), (span.year, span.month))) {
            spans.push(CalendarReturn { year, month, first_row: row, bars: 0, value: None });
            growth = 1.0;
        }
        let span = spans.last_mut().expect("the row's own span was pushed above");
        span.bars += 1;
        if r.is_nan() || ruined {
            continue;
        }
        ruined = r <= -1.0;
        growth = if ruined { 0.0 } else { growth * (1.0 + r) };
        span.value = finite(growth - 1.0);
    }
    spans
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn daily(bars: usize) -> Calendar {
        // From 2019-12-30 on, every day.
        let first = 18_260 * DAY;
        Calendar::new((0..bars as i64).map(|bar| first + bar * DAY).collect(), None).expect("times rise")
    }

    #[test]
    fn months_and_years_by_hand() {
        let returns = [0.5, 0.1, -0.5, f64::NAN, 1.0];
        let found = monthly_returns(&returns, &daily(5));
        let months: Vec<_> = found.iter().map(|m| (m.year, m.month, m.first_row, m.bars, m.value)).collect();
        assert_eq!(months[0], (2019, 12, 0, 2, Some(1.5 * 1.1 - 1.0)));
        assert_eq!(months[1], (2020, 1, 2, 3, Some(0.0)));
        let years = yearly_returns(&returns, &daily(5));
        assert_eq!(years.iter().map(|y| (y.year, y.bars)).collect::<Vec<_>>(), [(2019, 2), (2020, 3)]);
        assert_eq!(monthly_returns(&[], &daily(3)), []);
        assert_eq!(
            monthly_returns(&[f64::NAN; 2], &daily(1)),
            [CalendarReturn { year: 2019, month: 12, first_row: 0, bars: 1, value: None }]
        );
    }

    #[test]
    fn ruin_ends_the_returns() {
        let mut returns = vec![0.01; 70];
        returns[20] = -1.5;
        let values: Vec<_> = monthly_returns(&returns, &daily(70)).iter().map(|month| month.value).collect();
        assert_eq!(&values[1..], [Some(-1.0), None, None]);
    }

    proptest! {
        #[test]
        fn months_compound_to_years_and_to_the_whole(
            returns in prop::collection::vec(prop_oneof![9 => -0.2..0.2_f64, 1 => Just(f64::NAN)], 1..900),
        ) {
            let calendar = daily(returns.len());
            let growth = |spans: Vec<CalendarReturn>| -> f64 {
                spans.iter().filter_map(|span| span.value).map(|value| 1.0 + value).product()
            };
            let whole: f64 = returns.iter().filter(|r| !r.is_nan()).map(|r| 1.0 + r).product();
            for found in [growth(monthly_returns(&returns, &calendar)), growth(yearly_returns(&returns, &calendar))] {
                prop_assert!((found / whole - 1.0).abs() < 1e-9, "{found} {whole}");
            }
            let bars: usize = monthly_returns(&returns, &calendar).iter().map(|month| month.bars).sum();
            prop_assert_eq!(bars, returns.len());
        }
    }
}
