//! What each column is, read off its header.

use std::collections::BTreeMap;

use super::raw::RawTable;
use crate::error::{Error, excerpt};

/// Spellings without case, spaces, underscores, dots, dashes and angle brackets.
const DATES: [&str; 6] = ["date", "datetime", "timestamp", "tradedate", "tradingdate", "dtyyyymmdd"];
const CLOCK: &str = "time";
/// In order of preference: the first one found names the symbol, the others become groups or fields.
const SYMBOLS: [&str; 7] = ["symbol", "ticker", "tic", "instrument", "code", "asset", "name"];
const FIELDS: [(&str, &[&str]); 6] = [
    ("open", &["open", "o"]),
    ("high", &["high", "h"]),
    ("low", &["low", "l"]),
    ("close", &["close", "c"]),
    ("volume", &["volume", "vol", "v"]),
    ("adj_close", &["adjclose", "adjusted", "adjustedclose", "closeadj", "closeadjusted"]),
];

/// Where everything is. Columns are named by index.
#[derive(Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) date: usize,
    pub(super) time_of_day: Option<usize>,
    pub(super) symbol: Option<usize>,
    /// Every other column with the name it has in the panel, in the order of the file.
    pub(super) others: Vec<(usize, String)>,
    /// Columns without a name: row indices that a data frame wrote out.
    pub(super) ignored: Vec<usize>,
}

/// Assigns every column its role.
pub(super) fn layout(table: &RawTable<'_>) -> Result<Layout, Error> {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let plain: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let position = |wanted: &str| plain.iter().position(|name| name == wanted);
    let listing = || excerpt(&names.join(", "));
    if let Some(name) = table.ignored.iter().find(|name| has_role(name)) {
        let problem = format!(
            "column `{}` has a type that cannot be read; store it as text, numbers (not decimals) or dates, or rename it",
            excerpt(name)
        );
        return Err(table.unusable(problem));
    }

    let dates: Vec<usize> = (0..plain.len()).filter(|&i| DATES.contains(&plain[i].as_str())).collect();
    let clock = position(CLOCK);
    let (date, time_of_day) = match (dates.as_slice(), clock) {
        ([date], clock) => (*date, clock),
        ([], Some(clock)) => (clock, None),
        ([], None) => {
            let problem = format!("has no date column (its columns: {}); name it `date`", listing());
            return Err(table.unusable(problem));
        }
        ([first, second, ..], _) => {
            let (first, second) = (names[*first], names[*second]);
            let problem = format!("has two date columns, `{first}` and `{second}`; rename or remove one");
            return Err(table.unusable(problem));
        }
    };
    let symbol = SYMBOLS.iter().find_map(|name| position(name));

    let mut others = Vec::new();
    let mut ignored = Vec::new();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for index in 0..plain.len() {
        if index == date || Some(index) == time_of_day || Some(index) == symbol {
            continue;
        }
        if plain[index].is_empty() || plain[index].starts_with("unnamed:") {
            ignored.push(index);
            continue;
        }
        let name = field_name(names[index], &plain, index);
        if !name.bytes().any(|b| b.is_ascii_alphanumeric()) {
            let problem = format!("column `{}` has no letter a-z in its name; rename it", excerpt(names[index]));
            return Err(table.unusable(problem));
        }
        if let Some(first) = taken.insert(name.clone(), index) {
            let (first, second) = (excerpt(names[first]), excerpt(names[index]));
            let problem = format!("columns `{first}` and `{second}` both become `{name}`; rename or remove one");
            return Err(table.unusable(problem));
        }
        others.push((index, name));
    }
    if !taken.contains_key("close") {
        let problem = format!("has no close column (its columns: {}); name it `close`", listing());
        return Err(table.unusable(problem));
    }
    Ok(Layout { date, time_of_day, symbol, others, ignored })
}

/// Whether leaving out a column of this name would change what the others mean.
fn has_role(name: &str) -> bool {
    let plain = plain(name);
    let plain = plain.as_str();
    DATES.contains(&plain)
        || plain == CLOCK
        || SYMBOLS.contains(&plain)
        || FIELDS.iter().any(|(_, spellings)| spellings.contains(&plain))
}

