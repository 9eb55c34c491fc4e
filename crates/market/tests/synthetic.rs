//! Synthetic markets are what their specification says: to the bit at any number of threads and size of chunks, and
//! within sampling error in every statistic. Seeds are fixed, and bounds are four errors or more wide.

use market::synthetic::{Bar, Generator, SynthSpec, Synthetic, Truth};
use market::{Frequency, Panel};

const ROOM: u64 = 1 << 30;

fn synthetic(spec: &str) -> Synthetic {
    Synthetic::new(SynthSpec::parse(spec).unwrap()).unwrap()
}

fn panel(spec: &str) -> Panel {
    synthetic(spec).panel(None, 2, ROOM).unwrap()
}

/// Logarithms of returns from close to close, a list a symbol.
fn returns(panel: &Panel) -> Vec<Vec<f64>> {
    let close = panel.field("close").unwrap();
    let of = |column: ndarray::ArrayView1<'_, f64>| {
        let prices = column.to_vec();
        prices.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect()
    };
    close.columns().into_iter().map(of).collect()
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    sum / count
}

#[expect(clippy::needless_pass_by_value, reason = "pairs are put together where it is called")]
fn correlation(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let (left, right) = (mean(pairs.clone().map(|p| p.0)), mean(pairs.clone().map(|p| p.1)));
    let moment = |f: fn(f64, f64) -> f64| mean(pairs.clone().map(|(a, b)| f(a - left, b - right)));
    moment(|a, b| a * b) / (moment(|a, _| a * a) * moment(|_, b| b * b)).sqrt()
}

fn lagged(values: &[f64], lag: usize) -> f64 {
    correlation(values.iter().copied().zip(values[lag..].iter().copied()))
}

fn variance(values: &[f64]) -> f64 {
    let centre = mean(values.iter().copied());
    mean(values.iter().map(|value| (value - centre).powi(2)))
}

fn kurtosis(values: &[f64]) -> f64 {
    let centre = mean(values.iter().copied());
    mean(values.iter().map(|value| (value - centre).powi(4))) / variance(values).powi(2)
}

fn near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() < within, "{found} is not {expected} within {within}");
}

/// Everything that can happen, in one market.
const EVENTFUL: &str = "bars=700,symbols=60,seed=3,late_listings=0.3,delisting_rate=0.2,split_rate=0.5,\
    regime=calm:0.1:0.7:100,regime=wild:-0.3:2.5:20,scenario=flash_crash:100:40:0.6,scenario=trading_halt:200:10:0.3,\
    scenario=exchange_outage:300:5:1,scenario=exchange_outage:400:20:0.5,scenario=meme_rally:450:60:5,\
    scenario=liquidity_drought:500:30:0.8,scenario=bear:550:50:0.4,scenario=bull:620:30:0.3,scenario=calm:660:20:2,\
    scenario=regime_switch:680:20:2";

#[test]
fn bars_are_consistent_whatever_happens() {
    for spec in [
        EVENTFUL,
        "bars=500,symbols=20,frequency=30min,price=0.001,seed=5",
        "noise=fat_tailed,volatility=2,bars=1000,symbols=9",
    ] {
        let panel = panel(spec);
        let field = |name: &str| panel.values(name).unwrap();
        let (open, high, low, close, volume) =
            (field("open"), field("high"), field("low"), field("close"), field("volume"));
        let mut bars = 0;
        for cell in 0..close.len() {
            if close[cell].is_nan() {
                let others = [open[cell], high[cell], low[cell], volume[cell]];
                assert!(others.iter().all(|value| value.is_nan()), "cell {cell} is half there");
                continue;
            }
            bars += 1;
            assert!(low[cell] > 0.0 && low[cell] <= open[cell].min(close[cell]), "{spec}: cell {cell}");
            assert!(high[cell] >= open[cell].max(close[cell]), "{spec}: cell {cell}");
            assert!(volume[cell] >= 0.0 && volume[cell].fract() == 0.0, "{spec}: cell {cell}");
        }
        assert!(bars * 2 > close.len(), "{bars} bars");
    }
}

