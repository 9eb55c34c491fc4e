//! Races: every decision follows from the trial list, nobody who is out goes on, and a run without a race is untouched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{evoquant, stderr, stdout};

fn evolve(out: &Path, more: &[&str]) -> std::process::Output {
    let small = ["evolve", "--population", "60", "--generations", "6", "--seed", "5"];
    let output = evoquant().args(small).args(more).arg("--out").arg(out).output().expect("the program starts");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", stderr(&output));
    output
}

fn trials(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("trials.jsonl")).expect("a run has trials");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn record(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("run.json")).expect("a run has a record")).expect("JSON")
}

fn hash(trial: &Value) -> &str {
    trial["hash"].as_str().expect("a hash")
}

fn is_out(trial: &Value) -> bool {
    trial["rejected"] == "raced_out"
}

/// Fitness so far, decision by decision; `None` where undefined.
fn partial(trial: &Value) -> Vec<Option<f64>> {
    trial["partial_fitness"].as_array().map_or_else(Vec::new, |partial| partial.iter().map(Value::as_f64).collect())
}

/// The bars of a generation, from the trial list alone: of those that earlier generations brought to the end, the lowest
/// that any of the best had, their share being 15 % over the part of train that is seen.
fn bars(trials: &[Value], generation: u64) -> [f64; 3] {
    let mut earlier: Vec<&Value> = trials
        .iter()
        .filter(|trial| trial["generation"].as_u64() < Some(generation) && trial["fitness"].is_f64())
        .collect();
    earlier.sort_by(|left, right| {
        let fitness = |trial: &Value| trial["fitness"].as_f64().expect("a fitness");
        fitness(right).total_cmp(&fitness(left))
    });
    [0.6, 0.3, 0.2].map(|share: f64| (share * earlier.len() as f64 - 1e-9).ceil() as usize).map({
        let mut decision = 0;
        move |count| {
            let lowest = earlier[..count].iter().filter_map(|trial| partial(trial)[decision]).reduce(f64::min);
            decision += 1;
            lowest.unwrap_or(f64::NEG_INFINITY)
        }
    })
}

#[test]
fn every_decision_follows_from_earlier_lines_of_the_trial_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let output = evolve(&out, &["--race", "--no-control"]);
    let trials = trials(&out);
    let mut bars_of = BTreeMap::new();
    let (mut dropped, mut decisions) = (0_u64, BTreeSet::new());
    for trial in &trials {
        let generation = trial["generation"].as_u64().expect("a generation");
        let bars = *bars_of.entry(generation).or_insert_with(|| bars(&trials, generation));
        let partial = partial(trial);
        let below = |decision: usize| partial[decision].is_some_and(|partial| partial < bars[decision]);
        match (0..partial.len()).find(|&decision| below(decision)) {
            Some(decision) => {
                assert!(is_out(trial) && decision + 1 == partial.len(), "held to {bars:?}: {trial}");
                assert!(trial["fitness"].is_null() && trial["train"].is_null() && trial["validation"].is_null());
                decisions.insert(decision);
                dropped += 1;
            }
            None => assert!(!is_out(trial), "held to {bars:?}: {trial}"),
        }
    }
    assert!(dropped > 30 && decisions.len() == 3, "{dropped} dropped at {decisions:?}");
    // They are counted as tried, and as what they are.
    let record = record(&out);
    assert_eq!(record["result"]["distinct_trials"], trials.len());
    assert_eq!(record["result"]["rejections"]["raced_out"], dropped);
    assert_eq!(record["spec"]["racing"], serde_json::json!({ "best": 0.15, "after": 1 }));
    assert!(record["clock"]["rows"]["spared"].as_u64() > Some(0));
    assert!(stdout(&output).contains(&format!("{dropped} raced out")), "{}", stdout(&output));
    assert!(stderr(&output).contains("of rows saved") && stderr(&output).contains("note: racing"));
    // Nobody is bred from them, and none is a champion.
    let out: BTreeSet<&str> = trials.iter().filter(|trial| is_out(trial)).map(hash).collect();
    let parents = trials.iter().flat_map(|trial| trial["parents"].as_array().expect("parents"));
    assert!(parents.map(|parent| parent.as_str().expect("a hash")).all(|parent| !out.contains(parent)));
    let champions = record["result"]["champions"].as_array().expect("champions");
    assert!(!champions.is_empty() && champions.iter().all(|champion| !out.contains(hash(champion))));
}

#[test]
fn a_race_that_drops_nobody_changes_nothing_and_the_control_runs_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let file = at("never.toml");
    fs::write(&file, "[racing]\nafter = 6\n").expect("written");
    evolve(&at("without"), &[]);
    evolve(&at("never"), &["--config", file.to_str().expect("a path")]);
    evolve(&at("race"), &["--race"]);
    let without = trials(&at("without"));
    assert!(without.iter().all(|trial| trial.get("partial_fitness").is_none()));
    let never: Vec<Value> = trials(&at("never"))
        .into_iter()
        .map(|mut trial| {
            trial.as_object_mut().expect("an object").remove("partial_fitness");
            trial
        })
        .collect();
    assert!(never == without);
    assert!(record(&at("without"))["spec"].get("racing").is_none());
    let control = |name: &str| record(&at(name))["result"]["control"].clone();
    assert_eq!(control("never"), control("without"));
    // As many trials, and thus the same control.
    assert_eq!(trials(&at("race")).len(), without.len());
    assert_eq!(control("race"), control("without"));
}
