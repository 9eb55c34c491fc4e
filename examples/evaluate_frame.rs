//! Evaluates an expression over a polars frame.
//!
//! Whoever has bars in a data frame needs nothing but an expression: a long frame goes in (one row per symbol and
//! date), a long frame comes out.
//!
//! Run it with `cargo run --release --example evaluate_frame`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use evoquant::market::polars::df;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Three symbols over eight days. `rise` gains 2 % a day, `fall` loses 1 %, and `wave` goes up and down, on a scale
    // of its own: what a price is worth does not matter to what follows.
    let mut dates = Vec::new();
    let mut symbols = Vec::new();
    let mut closes = Vec::new();
    for day in 0..8 {
        let wave = [500.0, 510.0, 495.0, 505.0][day % 4];
        for (symbol, close) in
            [("fall", 0.99_f64.powi(day as i32)), ("rise", 1.02_f64.powi(day as i32)), ("wave", wave)]
        {
            dates.push(format!("2024-01-{:02}", day + 1));
            symbols.push(symbol);
            closes.push(close);
        }
    }
    // Columns are known under the names that everybody uses: here a date, a symbol and `close`. Dates may be text.
    let frame = df!("date" => dates, "symbol" => symbols, "close" => closes)?;

    // Read from the inside: the return of one day; its mean over the last five; its rank among the symbols of the day,
    // from 0 for the lowest to 1 for the highest. Names that start with `ts_` look back in time, one symbol by
    // itself; names that start with `cs_` look across the symbols of one day.
    let expression = "cs_rank(ts_mean(returns(close, 1), 5))";
    let ranks = evoquant::evaluate_frame(&frame, expression)?;

    // Six closes make five returns: the first five days have no value yet, which is null, never a made-up number.
    let values = ranks.column("value")?;
    assert_eq!((ranks.height(), values.null_count()), (24, 15));
    println!("{expression}\n{}", ranks.tail(Some(9)));

    // `rise` stands above the others on every day that has a value.
    let last: Vec<Option<f64>> = values.f64()?.iter().skip(21).collect();
    assert_eq!((last[0], last[1]), (Some(0.0), Some(1.0)));

    // What cannot be read is an error that points at the place and suggests a name.
    let error = evoquant::evaluate_frame(&frame, "cs_rank(ts_meen(close, 5))").err().ok_or("a name was misspelt")?;
    println!("\n{error}");
    Ok(())
}
