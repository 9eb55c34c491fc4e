//! What each column is, read off its header.

use std::collections::BTreeMap;

use super::raw::{Cells, RawColumn, RawTable, TextCells, is_missing};
use super::values::number;
use crate::error::{Error, excerpt};
use crate::fetch;

/// Spellings without case, spaces, underscores, dots, dashes and angle brackets.
const DATES: [&str; 8] =
    ["date", "datetime", "timestamp", "tradedate", "tradingdate", "dtyyyymmdd", "windowstart", OPEN_TIME];
/// When a kline begins; when it ends and what is left to ignore then say nothing more.
const OPEN_TIME: &str = "opentime";
const BESIDE_OPEN_TIME: [&str; 2] = ["closetime", "ignore"];
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

/// How the bars of a table are laid out.
pub(super) enum Shape {
    /// One row a date and symbol.
    Long(Layout),
    /// One row a date, one column a symbol.
    Wide {
        /// The column of dates.
        date: usize,
        /// The others.
        columns: Vec<WideName>,
    },
}

/// What a column of a wide table holds.
pub(super) struct WideName {
    pub(super) index: usize,
    /// The field, where the table itself says so.
    pub(super) field: Option<String>,
    pub(super) symbol: String,
}

/// Tells long tables from wide ones. Wide is a table of numbers beside dates, without a column of symbols or closes, of
/// whose columns most are not called open, high, low or volume.
pub(super) fn shape(table: &mut RawTable<'_>) -> Result<Shape, Error> {
    if let Some(columns) = stacked_headers(table) {
        if let Some(column) = columns.iter().find(|column| column.symbol.is_empty()) {
            return Err(
                table.unusable(format!("has no ticker over column {}; name it, or remove it", column.index + 1))
            );
        }
        return Ok(Shape::Wide { date: 0, columns });
    }
    let Some(date) = wide_date(table) else { return layout(table).map(Shape::Long) };
    let mut columns: Vec<WideName> = Vec::new();
    let mut seen = BTreeMap::new();
    for (index, column) in table.columns.iter().enumerate().filter(|(index, _)| *index != date) {
        let symbol = column.name.trim();
        if symbol.is_empty() {
            let problem = format!("has no symbol over column {}; name it, or remove it", index + 1);
            return Err(table.unusable(problem));
        }
        if seen.insert(symbol, index).is_some() {
            return Err(table.unusable(format!("has two columns `{}`; rename or remove one", excerpt(symbol))));
        }
        columns.push(WideName { index, field: None, symbol: symbol.to_owned() });
    }
    Ok(Shape::Wide { date, columns })
}

/// Where the dates of a wide table stand; `None` when it is not wide.
fn wide_date(table: &RawTable<'_>) -> Option<usize> {
    const UNNAMED: [&str; 4] = ["", "index", "unnamed:0", "indexlevel0"];
    let plain: Vec<String> = table.columns.iter().map(|column| plain(&column.name)).collect();
    let is_date = |name: &String| DATES.contains(&name.as_str()) || name == CLOCK;
    let mut dates = (0..plain.len()).filter(|&index| is_date(&plain[index]));
    let date = match (dates.next(), dates.next()) {
        (Some(date), None) => date,
        (None, _) if plain.first().is_some_and(|first| UNNAMED.contains(&first.as_str())) => 0,
        _ => return None,
    };
    let others = || (0..plain.len()).filter(|&index| index != date);
    let has = |name: &str| others().any(|index| plain[index] == name);
    // LOW and OPEN are tickers, and so are most letters: a close by its full name tells a long table, or that most
    // columns are named for fields, letters as interfaces spell them.
    let is_field = |index: usize| FIELDS.iter().any(|(_, spellings)| spellings.contains(&plain[index].as_str()));
    let is_plain = |index: usize| plain[index].len() > 1 || table.columns[index].name.trim() == plain[index];
    let (all, fields) = (others().count(), others().filter(|&index| is_field(index)).count());
    let named = others().filter(|&index| is_field(index) && is_plain(index)).count();
    let closes = FIELDS.iter().filter(|(field, _)| field.ends_with("close")).flat_map(|(_, spellings)| *spellings);
    let close = closes.into_iter().any(|spelling| spelling.len() > 1 && has(spelling));
    let letters = ["o", "h", "l", "c"].into_iter().all(has) && all - fields <= 3;
    let long = close || letters || fields == all || 2 * named >= all;
    let numeric = |index: usize| match &table.columns[index].cells {
        Cells::Number(_) | Cells::Integer(_) => true,
        Cells::Time(_) => false,
        Cells::Text(cells) => {
            let mut known = (0..table.rows).map(|row| cells.get(row)).filter(|cell| !is_missing(cell));
            known.next().is_none_or(|cell| number(cell).is_some())
        }
    };
    let ignored = table.ignored.iter().any(|name| has_role(name));
    let long = long || ignored || SYMBOLS.into_iter().any(has);
    (!long && others().next().is_some() && others().all(numeric)).then_some(date)
}