/// The vendor's name for a common field gives way to the plain name where both are there.
fn field_name(name: &str, plain: &[String], index: usize) -> String {
    for (field, spellings) in FIELDS {
        let Some(rank) = spellings.iter().position(|&spelling| spelling == plain[index]) else { continue };
        let better = spellings[..rank].iter().any(|spelling| plain.iter().any(|other| other == spelling));
        return if better { identifier(name) } else { field.to_owned() };
    }
    identifier(name)
}

/// Lower case, without the marks that vendors put between or around words, and without `1. ` in front.
fn plain(name: &str) -> String {
    let trimmed = name.trim();
    let unnumbered = trimmed.trim_start_matches(|c: char| c.is_ascii_digit());
    let unnumbered = unnumbered.strip_prefix(". ").filter(|_| unnumbered.len() < trimmed.len()).unwrap_or(trimmed);
    let marks = |c: char| c.is_whitespace() || matches!(c, '_' | '-' | '.' | '<' | '>');
    unnumbered.chars().filter(|&c| !marks(c)).flat_map(char::to_lowercase).collect()
}

/// The name as an expression can spell it: `[a-z_][a-z0-9_]*`.
fn identifier(name: &str) -> String {
    let mut identifier = String::new();
    for c in name.trim().chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            identifier.push(c);
        } else if !identifier.is_empty() && !identifier.ends_with('_') {
            identifier.push('_');
        }
    }
    let trimmed = identifier.trim_end_matches('_');
    if trimmed.starts_with(|c: char| c.is_ascii_digit()) { format!("_{trimmed}") } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::raw::{Cells, RawColumn};
    use super::*;

    fn check(header: &str, expected: &str) {
        let columns = header.split(',').map(|name| RawColumn { name: name.to_owned(), cells: Cells::Number(vec![]) });
        let table =
            RawTable { origin: "f".to_owned(), rows: 0, lines: None, columns: columns.collect(), ignored: vec![] };
        let found = match layout(&table) {
            Ok(layout) => {
                let others: Vec<String> = layout.others.iter().map(|(index, name)| format!("{index}={name}")).collect();
                let or_none = |index: Option<usize>| index.map_or("-".to_owned(), |index| index.to_string());
                let (clock, symbol) = (or_none(layout.time_of_day), or_none(layout.symbol));
                format!("{} {clock} {symbol} {}", layout.date, others.join(" "))
            }
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected), "{header}: {found}, expected {expected}");
    }

    #[test]
    fn reads_the_headers_of_common_vendors() {
        check("date,open,high,low,close,volume,Name", "0 - 6 1=open 2=high 3=low 4=close 5=volume");
        check("Date,Open,High,Low,Close,Adj Close,Volume", "0 - - 1=open 2=high 3=low 4=close 5=adj_close 6=volume");
        check("<TICKER>,<PER>,<DATE>,<TIME>,<CLOSE>,<VOL>,<OPENINT>", "2 3 0 1=per 4=close 5=volume 6=openint");
        check("symbol,date,close,adjusted", "1 - 0 2=close 3=adj_close");
        check("timestamp,o,h,l,c,v", "0 - - 1=open 2=high 3=low 4=close 5=volume");
        check("time,1. open,4. close,5. volume", "0 - - 1=open 2=close 3=volume");
        check(",Date,Close,Unnamed: 3", "1 - - 2=close");
        check("ticker,name,date,close,P/E Ratio,52w high", "2 - 0 1=name 3=close 4=p_e_ratio 5=_52w_high");
        check("date,close,c,volume,vol", "0 - - 1=close 2=c 3=volume 4=vol");
    }

    #[test]
    fn refuses_headers_without_a_single_reading() {
        check("2013-02-08,AAPL,1.0", "has no date column (its columns: 2013-02-08, AAPL, 1.0)");
        check("date,symbol,open", "has no close column");
        check("date,timestamp,close", "has two date columns, `date` and `timestamp`");
        check("date,close,Close", "columns `close` and `Close` both become `close`");
        check("date,close,p/e,p e", "both become `p_e`");
        check("date,close,市盈率", "has no letter a-z");
    }
}
