//! What a synthetic market is to be like: keys with values, as people write them.

use std::fmt;

use super::keys::KEYS;

/// A synthetic market in words and numbers, before anything is checked against anything else.
///
/// Built from text by [`SynthSpec::parse`], from a TOML file by [`SynthSpec::from_toml`], or field by field. Every key is
/// a field here, with the meaning that the field's documentation gives; [`SynthSpec::keys`] lists them with their ranges.
#[derive(Debug, Clone, PartialEq)]
pub struct SynthSpec {
    /// Bars a symbol.
    pub bars: usize,
    /// Symbols, called `S0001`, `S0002`, ...
    pub symbols: usize,
    /// Same seed and keys, same market, to the bit.
    pub seed: u64,
    /// What kind of market without an edge the other keys start from.
    pub noise: Noise,
    /// Date, or date and time, on or after which the first bar lies.
    pub start: String,
    /// How far bars are apart.
    pub frequency: Spacing,
    /// When there are bars.
    pub session: Session,
    /// Sectors, each with a factor of its own that its symbols share; symbols take turns. 0: none, and no column.
    pub sectors: usize,
    /// Drift of every symbol a year: the mean of simple returns.
    pub drift: f64,
    /// Volatility a year of the factor that all symbols share.
    pub market_volatility: f64,
    /// Volatility a year of each sector's factor.
    pub sector_volatility: f64,
    /// Volatility a year of what only one symbol does: the median over symbols.
    pub volatility: f64,
    /// Spread of that volatility over symbols: deviation of its logarithm.
    pub volatility_spread: f64,
    /// Spread over symbols of the beta to the market's factor, about a mean of 1.
    pub beta_spread: f64,
    /// GARCH(1,1): how much of a bar's variance is the last squared move.
    pub garch_alpha: f64,
    /// GARCH(1,1): how much of it is the last variance.
    pub garch_beta: f64,
    /// Degrees of freedom of the Student t that moves follow, scaled to unit variance; 0 is normal.
    pub degrees_of_freedom: f64,
    /// Correlation of each move with the one before it.
    pub autocorrelation: f64,
    /// Share of a day's variance that falls between the sessions.
    pub overnight: f64,
    /// Median price at the first bar.
    pub price: f64,
    /// Deviation over symbols of its logarithm.
    pub price_spread: f64,
    /// Median volume a day.
    pub volume: f64,
    /// Deviation over symbols of its logarithm.
    pub volume_spread: f64,
    /// Deviation over bars of the volume's logarithm that nothing explains.
    pub volume_noise: f64,
    /// How much of that is the last bar's.
    pub volume_persistence: f64,
    /// Power of volatility that volume follows, and how it follows the size of the move.
    pub volume_elasticity: f64,
    /// Share of symbols that are listed on a random later bar instead of the first.
    pub late_listings: f64,
    /// Chance a year that a symbol is delisted: it has no bars from then on.
    pub delisting_rate: f64,
    /// Splits a year and symbol. Prices are as traded, not adjusted, and a column `split` says 2 on the bar from which
    /// one share is two.
    pub split_rate: f64,
    /// An expression whose values foretell the returns that follow.
    pub plant: Option<String>,
    /// The rank IC that it has with the next bar's return.
    pub rank_ic: f64,
    /// Bars after which its effect is half as strong; 0: it is on the next bar alone.
    pub half_life: f64,
    /// How the effect falls.
    pub decay: Decay,
    /// Which return of the next bar carries it.
    pub plant_return: PlantReturn,
    /// States of the market between which it changes at random; the first is where it starts. None: one, as the keys say.
    pub regimes: Vec<Regime>,
    /// What happens when.
    pub scenarios: Vec<Scenario>,
}

/// A market without an edge, as a start for the other keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// A market of every component: factors, GARCH, fat tails.
    None,
    /// Independent normal moves.
    White,
    /// Independent moves with the tails of a Student t of 4 degrees of freedom.
    FatTailed,
    /// Normal moves whose volatility clusters.
    Garch,
    /// Normal moves of which the symbols share a part.
    CommonFactor,
    /// Normal moves that each lean 5 % on the one before.
    Autocorrelated,
}

/// How far bars are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// A bar a day, at midnight.
    Daily,
    /// A bar every so many minutes of a session, called by its start.
    Minutes(u32),
}

/// When there are bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// On Mondays to Fridays, from and to so many minutes after midnight UTC.
    Hours {
        /// First minute.
        open: u32,
        /// First minute no more.
        close: u32,
    },
    /// Every day around the clock, without a gap overnight.
    Always,
}

