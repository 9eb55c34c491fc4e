//! Operators that compare the symbols of a row: which kernel each is.

use factor::{Operator, Parameters};

use super::row::group::{self, by_group, by_group_of_pairs};
use super::row::{self, on_members, on_pairs, values};
use super::view::RowsMut;
use super::{Block, Operand, RankScale, RowScratch};
use crate::compiled_for;

/// Operators that compare the symbols of a row.
pub(super) fn across(
    operator: Operator,
    p: &Parameters,
    block: &Block<'_>,
    state: &mut [f64],
    scratch: &mut RowScratch,
    out: &mut RowsMut<'_>,
) {
    let width = block.span.width;
    let mut input = std::mem::take(&mut scratch.input);
    for offset in 0..out.count() {
        let row = block.span.first_row + offset;
        let members = &block.members[row * width..][..width];
        let out = out.row(offset);
        let x = if block.writes_over {
            input.clear();
            input.extend_from_slice(out);
            &input[..]
        } else {
            block.input(0).row(offset)
        };
        let others = [1, 2].map(|slot: usize| match block.inputs[slot] {
            Operand::Rows(rows) => rows.row(offset),
            Operand::Scalar(_) => &[],
        });
        match operator {
            Operator::Hump => {
                if row == 0 {
                    state.fill(f64::NAN);
                }
                row::humped(x, members, state, p.real(0), out);
            }
            Operator::GroupBackfill => {
                let d = p.rows(0);
                let now = &mut state[row % d * width..][..width];
                for ((now, &x), &member) in now.iter_mut().zip(x).zip(members) {
                    *now = if member { x } else { f64::NAN };
                }
                let past = &state[..d.min(row + 1) * width];
                group::backfilled_by_group([x, others[0]], members, past, p.real(1), out, scratch);
            }
            _ => compiled_for!(block.vectors, across_row[](
                operator: Operator,
                p: &Parameters,
                x: &[f64],
                others: [&[f64]; 2],
                members: &[bool],
                scratch: &mut RowScratch,
                out: &mut [f64],
            )),
        }
    }
    scratch.input = input;
}

