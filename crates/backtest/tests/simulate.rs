//! Fills, cash, exits: by hand where numbers can be followed, by law where they are many.

use backtest::metrics::ReturnSettings;
use backtest::{
    Backtester, Costs, Detail, Fill, Market, Outcome, Periods, Reason, Report, Rows, Settings, Simulator, backtest,
    buy_and_hold,
};
use factor::{
    Count, Exits, Palette, Positions, Rebalance, Rule, ScaledStop, Schema, Strategy, TrailingStop, VariationSettings,
    Weighting, random_strategy,
};
use indexmap::IndexMap;
use market::{Calendar, Panel, RandomWalk};
use ndarray::Array2;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

const NAN: f64 = f64::NAN;
const DAY: i64 = 86_400_000_000;

/// A panel of one column a symbol; opens equal the closes before them unless given.
fn panel(open: &[&[f64]], close: &[&[f64]]) -> Panel {
    let (bars, symbols) = (close[0].len(), close.len());
    let field = |columns: &[&[f64]]| Array2::from_shape_fn((bars, symbols), |(row, symbol)| columns[symbol][row]);
    let fields = IndexMap::from([("open".to_owned(), field(open)), ("close".to_owned(), field(close))]);
    let calendar = Calendar::new((0..bars as i64).map(|row| row * DAY).collect(), None).expect("rising days");
    let names = (0..symbols).map(|symbol| format!("S{symbol}")).collect();
    Panel::new(calendar, names, fields, IndexMap::new()).expect("a valid panel")
}

fn free() -> Settings {
    let costs = Costs::FREE;
    Settings { capital: 1_000.0, costs, ..Settings::default() }
}

fn signal(exits: Exits) -> (Positions, Exits) {
    let positions =
        Positions { rule: Rule::Signal, count: Count::Number(1), rebalance: Rebalance::Daily, ..Positions::default() };
    (positions, exits)
}

/// Runs one symbol with an entry flag a bar, and no exit flag ever.
fn one(prices: &[f64], entry: &[f64], exits: Exits, settings: &Settings, measures: [f64; 2]) -> Outcome {
    let panel = panel(&[prices], &[prices]);
    let market = Market::new(&panel);
    let (positions, exits) = signal(exits);
    let mut simulator = Simulator::new(&market, positions, exits, settings, Detail::Full);
    for (row, flag) in entry.iter().enumerate() {
        let rows = Rows {
            entry: Some(std::slice::from_ref(flag)),
            exit: Some(&[0.0]),
            stop_volatility: Some(&measures[..1]),
            average_true_range: Some(&measures[1..]),
            ..Rows::default()
        };
        simulator.step(row, &rows);
    }
    simulator.finish()
}

#[test]
fn a_decision_is_filled_at_the_next_open_and_paid_for() {
    let panel = panel(&[&[10.0, 12.0, 20.0, 18.0]], &[&[10.0, 15.0, 20.0, 21.0]]);
    let market = Market::new(&panel);
    let (positions, exits) = signal(Exits::default());
    let costs = Costs { commission_bps: 50.0, half_spread_bps: 50.0, sell_tax_bps: 100.0, ..Costs::FREE };
    let settings = Settings { costs, ..free() };
    let mut simulator = Simulator::new(&market, positions, exits, &settings, Detail::Full);
    // Bought on the flag of bar 0, sold when the flag ends on bar 2.
    for (row, flag) in [1.0, 1.0, 0.0, 0.0].into_iter().enumerate() {
        simulator.step(row, &Rows { entry: Some(&[flag]), ..Rows::default() });
    }
    let outcome = simulator.finish();
    // 100 shares are wanted at 10, but the open is at 12: 1,000 / 1.01 / 12 can be paid for.
    let shares = 1_000.0 / 1.01 / 12.0;
    let equity = [1_000.0, shares * 15.0, shares * 20.0, shares * 18.0 * 0.98];
    for (found, expected) in outcome.equity.iter().zip(equity) {
        assert!((found - expected).abs() < 1e-9, "{:?}", outcome.equity);
    }
    let trade = outcome.trades[0];
    assert_eq!((trade.entry_row, trade.exit_row, trade.reason), (1, Some(3), Some(Reason::Exit)));
    assert!((trade.net_pnl - (equity[3] - 1_000.0)).abs() < 1e-9);
    assert!((trade.costs - outcome.costs.iter().sum::<f64>()).abs() < 1e-9);
}

/// Closes after the entry, the exit that is set, and what fires it on which bar.
type Case<'a> = (&'a [f64], Exits, Option<(Reason, usize)>);

