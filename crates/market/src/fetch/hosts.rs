//! Politeness: how soon a server may be asked again, by whichever worker.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rand::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

/// All servers of a download, shared by its workers.
#[derive(Debug)]
pub(super) struct Hosts {
    /// Time between two requests to one server.
    spacing: Duration,
    /// Requests that may go out at once after a silence: those of a second.
    burst: u32,
    /// A longer wait than this is not sat out.
    longest_wait: Duration,
    /// What to do when a server asks for a longer one.
    patience: Patience,
    /// Connections in a row that may fail before a server counts as gone.
    most_silent: u32,
    started: Instant,
    servers: Mutex<BTreeMap<String, Server>>,
}

/// What to do when a server asks for a longer wait than we are ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Ask again after the longest wait.
    Capped,
    /// Ask that server nothing more.
    Polite,
}

#[derive(Debug, Default)]
struct Server {
    bucket: Bucket,
    silent: u32,
    answered: bool,
    closed: Option<String>,
}

/// A bucket of tokens, kept as the time at which it will be full again (the generic cell rate algorithm); times count
/// from the start of the download.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    full: Duration,
    paused: Duration,
}

impl Bucket {
    /// Takes a token, and says when it may be used.
    fn take(&mut self, now: Duration, spacing: Duration, burst: u32) -> Duration {
        let kept = spacing * (burst - 1);
        let slot = now.max(self.full.saturating_sub(kept)).max(self.paused);
        self.full = self.full.max(slot) + spacing;
        slot
    }

    /// Nothing before `until`, and no burst then.
    fn pause(&mut self, until: Duration, spacing: Duration, burst: u32) {
        if until > self.paused {
            self.paused = until;
            self.full = self.full.max(until + spacing * (burst - 1));
        }
    }
}

impl Hosts {
    /// `rate` in requests a second to one server.
    pub(super) fn new(rate: Option<f64>, longest_wait: Duration, patience: Patience, most_silent: u32) -> Self {
        let rate = rate.unwrap_or(f64::INFINITY);
        #[expect(
            clippy::disallowed_methods,
            reason = "when to ask a server again; nothing of the clock reaches a file"
        )]
        let started = Instant::now();
        Self {
            spacing: Duration::from_secs_f64(1.0 / rate),
            burst: if rate.is_finite() { (rate as u32).max(1) } else { 1 },
            longest_wait,
            patience,
            most_silent,
            started,
            servers: Mutex::default(),
        }
    }

    /// Waits for this caller's turn.
    ///
    /// # Errors
    /// When the server is to be left alone; with the reason.
    pub(super) fn wait(&self, host: &str) -> Result<(), String> {
        loop {
            let slot = {
                let mut servers = self.servers();
                let server = servers.entry(host.to_owned()).or_default();
                if let Some(reason) = &server.closed {
                    return Err(reason.clone());
                }
                server.bucket.take(self.started.elapsed(), self.spacing, self.burst)
            };
            std::thread::sleep(slot.saturating_sub(self.started.elapsed()));
            // Another worker may have been told to wait meanwhile: then this turn is void.
            let servers = self.servers();
            match servers.get(host) {
                Some(server) if server.closed.is_some() => {}
                Some(server) if server.bucket.paused > slot => {}
                _ => return Ok(()),
            }
        }
    }

    /// A server asked all of us to wait.
    ///
    /// # Errors
    /// When it is longer than we are ready for; with the reason.
    pub(super) fn pause(&self, host: &str, asked: Duration) -> Result<(), String> {
        if asked > self.longest_wait && self.patience == Patience::Polite {
            let reason = format!("{host} asks not to be asked again for {} s; run again then", asked.as_secs());
            return Err(self.close(host, reason));
        }
        let until = self.started.elapsed() + asked.min(self.longest_wait);
        let mut servers = self.servers();
        servers.entry(host.to_owned()).or_default().bucket.pause(until, self.spacing, self.burst);
        Ok(())
    }

    /// Nobody asks this server again; returns the reason, or the one that was there before.
    pub(super) fn close(&self, host: &str, reason: String) -> String {
        let mut servers = self.servers();
        servers.entry(host.to_owned()).or_default().closed.get_or_insert(reason).clone()
    }

    /// A server answered, whatever it said.
    pub(super) fn answered(&self, host: &str) {
        let mut servers = self.servers();
        let server = servers.entry(host.to_owned()).or_default();
        (server.silent, server.answered) = (0, true);
    }

    /// Whether any server answered anything.
    pub(super) fn any_answer(&self) -> bool {
        self.servers().values().any(|server| server.answered)
    }

    /// No connection came about. Says whether the server is gone now: five hundred symbols need not find out each by
    /// itself.
    ///
    /// # Errors
    /// When the server counts as gone; with the reason.
    pub(super) fn unreachable(&self, host: &str, problem: &str) -> Result<(), String> {
        let tries = {
            let mut servers = self.servers();
            let server = servers.entry(host.to_owned()).or_default();
            server.silent += 1;
            server.silent
        };
        if tries < self.most_silent {
            return Ok(());
        }
        Err(self.close(host, format!("no connection to {host} in {tries} tries: {problem}")))
    }

    /// A panic of another worker leaves the figures as they are, which is good enough to go on waiting by.
    fn servers(&self) -> MutexGuard<'_, BTreeMap<String, Server>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits between tries: twice as long each time, and a random part of it, so that workers that failed together do not
