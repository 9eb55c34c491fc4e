//! Runs: the same bytes at any number of threads and after a kill, and figures that the saved champion reproduces.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::{evoquant, markets, run, stderr, stdout};

const SMALL: [&str; 7] = ["evolve", "--population", "40", "--generations", "5", "--seed", "3"];

fn evolve(out: &Path, more: &[&str]) -> std::process::Output {
    let output = evoquant().args(SMALL).args(more).arg("--out").arg(out).output().expect("the program starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", stderr(&output));
    output
}

fn trials(folder: &Path) -> String {
    fs::read_to_string(folder.join("trials.jsonl")).expect("a run has trials")
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    same_at_any_number_of_threads(&["--no-control"]);
    same_at_any_number_of_threads(&["--no-control", "--race"]);
}

fn same_at_any_number_of_threads(more: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for threads in ["1", "2", "3"] {
        evolve(&at(threads), &[&["--threads", threads], more].concat());
    }
    let one = trials(&at("1"));
    assert!(one.lines().count() > 100, "{} trials", one.lines().count());
    for threads in ["2", "3"] {
        assert!(trials(&at(threads)) == one, "{threads} threads differ from one");
        for champion in fs::read_dir(at("1").join("champions")).expect("champions") {
            let name = champion.expect("a champion").file_name();
            let read = |run: &str| fs::read_to_string(at(run).join("champions").join(&name)).expect("a champion");
            assert_eq!(read("1"), read(threads));
        }
    }
}

#[test]
fn any_memory_for_the_cache_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let kept = |name: &str| {
        let record = fs::read_to_string(at(name).join("run.json")).expect("a run has a record");
        let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
        (record["clock"]["cache"]["kept"].as_u64(), record["clock"]["nodes_saved"].as_f64())
    };
    for memory in ["0", "330kB", "1GB"] {
        evolve(&at(memory), &["--cache-memory", memory, "--no-control"]);
        assert!(trials(&at(memory)) == trials(&at("0")), "{memory} differ from none");
    }
    // The bundled market takes 106 kB a column.
    assert_eq!((kept("0").0, kept("330kB").0), (Some(0), Some(3)));
    assert!(kept("1GB").0 > Some(20) && kept("1GB").1 > kept("0").1, "{:?} {:?}", kept("1GB"), kept("0"));
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    killed_and_resumed(&["--no-control"]);
    killed_and_resumed(&["--no-control", "--race"]);
}

fn killed_and_resumed(more: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    evolve(&whole, more);
    let mut child = evoquant()
        .args(SMALL)
        .args(more)
        .arg("--out")
        .arg(&killed)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    // Killed as soon as there is a checkpoint, in the middle of a later generation.
    for _ in 0..2_000 {
        if killed.join("checkpoint.bin").exists() || child.try_wait().expect("a status").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("ended");
    // What a crash between the trial list and its checkpoint leaves behind is cut off.
    let mut torn = fs::OpenOptions::new().append(true).open(killed.join("trials.jsonl")).expect("trials");
    std::io::Write::write_all(&mut torn, b"{\"hash\":\"torn").expect("written");
    drop(torn);
    let resumed = run(&["evolve", "--resume", killed.to_str().expect("a path")]);
    assert!(matches!(resumed.status.code(), Some(0 | 1)), "{}", stderr(&resumed));
    assert!(trials(&killed) == trials(&whole), "the resumed run differs");
    let again = run(&["evolve", "--resume", killed.to_str().expect("a path")]);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("is finished"), "{}", stderr(&again));
}

#[test]
fn later_generations_hold_children_that_differ_from_their_parents() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let output = evolve(&out, &[]);
    let text = stdout(&output);
    for part in ["distinct strategies", "luck alone", "sealed exam", "random search at"] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let mut hashes = std::collections::BTreeSet::new();
    let (mut children, mut scored) = (0, 0);
    for line in trials(&out).lines() {
        let trial: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let hash = trial["hash"].as_str().expect("a hash").to_owned();
        assert!(line.find("exam").is_none(), "the exam stays sealed: {line}");
        if trial["generation"].as_u64() > Some(1) {
            for parent in trial["parents"].as_array().expect("parents") {
                assert_ne!(parent.as_str(), Some(hash.as_str()));
                assert!(hashes.contains(parent.as_str().expect("a hash")), "parents were tried before");
                children += 1;
            }
            scored += usize::from(trial["fitness"].is_f64());
        }
        assert!(hashes.insert(hash), "evaluated twice: {line}");
    }
    assert!(children > 50 && scored > 50, "{children} children, {scored} scored");
}

#[test]
fn a_champion_backtests_to_the_leaderboards_figures() {
    let Some(markets) = markets() else { return };
    let data = markets.join("us88_daily_2012_2017.parquet");
    let data = data.to_str().expect("a path");
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let leaderboard = stdout(&evolve(&out, &["--data", data, "--no-control"]));
    let champion = out.join("champions/1.toml");
    let backtest = run(&["backtest", champion.to_str().expect("a path"), "--data", data]);
    assert!(backtest.status.success(), "{}", stderr(&backtest));
    let line = |text: &str| {
        let found = text.lines().find(|line| line.starts_with("champion-1") && line.contains('│')).map(str::to_owned);
        found.unwrap_or_else(|| panic!("no champion-1 in\n{text}")).replacen(" *", "  ", 1)
    };
    assert_eq!(line(&leaderboard), line(&stdout(&backtest)));
    let json = run(&["backtest", champion.to_str().expect("a path"), "--data", data, "--json"]);
    let reports: serde_json::Value = serde_json::from_str(&stdout(&json)).expect("JSON");
    let record: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("run.json")).expect("run.json")).expect("JSON");
    assert_eq!(reports[0]["periods"], record["result"]["champions"][0]["periods"]);
}