/// The two header rows more that yfinance writes: fields over tickers, or tickers over fields, over the name of the
/// dates. They are taken off the table.
fn stacked_headers(table: &mut RawTable<'_>) -> Option<Vec<WideName>> {
    const UPPER: [&str; 2] = ["Price", "Ticker"];
    let is_text = |column: &RawColumn<'_>| matches!(column.cells, Cells::Text(TextCells::Spans { .. }));
    if !table.columns.iter().all(is_text) {
        return None;
    }
    let upper = UPPER.iter().position(|&name| table.columns.first().is_some_and(|first| first.name == name))?;
    let cell = |table: &RawTable<'_>, column: usize, row: usize| match &table.columns[column].cells {
        Cells::Text(cells) if row < table.rows => cells.text(row),
        _ => String::new(),
    };
    if cell(table, 0, 0) != UPPER[1 - upper] || !["Date", "Datetime"].contains(&cell(table, 0, 1).as_str()) {
        return None;
    }
    let names = (1..table.columns.len()).map(|index| {
        let mut pair = [table.columns[index].name.trim().to_owned(), cell(table, index, 0)];
        pair.rotate_left(upper);
        let [field, symbol] = pair;
        WideName { index, field: Some(known_field(&field).map_or_else(|| identifier(&field), str::to_owned)), symbol }
    });
    let names = names.collect();
    for column in &mut table.columns {
        if let Cells::Text(TextCells::Spans { spans, .. }) = &mut column.cells {
            spans.drain(..2);
        }
    }
    if let Some(lines) = &mut table.lines {
        lines.drain(..2);
    }
    table.rows -= 2;
    Some(names)
}

/// The field that a wide file of this name holds, such as `close` for `sp500_close`; `None` where the name is no field's.
pub(super) fn field_of_stem(stem: &str) -> Option<&'static str> {
    let words: Vec<&str> = stem.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let last = |count: usize| words.len().checked_sub(count).and_then(|start| known_field(&words[start..].concat()));
    known_field(stem).or_else(|| last(2)).or_else(|| last(1))
}

/// The common field that a word of more than one letter names.
fn known_field(name: &str) -> Option<&'static str> {
    let plain = plain(name);
    let spelt = |spellings: &[&str]| plain.len() > 1 && spellings.contains(&plain.as_str());
    FIELDS.into_iter().find(|(_, spellings)| spelt(spellings)).map(|(field, _)| field)
}

/// The symbol that a file of this name holds: all of it, with what a download spelt out read back, but `BTCUSDT` for
/// Binance's `BTCUSDT-1h-2021-01`.
pub(super) fn symbol_of_stem(stem: &str) -> String {
    let mut parts: Vec<&str> = stem.split('-').collect();
    let dated = |part: &&str| matches!(part.len(), 2 | 4) && part.bytes().all(|b| b.is_ascii_digit());
    while parts.len() > 1 && parts.last().is_some_and(dated) {
        parts.pop();
    }
    let interval = |part: &str| {
        let number = part.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = &part[number.len()..];
        (1..=2).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && ["s", "m", "h", "d", "w", "mo"].contains(&unit)
    };
    match parts.as_slice() {
        [symbol, last] if interval(last) => (*symbol).to_owned(),
        _ => fetch::symbol_of_stem(stem),
    }
}

