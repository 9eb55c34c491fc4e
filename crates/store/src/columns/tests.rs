use std::collections::BTreeSet;

use engine::{Contents, NodeCache};
use factor::{Schema, compile, parse};
use market::RandomWalk;

use super::*;

const ROWS: usize = 12;

/// The recipe of a rank in time over so many days.
fn ranks(days: usize) -> Recipe {
    let panel = RandomWalk { bars: ROWS, symbols: 3, seed: 1, gap_rate: 0.1, late_listing_rate: 0.2 }.panel();
    let graph = parse(&format!("ts_rank(close, {days})"), &Schema::bars()).unwrap();
    let program = compile(&graph, &[]).unwrap();
    // Two groups ask for it, so that the cache wants it.
    let wanted = NodeCache::new(ROWS, 3, 1 << 20).wanted(&[vec![&program], vec![&program]]);
    Recipe::of(&wanted[0], &Contents::new(&panel, &panel.members(), ROWS)).unwrap()
}

/// Values that differ from those of other recipes, with all that equality of floats would miss.
fn values(recipe: &Recipe, start: f64) -> Vec<f64> {
    let odd = [f64::NAN, f64::from_bits(0x7ff8_0000_0000_beef), -0.0, 0.0, 5e-324, f64::INFINITY];
    odd.into_iter().chain((0..).map(|number| start + f64::from(number))).take(recipe.cells()).collect()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn set_age(path: &Path, hours: u64) {
    #[expect(clippy::disallowed_methods, reason = "the test of what clocks decide")]
    let time = SystemTime::now() - Duration::from_hours(hours);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn what_is_kept_is_found_by_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = ColumnFolder::open(folder.path(), 1 << 20).unwrap();
    let (one, other) = (ranks(5), ranks(6));
    assert_eq!(shelf.find(&one), None);
    assert!(shelf.keep(&one, &values(&one, 1.0)) && shelf.keep(&other, &values(&other, 2.0)));
    let again = ColumnFolder::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(bits(&again.find(&one).unwrap()), bits(&values(&one, 1.0)));
    assert_eq!(bits(&again.find(&other).unwrap()), bits(&values(&other, 2.0)));
}

/// Wherever a bit is wrong, or the end is missing, nothing is found, and what is kept anew is found again.
#[test]
fn damage_is_a_miss_and_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = ColumnFolder::open(folder.path(), 1 << 20).unwrap();
    let recipe = ranks(5);
    let values = values(&recipe, 1.0);
    assert!(shelf.keep(&recipe, &values));
    let path = files(folder.path()).pop_first().unwrap();
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(shelf.find(&recipe), None, "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(shelf.find(&recipe), None, "length {at}");
    }
    let longer = [&whole[..], &[0]].concat();
    fs::write(&path, longer).unwrap();
    assert_eq!(shelf.find(&recipe), None);
    assert!(shelf.keep(&recipe, &values));
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert_eq!(bits(&shelf.find(&recipe).unwrap()), bits(&values));
}

/// A file of the right name and length, whole, but of another node: as if two heads had one hash.
#[test]
fn a_column_of_another_node_is_a_miss() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = ColumnFolder::open(folder.path(), 1 << 20).unwrap();
    let (one, other) = (ranks(5), ranks(6));
    assert!(shelf.keep(&one, &values(&one, 1.0)));
    let of_one = files(folder.path()).pop_first().unwrap();
    assert!(shelf.keep(&other, &values(&other, 2.0)));
    let of_other = files(folder.path()).into_iter().find(|path| *path != of_one).unwrap();
    assert_eq!(fs::metadata(&of_one).unwrap().len(), fs::metadata(&of_other).unwrap().len());
    fs::copy(&of_one, &of_other).unwrap();
    assert_eq!(shelf.find(&other), None);
}

#[test]
fn the_longest_unused_go_first_and_never_what_the_run_uses() {
    let folder = tempfile::tempdir().unwrap();
    let recipes: Vec<Recipe> = (2..9).map(ranks).collect();
    let keep = |shelf: &ColumnFolder, index: usize| shelf.keep(&recipes[index], &values(&recipes[index], 1.0));
    let first = ColumnFolder::open(folder.path(), 1 << 20).unwrap();
    let mut paths = Vec::new();
    for index in 0..4 {
        let before = files(folder.path());
        assert!(keep(&first, index));
        paths.extend(files(folder.path()).difference(&before).cloned());
    }
    let size = fs::metadata(&paths[0]).unwrap().len();
    for (hours, path) in [(5, &paths[1]), (4, &paths[0]), (3, &paths[3]), (2, &paths[2])] {
        set_age(path, hours);
    }
    let notes = folder.path().join("notes.txt");
    fs::write(&notes, "not ours").unwrap();
    set_age(&notes, 99);

    // Room for four. The oldest is used, so the next two go for two new ones; a third new one takes the last.
    let shelf = ColumnFolder::open(folder.path(), 4 * size + size / 2).unwrap();
    assert!(shelf.find(&recipes[1]).is_some());
    assert!(keep(&shelf, 4) && keep(&shelf, 5));
    let there = |path: &PathBuf| path.exists();
    assert_eq!(paths.iter().map(there).collect::<Vec<_>>(), [false, true, true, false]);
    assert!(keep(&shelf, 6) && !shelf.state().is_closed);
    assert_eq!(paths.iter().map(there).collect::<Vec<_>>(), [false, true, false, false]);
    // Now all are of this run.
    assert!(!keep(&shelf, 0) && shelf.state().is_closed);
    assert!(shelf.find(&recipes[1]).is_some() && shelf.find(&recipes[6]).is_some());
    assert!(notes.exists());
    // A lower limit holds from the start.
    drop(ColumnFolder::open(folder.path(), size).unwrap());
    assert!(files(folder.path()).len() <= 2);
}

#[test]
fn what_is_left_unfinished_goes_when_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let name = format!(".{:032x}.column.77-0.part", 7);
    for (name, hours) in [(name.as_str(), 2), (".notes.part", 2), (&name.replace("77", "78"), 0)] {
        fs::write(at(name), "half").unwrap();
        set_age(&at(name), hours);
    }
    ColumnFolder::open(folder.path(), 1 << 20).unwrap();
    assert!(!at(&name).exists() && at(".notes.part").exists() && at(&name.replace("77", "78")).exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = ColumnFolder::open(&folder.path().join("columns"), 1 << 20).unwrap();
    fs::remove_dir(folder.path().join("columns")).unwrap();
    let recipe = ranks(5);
    assert!(!shelf.keep(&recipe, &values(&recipe, 1.0)));
    assert!(shelf.state().is_closed);
    assert_eq!(shelf.find(&recipe), None);
}

#[test]
fn two_at_once_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let recipes: Vec<Recipe> = (2..9).map(ranks).collect();
    let size = file::bytes(&vec![0; recipes[0].text().len() + 200], recipes[0].cells());
    std::thread::scope(|scope| {
        for start in 0..4 {
            let (recipes, path) = (&recipes, folder.path());
            scope.spawn(move || {
                for round in 0..40 {
                    let shelf = ColumnFolder::open(path, 4 * size).unwrap();
                    let recipe = &recipes[(start + round) % recipes.len()];
                    let expected = bits(&values(recipe, 1.0));
                    shelf.find(recipe).iter().for_each(|found| assert!(bits(found) == expected));
                    shelf.keep(recipe, &values(recipe, 1.0));
                    shelf.find(recipe).iter().for_each(|found| assert!(bits(found) == expected));
                }
            });
        }
    });
    assert!(files(folder.path()).iter().all(|path| listed(path).is_some()), "something is left unfinished");
}