#[test]
fn threads_and_chunks_change_no_bit() {
    // Past the end of a block of random numbers, and with more symbols than are made together.
    let market = synthetic(&EVENTFUL.replace("bars=700", "bars=4500"));
    let whole = market.panel(None, 1, ROOM).unwrap();
    for threads in [2, 3] {
        assert_eq!(market.panel(None, threads, ROOM).unwrap().fingerprint(), whole.fingerprint());
    }
    for bars in [1, 1_000, 100_000] {
        let mut generator = Generator::new(&market, None).unwrap();
        loop {
            let chunk = generator.advance(bars);
            for row in 0..chunk.bars() {
                for (field, name) in market.fields().iter().enumerate() {
                    let start = (chunk.first_bar() + row) * 60;
                    for (first, piece) in chunk.row(field, row) {
                        let expected = &whole.values(name).unwrap()[start + first..][..piece.len()];
                        assert!(piece.iter().zip(expected).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())));
                    }
                }
            }
            if chunk.bars() == 0 {
                assert_eq!(generator.next_bar(), 4_500);
                break;
            }
        }
    }
}

#[test]
fn a_symbol_does_not_depend_on_how_many_there_are() {
    let (few, many) = (panel("bars=300,symbols=20,seed=8"), panel("bars=400,symbols=50,seed=8"));
    for name in ["open", "close", "volume"] {
        let (few, many) = (few.field(name).unwrap(), many.field(name).unwrap());
        assert!(few.indexed_iter().all(|(cell, value)| many[cell] == *value), "{name}");
    }
    assert_ne!(few.fingerprint(), panel("bars=300,symbols=20,seed=9").fingerprint());
}

#[test]
fn white_noise_is_white_and_of_the_stated_volatility() {
    let panel = panel("noise=white,bars=4000,symbols=50,volatility=0.3,volatility_spread=0,seed=1");
    let all: Vec<f64> = returns(&panel).concat();
    // 200,000 moves: the deviation is known to 0.16 %, the kurtosis to 0.011.
    near((variance(&all) * 252.0).sqrt(), 0.3, 0.002);
    near(kurtosis(&all), 3.0, 0.05);
    // Half the variance is taken off, so that simple returns have the mean asked for.
    near(mean(all.iter().map(|r| r.exp_m1())) * 252.0, 0.0, 0.045);
    for (lag, symbol) in [(1, 0), (2, 7), (5, 31)] {
        near(lagged(&returns(&panel)[symbol], lag), 0.0, 0.065);
    }
    let across = returns(&panel);
    near(mean((1..50).map(|s| correlation(across[0].iter().copied().zip(across[s].iter().copied())))), 0.0, 0.01);
}

#[test]
fn tails_are_as_fat_as_asked_for() {
    let panel = panel("noise=fat_tailed,degrees_of_freedom=8,bars=4000,symbols=100,volatility_spread=0,seed=2");
    let all: Vec<f64> = returns(&panel).concat();
    // The kurtosis of a t of 8 degrees is 3 + 6 / 4.
    near(kurtosis(&all), 4.5, 0.3);
    near((variance(&all) * 252.0).sqrt(), 0.25, 0.002);
}

#[test]
fn garch_has_the_stated_persistence() {
    let panel = panel("noise=garch,garch_alpha=0.1,garch_beta=0.85,bars=8000,symbols=60,volatility_spread=0,seed=3");
    let squares: Vec<Vec<f64>> = returns(&panel).iter().map(|of| of.iter().map(|r| r * r).collect()).collect();
    let at = |lag: usize| mean(squares.iter().map(|of| lagged(of, lag)));
    // The autocorrelation of squares of a GARCH(1,1), which falls by alpha + beta with every lag.
    let (alpha, beta) = (0.1, 0.85);
    let first = alpha * (1.0 - alpha * beta - beta * beta) / (1.0 - 2.0 * alpha * beta - beta * beta);
    near(at(1), first, 0.03);
    near((at(11) / at(1)).powf(0.1), alpha + beta, 0.012);
    near((variance(&returns(&panel).concat()) * 252.0).sqrt(), 0.25, 0.006);
    near(kurtosis(&returns(&panel).concat()), 3.0 * (1.0 - 0.95 * 0.95) / (1.0 - 0.95 * 0.95 - 0.02), 0.35);
}

