//! Which column is what, by its header.

use indexmap::IndexMap;

use super::raw::{Cells, RawTable};
use crate::error::{Error, excerpt};

/// Headers of the date column in order of preference: a full time says more than its date.
const DATES: [&str; 6] = ["datetime", "timestamp", "date", "tradedate", "tradingdate", "time"];
/// Headers of the symbol column in order of preference.
const SYMBOLS: [&str; 7] = ["symbol", "ticker", "instrument", "code", "tic", "name", "asset"];
/// Headers that pandas and others give to the index of a frame, which often holds the dates.
const INDEXES: [&str; 4] = ["", "index", "unnamed0", "indexlevel0"];
/// The names that the panel itself gives a meaning; only their values must be numbers.
pub(super) const PRICES: [&str; 4] = ["open", "high", "low", "close"];

/// Which column is what; indices into [`RawTable::columns`].
#[derive(Debug, PartialEq)]
pub(super) struct Roles {
    pub(super) date: usize,
    /// A time of day beside the date.
    pub(super) time_of_day: Option<usize>,
    pub(super) symbol: Option<usize>,
    /// All other columns that can be held, in the order of the file, under their normalised names.
    pub(super) values: Vec<(usize, String)>,
    /// Columns that have no usable name or type.
    pub(super) ignored: Vec<String>,
}

/// Gives every column its role.
///
/// # Errors
/// When there is no date or no close, or two columns come to the same name.
pub(super) fn roles(table: &RawTable<'_>) -> Result<Roles, Error> {
    let headers: Vec<String> = table.columns.iter().map(|column| squash(&column.name)).collect();
    let first_of = |names: &[&str]| names.iter().find_map(|name| headers.iter().position(|header| header == name));
    let index_column = || headers.iter().position(|header| INDEXES.contains(&header.as_str()));
    let Some(date) = first_of(&DATES).or_else(index_column) else {
        return Err(table.unusable(format!(
            "has no date column; its columns are {}; name one `date`, `datetime` or `timestamp`",
            listing(table)
        )));
    };
    let plain_date = ["date", "tradedate", "tradingdate"].contains(&headers[date].as_str());
    let time_of_day = if plain_date { headers.iter().position(|header| header == "time") } else { None };
    let symbol = first_of(&SYMBOLS);
    let mut roles = Roles { date, time_of_day, symbol, values: Vec::new(), ignored: Vec::new() };
    let mut taken = IndexMap::new();
    for (index, column) in table.columns.iter().enumerate() {
        if [Some(date), time_of_day, symbol].contains(&Some(index)) {
            continue;
        }
        let header = headers[index].as_str();
        let is_index = index == 0 && INDEXES.contains(&header);
        let name = if is_index || DATES.contains(&header) { None } else { field_name(&column.name) };
        match name {
            Some(name) if !matches!(column.cells, Cells::Time(_)) => {
                if let Some(other) = taken.insert(name.clone(), index) {
                    return Err(table.unusable(format!(
                        "columns `{}` and `{}` both come to the name `{}`; rename one or leave it out",
                        excerpt(&table.columns[other].name),
                        excerpt(&column.name),
                        excerpt(&name),
                    )));
                }
                roles.values.push((index, name));
            }
            _ => roles.ignored.push(format!("`{}`", excerpt(&column.name))),
        }
    }
    if !roles.values.iter().any(|(_, name)| name == "close") {
        return Err(table.unusable(format!(
            "has no `close` column; its columns are {}; rename the one that holds the closing price",
            listing(table)
        )));
    }
    Ok(roles)
}

/// The name of a field: snake case, `[a-z_][a-z0-9_]*`, with one spelling for what vendors call by many. `None`
/// where nothing of the header can stand in a name.
fn field_name(header: &str) -> Option<String> {
    let known = match squash(header).as_str() {
        "open" | "openprice" => "open",
        "high" | "highprice" => "high",
        "low" | "lowprice" => "low",
        "close" | "closeprice" => "close",
        "volume" | "vol" => "volume",
        "adjclose" | "adjustedclose" | "adjusted" | "closeadj" => "adj_close",
        _ => return snake_case(header),
    };
    Some(known.to_owned())
}

