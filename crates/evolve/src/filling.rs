//! Where the values come from that a cache of nodes wants: from a shelf, or else from the market.

use std::sync::{Mutex, PoisonError};

use engine::{Contents, NodeCache, PlanCounts, Recipe, Shelf, Wanted};
use factor::Program;
use market::Panel;
use rayon::prelude::*;

use crate::counts::ShelfCounts;

/// Nodes computed together to be kept.
const PIECE: usize = 4;

/// A shelf beside the cache, for nodes of one panel.
#[derive(Debug)]
pub(crate) struct Shelved<'a> {
    shelf: &'a dyn Shelf,
    contents: Contents<'a>,
    counts: Mutex<ShelfCounts>,
}

impl<'a> Shelved<'a> {
    pub(crate) fn new(shelf: &'a dyn Shelf, contents: Contents<'a>) -> Self {
        Self { shelf, contents, counts: Mutex::default() }
    }

    pub(crate) fn counts(&self) -> ShelfCounts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The recipe of a node that belongs on the shelf, and its values if they are there.
    fn find(&self, wanted: &Wanted) -> (Option<Recipe>, Option<Vec<f64>>) {
        let Some(recipe) = Recipe::of(wanted, &self.contents) else { return (None, None) };
        let values = self.shelf.find(&recipe).filter(|values| values.len() == recipe.cells());
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match &values {
            Some(values) => {
                counts.found += 1;
                counts.found_bytes += size_of_val(&values[..]) as u64;
                counts.saved_nanoseconds += recipe.saved_nanoseconds();
            }
            None => counts.missed += 1,
        }
        (Some(recipe), values)
    }

    fn keep(&self, recipe: &Recipe, values: &[f64]) {
        if self.shelf.keep(recipe, values) {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.kept += 1;
            counts.kept_bytes += size_of_val(values) as u64;
        }
    }
}

/// Fills a cache with what is worth keeping for groups of programs that are to run next, and for those to come. What is
/// wanted follows from what was asked for; a shelf only spares computing it. Everything is looked for before anything new
/// is put on the shelf, so that no room is made of what is about to be read.
pub(crate) fn fill(
    cache: &mut NodeCache,
    groups: &[Vec<&Program>],
    panel: &Panel,
    members: &[bool],
    shelved: Option<&Shelved<'_>>,
) -> PlanCounts {
    let wanted = cache.wanted(groups);
    let look_up = |wanted| shelved.map_or((None, None), |shelved| shelved.find(wanted));
    let looked_up: Vec<_> = wanted.par_iter().map(look_up).collect();
    let (mut missing, mut recipes) = (Vec::new(), Vec::new());
    for (wanted, (recipe, values)) in wanted.into_iter().zip(looked_up) {
        if let Some(values) = values {
            cache.keep(wanted, values);
        } else {
            missing.push(wanted);
            recipes.push(recipe);
        }
    }
    let pieces: Vec<_> = missing
        .par_chunks(PIECE)
        .zip(recipes.par_chunks(PIECE))
        .map(|(piece, recipes)| {
            let (values, counts) =
                Wanted::values(piece, cache, panel, members).expect("the search only uses the panel's columns");
            for (recipe, values) in recipes.iter().zip(&values) {
                if let (Some(shelved), Some(recipe)) = (shelved, recipe) {
                    shelved.keep(recipe, values);
                }
            }
            (values, counts)
        })
        .collect();
    let counts = pieces.iter().map(|(_, counts)| *counts).sum();
    for (wanted, values) in missing.into_iter().zip(pieces.into_iter().flat_map(|(values, _)| values)) {
        cache.keep(wanted, values);
    }
    counts
}
