//! What a bar's close makes of holdings: their value, and which of them exits end.

#![expect(clippy::needless_bitwise_bool, reason = "what need not be computed still costs less than a branch")]

use engine::compiled_for;
use engine::vectors::Vectors;
use factor::Exits;

use crate::simulate::columns::{CHUNK, Chunk, Lanes, bits};
use crate::simulate::holdings::Columns;
use crate::simulate::symbols::{SymbolSet, symbols_of};

/// So few symbols of a chunk are taken one by one.
const FEW: u32 = 4;

/// Values what is held at a bar's closes, or at the last one before where it has none; where asked to, follows the best
/// close since entry. Gives what it is worth.
pub(in crate::simulate) fn value(
    vectors: Vectors,
    columns: &mut Columns,
    held: &SymbolSet,
    close: &[f64],
    follows: bool,
) -> f64 {
    let mut total = 0.0;
    let found = &mut total;
    compiled_for!(vectors, value_sweep[](
        columns: &mut Columns, held: &SymbolSet, close: &[f64], follows: bool, found: &mut f64));
    total
}

#[inline(always)]
fn value_sweep(columns: &mut Columns, held: &SymbolSet, close: &[f64], follows: bool, found: &mut f64) {
    let (mut room, mut worth) = (Chunk::default(), Chunk::default());
    for (at, bits) in held.chunks() {
        if bits.count_ones() <= FEW {
            for lane in symbols_of(0, bits) {
                value_symbol(at * CHUNK + lane, columns, close, follows, &mut worth.0[lane]);
            }
            continue;
        }
        let (close, shares) = (room.of(close, at), columns.shares.chunk(at));
        value_kernel(shares, close, columns.marks.chunk_mut(at), &mut worth.0);
        if follows {
            follow_kernel(shares, close, columns.entries.best.chunk_mut(at));
        }
    }
    *found = worth.sum();
}

/// The same for one symbol: prices of a few lie in a line of memory each, those of a chunk in several.
#[inline(always)]
fn value_symbol(symbol: usize, columns: &mut Columns, close: &[f64], follows: bool, worth: &mut f64) {
    let (close, shares) = (close[symbol], columns.shares[symbol]);
    if close > 0.0 {
        columns.marks[symbol] = close;
        if follows {
            let best = &mut columns.entries.best[symbol];
            *best = if close.copysign(shares) > best.copysign(shares) { close } else { *best };
        }
    }
    *worth += shares * columns.marks[symbol];
}

#[inline(always)]
fn value_kernel(shares: &Lanes, close: &Lanes, marks: &mut Lanes, worth: &mut Lanes) {
    let before = *marks;
    for lane in 0..CHUNK {
        let mark = if close[lane] > 0.0 { close[lane] } else { before[lane] };
        marks[lane] = mark;
        worth[lane] += if shares[lane] == 0.0 { 0.0 } else { shares[lane] * mark };
    }
}

#[inline(always)]
fn follow_kernel(shares: &Lanes, close: &Lanes, best: &mut Lanes) {
    let before = *best;
    for lane in 0..CHUNK {
        // Where less is better, signs turn it round.
        let (now, then) = (close[lane].copysign(shares[lane]), before[lane].copysign(shares[lane]));
        let is_better = (close[lane] > 0.0) & (now > then);
        best[lane] = if is_better { close[lane] } else { before[lane] };
    }
}

/// Levels of exits; NaN where there is none, since no comparison with it is true.
#[derive(Debug, Clone, Copy)]
struct Levels {
    stop_loss: f64,
    activation: f64,
    trail: f64,
    take_profit: f64,
    max_holding: f64,
    volatility: f64,
    average_true_range: f64,
    row: f64,
}

/// Positions among which are all that [`exits::due`](crate::simulate::exits::due) closes on a bar's close, those that leave
/// already left out.
pub(in crate::simulate) fn due(
    vectors: Vectors,
    columns: &Columns,
    held: &SymbolSet,
    leaving: &SymbolSet,
    exits: &Exits,
    row: usize,
    due: &mut SymbolSet,
) {
    let or_none = |level: Option<f64>| level.unwrap_or(f64::NAN);
    let levels = &Levels {
        stop_loss: or_none(exits.stop_loss),
        activation: or_none(exits.trailing_stop.map(|stop| stop.activation)),
        trail: or_none(exits.trailing_stop.map(|stop| stop.trail)),
        take_profit: or_none(exits.take_profit),
        max_holding: or_none(exits.max_holding.map(f64::from)),
        volatility: or_none(exits.volatility_stop.map(|stop| stop.multiplier)),
        average_true_range: or_none(exits.atr_stop.map(|stop| stop.multiplier)),
        row: row as f64,
    };
    compiled_for!(vectors, due_sweep[](
        levels: &Levels, columns: &Columns, held: &SymbolSet, leaving: &SymbolSet, due: &mut SymbolSet));
}

#[inline(always)]
fn due_sweep(levels: &Levels, columns: &Columns, held: &SymbolSet, leaving: &SymbolSet, due: &mut SymbolSet) {
    due.clear();
    let Columns { shares, marks, entries, .. } = columns;
    for (at, held) in held.chunks() {
        if held.count_ones() <= FEW {
            // Who looks at what is found looks at these few sooner.
            due.put_chunk(at, held & !leaving.chunk(at));
            continue;
        }
        let bits = due_kernel(
            levels,
            shares.chunk(at),
            marks.chunk(at),
            entries.price.chunk(at),
            entries.best.chunk(at),
            entries.row.chunk(at),
            entries.measures.volatility.chunk(at),
            entries.measures.average_true_range.chunk(at),
        );
        due.put_chunk(at, bits & held & !leaving.chunk(at));
    }
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "columns that do not overlap")]
fn due_kernel(
    levels: &Levels,
    shares: &Lanes,
    marks: &Lanes,
    entry: &Lanes,
    best: &Lanes,
    since: &Lanes,
    volatility: &Lanes,
    range: &Lanes,
) -> u64 {
    let levels = *levels;
    bits(|lane| {
        let side = if shares[lane] < 0.0 { -1.0 } else { 1.0 };
        let gain = side * (marks[lane] - entry[lane]);
        let armed = side * (best[lane] - entry[lane]) >= levels.activation * entry[lane];
        let fallen = side * (marks[lane] - best[lane]) <= -levels.trail * best[lane];
        (gain <= -(levels.stop_loss * entry[lane]))
            | (armed & fallen)
            | (gain >= levels.take_profit * entry[lane])
            | (levels.row - since[lane] >= levels.max_holding)
            | (gain <= -(levels.volatility * (volatility[lane] * entry[lane])))
            | (gain <= -(levels.average_true_range * range[lane]))
    })
}