#[test]
fn factors_correlate_symbols_as_their_volatilities_say() {
    let one = panel(
        "noise=common_factor,market_volatility=0.2,beta_spread=0,volatility=0.3,volatility_spread=0,\
                     bars=4000,symbols=20,seed=4",
    );
    let of = returns(&one);
    let pairs = || (0..20).flat_map(|a| (0..a).map(move |b| (a, b)));
    let mean_of = |of: &[Vec<f64>], keep: &dyn Fn(usize, usize) -> bool| {
        let kept = pairs().filter(|(a, b)| keep(*a, *b));
        mean(kept.map(|(a, b)| correlation(of[a].iter().copied().zip(of[b].iter().copied()))))
    };
    near(mean_of(&of, &|_, _| true), 0.04 / 0.13, 0.02);
    let two = panel(
        "market_volatility=0.2,sector_volatility=0.2,sectors=4,volatility=0.3,beta_spread=0,volatility_spread=0,\
                     garch_alpha=0,garch_beta=0,degrees_of_freedom=0,bars=4000,symbols=20,seed=4",
    );
    let of = returns(&two);
    near(mean_of(&of, &|a, b| a % 4 == b % 4), 0.08 / 0.17, 0.025);
    near(mean_of(&of, &|a, b| a % 4 != b % 4), 0.04 / 0.17, 0.025);
    assert_eq!(two.group("sector").unwrap().labels.len(), 4);
    let codes = &two.group("sector").unwrap().codes;
    assert!(codes.indexed_iter().all(|((_, symbol), code)| *code == (symbol % 4) as f64));
}

#[test]
fn moves_lean_on_the_one_before_as_asked_for() {
    let panel = panel("noise=autocorrelated,autocorrelation=-0.2,bars=4000,symbols=50,volatility_spread=0,seed=5");
    let of = returns(&panel);
    near(mean(of.iter().map(|of| lagged(of, 1))), -0.2, 0.01);
    near(mean(of.iter().map(|of| lagged(of, 2))), 0.04, 0.01);
    near((variance(&of.concat()) * 252.0).sqrt(), 0.25, 0.002);
}