#[test]
fn every_exit_fires_when_it_should_and_not_before() {
    let stop = |multiplier| Some(ScaledStop { multiplier, window: 20 });
    let trail = |trail, activation| Some(TrailingStop { trail, activation });
    let none = Exits::default();
    // Bought at 100 on bar 1; what follows, the exit, and the bar on which the close fires it.
    let cases: [Case<'_>; 11] = [
        (&[95.0, 91.0, 90.0, 89.0], Exits { stop_loss: Some(0.1), ..none }, Some((Reason::StopLoss, 4))),
        (&[95.0, 90.1, 95.0, 90.1], Exits { stop_loss: Some(0.1), ..none }, None),
        (&[110.0, 129.0, 130.0, 99.0], Exits { take_profit: Some(0.3), ..none }, Some((Reason::TakeProfit, 4))),
        (
            &[120.0, 109.0, 107.0, 130.0],
            Exits { trailing_stop: trail(0.1, 0.0), ..none },
            Some((Reason::TrailingStop, 4)),
        ),
        (&[89.0, 80.0, 70.0, 60.0], Exits { trailing_stop: trail(0.1, 0.05), ..none }, None),
        (
            &[106.0, 95.0, 80.0, 60.0],
            Exits { trailing_stop: trail(0.1, 0.05), ..none },
            Some((Reason::TrailingStop, 3)),
        ),
        (&[101.0, 102.0, 103.0, 104.0], Exits { max_holding: Some(2), ..none }, Some((Reason::MaxHolding, 3))),
        (&[97.0, 95.9, 99.0, 99.0], Exits { volatility_stop: stop(2.0), ..none }, Some((Reason::VolatilityStop, 3))),
        (&[97.0, 96.1, 99.0, 99.0], Exits { volatility_stop: stop(2.0), ..none }, None),
        (&[97.0, 94.0, 99.0, 99.0], Exits { atr_stop: stop(2.0), ..none }, Some((Reason::AtrStop, 3))),
        (&[97.0, 94.1, 99.0, 99.0], Exits { atr_stop: stop(2.0), ..none }, None),
    ];
    for (after, exits, expected) in cases {
        let prices: Vec<f64> = [100.0, 100.0].into_iter().chain(after.iter().copied()).chain([50.0]).collect();
        let entry: Vec<f64> = (0..prices.len()).map(|row| if row == 0 { 1.0 } else { 0.0 }).collect();
        // Volatility 0.02 and an average true range of 3 were known when the order was given.
        let outcome = one(&prices, &entry, exits, &free(), [0.02, 3.0]);
        let found = outcome.trades[0].reason.zip(outcome.trades[0].exit_row).map(|(reason, row)| (reason, row - 1));
        assert_eq!(found, expected, "{after:?} {exits:?}");
    }
}

#[test]
fn a_symbol_that_stops_trading_is_held_at_its_last_price_then_closed() {
    let prices = [10.0, 10.0, 12.0, NAN, NAN, NAN, NAN];
    let mut settings = free();
    settings.delisting.after_missing_bars = 3;
    settings.delisting.return_fraction = -0.5;
    let outcome = one(&prices, &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], Exits::default(), &settings, [NAN; 2]);
    assert_eq!(outcome.equity, [1_000.0, 1_000.0, 1_200.0, 1_200.0, 1_200.0, 600.0, 600.0]);
    assert_eq!((outcome.trades[0].reason, outcome.trades[0].exit_row), (Some(Reason::Delisted), Some(5)));
    // The end of the file is no reason to sell.
    let open = one(&prices[..5], &[1.0, 0.0, 0.0, 0.0, 0.0], Exits::default(), &settings, [NAN; 2]);
    assert_eq!(open.trades[0].exit_row, None);
    assert!(open.positions.last().expect("a holding").stale);
}

#[test]
fn a_short_that_doubles_ruins_and_stays_ruined() {
    let panel = panel(&[&[10.0, 10.0, 10.0, 10.0]], &[&[10.0, 10.0, 25.0, 5.0]]);
    let market = Market::new(&panel);
    let positions =
        Positions { rule: Rule::Weights, count: Count::Number(1), rebalance: Rebalance::Daily, ..Positions::default() };
    let mut simulator = Simulator::new(&market, positions, Exits::default(), &free(), Detail::Full);
    for row in 0..4 {
        simulator.step(row, &Rows { score: Some(&[-1.0]), ..Rows::default() });
    }
    let outcome = simulator.finish();
    assert_eq!(outcome.ruin_row, Some(2));
    assert_eq!(outcome.equity, [1_000.0, 1_000.0, -500.0, -500.0]);
    assert_eq!(outcome.returns[..3], [0.0, 0.0, -1.5]);
    assert!(outcome.returns[3].is_nan(), "nothing is earned after ruin, not even 0");
}