/// How a planted effect falls with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decay {
    /// By the same share with every bar.
    Exponential,
    /// In a straight line, to nothing after twice the half-life.
    Linear,
    /// Not at all, until it stops after the half-life.
    Step,
}

/// Which return a planted score foretells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlantReturn {
    /// From the next bar's open to the open after it: what an order earns that is filled at the next open.
    NextOpen,
    /// From the bar's close to the next bar's close.
    SameClose,
}

/// A state of the market.
#[derive(Debug, Clone, PartialEq)]
pub struct Regime {
    /// What it is called.
    pub name: String,
    /// Drift a year, on top of the market's.
    pub drift: f64,
    /// By what all volatilities are multiplied.
    pub volatility: f64,
    /// Mean length in bars.
    pub length: f64,
}

/// Something that happens to a market.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What.
    pub kind: ScenarioKind,
    /// First bar: a number, counted from 0, or a date.
    pub start: String,
    /// For how many bars.
    pub length: usize,
    /// How strongly; [`ScenarioKind`] says what it means.
    pub strength: f64,
}

/// What can happen to a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScenarioKind {
    /// Volatilities are divided by 1 + strength.
    Calm,
    /// Prices rise by the strength (a share) from beginning to end, evenly.
    Bull,
    /// Prices fall by the strength (a share below 1) from beginning to end, evenly; volatility half as high again.
    Bear,
    /// Prices fall by the strength (a share below 1) within a quarter of the time and come back within the rest;
    /// volatility and volume three times as high.
    FlashCrash,
    /// A share of the symbols, the strength, has no bars.
    TradingHalt,
    /// No symbol has a bar, on a share of the bars, the strength; 1 is all of them.
    ExchangeOutage,
    /// One symbol in twenty rises by the strength (2 is threefold) within two thirds of the time and then loses half of
    /// the rise; volume ten times and volatility three times as high.
    MemeRally,
    /// Volume falls by the strength (a share below 1), and ranges between high and low widen by as much.
    LiquidityDrought,
    /// The shared factors' volatility is multiplied by 1 + strength, so that volatility and correlation rise together.
    RegimeSwitch,
}

impl ScenarioKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Calm,
        Self::Bull,
        Self::Bear,
        Self::FlashCrash,
        Self::TradingHalt,
        Self::ExchangeOutage,
        Self::MemeRally,
        Self::LiquidityDrought,
        Self::RegimeSwitch,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Bull => "bull",
            Self::Bear => "bear",
            Self::FlashCrash => "flash_crash",
            Self::TradingHalt => "trading_halt",
            Self::ExchangeOutage => "exchange_outage",
            Self::MemeRally => "meme_rally",
            Self::LiquidityDrought => "liquidity_drought",
            Self::RegimeSwitch => "regime_switch",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Calm => "volatility is divided by 1 + STRENGTH",
            Self::Bull => "prices rise by STRENGTH, evenly (0.5 is half as much again)",
            Self::Bear => "prices fall by STRENGTH, evenly; volatility x 1.5",
            Self::FlashCrash => "prices fall by STRENGTH in a quarter of the time, and come back; volatility x 3",
            Self::TradingHalt => "a share STRENGTH of the symbols has no bars",
            Self::ExchangeOutage => "a share STRENGTH of the bars is missing for all symbols",
            Self::MemeRally => "1 in 20 symbols rises by STRENGTH (2 is threefold), then loses half of the rise",
            Self::LiquidityDrought => "volume falls by STRENGTH, and ranges widen by as much",
            Self::RegimeSwitch => "volatility of shared factors x (1 + STRENGTH): correlation rises too",
        }
    }

    /// The greatest strength that makes sense.
    pub(super) fn most(self) -> f64 {
        match self {
            Self::TradingHalt | Self::ExchangeOutage => 1.0,
            Self::Bear | Self::FlashCrash | Self::LiquidityDrought => 0.99,
            Self::Calm | Self::Bull | Self::MemeRally | Self::RegimeSwitch => 100.0,
        }
    }
}

impl Default for SynthSpec {
    fn default() -> Self {
        Self {
            bars: 2_520,
            symbols: 100,
            seed: 0,
            noise: Noise::None,
            start: "2015-01-01".to_owned(),
            frequency: Spacing::Daily,
            session: Session::Hours { open: 570, close: 960 },
            sectors: 10,
            drift: 0.06,
            market_volatility: 0.15,
            sector_volatility: 0.10,
            volatility: 0.25,
            volatility_spread: 0.3,
            beta_spread: 0.3,
            garch_alpha: 0.06,
            garch_beta: 0.92,
            degrees_of_freedom: 5.0,
            autocorrelation: 0.0,
            overnight: 0.25,
            price: 40.0,
            price_spread: 0.8,
            volume: 1e6,
            volume_spread: 1.2,
            volume_noise: 0.35,
            volume_persistence: 0.6,
            volume_elasticity: 0.8,
            late_listings: 0.0,
            delisting_rate: 0.0,
            split_rate: 0.0,
            plant: None,
            rank_ic: 0.05,
            half_life: 0.0,
            decay: Decay::Exponential,
            plant_return: PlantReturn::NextOpen,
            regimes: Vec::new(),
            scenarios: Vec::new(),
        }
    }
}

