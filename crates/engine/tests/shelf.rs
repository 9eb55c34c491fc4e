//! Recipes: what values of a node follow from, all of it and nothing else.

use std::collections::BTreeSet;

use engine::{Contents, NodeCache, Recipe};
use factor::{
    CustomOperator, Definition, Kernel, Parameters, Port, Program, Reference, Schema, compile, parse, register,
};
use market::{Panel, RandomWalk};

const ROWS: usize = 12;
const BASE: &str = "ts_rank(close, 5)";

fn panel(seed: u64) -> Panel {
    RandomWalk { bars: 16, symbols: 3, seed, gap_rate: 0.1, late_listing_rate: 0.2 }.panel()
}

fn program(text: &str) -> Program {
    compile(&parse(text, &Schema::bars()).expect("an expression"), &[]).expect("a program")
}

/// Recipes of what a cache wants for two groups.
fn recipes(groups: [&[&Program]; 2], panel: &Panel, members: &[bool], rows: usize) -> Vec<Option<Recipe>> {
    let mut cache = NodeCache::new(rows, panel.symbols().len(), 1 << 20);
    let wanted = cache.wanted(&groups.map(<[_]>::to_vec));
    let contents = Contents::new(panel, members, rows);
    wanted.iter().map(|wanted| Recipe::of(wanted, &contents)).collect()
}

/// The recipe of an expression's outermost operator over the first rows of a panel.
fn recipe_over(text: &str, panel: &Panel, rows: usize) -> Option<Recipe> {
    let program = program(text);
    let [recipe] =
        recipes([&[&program], &[&program]], panel, &panel.members(), rows).try_into().expect("one is wanted");
    recipe
}

fn recipe(text: &str) -> Option<Recipe> {
    recipe_over(text, &panel(1), ROWS)
}

#[test]
fn recipes_differ_wherever_values_may() {
    let base = program(BASE);
    let first = panel(1);
    let turned: Vec<bool> = first.members().iter().map(|member| !member).collect();
    let all = [
        recipe(BASE),
        recipe("ts_rank(close, 6)"),
        recipe("ts_rank(open, 5)"),
        recipe("ts_rank(close - open, 5)"),
        recipe("ts_rank(open - close, 5)"),
        recipe("ts_rank(close + 1, 5)"),
        recipe("ts_rank(close + 2, 5)"),
        recipe("ts_median(close, 5)"),
        recipe("cs_rank(close)"),
        recipe("cs_rank(close) + cs_rank(open)"),
        recipe_over(BASE, &panel(2), ROWS),
        recipe_over(BASE, &first, ROWS - 1),
        recipes([&[&base], &[&base]], &first, &turned, ROWS).remove(0),
    ];
    let texts: BTreeSet<&str> = all.iter().map(|recipe| recipe.as_ref().expect("dear enough").text()).collect();
    assert_eq!(texts.len(), all.len());
}

#[test]
fn recipes_are_equal_wherever_values_are() {
    // Rows that are not kept have no say.
    let whole = panel(1);
    assert_eq!(recipe_over(BASE, &whole.prefix(ROWS), ROWS), recipe(BASE));
    // Nor does what else a program holds, before or behind.
    let (inside, alone) = (program(&format!("cs_rank(volume) * ({BASE} / (open - 1.5))")), program(BASE));
    let found = recipes([&[&inside, &alone], &[&alone]], &whole, &whole.members(), ROWS);
    assert!(found.contains(&recipe(BASE)));
}

/// A panel whose later rows differ, as those of the exam do, gives the same recipe: nothing of them is read.
#[test]
fn later_rows_are_not_read() {
    let whole = panel(1);
    let mut changed = whole.prefix(ROWS);
    for &time in &whole.calendar().times()[ROWS..] {
        let row = [7.0; 3];
        let rows: Vec<&[f64]> = whole.field_names().map(|_| &row[..]).collect();
        changed.push_bar(time, &rows).expect("a later bar");
    }
    assert_ne!(changed.fingerprint(), whole.fingerprint());
    assert_eq!(recipe_over(BASE, &changed, ROWS), recipe(BASE));
}

struct Dear;

impl CustomOperator for Dear {
    fn definition(&self) -> Definition {
        Definition {
            name: "dear",
            inputs: &[Port::U],
            cost: 500,
            reference: Reference::Cell(|x, _| x[0]),
            summary: "An operator of a test.",
            formula: "x",
            example: "dear(close)",
            generated: false,
            ..Definition::BASE
        }
    }

    fn kernel(&self, _: &Parameters) -> Kernel {
        Kernel::Cell(Box::new(|x| x[0]))
    }
}

#[test]
fn what_does_not_belong_on_a_shelf_has_no_recipe() {
    register(Dear).expect("a new operator");
    // Cheaper to compute than to read from a file; of the user's own program, and above one that is.
    for text in ["ts_std(close, 5)", "dear(close)", "cs_rank(dear(close))"] {
        assert_eq!(recipe(text), None, "{text}");
    }
}