#[test]
fn a_period_after_ruin_is_missing_and_not_flat() {
    // Short the whole equity; the price rises to the fivefold on row 7 of 10, in validation.
    let prices: Vec<f64> = (0..10).map(|row| if row < 7 { 10.0 + 0.1 * f64::from(row % 2) } else { 50.0 }).collect();
    let panel = panel(&[&prices], &[&prices]);
    let text =
        "name = \"short\"\n[factors]\nall = \"0 - close / close\"\n[positions]\nrule = \"weights\"\nscore = \"all\"";
    let strategy = Strategy::from_toml(text, &Schema::bars()).expect("a strategy");
    let (market, periods) = (Market::new(&panel), Periods::split(10, 0.6, 0.2));
    let report = backtest(&strategy, &panel, &market, &free(), &periods, &ReturnSettings::new(252.0)).expect("runs");
    let [whole, train, validation, exam] = &report.periods[..] else { panic!("{:?}", report.periods) };
    assert!(whole.metrics.ruin && !train.metrics.ruin && validation.metrics.ruin);
    assert_eq!((whole.metrics.total_return, whole.metrics.max_drawdown), (Some(-1.0), Some(-1.0)));
    assert_eq!((exam.metrics.n_obs, exam.metrics.n_missing), (0, 2));
    for undefined in [exam.metrics.total_return, exam.metrics.cagr, exam.metrics.volatility, exam.metrics.max_drawdown]
    {
        assert_eq!(undefined, None, "nothing was earned, which is not the same as earning nothing");
    }
    assert_eq!((exam.activity.exposure_time, exam.activity.cost_drag.to_bits()), (0.0, 0.0_f64.to_bits()));
    assert_eq!(exam.benchmark.map(|benchmark| benchmark.n_pairs), Some(0));
}

#[test]
fn one_benchmark_serves_every_strategy() {
    let panel = RandomWalk { bars: 220, symbols: 25, seed: 9, gap_rate: 0.02, late_listing_rate: 0.2 }.panel();
    let (market, periods, returns) = (Market::new(&panel), Periods::split(220, 0.6, 0.2), ReturnSettings::new(252.0));
    let backtester = Backtester::new(&panel, &market, &Settings::default(), &periods, &returns).expect("settings");
    for strategy in strategies(10) {
        let alone = backtest(&strategy, &panel, &market, &Settings::default(), &periods, &returns).expect("runs");
        let text = |report: &Report| serde_json::to_string(report).expect("numbers and names");
        assert_eq!(text(&backtester.run(&strategy).expect("runs")), text(&alone));
    }
    let held = backtester.benchmark();
    assert_eq!(
        held.outcome.equity,
        buy_and_hold(&market, &Settings::default(), Detail::Returns, 0..market.bars()).equity
    );
    assert!(held.periods.iter().all(|period| period.benchmark.is_none()));
    let broken = Settings { capital: 0.0, ..Settings::default() };
    assert!(Backtester::new(&panel, &market, &broken, &periods, &returns).is_err());
}

#[test]
fn the_best_scores_are_held_and_ties_go_by_symbol() {
    let flat: &[f64] = &[10.0, 10.0, 10.0];
    let panel = panel(&[flat; 4], &[flat; 4]);
    let market = Market::new(&panel);
    let held = |rule, weight, score: [f64; 4]| {
        let positions =
            Positions { rule, count: Count::Number(2), weight, rebalance: Rebalance::Daily, ..Positions::default() };
        let mut simulator = Simulator::new(&market, positions, Exits::default(), &free(), Detail::Full);
        for row in 0..3 {
            simulator.step(
                row,
                &Rows { score: Some(&score), weight_volatility: Some(&[0.1, 0.2, 0.2, 0.4]), ..Rows::default() },
            );
        }
        let mut weights = [0.0; 4];
        for position in simulator.finish().positions.iter().filter(|position| position.row == 2) {
            weights[position.symbol] = (position.weight * 1e6).round() / 1e6;
        }
        weights
    };
    assert_eq!(held(Rule::Top, Weighting::Equal, [1.0, 3.0, 3.0, 3.0]), [0.0, 0.5, 0.5, 0.0]);
    assert_eq!(held(Rule::Top, Weighting::Equal, [NAN, 3.0, NAN, 1.0]), [0.0, 0.5, 0.0, 0.5]);
    assert_eq!(held(Rule::Top, Weighting::InverseVolatility, [9.0, 8.0, 1.0, 1.0]), [0.666_667, 0.333_333, 0.0, 0.0]);
    assert_eq!(held(Rule::LongShort, Weighting::Equal, [4.0, 1.0, 2.0, 3.0]), [0.25, -0.25, -0.25, 0.25]);
    assert_eq!(held(Rule::Weights, Weighting::Equal, [1.0, -1.0, NAN, 2.0]), [0.25, -0.25, 0.0, 0.5]);
    assert_eq!(held(Rule::Weights, Weighting::Equal, [0.1, -0.2, 0.0, NAN]), [0.1, -0.2, 0.0, 0.0]);
}