impl Noise {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::None, Self::White, Self::FatTailed, Self::Garch, Self::CommonFactor, Self::Autocorrelated];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::White => "white",
            Self::FatTailed => "fat_tailed",
            Self::Garch => "garch",
            Self::CommonFactor => "common_factor",
            Self::Autocorrelated => "autocorrelated",
        }
    }

    /// Sets what this kind is about, and leaves size, time, prices and volume as they are.
    pub(super) fn apply(self, spec: &mut SynthSpec) {
        spec.noise = self;
        if self == Self::None {
            return;
        }
        spec.sectors = 0;
        spec.drift = 0.0;
        spec.market_volatility = 0.0;
        spec.sector_volatility = 0.0;
        spec.beta_spread = 0.0;
        spec.garch_alpha = 0.0;
        spec.garch_beta = 0.0;
        spec.degrees_of_freedom = 0.0;
        match self {
            Self::None | Self::White => {}
            Self::FatTailed => spec.degrees_of_freedom = 4.0,
            Self::Garch => (spec.garch_alpha, spec.garch_beta) = (0.1, 0.85),
            Self::CommonFactor => (spec.market_volatility, spec.beta_spread) = (0.2, 0.3),
            Self::Autocorrelated => spec.autocorrelation = 0.05,
        }
    }
}

impl SynthSpec {
    /// The spec as a TOML file that gives it again.
    pub fn to_toml(&self) -> String {
        use fmt::Write as _;

        let mut text = String::new();
        let mut copy = self.clone();
        for key in &KEYS {
            if let Some(value) = (key.slot)(&mut copy).written() {
                let _ = writeln!(text, "{} = {value}", key.name);
            }
        }
        for Regime { name, drift, volatility, length } in &self.regimes {
            let name = toml::Value::from(name.as_str());
            let _ = write!(text, "\n[[regime]]\nname = {name}\ndrift = {drift}\n");
            let _ = writeln!(text, "volatility = {volatility}\nlength = {length}");
        }
        for Scenario { kind, start, length, strength } in &self.scenarios {
            let start = toml::Value::from(start.as_str());
            let _ = write!(text, "\n[[scenario]]\nkind = \"{}\"\nstart = {start}\n", kind.name());
            let _ = writeln!(text, "length = {length}\nstrength = {strength}");
        }
        text
    }

    /// Every kind of scenario with what it and its strength mean.
    pub fn scenario_kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
        ScenarioKind::ALL.into_iter().map(|kind| (kind.name(), kind.about()))
    }

    /// Every key with its range and what it means, a line each.
    pub fn keys() -> String {
        use fmt::Write as _;

        let mut text = String::new();
        let mut usual = Self::default();
        for key in &KEYS {
            let slot = (key.slot)(&mut usual);
            let start = slot.written().map_or_else(String::new, |value| format!(" [{value}]"));
            let range = slot.range();
            let _ = writeln!(
                text,
                "  {:<19} {}{start}{}{range}",
                key.name,
                key.about,
                if range.is_empty() { "" } else { "; " }
            );
        }
        text
    }
}

impl fmt::Display for SynthSpec {
    /// On one line, as [`SynthSpec::parse`] reads it: what differs from the usual market.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut usual = Self::default();
        self.noise.apply(&mut usual);
        let mut copy = self.clone();
        let mut comma = "";
        for key in &KEYS {
            let always = matches!(key.name, "bars" | "symbols" | "seed");
            let (mine, other) = ((key.slot)(&mut copy).plain(), (key.slot)(&mut usual).plain());
            // The preset is already part of what is compared with, and is itself never equal to that of the default.
            if always || mine != other || (key.name == "noise" && self.noise != Noise::None) {
                write!(f, "{comma}{}={mine}", key.name)?;
                comma = ",";
            }
        }
        for Regime { name, drift, volatility, length } in &self.regimes {
            write!(f, "{comma}regime={name}:{drift}:{volatility}:{length}")?;
        }
        for Scenario { kind, start, length, strength } in &self.scenarios {
            write!(f, "{comma}scenario={}:{start}:{length}:{strength}", kind.name())?;
        }
        Ok(())
    }
}