#[test]
fn gaps_and_ranges_have_their_share_of_the_variance() {
    let panel = panel("noise=white,overnight=0.4,bars=4000,symbols=50,volatility_spread=0,seed=6");
    let field = |name: &str| panel.field(name).unwrap();
    let (open, high, low, close) = (field("open"), field("high"), field("low"), field("close"));
    let (mut gaps, mut bodies, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
    for symbol in 0..50 {
        for bar in 1..4000 {
            gaps.push((open[[bar, symbol]] / close[[bar - 1, symbol]]).ln());
            bodies.push((close[[bar, symbol]] / open[[bar, symbol]]).ln());
            ranges.push((high[[bar, symbol]] / low[[bar, symbol]]).ln());
        }
    }
    let daily = 0.25_f64.powi(2) / 252.0;
    near(variance(&gaps) / daily, 0.4, 0.006);
    near(variance(&bodies) / daily, 0.6, 0.01);
    near(correlation(gaps.iter().copied().zip(bodies.iter().copied())), 0.0, 0.01);
    // The mean range of a Brownian motion is the root of 8 / pi of its deviation.
    near(mean(ranges) / (daily * 0.6).sqrt(), (8.0 / std::f64::consts::PI).sqrt(), 0.01);
}

#[test]
fn volume_follows_volatility() {
    let panel = panel(
        "noise=garch,garch_alpha=0.15,garch_beta=0.8,bars=4000,symbols=30,volume_spread=0,volatility_spread=0,seed=7",
    );
    let volume = panel.field("volume").unwrap();
    let of = returns(&panel);
    let tied = mean((0..30).map(|symbol| {
        let sizes = of[symbol].iter().map(|r| r.abs());
        let logarithms: Vec<f64> = volume.column(symbol).iter().skip(1).map(|v| v.ln()).collect();
        correlation(sizes.zip(logarithms.iter().copied()))
    }));
    assert!((0.35..0.9).contains(&tied), "{tied}");
    // Volume remembers what moves do not: volatility, and its own past.
    let logarithms: Vec<f64> = volume.column(0).iter().map(|v| v.ln()).collect();
    assert!(lagged(&logarithms, 1) > 0.4);
    let untied = super_volume("volume_elasticity=0");
    assert!(untied.abs() < 0.03, "{untied}");
}

/// Correlation of volumes with the size of moves.
fn super_volume(keys: &str) -> f64 {
    let panel = panel(&format!("noise=white,bars=4000,symbols=5,seed=7,{keys}"));
    let volume = panel.field("volume").unwrap();
    mean(returns(&panel).iter().enumerate().map(|(symbol, of)| {
        let logarithms: Vec<f64> = volume.column(symbol).iter().skip(1).map(|v| v.ln()).collect();
        correlation(of.iter().map(|r| r.abs()).zip(logarithms.iter().copied()))
    }))
}

#[test]
fn listings_and_delistings_follow_their_rates() {
    let panel = panel("bars=2520,symbols=1000,late_listings=0.4,delisting_rate=0.1,seed=9,sectors=0");
    let close = panel.field("close").unwrap();
    let (mut late, mut ended) = (0_usize, 0_usize);
    let mut years = 0.0;
    for column in close.columns() {
        let there: Vec<usize> = (0..2520).filter(|&bar| column[bar].is_finite()).collect();
        let (Some(&first), Some(&last)) = (there.first(), there.last()) else {
            late += 1;
            continue;
        };
        assert_eq!(there.len(), last - first + 1, "no holes");
        late += usize::from(first > 0);
        ended += usize::from(last < 2519);
        years += there.len() as f64 / 252.0;
    }
    near(late as f64 / 1000.0, 0.4, 0.065);
    near(ended as f64 / years, 0.1, 0.02);
}

#[test]
fn splits_change_prices_and_shares_and_nothing_else() {
    let (split, whole) = (panel("bars=2520,symbols=40,split_rate=0.5,seed=2"), panel("bars=2520,symbols=40,seed=2"));
    let (ratio, close, reference) =
        (split.field("split").unwrap(), split.field("close").unwrap(), whole.field("close").unwrap());
    let (volume, other) = (split.field("volume").unwrap(), whole.field("volume").unwrap());
    assert!(whole.field("split").is_none());
    let mut splits = 0;
    for symbol in 0..40 {
        let mut shares = 1.0;
        for bar in 0..2520 {
            let cell = [bar, symbol];
            shares *= ratio[cell];
            splits += usize::from(ratio[cell] != 1.0);
            near(close[cell] * shares / reference[cell], 1.0, 1e-4);
            near(volume[cell] / shares / other[cell], 1.0, 1e-2);
        }
    }
    near(splits as f64 / 400.0, 0.5, 0.15);
}

#[test]
fn regimes_last_as_long_and_move_as_much_as_they_say() {
    let panel =
        panel("noise=white,regime=calm:0:0.5:60,regime=wild:0:2:20,bars=20000,symbols=40,volatility_spread=0,seed=1");
    let of = returns(&panel);
    let daily = 0.25 / 252.0_f64.sqrt();
    // Forty symbols tell which regime a bar is in beyond doubt.
    let wild: Vec<bool> =
        (0..19_999).map(|bar| mean(of.iter().map(|of| of[bar].powi(2))).sqrt() > 1.1 * daily).collect();
    let share = mean(wild.iter().map(|&wild| f64::from(u8::from(wild))));
    near(share, 0.25, 0.05);
    let changes = wild.windows(2).filter(|pair| pair[0] != pair[1]).count();
    near(20_000.0 / (changes as f64 / 2.0), 80.0, 14.0);
}

#[test]
fn scenarios_do_what_they_are_called_for() {
    let calm = "noise=white,volatility=0.05,volatility_spread=0,bars=200,symbols=200,seed=4";
    let run = |scenario: &str| panel(&format!("{calm},scenario={scenario}"));
    let usual = panel(calm);
    let level = |panel: &Panel, bar: usize| {
        mean(
            panel
                .field("close")
                .unwrap()
                .row(bar)
                .iter()
                .zip(usual.field("close").unwrap().row(bar))
                .map(|(a, b)| a / b),
        )
    };
    let spread = |panel: &Panel, bars: std::ops::Range<usize>| {
        variance(&returns(panel).iter().flat_map(|of| of[bars.clone()].to_vec()).collect::<Vec<_>>()).sqrt()
    };
    let traded = |panel: &Panel, bars: std::ops::Range<usize>| {
        mean(bars.flat_map(|bar| panel.field("volume").unwrap().row(bar).to_vec()))
    };

    near(level(&run("bull:50:50:0.5"), 99), 1.5, 1e-4);
    near(level(&run("bull:50:50:0.5"), 49), 1.0, 1e-4);
    near(level(&run("bear:50:50:0.4"), 99), 0.6, 0.01);
    let crash = run("flash_crash:50:40:0.3");
    near(level(&crash, 59), 0.7, 0.01);
    near(level(&crash, 89), 1.0, 0.01);
    near(spread(&run("calm:50:100:1"), 50..149) / spread(&usual, 50..149), 0.5, 0.01);
    near(spread(&run("bear:50:100:0"), 50..149) / spread(&usual, 50..149), 1.5, 0.01);
    near(traded(&run("liquidity_drought:50:50:0.9"), 50..100) / traded(&usual, 50..100), 0.1, 0.001);

    let missing =
        |panel: &Panel, bar: usize| panel.field("close").unwrap().row(bar).iter().filter(|v| v.is_nan()).count();
    let halt = run("trading_halt:50:10:0.3");
    near(missing(&halt, 55) as f64, 60.0, 28.0);
    assert_eq!((missing(&halt, 49), missing(&halt, 60), missing(&halt, 50)), (0, 0, missing(&halt, 59)));
    let outage = run("exchange_outage:50:100:0.5");
    let dark = (50..150).filter(|&bar| missing(&outage, bar) == 200).count();
    near(dark as f64, 50.0, 20.0);
    assert!((0..200).all(|bar| [0, 200].contains(&missing(&outage, bar))));

    let rally = run("meme_rally:50:30:4");
    let rises: Vec<f64> = (0..200)
        .map(|symbol| rally.field("close").unwrap()[[69, symbol]] / usual.field("close").unwrap()[[69, symbol]])
        .filter(|rise| (rise - 1.0).abs() > 0.5)
        .collect();
    assert!((3..25).contains(&rises.len()), "{} rallies", rises.len());
    near(mean(rises), 5.0, 0.5);

    let market = "noise=common_factor,bars=600,symbols=30,volatility_spread=0,seed=4";
    let correlated = |panel: &Panel, bars: std::ops::Range<usize>| {
        let of = returns(panel);
        mean((1..30).map(|s| correlation(of[0][bars.clone()].iter().copied().zip(of[s][bars.clone()].iter().copied()))))
    };
    let switched = panel(&format!("{market},scenario=regime_switch:300:300:2"));
    assert!(correlated(&switched, 300..599) > correlated(&switched, 0..299) + 0.2);
}

#[test]
fn calendars_are_what_the_spec_says() {
    let check = |spec: &str, frequency: &str, first: &str, last: &str| {
        let panel = panel(spec);
        let calendar = panel.calendar();
        assert_eq!(calendar.frequency().to_string(), frequency);
        assert_eq!((calendar.label(0).as_str(), calendar.label(panel.bars() - 1).as_str()), (first, last));
    };
    check("bars=10,symbols=1", "daily", "2015-01-01", "2015-01-14");
    check("bars=10,symbols=1,session=always,start=2020-02-27", "daily, weekends included", "2020-02-27", "2020-03-07");
    check(
        "bars=14,symbols=1,frequency=1h",
        "intraday, 3600 s bars, 7 a day",
        "2015-01-01T09:30:00",
        "2015-01-02T15:30:00",
    );
    let Frequency::Intraday { bars_per_day, .. } = panel("bars=900,symbols=1,frequency=5min").calendar().frequency()
    else {
        panic!("not intraday")
    };
    assert_eq!(bars_per_day, 78);
}

#[test]
fn intraday_bars_add_up_to_the_stated_volatility() {
    let panel = panel("noise=white,frequency=30min,bars=26000,symbols=10,volatility_spread=0,seed=3");
    let of = returns(&panel);
    near((variance(&of.concat()) * 252.0 * 13.0).sqrt(), 0.25, 0.003);
    // What falls between sessions falls on the first bar of a day.
    let first: Vec<f64> =
        of.iter().flat_map(|of| of.iter().skip(12).step_by(13).copied().collect::<Vec<_>>()).collect();
    near(variance(&first) * 252.0 / 0.0625, 0.25 + 0.75 / 13.0, 0.02);
}

/// The last return with its sign turned: persistent, and louder for symbols of high volatility.
struct Reversal {
    last: Vec<f64>,
}

impl Truth for Reversal {
    fn score(&mut self, bar: &Bar<'_>, scores: &mut [f64]) {
        for ((score, last), close) in scores.iter_mut().zip(&mut self.last).zip(&bar.fields[3]) {
            *score = *last / close;
            *last = *close;
        }
    }
}

/// Scores that follow from nothing, and so cannot feed on their own effect.
struct Oracle;

impl Oracle {
    fn of(bar: usize, symbol: usize) -> f64 {
        twox_hash::XxHash3_64::oneshot(&[bar.to_le_bytes(), symbol.to_le_bytes()].concat()) as f64
    }
}

impl Truth for Oracle {
    fn score(&mut self, bar: &Bar<'_>, scores: &mut [f64]) {
        for (symbol, score) in scores.iter_mut().enumerate() {
            *score = if bar.fields[3][symbol].is_nan() { f64::NAN } else { Self::of(bar.bar, symbol) };
        }
    }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    order.iter().enumerate().for_each(|(rank, &place)| ranks[place] = rank as f64);
    ranks
}

/// A market with a plant: `reversal`, or the oracle.
fn plant(spec: &str) -> Panel {
    let market = synthetic(&format!("bars=3000,symbols=250,seed=11,{spec}"));
    let reversal = Reversal { last: vec![f64::NAN; market.symbols().len()] };
    let truth: Box<dyn Truth> = if spec.contains("plant=reversal") { Box::new(reversal) } else { Box::new(Oracle) };
    market.panel(Some(truth), 2, ROOM).unwrap()
}

/// Mean rank IC of a plant with the return of one bar, so many bars on, from open to open or from close to close, and its
/// error.
fn planted(spec: &str, delay: usize) -> (f64, f64) {
    let panel = plant(spec);
    let close = panel.field("close").unwrap();
    let (price, delay) =
        if spec.contains("same_close") { (close, delay - 1) } else { (panel.field("open").unwrap(), delay) };
    let row = |field: &ndarray::ArrayView2<'_, f64>, from: usize, to: usize| -> Vec<f64> {
        field.row(to).iter().zip(field.row(from)).map(|(to, from)| to / from).collect()
    };
    let ics: Vec<f64> = (10..2980)
        .map(|bar| {
            let scores: Vec<f64> = if spec.contains("plant=reversal") {
                row(&close, bar, bar - 1)
            } else {
                (0..250).map(|symbol| Oracle::of(bar, symbol)).collect()
            };
            let returns = row(&price, bar + delay, bar + delay + 1);
            let there: Vec<(f64, f64)> =
                scores.into_iter().zip(returns).filter(|(score, of)| (score * of).is_finite()).collect();
            let (scores, returns): (Vec<f64>, Vec<f64>) = there.into_iter().unzip();
            correlation(ranks(&scores).into_iter().zip(ranks(&returns)))
        })
        .collect();
    (mean(ics.iter().copied()), (variance(&ics) / ics.len() as f64).sqrt())
}

