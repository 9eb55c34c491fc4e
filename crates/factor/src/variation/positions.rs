//! Positions, sizing and exits: drawn for a new strategy, changed one at a time for a child.
//!
//! Counts are drawn as fractions, which mean the same in a universe of 6 and of 3,000; numbers of symbols that a
//! person wrote stay numbers.

use super::draw::{Draw, below, log_uniform, log_uniform_rows, one_of, percent, rounded};
use super::palette::Palette;
use crate::strategy::{Count, Exits, Positions, Rebalance, Rule, ScaledStop, TrailingStop, Weighting};

const REBALANCES: [Rebalance; 3] = [Rebalance::Daily, Rebalance::Weekly, Rebalance::Monthly];
const FRACTIONS: [f64; 9] = [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5];

/// Ranges that variation keeps to, (least, most).
const STOP_LOSS: (f64, f64) = (0.02, 0.3);
const TRAIL: (f64, f64) = (0.03, 0.4);
const ACTIVATION: (f64, f64) = (0.02, 0.3);
const TAKE_PROFIT: (f64, f64) = (0.05, 1.0);
const MULTIPLIER: (f64, f64) = (0.5, 8.0);
const VOLATILITY_WINDOW: (u32, u32) = (10, 120);
const ATR_WINDOW: (u32, u32) = (5, 50);
const HOLDING: (u32, u32) = (3, 250);

/// The kinds of exit, in the order of strategy files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    StopLoss,
    TrailingStop,
    TakeProfit,
    MaxHolding,
    VolatilityStop,
    AtrStop,
}

const EXITS: [Exit; 6] =
    [Exit::StopLoss, Exit::TrailingStop, Exit::TakeProfit, Exit::MaxHolding, Exit::VolatilityStop, Exit::AtrStop];

/// Positions under a rule, for a strategy with or without a score.
pub(super) fn draw_positions(rule: Rule, scored: bool, palette: &Palette, rng: Draw) -> Positions {
    Positions {
        rule,
        count: draw_count(rule, rng),
        // Equal weights are hard to beat.
        weight: if percent(rng, 60) { Weighting::Equal } else { draw_weighting(rule, scored, palette, rng) },
        rebalance: one_of(rng, &REBALANCES).unwrap_or(Rebalance::Weekly),
        ..Positions::default()
    }
}

/// No exits more often than not, else one or two.
pub(super) fn draw_exits(palette: &Palette, rng: Draw) -> Exits {
    let mut exits = Exits::default();
    let number = [0, 0, 0, 1, 1, 2][below(rng, 6)];
    for _ in 0..number {
        if let Some(exit) = one_of(rng, &EXITS).filter(|&exit| is_usable(exit, palette)) {
            draw_exit(&mut exits, exit, palette, rng);
        }
    }
    reconcile(&mut exits);
    exits
}

/// A trailing stop that take-profit would always come before is armed at once instead.
fn reconcile(exits: &mut Exits) {
    if let (Some(stop), Some(target)) = (&mut exits.trailing_stop, exits.take_profit)
        && target <= stop.activation
    {
        stop.activation = 0.0;
    }
}

/// What a change of positions changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The rule; the graph must then give what the rule needs.
    Rule(Rule),
    /// The number of holdings.
    Count,
    /// The times at which targets are set.
    Rebalance,
}

/// A change that the rule makes sense of.
pub(super) fn draw_change(positions: &Positions, palette: &Palette, rng: Draw) -> Change {
    let rules: Vec<Rule> = palette.settings().rules.iter().copied().filter(|&rule| rule != positions.rule).collect();
    let counted = positions.rule != Rule::Weights;
    match below(rng, 10) {
        0..=2 if !rules.is_empty() => Change::Rule(rules[below(rng, rules.len())]),
        3..=6 if counted => Change::Count,
        // A signal is sized when it enters, not at rebalances.
        _ if positions.rule == Rule::Signal => Change::Count,
        _ => Change::Rebalance,
    }
}

/// Another number of holdings.
pub(super) fn step_count(positions: &mut Positions, rng: Draw) {
    positions.count = match positions.count {
        Count::Number(number) => {
            let stepped = f64::from(number) * if percent(rng, 50) { 1.4 } else { 1.0 / 1.4 };
            let stepped = (stepped.round().min(1e6) as u32).max(1);
            Count::Number(if stepped == number { number + 1 } else { stepped })
        }
        current @ Count::Fraction(_) => {
            let drawn = draw_count(positions.rule, rng);
            if drawn == current { draw_count(positions.rule, rng) } else { drawn }
        }
    };
}

