//! Where the real panels are.

use std::path::PathBuf;

/// The folder that `EVOQUANT_MARKETS` names, by default beside the repository; `None`, and said so, where there is none.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn markets() -> Option<PathBuf> {
    let folder = std::env::var_os("EVOQUANT_MARKETS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no folder {}; set EVOQUANT_MARKETS to the folder of real panels", folder.display());
    None
}
