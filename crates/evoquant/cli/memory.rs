//! Amounts of memory: as a person writes them, as they are shown, and what is free.

/// Of what is free, the share that a cache takes unless told otherwise.
const SHARE: usize = 4;
/// What a cache takes where nobody can say what is free.
const UNKNOWN: usize = 1 << 30;

/// Bytes from `2GB`, `512 MB`, `1.5GiB`, or a bare number of bytes.
///
/// # Errors
/// What can be written.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).trim_end();
    let unit = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => f64::NAN,
    };
    let count = digits.parse::<f64>().unwrap_or(f64::NAN) * unit;
    if (0.0..1e18).contains(&count) {
        Ok(count as usize)
    } else {
        Err("an amount of memory is a number with a unit: 2GB, 512MB, or 0".to_owned())
    }
}

/// Bytes for a reader: `1.3 GB`.
pub(super) fn display(bytes: usize) -> String {
    let (unit, name) = match bytes {
        1_000_000_000.. => (1e9, "GB"),
        1_000_000.. => (1e6, "MB"),
        _ => (1e3, "kB"),
    };
    format!("{:.1} {name}", bytes as f64 / unit)
}

/// A share of the memory that is free.
pub(super) fn share_of_free() -> usize {
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok()
    });
    available.map_or(UNKNOWN, |kilobytes| kilobytes.saturating_mul(1024) / SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("2GB", Some(2_000_000_000)),
            ("1.5 MiB", Some(1_572_864)),
            ("512mb", Some(512_000_000)),
            ("", None),
            ("-1GB", None),
            ("2 parsecs", None),
            ("GB", None),
            ("1e99", None),
        ] {
            assert_eq!(bytes(text).ok(), expected, "{text}");
        }
        for (bytes, expected) in [(0, "0.0 kB"), (1_500, "1.5 kB"), (2_340_000, "2.3 MB"), (12_000_000_000, "12.0 GB")]
        {
            assert_eq!(display(bytes), expected);
        }
    }
}