/// A number of holdings that suits a rule just chosen; numbers that a person wrote stay.
pub(super) fn redraw_count(positions: &mut Positions, rng: Draw) {
    if matches!(positions.count, Count::Fraction(_)) {
        positions.count = draw_count(positions.rule, rng);
    }
}

/// Another time at which targets are set.
pub(super) fn step_rebalance(positions: &mut Positions, rng: Draw) {
    let place = REBALANCES.iter().position(|&rebalance| rebalance == positions.rebalance).unwrap_or(0);
    positions.rebalance = REBALANCES[(place + 1 + below(rng, REBALANCES.len() - 1)) % REBALANCES.len()];
}

/// Another weighting; `None` where the rule or the data leaves no choice.
pub(super) fn change_weighting(positions: &mut Positions, scored: bool, palette: &Palette, rng: Draw) -> Option<()> {
    let current = positions.weight;
    let others: Vec<Weighting> =
        weightings(positions.rule, scored, palette).filter(|&weighting| weighting != current).collect();
    positions.weight = one_of(rng, &others)?;
    Some(())
}

/// Whether positions may keep their weighting under their rule.
pub(super) fn is_weighting_usable(positions: &Positions, scored: bool, palette: &Palette) -> bool {
    weightings(positions.rule, scored, palette).any(|weighting| weighting == positions.weight)
}

/// Adds, drops or steps one exit.
pub(super) fn change_exits(exits: &mut Exits, palette: &Palette, rng: Draw) -> Option<()> {
    let (used, unused): (Vec<Exit>, Vec<Exit>) = EXITS.iter().partition(|&&exit| is_used(exits, exit));
    let unused: Vec<Exit> = unused.into_iter().filter(|&exit| is_usable(exit, palette)).collect();
    let choice = below(rng, 10);
    match (choice, one_of(rng, &used), one_of(rng, &unused)) {
        (0..=4, Some(exit), _) => step_exit(exits, exit, palette, rng),
        (5..=6, Some(exit), _) => drop_exit(exits, exit),
        (_, _, Some(exit)) => draw_exit(exits, exit, palette, rng),
        (_, Some(exit), None) => step_exit(exits, exit, palette, rng),
        (_, None, None) => return None,
    }
    reconcile(exits);
    Some(())
}

fn draw_count(rule: Rule, rng: Draw) -> Count {
    let fraction = one_of(rng, &FRACTIONS).unwrap_or(0.1);
    match rule {
        // Ignored: one value, so that equal strategies have one identity.
        Rule::Weights => Count::Fraction(0.1),
        // One slot a symbol, as strategy files have it by default, or fewer and larger ones.
        Rule::Signal if percent(rng, 50) => Count::Fraction(1.0),
        Rule::Top | Rule::LongShort | Rule::Signal => Count::Fraction(fraction),
    }
}

fn draw_weighting(rule: Rule, scored: bool, palette: &Palette, rng: Draw) -> Weighting {
    let choices: Vec<Weighting> = weightings(rule, scored, palette).collect();
    one_of(rng, &choices).unwrap_or(Weighting::Equal)
}

/// Weightings that a strategy may have. Under rule `weights` the score itself is the weight.
fn weightings(rule: Rule, scored: bool, palette: &Palette) -> impl Iterator<Item = Weighting> {
    let free = rule != Rule::Weights;
    let volatility = free && palette.has_columns(&["close"]);
    [(Weighting::Equal, true), (Weighting::Score, free && scored), (Weighting::InverseVolatility, volatility)]
        .into_iter()
        .filter_map(|(weighting, usable)| usable.then_some(weighting))
}

fn is_usable(exit: Exit, palette: &Palette) -> bool {
    match exit {
        Exit::VolatilityStop => palette.has_columns(&["close"]),
        Exit::AtrStop => palette.has_columns(&["high", "low", "close"]),
        _ => true,
    }
}

fn is_used(exits: &Exits, exit: Exit) -> bool {
    match exit {
        Exit::StopLoss => exits.stop_loss.is_some(),
        Exit::TrailingStop => exits.trailing_stop.is_some(),
        Exit::TakeProfit => exits.take_profit.is_some(),
        Exit::MaxHolding => exits.max_holding.is_some(),
        Exit::VolatilityStop => exits.volatility_stop.is_some(),
        Exit::AtrStop => exits.atr_stop.is_some(),
    }
}

