//! Values of factors in a folder: the same run with it and without, whatever the folder holds.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{evoquant, run, stderr};

const SMALL: [&str; 8] = ["evolve", "--population", "40", "--generations", "4", "--seed", "5", "--no-control"];

/// Runs a small search, and says what `run.json` has of the folder, and the trials.
fn evolve(out: &Path, more: &[&str]) -> (Value, Vec<u8>, String) {
    let output = evoquant().args(SMALL).args(more).arg("--out").arg(out).output().expect("the program starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", stderr(&output));
    let record = fs::read_to_string(out.join("run.json")).expect("a run has a record");
    let record: Value = serde_json::from_str(&record).expect("JSON");
    let trials = fs::read(out.join("trials.jsonl")).expect("a run has trials");
    (record["clock"]["cache"]["disk"].clone(), trials, stderr(&output))
}

fn columns(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn count(disk: &Value, name: &str) -> u64 {
    disk[name].as_u64().unwrap_or_else(|| panic!("no {name} in {disk}"))
}

#[test]
fn a_folder_of_columns_changes_no_trial() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let kept = at("columns");
    let with = ["--cache-folder", kept.to_str().expect("a path")];
    let (nothing, expected, _) = evolve(&at("off"), &["--cache-memory", "0"]);
    assert!(nothing.is_null() && !expected.is_empty());
    let (nothing, trials, said) = evolve(&at("memory"), &[]);
    assert!(nothing.is_null() && trials == expected && !said.contains("from disk"));

    let (cold, trials, _) = evolve(&at("cold"), &with);
    assert!(trials == expected, "a run with an empty folder differs");
    let wanted = count(&cold, "misses");
    assert!(wanted > 3);
    assert_eq!((count(&cold, "hits"), count(&cold, "written")), (0, wanted));
    let written = columns(&kept);
    assert_eq!(written.len() as u64, wanted);

    let (warm, trials, said) = evolve(&at("warm"), &[&with[..], &["--threads", "1"]].concat());
    assert!(trials == expected, "a run with a full folder differs");
    assert_eq!((count(&warm, "hits"), count(&warm, "misses"), count(&warm, "written")), (wanted, 0, 0));
    assert_eq!(count(&warm, "read_bytes"), count(&cold, "written_bytes"));
    assert!(said.contains(&format!("{wanted} of {wanted} columns from disk")), "{said}");

    // Another number in the middle, an end that is missing, nothing at all: misses all.
    let whole = fs::read(&written[0]).expect("a column");
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x40;
    fs::write(&written[0], &damaged).expect("written");
    fs::write(&written[1], &whole[..middle]).expect("written");
    fs::write(&written[2], b"").expect("written");
    let (mended, trials, _) = evolve(&at("damaged"), &with);
    assert!(trials == expected, "a run with damaged columns differs");
    assert_eq!((count(&mended, "hits"), count(&mended, "misses"), count(&mended, "written")), (wanted - 3, 3, 3));
    assert!(fs::read(&written[0]).expect("a column") == whole);

    // Room for two columns, so that the folder is emptied to that, and memory for three, so that columns come and go.
    let little = [&with[..], &["--cache-disk", "230kB", "--cache-memory", "330kB"]].concat();
    let (_, trials, _) = evolve(&at("little"), &little);
    assert!(trials == expected, "a run with little room differs");
    assert!(columns(&kept).len() <= 2);
    assert_eq!(columns(&kept).iter().filter(|path| path.extension().is_some_and(|name| name == "part")).count(), 0);
}

#[test]
fn two_runs_at_once_share_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let runs: Vec<_> = ["one", "two"]
        .into_iter()
        .map(|name| {
            let mut command = evoquant();
            command.args(SMALL).arg("--cache-folder").arg(at("columns")).args(["--cache-disk", "1MB"]);
            command.arg("--out").arg(at(name)).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            command.spawn().expect("starts")
        })
        .collect();
    for mut run in runs {
        assert!(matches!(run.wait().expect("ended").code(), Some(0 | 1)));
    }
    let trials = |name: &str| fs::read(at(name).join("trials.jsonl")).expect("trials");
    assert!(trials("one") == trials("two") && !trials("one").is_empty());
}

#[test]
fn mistakes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a-file");
    fs::write(&file, "not a folder").expect("written");
    let (file, below) = (file.to_str().expect("a path"), file.join("columns"));
    let (out, fine) = (folder.path().join("out"), folder.path().join("fine"));
    let fine = fine.to_str().expect("a path");
    for (arguments, words) in [
        (&["--cache-folder", file][..], &["a-file", "is a file, not a folder"][..]),
        (&["--cache-folder", below.to_str().expect("a path")], &["a-file"]),
        (&["--cache-folder", ""], &["--cache-folder"]),
        (&["--cache-folder", fine, "--cache-memory", "0"], &["--cache-memory", "leave one of them out"]),
        (&["--cache-folder", fine, "--cache-disk", "much"], &["--cache-disk", "2GB, 512MB"]),
        (&["--cache-disk", "1GB"], &["--cache-folder"]),
    ] {
        let output = run(&[&SMALL[..], arguments, &["--out", out.to_str().expect("a path")]].concat());
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{message}");
        assert!(words.iter().all(|word| message.contains(word)), "{arguments:?}\n{message}");
        assert!(!out.exists(), "{arguments:?} left a run folder");
    }
}