/// come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
    random: Xoshiro256PlusPlus,
}

impl Backoff {
    /// The waits of one thing to be fetched. Other processes draw others.
    pub(super) fn new(first: Duration, longest: Duration, name: &str) -> Self {
        let seed = twox_hash::XxHash3_64::oneshot(name.as_bytes()) ^ u64::from(std::process::id());
        Self { next: first, longest, random: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// From half of the full wait to all of it.
    pub(super) fn wait(&mut self) -> Duration {
        let full = self.next.min(self.longest);
        self.next = full.saturating_mul(2);
        let part = (self.random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
        full.mul_f64(0.5 + 0.5 * part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    /// Slots in milliseconds of as many requests, all at `now`.
    fn slots(bucket: &mut Bucket, now: u32, count: usize, burst: u32) -> Vec<u128> {
        (0..count).map(|_| bucket.take(MILLI * now, MILLI * 100, burst).as_millis()).collect()
    }

    #[test]
    fn requests_are_spaced_but_for_a_burst() {
        let mut bucket = Bucket::default();
        assert_eq!(slots(&mut bucket, 0, 5, 3), [0, 0, 0, 100, 200]);
        assert_eq!(slots(&mut bucket, 250, 2, 3), [300, 400]);
        // A silence of any length saves up one burst.
        assert_eq!(slots(&mut bucket, 9000, 5, 3), [9000, 9000, 9000, 9100, 9200]);
        assert_eq!(slots(&mut Bucket::default(), 0, 3, 1), [0, 100, 200]);
    }

    #[test]
    fn a_pause_holds_for_all_and_ends_without_a_burst() {
        let mut bucket = Bucket::default();
        slots(&mut bucket, 0, 1, 3);
        bucket.pause(MILLI * 1000, MILLI * 100, 3);
        bucket.pause(MILLI * 400, MILLI * 100, 3);
        assert_eq!(slots(&mut bucket, 10, 3, 3), [1000, 1100, 1200]);
    }

    #[test]
    fn waits_double_up_to_a_bound_and_are_jittered() {
        let mut backoff = Backoff::new(MILLI * 100, MILLI * 300, "AAPL");
        for full in [100, 200, 300, 300, 300] {
            let wait = backoff.wait();
            assert!(wait >= MILLI * full / 2 && wait <= MILLI * full, "{wait:?} of {full}");
        }
        let waits = |name| Backoff::new(MILLI * 100, MILLI * 300, name).wait();
        assert_ne!(waits("AAPL"), waits("MSFT"));
    }

    #[test]
    fn a_server_that_asks_for_too_long_is_left_alone() {
        let hosts = |patience| Hosts::new(None, MILLI, patience, 2);
        let polite = hosts(Patience::Polite);
        assert!(polite.pause("a", Duration::from_hours(1)).unwrap_err().contains("a asks not to be asked"));
        assert!(polite.wait("a").unwrap_err().contains("3600 s") && polite.wait("b").is_ok());
        let capped = hosts(Patience::Capped);
        assert!(capped.pause("a", Duration::from_hours(1)).is_ok() && capped.wait("a").is_ok());
    }

    #[test]
    fn a_server_that_is_never_reached_counts_as_gone() {
        let hosts = Hosts::new(None, MILLI, Patience::Polite, 2);
        assert!(hosts.unreachable("a", "refused").is_ok());
        hosts.answered("a");
        assert!(hosts.unreachable("a", "refused").is_ok());
        assert!(hosts.unreachable("a", "refused").unwrap_err().contains("no connection to a in 2 tries: refused"));
        assert!(hosts.wait("a").is_err());
    }
}
