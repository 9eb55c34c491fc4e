//! Crossover: a part of one strategy grafted into another.

use rand::Rng;

use super::draw::{Draw, below, one_of, percent};
use super::mutate::Draft;
use super::palette::Palette;
use super::sketch::{EMPTY, Place, Sketch};
use crate::graph::{Kind, Role};
use crate::operator::MAX_INPUTS;
use crate::strategy::Strategy;

/// A child of two parents, which stay as they are: the mother with a sub-graph of the father in the place of one of
/// equal type and unit, or with a whole role, positions or exits of his. It keeps the mother's name.
///
/// `None` where the two have nothing that can be exchanged, or the child would outgrow the palette's size.
pub fn crossover(mother: &Strategy, father: &Strategy, palette: &Palette, rng: &mut impl Rng) -> Option<Strategy> {
    cross(mother, father, palette, rng)
}

fn cross(mother: &Strategy, father: &Strategy, palette: &Palette, rng: Draw) -> Option<Strategy> {
    let mut child = Draft { graph: None, positions: mother.positions, exits: mother.exits };
    let choice = below(rng, 100);
    match choice {
        0..=4 => child.positions = father.positions,
        5..=9 => child.exits = father.exits,
        _ => {
            let mut sketch = Sketch::read(&mother.graph)?;
            let donor = Sketch::read(&father.graph)?;
            if choice < 25 {
                exchange_role(&mut sketch, &donor, rng)?;
            } else {
                exchange_factor(&mut sketch, &donor, rng)?;
            }
            child.graph = Some(sketch.build());
            // Exits travel with the factors now and then.
            if percent(rng, 10) {
                child.exits = father.exits;
            }
        }
    }
    child.finish(mother, palette)
}

/// Gives the mother what plays a role for the father.
fn exchange_role<'a>(mother: &mut Sketch<'a>, father: &Sketch<'a>, rng: Draw) -> Option<()> {
    let roles: Vec<(Role, Place)> =
        Role::VARIED.into_iter().filter_map(|role| father.role(role).map(|place| (role, place))).collect();
    let (role, place) = one_of(rng, &roles)?;
    let copy = graft(mother, father, place)?;
    if mother.role(role) == Some(copy) {
        return None;
    }
    mother.set_role(role, Some(copy));
    Some(())
}

/// Puts a factor of the father in the place of one of the mother's of equal type.
fn exchange_factor<'a>(mother: &mut Sketch<'a>, father: &Sketch<'a>, rng: Draw) -> Option<()> {
    let factors =
        |sketch: &Sketch| -> Vec<Place> { sketch.places().filter(|&place| sketch.entry(place).is_factor()).collect() };
    let (targets, sources) = (factors(mother), factors(father));
    let start = below(rng, targets.len());
    let old = mother.len();
    // From a random factor on, the first that has a counterpart.
    (0..targets.len()).find_map(|step| {
        let target = targets[(start + step) % targets.len()];
        let output = mother.entry(target).output;
        let score = mother.role(Role::Score) == Some(target);
        let fits = |&&place: &&Place| {
            let found = father.entry(place).output;
            found == output || (score && found.is_number())
        };
        let fitting: Vec<Place> = sources.iter().filter(fits).copied().collect();
        let source = one_of(rng, &fitting)?;
        let copy = graft(mother, father, source)?;
        if copy == target || closes_circle(mother, target, copy, old) {
            return None;
        }
        if father.entry(source).output == output {
            mother.substitute(target, copy, old);
        } else {
            mother.set_role(Role::Score, Some(copy));
        }
        Some(())
    })
}

/// Whether `copy` stands on an entry of the mother's that `target` feeds: in the target's place it would feed itself.
fn closes_circle(mother: &Sketch, target: Place, copy: Place, old: usize) -> bool {
    let (upstream, downstream) = (mother.upstream(copy), mother.downstream(target));
    (0..old).any(|place| place != target as usize && upstream[place] && downstream[place])
}

/// Copies what feeds `place` into `sketch`, nodes shared. What is there already is not copied again: relatives have
/// much in common.
fn graft<'a>(sketch: &mut Sketch<'a>, donor: &Sketch<'a>, place: Place) -> Option<Place> {
    let feeds = donor.upstream(place);
    let mut copies = vec![EMPTY; donor.len()];
    // Inputs stand before consumers in a sketch that was read.
    for source in donor.places().filter(|&source| feeds[source as usize]) {
        let entry = donor.entry(source);
        let mut inputs = [EMPTY; MAX_INPUTS];
        let count = entry.inputs().len();
        for (input, &original) in inputs.iter_mut().zip(entry.inputs()) {
            *input = copies[original as usize];
        }
        let inputs = &inputs[..count];
        let known = match entry.kind() {
            Kind::Field(..) => Some(sketch.column(entry.node.clone())?),
            _ => sketch.find(entry.kind(), inputs),
        };
        copies[source as usize] = match known {
            Some(known) => known,
            None => sketch.push_node(entry.node.clone(), inputs)?,
        };
    }
    Some(copies[place as usize])
}
