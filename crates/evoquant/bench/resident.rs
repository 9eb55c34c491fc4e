//! Memory that this process holds, as the system counts it: Linux says, other systems do not.

/// The most memory this process ever held, or since the last [`Watch`] began, reading the market included; `None` where
/// the system does not say.
pub(crate) fn peak_bytes() -> Option<u64> {
    Some(Status::read()?.peak)
}

/// Watches how far the resident set rises above what it is now.
///
/// Memory that was let go before and that the allocator did not give back counts as held: what a watch says is what is
/// added to the process, not what its work asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    /// Resident when the watch began.
    resident: u64,
    /// The peak when it began, where that could not be set back.
    passed: Option<u64>,
}

impl Watch {
    /// Begins to watch; `None` where the system does not say.
    pub(super) fn new() -> Option<Self> {
        Self { resident: Status::read()?.resident, passed: None }.again()
    }

    /// Forgets the peak so far, but not what was resident when the watch began.
    pub(super) fn again(self) -> Option<Self> {
        // "5" sets the peak back to what is resident. A system may forbid it; then only higher peaks can be seen.
        let reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
        let passed = if reset { None } else { Some(Status::read()?.peak) };
        Some(Self { passed, ..self })
    }

    /// The most bytes that were added since; `None` where a higher peak of before hides that.
    pub(super) fn added(self) -> Option<u64> {
        added(self, Status::read()?)
    }
}

fn added(watch: Watch, now: Status) -> Option<u64> {
    watch.passed.is_none_or(|passed| now.peak > passed).then(|| now.peak.saturating_sub(watch.resident))
}

/// What the system says of this process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Status {
    resident: u64,
    peak: u64,
}

impl Status {
    fn read() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/self/status").ok()?)
    }

    fn parse(status: &str) -> Option<Self> {
        let bytes = |key: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
            kibibytes.checked_mul(1024)
        };
        Some(Self { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_where_it_is_stated() {
        let status = "Name:\tevoquant\nVmPeak:\t  999999 kB\nVmHWM:\t   12345 kB\nVmRSS:\t   1234 kB\nThreads:\t1\n";
        assert_eq!(Status::parse(status), Some(Status { resident: 1_234 << 10, peak: 12_345 << 10 }));
        for odd in ["", "VmHWM:\n", "VmHWM:\t12 MB\n", "VmHWM:\t99999999999999999 kB\n", "VmHWM:\tmany kB\n"] {
            assert_eq!(Status::parse(&format!("VmRSS:\t1 kB\n{odd}")), None, "{odd:?}");
        }
    }

    #[test]
    fn what_is_added_is_told_unless_an_older_peak_hides_it() {
        let check = |passed: Option<u64>, peak: u64, expected: Option<u64>| {
            let now = Status { resident: 150, peak };
            assert_eq!(added(Watch { resident: 100, passed }, now), expected, "{passed:?} {peak}");
        };
        check(None, 260, Some(160));
        check(None, 90, Some(0));
        check(Some(200), 260, Some(160));
        check(Some(260), 260, None);
    }
}
