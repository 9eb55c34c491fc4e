//! From targets to orders.

#![expect(clippy::needless_bitwise_bool, reason = "what need not be computed still costs less than a branch")]

use engine::compiled_for;

use crate::simulate::columns::{CHUNK, Chunk, Lanes, bit, is_member};
use crate::simulate::holdings::Book;
use crate::simulate::orders::Fresh;
use crate::simulate::pending::DUST;
use crate::simulate::targets::Targets;

/// A close at which targets become orders.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulate) struct Decision<'a> {
    pub(in crate::simulate) close: &'a [f64],
    /// `None` where there are no scores: all are alike then.
    pub(in crate::simulate) score: Option<&'a [f64]>,
    pub(in crate::simulate) stop_volatility: Option<&'a [f64]>,
    pub(in crate::simulate) average_true_range: Option<&'a [f64]>,
    pub(in crate::simulate) limits: Limits,
}

/// What decides whether a change is traded, in money.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulate) struct Limits {
    pub(in crate::simulate) equity: f64,
    /// What is held may be so far away from its target.
    pub(in crate::simulate) band: f64,
    /// Least that is traded.
    pub(in crate::simulate) least: f64,
}

/// Orders from what is held to the weights of those chosen.
pub(in crate::simulate) fn order(decision: &Decision<'_>, targets: &Targets, book: &mut Book, orders: &mut Fresh) {
    compiled_for!(book.vectors, order_sweep[](
        decision: &Decision<'_>, targets: &Targets, book: &mut Book, orders: &mut Fresh));
}

#[inline(always)]
fn order_sweep(decision: &Decision<'_>, targets: &Targets, book: &mut Book, orders: &mut Fresh) {
    let (mut room, mut more_room, alike) = (Chunk::default(), Chunk::default(), Chunk::default());
    for (at, chosen) in targets.chosen.chunks() {
        let close = room.of(decision.close, at);
        let given = order_kernel(
            &decision.limits,
            chosen,
            close,
            decision.score.map_or(&alike.0, |score| more_room.of(score, at)),
            targets.weights.chunk(at),
            book.columns.shares.chunk(at),
            orders.target.chunk_mut(at),
            orders.rank.chunk_mut(at),
            orders.weight.chunk_mut(at),
        );
        orders.waiting.join_chunk(at, given);
        book.columns.note(at, given & !book.held().chunk(at), close);
        if orders.measures.is_kept() {
            if let Some(volatility) = decision.stop_volatility {
                *orders.measures.volatility.chunk_mut(at) = *more_room.of(volatility, at);
            }
            if let Some(range) = decision.average_true_range {
                *orders.measures.average_true_range.chunk_mut(at) = *more_room.of(range, at);
            }
        }
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "columns that do not overlap")]
fn order_kernel(
    limits: &Limits,
    chosen: u64,
    close: &Lanes,
    score: &Lanes,
    weight: &Lanes,
    held: &Lanes,
    target: &mut Lanes,
    rank: &mut Lanes,
    part: &mut Lanes,
) -> u64 {
    let Limits { equity, band, least } = *limits;
    let dust = DUST * equity;
    let mut given = 0;
    let (old_target, old_rank, old_part) = (*target, *rank, *part);
    for lane in 0..CHUNK {
        let worth = weight[lane] * equity / close[lane];
        let shares = if weight[lane] == 0.0 { 0.0 } else { worth };
        let closes = (shares == 0.0) & (held[lane] != 0.0);
        let change = ((shares - held[lane]) * close[lane]).abs();
        let stays = (shares * held[lane] > 0.0) & (change < band);
        let is_traded = (change > dust) & (change >= least) & !stays;
        let is_given = is_member(chosen, lane) & (closes | is_traded);
        target[lane] = if is_given { shares } else { old_target[lane] };
        // Adding 0 makes one zero of two.
        let signed = score[lane] * 1.0_f64.copysign(weight[lane]) + 0.0;
        rank[lane] = if is_given { signed } else { old_rank[lane] };
        part[lane] = if is_given { weight[lane] } else { old_part[lane] };
        given |= bit(is_given, lane);
    }
    u64::from(given)
}