#[test]
fn planted_truth_has_its_rank_ic() {
    // Fat tails, volatilities that differ, and factors; none of that; and more of it. Scores that know who is volatile,
    // and scores that know nothing.
    for (spec, expected) in [
        ("plant=reversal,rank_ic=0.05", 0.05),
        ("plant=reversal,rank_ic=-0.1,plant_return=same_close", -0.1),
        ("plant=reversal,rank_ic=0.08,noise=white,volatility_spread=0", 0.08),
        ("plant=reversal,rank_ic=0.05,half_life=3", 0.05),
        ("plant=oracle,rank_ic=0.03,market_volatility=0.4,volatility_spread=0.6,degrees_of_freedom=3", 0.03),
        ("plant=oracle,rank_ic=0.3,noise=white", 0.3),
        ("plant=oracle,rank_ic=0.05,frequency=2h", 0.05),
        ("plant=oracle,rank_ic=0,half_life=3", 0.0),
        ("plant=oracle,rank_ic=0.05,half_life=3,late_listings=0.5,delisting_rate=0.02", 0.05),
    ] {
        let (found, error) = planted(spec, 1);
        near(found, expected, 4.0 * error + 0.02 * expected.abs());
    }
}

#[test]
fn planted_effects_fall_with_their_half_life() {
    for (spec, delay, left) in [
        ("plant=oracle,rank_ic=0.1", 2, 0.0),
        ("plant=oracle,rank_ic=0.1,half_life=3", 4, 0.5),
        ("plant=oracle,rank_ic=0.1,half_life=3", 7, 0.25),
        ("plant=oracle,rank_ic=0.1,half_life=4,decay=linear", 5, 0.5),
        ("plant=oracle,rank_ic=0.1,half_life=4,decay=linear", 9, 0.0),
        ("plant=oracle,rank_ic=0.1,half_life=4,decay=step", 4, 1.0),
        ("plant=oracle,rank_ic=0.1,half_life=4,decay=step", 5, 0.0),
    ] {
        let (found, error) = planted(spec, delay);
        near(found, 0.1 * left, 4.0 * error + 0.002);
    }
}