/// Where the columns of a lookup table stand: the symbol, and the others.
///
/// # Errors
/// When no column is called symbol, ticker or the like.
pub(super) fn lookup(table: &RawTable<'_>) -> Result<(usize, Vec<(usize, String)>), Error> {
    let plain: Vec<String> = table.columns.iter().map(|column| plain(&column.name)).collect();
    let symbol = SYMBOLS.iter().find_map(|&name| plain.iter().position(|other| other == name)).ok_or_else(|| {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        let names = excerpt(&names.join(", "));
        table.unusable(format!("has no column of symbols (its columns: {names}); name it `symbol`"))
    })?;
    let others = (0..plain.len()).filter(|&index| index != symbol && !plain[index].is_empty());
    Ok((symbol, others.map(|index| (index, identifier(&table.columns[index].name))).collect()))
}

/// Where everything is. Columns are named by index.
#[derive(Debug, PartialEq)]
pub(super) struct Layout {
    pub(super) date: usize,
    pub(super) time_of_day: Option<usize>,
    pub(super) symbol: Option<usize>,
    /// Every other column with the name it has in the panel, in the order of the file.
    pub(super) others: Vec<(usize, String)>,
    /// Columns without a name, which are row indices that a data frame wrote out, and those that repeat the time.
    pub(super) ignored: Vec<usize>,
}

/// Assigns every column its role.
fn layout(table: &RawTable<'_>) -> Result<Layout, Error> {
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
        let beside = plain[date] == OPEN_TIME && BESIDE_OPEN_TIME.contains(&plain[index].as_str());
        if beside || plain[index].is_empty() || plain[index].starts_with("unnamed:") {
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
pub(super) fn identifier(name: &str) -> String {
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
        check("open_time,close,close_time,count,ignore", "0 - - 1=close 3=count");
        check("date,c", "0 - - 1=close");
    }

    #[test]
    fn tells_wide_tables_from_long_ones() {
        let check = |header: &str, expected: &str| {
            let columns =
                header.split(',').map(|name| RawColumn { name: name.to_owned(), cells: Cells::Number(vec![]) });
            let mut table =
                RawTable { origin: "f".to_owned(), rows: 0, lines: None, columns: columns.collect(), ignored: vec![] };
            let found = match shape(&mut table) {
                Ok(Shape::Long(_)) => "long".to_owned(),
                Ok(Shape::Wide { date, columns }) => {
                    let names: Vec<String> = columns.into_iter().map(|column| column.symbol).collect();
                    format!("{date} {}", names.join(" "))
                }
                Err(error) => error.to_string(),
            };
            assert!(found.contains(expected), "{header}: {found}, expected {expected}");
        };
        check("Date,AAPL,MSFT", "0 AAPL MSFT");
        check(",C,O,V,BRK.B", "0 C O V BRK.B");
        check("DATE,DGS10", "0 DGS10");
        check("timestamp,o,h,l,c,v", "long");
        check("Date,O,H,L,C,V,n", "long");
        check("Date,A,AAPL,BA,C,H,IBM,KO,L,LOW,O,OPEN,V", "0 A AAPL BA C H IBM KO L LOW O OPEN V");
        check("date,open,high,low,volume", "has no close column");
        check("date,c", "long");
        check("date,close", "long");
        check("date,AAPL,volume", "has no close column");
        check("date,symbol,open", "has no close column");
        check("AAPL,MSFT", "has no date column");
        check("date,AAPL,AAPL", "two columns `AAPL`");
        check("date,AAPL,", "no symbol over column 3");
    }

    #[test]
    fn names_of_files_say_fields_and_symbols() {
        let field = |stem: &str, expected: Option<&str>| assert_eq!(field_of_stem(stem), expected, "{stem}");
        field("close", Some("close"));
        field("Adj Close", Some("adj_close"));
        field("sp500_adj_close", Some("adj_close"));
        field("prices-high", Some("high"));
        field("c", None);
        field("closes", None);
        let symbol = |stem: &str, expected: &str| assert_eq!(symbol_of_stem(stem), expected, "{stem}");
        symbol("BTCUSDT-1h-2021-01", "BTCUSDT");
        symbol("BTCUSDT-1mo-2021-01-31", "BTCUSDT");
        symbol("ETHBTC-1d", "ETHBTC");
        symbol("aapl.us", "aapl.us");
        symbol("BRK-B", "BRK-B");
        symbol("BF-1h-x", "BF-1h-x");
        symbol("ES-2021", "ES-2021");
        symbol("BTC%2FUSDT", "BTC/USDT");
        symbol("A%2EGZ", "A.GZ");
        symbol("50%25", "50%");
        symbol("50%", "50%");
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
