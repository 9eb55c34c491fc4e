//! What can go wrong with files, tables and downloads.

use std::path::PathBuf;

use crate::panel::PanelError;

/// Why a file, frame or download could not be used. Every message is one line: where, what, and the way out.
/// What caused it is part of the message, and no source beside it: whoever prints the chain would say it twice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// A file could not be written; nothing stands under its name that was not there before.
    #[error("cannot write {path}: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: std::io::Error,
    },
    /// The file or table as a whole cannot be used: wrong kind, damaged, empty, a column missing.
    #[error("{origin}: {problem}")]
    Unusable {
        /// The file, or the name given to a frame.
        origin: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The file or table has no rows, which a folder of files can do without.
    #[error("{origin}: {problem}")]
    Empty {
        /// The file, or the name given to a frame.
        origin: String,
        /// What it lacks.
        problem: String,
    },
    /// One cell cannot be read.
    #[error("{origin}, row {row}, column `{column}`: `{value}` {problem}")]
    Cell {
        /// The file, or the name given to a frame.
        origin: String,
        /// Row as a text editor or spreadsheet counts it: the header is row 1.
        row: usize,
        /// Name of the column as the file spells it.
        column: String,
        /// The offending text, shortened.
        value: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A row would have been mended, which a strict import refuses.
    #[error(
        "{origin}, {example}: {rule} (rows in all: {rows}); correct the file, or import it without strict: then {action}"
    )]
    Strict {
        /// The file, or the name given to a frame.
        origin: String,
        /// The first such row, with column and value.
        example: String,
        /// The rule that the row breaks.
        rule: String,
        /// How many rows break it.
        rows: usize,
        /// What an import that is not strict does with them.
        action: String,
    },
    /// A file that is read piece by piece is not sorted.
    #[error(
        "{origin}, row {row}: {problem}; a file too large for memory has to be sorted by date, or by symbol and date"
    )]
    OutOfOrder {
        /// The file.
        origin: String,
        /// The first row out of order.
        row: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The dense panel would not fit the stated limit.
    #[error(
        "{origin}: {bars} bars x {symbols} symbols x {columns} columns would take {bytes} bytes, above the limit of \
         {limit}; split the file by date or symbol, leave out columns, or raise the limit"
    )]
    TooLarge {
        /// The file, or the name given to a frame.
        origin: String,
        /// Distinct times.
        bars: usize,
        /// Distinct symbols.
        symbols: usize,
        /// Numeric fields and groups.
        columns: usize,
        /// What the panel would take.
        bytes: u128,
        /// [`crate::ImportOptions::max_bytes`].
        limit: u64,
    },
    /// A download failed.
    #[error("cannot fetch {url}: {problem}")]
    Fetch {
        /// The address asked for.
        url: String,
        /// What went wrong, and after how many attempts.
        problem: String,
    },
    /// The parts do not make a panel.
    #[error("{origin}: {cause}")]
    Panel {
        /// The file, or the name given to a frame.
        origin: String,
        /// Which law of panels is broken.
        cause: PanelError,
    },
}

impl Error {
    pub(crate) fn unusable(origin: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Unusable { origin: origin.into(), problem: problem.into() }
    }

    pub(crate) fn empty(origin: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Empty { origin: origin.into(), problem: problem.into() }
    }
}

/// Text for an error message: on one line, and no longer than a line bears.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    let clean: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(LONGEST + 1).collect();
    if clean.chars().count() > LONGEST { clean.chars().take(LONGEST).chain("...".chars()).collect() } else { clean }
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn excerpts_stay_on_one_short_line() {
        assert_eq!(excerpt("12,5"), "12,5");
        assert_eq!(excerpt("a\nb"), "a\u{fffd}b");
        assert_eq!(excerpt(&"é".repeat(61)), format!("{}...", "é".repeat(60)));
    }
}
