//! What of a plan still runs, when only some of its programs go on.

use crate::plan::{Place, Plan, Stage};

/// The programs of a plan that go on, and the nodes that they need.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) programs: Vec<bool>,
    pub(crate) nodes: Vec<bool>,
    /// How many of the nodes are needed.
    pub(crate) count: usize,
}

impl Live {
    /// Everything.
    pub(crate) fn all(plan: &Plan) -> Self {
        let (programs, nodes) = (vec![true; plan.results.len()], vec![true; plan.nodes.len()]);
        Self { programs, count: nodes.len(), nodes }
    }

    /// Leaves programs out, and with them the nodes that no other program needs.
    pub(crate) fn retain(&mut self, plan: &Plan, mut goes_on: impl FnMut(usize) -> bool) {
        for (program, live) in self.programs.iter_mut().enumerate() {
            *live = *live && goes_on(program);
        }
        self.nodes = needed(plan, &self.programs);
        self.count = self.nodes.iter().filter(|needed| **needed).count();
    }
}

/// For each node, whether a result of one of the programs is made from it.
///
/// A plan says where nodes read, not what: places are used again and again. But stages and their nodes run in one order,
/// so what is read from a place was made by the last node before that wrote there.
fn needed(plan: &Plan, programs: &[bool]) -> Vec<bool> {
    let (slots, blocks) = (plan.slots as usize, plan.blocks as usize);
    let cell = |place: Place| match place {
        Place::Slot(slot) => Some(slot as usize),
        Place::Block(block) => Some(slots + block as usize),
        Place::Whole(program) => Some(slots + blocks + program as usize),
        Place::Column(_) | Place::Scalar(_) => None,
    };
    let mut writers: Vec<Option<usize>> = vec![None; slots + blocks + plan.results.len()];
    let mut makers: Vec<Vec<usize>> = vec![Vec::new(); plan.nodes.len()];
    let mut needed = vec![false; plan.nodes.len()];
    for stage in &plan.stages {
        match stage {
            Stage::Tiles(nodes) | Stage::Strips(nodes) => {
                for index in nodes.clone() {
                    let node = &plan.nodes[index];
                    let inputs = node.inputs[..node.count as usize].iter();
                    makers[index] = inputs.filter_map(|&input| writers[cell(input)?]).collect();
                    for written in [Some(node.output), node.mean].into_iter().flatten().filter_map(cell) {
                        writers[written] = Some(index);
                    }
                }
            }
            Stage::Emit(program) if programs[*program] => {
                for made in plan.results[*program].iter().filter_map(|&(_, place)| writers[cell(place)?]) {
                    needed[made] = true;
                }
            }
            Stage::Emit(_) => {}
        }
    }
    // What makes a node runs before it.
    for index in (0..plan.nodes.len()).rev() {
        if needed[index] {
            for &maker in &makers[index] {
                needed[maker] = true;
            }
        }
    }
    needed
}