fn strategies(count: usize) -> Vec<Strategy> {
    let rules = vec![Rule::Top, Rule::LongShort, Rule::Signal, Rule::Weights];
    let settings = VariationSettings { rules, max_window: 40, ..VariationSettings::new(Schema::bars()) };
    let palette = Palette::new(settings).expect("bars are enough for any strategy");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(23);
    (0..count).map(|_| random_strategy(&palette, &mut rng)).collect()
}

fn simulate(strategy: &Strategy, panel: &Panel, settings: &Settings) -> Outcome {
    let market = Market::new(panel);
    let periods = Periods::split(panel.bars(), 0.6, 0.2);
    backtest(strategy, panel, &market, settings, &periods, &ReturnSettings::new(252.0))
        .expect("a valid strategy")
        .outcome
}

/// 200 whole strategies, with rebalancing and exits: a history cut short gives the start of the whole backtest.
#[test]
fn no_strategy_sees_the_future() {
    let panel = RandomWalk { bars: 220, symbols: 25, seed: 9, gap_rate: 0.02, late_listing_rate: 0.2 }.panel();
    let mut traded = 0;
    for (index, strategy) in strategies(200).iter().enumerate() {
        let cut = 90 + index % 100;
        let (whole, short) = (
            simulate(strategy, &panel, &Settings::default()),
            simulate(strategy, &panel.prefix(cut), &Settings::default()),
        );
        let same = |left: &[f64], right: &[f64]| left[..cut].iter().zip(right).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same(&whole.equity, &short.equity), "equity of {}", strategy.to_toml(""));
        assert!(same(&whole.turnover, &short.turnover) && same(&whole.costs, &short.costs));
        let ended = |outcome: &Outcome| {
            outcome
                .trades
                .iter()
                .filter(|trade| trade.exit_row.is_some_and(|row| row < cut))
                .copied()
                .collect::<Vec<_>>()
        };
        assert_eq!(ended(&whole), ended(&short));
        traded += usize::from(!whole.trades.is_empty());
    }
    assert!(traded > 150, "only {traded} of 200 strategies traded");
}

#[test]
fn cash_and_holdings_are_equity_on_every_bar() {
    let panel = RandomWalk { bars: 200, symbols: 30, seed: 3, gap_rate: 0.05, late_listing_rate: 0.3 }.panel();
    let closes = panel.values("close").expect("a close");
    for (index, strategy) in strategies(300).iter().enumerate() {
        let fill = [Fill::NextOpen, Fill::NextClose, Fill::SameClose][index % 3];
        let settings = Settings { fill, ..Settings::default() };
        let outcome = simulate(strategy, &panel, &settings);
        let mut marks = vec![NAN; panel.symbols().len()];
        let mut positions = outcome.positions.iter().peekable();
        for row in 0..panel.bars() {
            for (symbol, mark) in marks.iter_mut().enumerate() {
                let close = closes[row * panel.symbols().len() + symbol];
                *mark = if close.is_nan() { *mark } else { close };
            }
            let mut value = outcome.cash[row];
            while let Some(position) = positions.next_if(|position| position.row == row) {
                value += position.shares * marks[position.symbol];
            }
            let equity = outcome.equity[row];
            assert!((value - equity).abs() <= 1e-9 * settings.capital, "row {row}: {value} is not {equity}");
        }
        // Long-only books are never levered: purchases are scaled to the cash there is.
        if matches!(strategy.positions.rule, Rule::Top | Rule::Signal) {
            assert!(outcome.cash.iter().all(|&cash| cash >= -1e-6), "{:?}", strategy.positions);
        }
        // What trades earned, open ones included, is what equity gained.
        let earned: f64 = outcome.trades.iter().map(|trade| trade.net_pnl).sum();
        let gained = outcome.equity[panel.bars() - 1] - settings.capital;
        if outcome.ruin_row.is_none() {
            assert!(
                (earned - gained).abs() <= 1e-6 * settings.capital,
                "trades earned {earned}, equity gained {gained}"
            );
        }
    }
}