#[inline(always)]
fn across_row(
    operator: Operator,
    p: &Parameters,
    x: &[f64],
    [second, third]: [&[f64]; 2],
    members: &[bool],
    scratch: &mut RowScratch,
    out: &mut [f64],
) {
    use Operator as O;
    match operator {
        O::CsRank => row::ranks(x, members, out, scratch, RankScale::new(p.real(0))),
        O::CsZscore => {
            let ddof = p.real(0);
            on_members(x, members, out, scratch, |x, out| values::zscores(x, out, ddof));
        }
        O::CsNormalize => {
            let (limit, ddof) = (p.real(0), p.real(1));
            on_members(x, members, out, scratch, |x, out| values::normalized(x, out, limit, ddof));
        }
        O::CsQuantile => {
            let (factor, quantile) = (p.real(0), row::driver(p.real(1)));
            row::rank_quantiles(x, members, out, scratch, |share| factor * quantile(share));
        }
        O::CsQcut => {
            let groups = p.real(0);
            row::rank_quantiles(x, members, out, scratch, |share| (share * groups).floor().min(groups - 1.0));
        }
        O::CsBucket => {
            let (edges, bins) = ([p.real(0), p.real(1)], p.rows(2));
            on_members(x, members, out, scratch, |x, out| values::binned(x, out, edges, bins));
        }
        O::CsResid => row::plane_residuals([x, second, third], members, out, scratch),
        O::CsDemean => on_members(x, members, out, scratch, values::demeaned),
        O::CsScale => {
            let (total, sides) = (p.real(0), [p.real(1), p.real(2)]);
            if sides == [0.0; 2] {
                on_members(x, members, out, scratch, |x, out| values::scaled(x, out, total));
            } else {
                on_members(x, members, out, scratch, |x, out| values::scaled_sides(x, out, sides));
            }
        }
        O::GroupNormalize => {
            let total = p.real(0);
            by_group(x, second, members, out, scratch, |x, out, _| values::scaled(x, out, total));
        }
        O::CsTruncate => {
            let share = p.real(0);
            on_members(x, members, out, scratch, |x, out| values::truncated(x, out, share));
        }
        O::CsWinsorize => {
            let (deviations, ddof) = (p.real(0), p.real(1));
            on_members(x, members, out, scratch, |x, out| values::winsorized(x, out, deviations, ddof));
        }
        O::CsMinmax => {
            let shift = p.real(0);
            on_members(x, members, out, scratch, |x, out| values::places(x, out, shift));
        }
        O::CsMean => on_members(x, members, out, scratch, values::means),
        O::CsSum => on_members(x, members, out, scratch, values::totals),
        O::CsStd => {
            let ddof = p.real(0);
            on_members(x, members, out, scratch, |x, out| values::deviations(x, out, ddof));
        }
        O::CsMedian => on_members(x, members, out, scratch, values::medians),
        O::CsMin => on_members(x, members, out, scratch, values::minima),
        O::CsMax => on_members(x, members, out, scratch, values::maxima),
        O::CsCount => on_members(x, members, out, scratch, values::counts),
        O::CsOneSide => on_members(x, members, out, scratch, values::one_sided),
        O::CsClipQuantile => {
            let (low, high) = (p.real(0), p.real(1));
            on_members(x, members, out, scratch, |x, out| values::within_quantiles(x, out, low, high));
        }
        O::CsClipMad => {
            let deviations = p.real(0);
            on_members(x, members, out, scratch, |x, out| values::within_median_deviations(x, out, deviations));
        }
        O::CsTopBottom => {
            let (count, mut order) = (p.rows(0), std::mem::take(&mut scratch.order));
            row::sided(x, members, out, scratch, &mut order, count);
            scratch.order = order;
        }
        O::CsRegResid => on_pairs([x, second], members, out, scratch, values::residuals),
        O::CsRegFit => on_pairs([x, second], members, out, scratch, values::fits),
        O::CsVectorNeut => on_pairs([x, second], members, out, scratch, values::orthogonal),
        O::CsVectorProj => on_pairs([x, second], members, out, scratch, values::projections),
        O::GroupRank => by_group(x, second, members, out, scratch, |x, out, ranker| {
            ranker.rank(x, out);
        }),
        O::GroupZscore => {
            let ddof = p.real(0);
            by_group(x, second, members, out, scratch, |x, out, _| values::zscores(x, out, ddof));
        }
        O::GroupNeutralize => by_group(x, second, members, out, scratch, |x, out, _| values::demeaned(x, out)),
        O::GroupMean => by_group(x, second, members, out, scratch, |x, out, _| values::means(x, out)),
        O::GroupSum => by_group(x, second, members, out, scratch, |x, out, _| values::totals(x, out)),
        O::GroupStd => {
            let ddof = p.real(0);
            by_group(x, second, members, out, scratch, |x, out, _| values::deviations(x, out, ddof));
        }
        O::GroupMedian => by_group(x, second, members, out, scratch, |x, out, _| values::medians(x, out)),
        O::GroupMin => by_group(x, second, members, out, scratch, |x, out, _| values::minima(x, out)),
        O::GroupMax => by_group(x, second, members, out, scratch, |x, out, _| values::maxima(x, out)),
        O::GroupCount => by_group(x, second, members, out, scratch, |x, out, _| values::counts(x, out)),
        O::GroupMinmax => by_group(x, second, members, out, scratch, |x, out, _| values::places(x, out, 0.0)),
        O::GroupPercentile => {
            let share = p.real(0);
            by_group(x, second, members, out, scratch, |x, out, _| values::quantiles(x, out, share));
        }
        O::GroupFill => group::filled_by_group(x, second, members, out, scratch),
        O::GroupCross => group::crossed(x, second, members, out, scratch),
        O::GroupResid => by_group_of_pairs([x, second, third], members, out, scratch, values::residuals),
        O::GroupVectorNeut => by_group_of_pairs([x, second, third], members, out, scratch, values::orthogonal),
        O::GroupVectorProj => by_group_of_pairs([x, second, third], members, out, scratch, values::projections),
        O::GroupWmean => group::weighted_by_group([x, second, third], members, out, scratch),
        _ => unreachable!("`run` and `history` take every other operator"),
    }
}