fn drop_exit(exits: &mut Exits, exit: Exit) {
    match exit {
        Exit::StopLoss => exits.stop_loss = None,
        Exit::TrailingStop => exits.trailing_stop = None,
        Exit::TakeProfit => exits.take_profit = None,
        Exit::MaxHolding => exits.max_holding = None,
        Exit::VolatilityStop => exits.volatility_stop = None,
        Exit::AtrStop => exits.atr_stop = None,
    }
}

fn draw_exit(exits: &mut Exits, exit: Exit, palette: &Palette, rng: Draw) {
    match exit {
        Exit::StopLoss => exits.stop_loss = Some(draw_level(STOP_LOSS, rng)),
        Exit::TrailingStop => {
            let activation = if percent(rng, 50) { 0.0 } else { draw_level(ACTIVATION, rng) };
            exits.trailing_stop = Some(TrailingStop { trail: draw_level(TRAIL, rng), activation });
        }
        Exit::TakeProfit => exits.take_profit = Some(draw_level(TAKE_PROFIT, rng)),
        Exit::MaxHolding => exits.max_holding = Some(draw_rows(HOLDING, palette, rng)),
        Exit::VolatilityStop => exits.volatility_stop = Some(draw_scaled(VOLATILITY_WINDOW, palette, rng)),
        Exit::AtrStop => exits.atr_stop = Some(draw_scaled(ATR_WINDOW, palette, rng)),
    }
}

fn step_exit(exits: &mut Exits, exit: Exit, palette: &Palette, rng: Draw) {
    match exit {
        Exit::StopLoss => step_in_place(&mut exits.stop_loss, |x| step_level(x, STOP_LOSS, rng)),
        Exit::TrailingStop => step_in_place(&mut exits.trailing_stop, |stop| {
            if percent(rng, 70) {
                return TrailingStop { trail: step_level(stop.trail, TRAIL, rng), ..stop };
            }
            // Armed at once, or by a gain: the one becomes the other, or the gain is stepped.
            let activation = match stop.activation {
                0.0 => draw_level(ACTIVATION, rng),
                _ if percent(rng, 30) => 0.0,
                armed => step_level(armed, ACTIVATION, rng),
            };
            TrailingStop { activation, ..stop }
        }),
        Exit::TakeProfit => step_in_place(&mut exits.take_profit, |x| step_level(x, TAKE_PROFIT, rng)),
        Exit::MaxHolding => step_in_place(&mut exits.max_holding, |bars| step_rows(bars, HOLDING, palette, rng)),
        Exit::VolatilityStop => {
            step_in_place(&mut exits.volatility_stop, |stop| step_scaled(stop, VOLATILITY_WINDOW, palette, rng));
        }
        Exit::AtrStop => step_in_place(&mut exits.atr_stop, |stop| step_scaled(stop, ATR_WINDOW, palette, rng)),
    }
}

fn step_in_place<T: Copy>(value: &mut Option<T>, mut step: impl FnMut(T) -> T) {
    *value = value.map(&mut step);
}

fn draw_level((least, most): (f64, f64), rng: Draw) -> f64 {
    rounded(log_uniform(rng, least, most)).clamp(least, most)
}

fn step_level(value: f64, (least, most): (f64, f64), rng: Draw) -> f64 {
    rounded(value * step_factor(rng)).clamp(least, most)
}

fn draw_rows((least, most): (u32, u32), palette: &Palette, rng: Draw) -> u32 {
    let most = most.min(palette.settings().max_window);
    log_uniform_rows(rng, least.min(most), most)
}

fn step_rows(value: u32, (least, most): (u32, u32), palette: &Palette, rng: Draw) -> u32 {
    let most = most.min(palette.settings().max_window);
    let stepped = (f64::from(value) * step_factor(rng)).round() as u32;
    let stepped = if stepped == value { value.saturating_add(1) } else { stepped };
    stepped.clamp(least.min(most), most)
}

fn draw_scaled(windows: (u32, u32), palette: &Palette, rng: Draw) -> ScaledStop {
    ScaledStop { multiplier: draw_level(MULTIPLIER, rng), window: draw_rows(windows, palette, rng) }
}

fn step_scaled(stop: ScaledStop, windows: (u32, u32), palette: &Palette, rng: Draw) -> ScaledStop {
    if percent(rng, 50) {
        ScaledStop { multiplier: step_level(stop.multiplier, MULTIPLIER, rng), ..stop }
    } else {
        ScaledStop { window: step_rows(stop.window, windows, palette, rng), ..stop }
    }
}

/// A step of 10 to 50 percent, up as often as down.
pub(super) fn step_factor(rng: Draw) -> f64 {
    let factor = log_uniform(rng, 1.1, 1.5);
    if percent(rng, 50) { factor } else { 1.0 / factor }
}