/// Case, spaces, underscores and brackets do not tell headers apart.
fn squash(header: &str) -> String {
    header.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn snake_case(header: &str) -> Option<String> {
    let mut name = String::with_capacity(header.len());
    let mut previous = ' ';
    for c in header.trim().chars() {
        if c.is_ascii_alphanumeric() {
            let starts_word = c.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit());
            if starts_word {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        } else if !name.ends_with('_') {
            name.push('_');
        }
        previous = c;
    }
    let name = name.trim_matches('_');
    match name.chars().next() {
        None => None,
        Some(first) if first.is_ascii_digit() => Some(format!("_{name}")),
        Some(_) => Some(name.to_owned()),
    }
}

fn listing(table: &RawTable<'_>) -> String {
    const MOST: usize = 20;
    let mut names: Vec<String> =
        table.columns.iter().take(MOST).map(|column| format!("`{}`", excerpt(&column.name))).collect();
    if table.columns.len() > MOST {
        names.push(format!("{} more", table.columns.len() - MOST));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::raw::{RawColumn, TextCells};
    use super::*;

    /// `expected` is `date time_of_day symbol | field names`, or a part of the error.
    fn check(headers: &[&str], expected: Result<&str, &str>) {
        let columns = headers
            .iter()
            .map(|&name| RawColumn { name: name.to_owned(), cells: Cells::Text(TextCells::Owned(Vec::new())) });
        let table =
            RawTable { origin: "f".to_owned(), rows: 0, lines: None, columns: columns.collect(), ignored: Vec::new() };
        let show = |index: Option<usize>| index.map_or("-".to_owned(), |index| headers[index].to_owned());
        match (roles(&table), expected) {
            (Ok(roles), Ok(text)) => {
                let names: Vec<&str> = roles.values.iter().map(|(_, name)| name.as_str()).collect();
                let found = format!(
                    "{} {} {} | {}",
                    show(Some(roles.date)),
                    show(roles.time_of_day),
                    show(roles.symbol),
                    names.join(" ")
                );
                assert_eq!(found, text, "{headers:?}");
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{headers:?}: {error}"),
            (found, expected) => panic!("{headers:?}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn knows_the_headers_of_the_common_vendors() {
        check(&["date", "symbol", "close"], Ok("date - symbol | close"));
        check(
            &["Date", "Open", "High", "Low", "Close", "Adj Close", "Volume"],
            Ok("Date - - | open high low close adj_close volume"),
        );
        check(&["<TICKER>", "<DATE>", "<TIME>", "<CLOSE>", "<VOL>"], Ok("<DATE> <TIME> <TICKER> | close volume"));
        check(&["date", "open", "close", "volume", "Name"], Ok("date - Name | open close volume"));
        check(&["symbol", "date", "adjusted", "close"], Ok("date - symbol | adj_close close"));
        check(&["TIMESTAMP", "instrument", "CLOSE"], Ok("TIMESTAMP - instrument | close"));
        check(&["time", "code", "close"], Ok("time - code | close"));
        check(&["Date", "datetime", "close"], Ok("datetime - - | close"));
        check(&["", "close"], Ok(" - - | close"));
        check(&["", "date", "close"], Ok("date - - | close"));
        check(&["Unnamed: 0", "date", "ticker", "close", "name"], Ok("date - ticker | close name"));
    }

    #[test]
    fn further_columns_get_names_that_expressions_can_use() {
        check(
            &["date", "close", "MarketCap", "P/E ratio", "52w High", "EBITDA", "debt__to_Equity", "Ä"],
            Ok("date - - | close market_cap p_e_ratio _52w_high ebitda debt_to_equity"),
        );
    }

    #[test]
    fn refuses_what_cannot_be_told_apart() {
        check(&["date", "close", "P/E", "P E"], Err("columns `P/E` and `P E` both come to the name `p_e`"));
        check(&["date", "close", "Adjusted", "adj_close"], Err("both come to the name `adj_close`"));
        check(&["day", "close"], Err("f: has no date column; its columns are `day`, `close`"));
        check(&["date", "price"], Err("f: has no `close` column; its columns are `date`, `price`"));
        check(&["date", "adj close"], Err("no `close` column"));
    }
}
