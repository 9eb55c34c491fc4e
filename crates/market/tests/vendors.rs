//! What the common vendors write, read into panels: one folder a vendor, and beside it what comes of it, as the panel
//! writes itself, and the ledger. Numbers are made up.

use std::fmt::Write;
use std::path::Path;

use market::{ImportOptions, read_panel, write_panel};

fn check(vendor: &str, options: &ImportOptions) {
    let vendors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/vendors");
    let import = read_panel(&vendors.join(vendor), options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("panel.csv");
    write_panel(&import.panel, &path).unwrap();
    let mut found = std::fs::read_to_string(&path).unwrap();
    let again = read_panel(&path, &ImportOptions::default()).unwrap();
    assert_eq!(again.panel.fingerprint(), import.panel.fingerprint(), "{vendor}: the panel reads back as another");
    assert_eq!(again.panel.calendar(), import.panel.calendar(), "{vendor}");
    for entry in &import.ledger.repaired {
        let example = entry.first_example.replace(&*vendors.to_string_lossy(), "").replace('\\', "/");
        writeln!(found, "# {} x {}; {}; first: {example}", entry.rows, entry.rule, entry.action).unwrap();
    }
    if !import.ledger.ignored_columns.is_empty() {
        writeln!(found, "# left out: {}", import.ledger.ignored_columns.join(", ")).unwrap();
    }
    let golden = vendors.join(format!("{vendor}.golden"));
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(found == expected, "{vendor}: {} holds\n{expected}\nbut the import gave\n{found}", golden.display());
}

#[test]
fn folders_and_files_of_vendors() {
    let plain = ImportOptions::default();
    let new_york = ImportOptions { time_zone: Some("America/New_York".to_owned()), ..plain.clone() };
    check("yahoo", &plain);
    check("yfinance", &plain);
    check("stooq", &plain);
    check("stooq_kaggle", &plain);
    check("kaggle", &plain);
    check("binance", &plain);
    check("alpha_vantage", &new_york);
    check("tiingo", &plain);
    check("polygon", &new_york);
    check("metatrader", &plain);
    check("wiki", &plain);
}
