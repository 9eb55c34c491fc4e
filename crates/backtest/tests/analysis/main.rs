//! Factor analysis: against alphalens, against a slow second version, and inputs that know the future.

mod foresight;
mod goldens;
mod leaks;
mod reference;

use indexmap::IndexMap;
use market::{Calendar, Group, Panel};
use ndarray::Array2;

const DAY: i64 = 86_400_000_000;

/// Daily bars from Monday, 2018-01-01, without weekends.
fn panel(fields: &[(&str, &Array2<f64>)], groups: &[(&str, Group)]) -> Panel {
    let (bars, symbols) = fields[0].1.dim();
    let first = 17_532;
    let times = (0_i64..).map(|day| (first + day / 5 * 7 + day % 5) * DAY).take(bars).collect();
    let calendar = Calendar::new(times, None).expect("rising times");
    let names = (0..symbols).map(|symbol| format!("S{symbol:03}")).collect();
    let fields: IndexMap<String, Array2<f64>> =
        fields.iter().map(|&(name, values)| (name.to_owned(), values.clone())).collect();
    let groups: IndexMap<String, Group> =
        groups.iter().map(|(name, group)| ((*name).to_owned(), group.clone())).collect();
    Panel::new(calendar, names, fields, groups).expect("shapes that agree")
}
