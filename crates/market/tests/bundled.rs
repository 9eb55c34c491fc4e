//! The bundled market is what `data/README.md` says it is.

use std::path::Path;

use market::{ImportOptions, describe, read_panel};

#[test]
fn the_bundled_market_is_clean_and_as_described() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/us_large_caps_daily_2013_2023.parquet");
    let import = read_panel(&path, &ImportOptions { strict: true, ..ImportOptions::default() }).unwrap();
    let (panel, summary) = (&import.panel, describe(&import.panel));
    assert_eq!((import.ledger.rows_read, import.ledger.rows_kept), (16_194, 16_194));
    assert_eq!(panel.symbols(), ["AAPL", "AMZN", "GOOG", "META", "NFLX", "NVDA"]);
    assert_eq!((summary.first.as_deref(), summary.last.as_deref()), (Some("2013-01-02"), Some("2023-09-21")));
    assert_eq!((summary.bars, summary.full_history, summary.coverage), (2_699, 6, 1.0));
    assert_eq!(summary.periods_per_year, 252.0);
    let names: Vec<&str> = panel.field_names().collect();
    assert_eq!(names, ["open", "high", "low", "close", "volume", "adj_close"]);

    let (close, adjusted) = (panel.field("close").unwrap(), panel.field("adj_close").unwrap());
    for (symbol, first_ratio) in [0.856, 1.0, 1.0, 1.0, 1.0, 0.923].into_iter().enumerate() {
        let ratio = |bar: usize| adjusted[[bar, symbol]] / close[[bar, symbol]];
        assert!((ratio(0) - first_ratio).abs() < 1e-3, "{}", panel.symbols()[symbol]);
        assert_eq!(ratio(2_698), 1.0);
    }
    // No split shows: the largest move of a day is earnings.
    let moves = (1..panel.bars()).flat_map(|bar| (0..6).map(move |symbol| (bar, symbol)));
    let largest =
        moves.map(|(bar, symbol)| (close[[bar, symbol]] / close[[bar - 1, symbol]] - 1.0).abs()).fold(0.0, f64::max);
    assert!((largest - 0.422).abs() < 1e-3, "{largest}");
}