#[test]
fn a_plant_leaves_the_variance_of_returns_as_it_is() {
    let panel = plant("plant=reversal,noise=white,rank_ic=0.3,half_life=5,volatility_spread=0");
    let open = panel.field("open").unwrap();
    let moves: Vec<f64> =
        (1..2999).flat_map(|bar| (0..250).map(move |s| (open[[bar + 1, s]] / open[[bar, s]]).ln())).collect();
    near((variance(&moves) * 252.0).sqrt(), 0.25, 0.002);
}

#[test]
fn specs_that_fit_nowhere_are_refused() {
    for (spec, words) in [
        ("bars=100000,symbols=100000", &["bytes", "data synth"][..]),
        ("garch_alpha=0.5,garch_beta=0.5", &["garch_alpha", "garch_beta", "0.9995"]),
        ("rank_ic=0.5,plant=close,volatility=0.02,sector_volatility=0.5", &["plant", "close"]),
        ("scenario=bear:3000:5:0.1", &["scenario", "bear", "3000", "2520"]),
        ("scenario=bear:soon:5:0.1", &["scenario", "soon"]),
        ("bars=1000000,start=9000-01-01", &["bars", "9999"]),
        ("start=yesterday", &["start", "yesterday"]),
        ("volatility=5,bars=100000,symbols=1,sectors=0", &["volatility"]),
        ("symbols=2,sectors=0,plant=close", &["plant", "3 symbols"]),
    ] {
        let made = Synthetic::new(SynthSpec::parse(spec).unwrap()).and_then(|market| market.panel(None, 1, ROOM));
        let message = made.expect_err(spec).to_string();
        for word in words {
            assert!(message.contains(word), "no `{word}` in the message of {spec}: {message}");
        }
    }
}

#[test]
fn fields_out_of_range_are_refused_like_text() {
    let check = |change: fn(&mut SynthSpec), words: &[&str]| {
        let mut spec = SynthSpec::default();
        change(&mut spec);
        let message = Synthetic::new(spec).unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    };
    check(|spec| spec.symbols = 0, &["`symbols`", "1 to 200000"]);
    check(|spec| spec.volatility = f64::INFINITY, &["`volatility`", "0 to 5"]);
    check(|spec| spec.volatility = f64::NAN, &["synth"]);
    check(|spec| spec.degrees_of_freedom = 1.0, &["`degrees_of_freedom`"]);
    check(|spec| spec.start = "\"".to_owned(), &["`start`"]);
}

/// Fixed bits: a change of generator, law or rounding shows here, and is a change of version of the generator.
#[test]
fn the_market_of_a_seed_is_fixed() {
    assert_eq!(panel(EVENTFUL).fingerprint(), 946_590_205_978_206_703);
    assert_eq!(panel("bars=300,symbols=30,seed=42,frequency=15min").fingerprint(), 14_728_765_602_701_634_763);
}
