//! The keys of a [`SynthSpec`]: one table that reads, writes, documents and bounds them.

use toml::Value;

use super::reading::nearest;
use super::spec::{Decay, Noise, PlantReturn, Session, Spacing, SynthSpec};
use crate::error::excerpt;

/// A key, what it is about, and where its value lives.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) slot: for<'a> fn(&'a mut SynthSpec) -> Slot<'a>,
}

/// Where a value lives, and what it may be.
pub(super) enum Slot<'a> {
    Count(&'a mut usize, usize, usize),
    Seed(&'a mut u64),
    Number(&'a mut f64, f64, f64),
    Degrees(&'a mut f64),
    Text(&'a mut String),
    Optional(&'a mut Option<String>),
    Noise(&'a mut Noise),
    Spacing(&'a mut Spacing),
    Session(&'a mut Session),
    Decay(&'a mut Decay),
    Return(&'a mut PlantReturn),
}

macro_rules! key {
    ($name:ident, $kind:ident($($bound:expr),*), $about:expr) => {
        Key { name: stringify!($name), about: $about, slot: |spec| Slot::$kind(&mut spec.$name $(, $bound)*) }
    };
}

/// In the order in which they are written. `noise` comes first of those that it sets.
pub(super) const KEYS: [Key; 34] = [
    key!(bars, Count(1, 1_000_000_000), "bars a symbol"),
    key!(symbols, Count(1, 200_000), "symbols"),
    key!(seed, Seed(), "same seed and keys, same market"),
    key!(noise, Noise(), "a market without an edge to start from"),
    key!(start, Text(), "date (and time) on or after which the first bar lies"),
    key!(frequency, Spacing(), "how far bars are apart"),
    key!(session, Session(), "when there are bars"),
    key!(sectors, Count(0, 1_000), "sectors that share a factor each"),
    key!(drift, Number(-2.0, 2.0), "mean simple return a year"),
    key!(market_volatility, Number(0.0, 5.0), "volatility a year of the factor that all share"),
    key!(sector_volatility, Number(0.0, 5.0), "volatility a year of each sector's factor"),
    key!(volatility, Number(0.0, 5.0), "own volatility a year, median over symbols"),
    key!(volatility_spread, Number(0.0, 2.0), "deviation over symbols of its logarithm"),
    key!(beta_spread, Number(0.0, 2.0), "deviation over symbols of the beta, about 1"),
    key!(garch_alpha, Number(0.0, 0.999), "part of a variance that is the last squared move"),
    key!(garch_beta, Number(0.0, 0.999), "part of a variance that is the last variance"),
    key!(degrees_of_freedom, Degrees(), "of the Student t that moves follow; 0 is normal"),
    key!(autocorrelation, Number(-0.9, 0.9), "correlation of each move with the one before"),
    key!(overnight, Number(0.0, 0.95), "share of a day's variance between sessions"),
    key!(price, Number(1e-6, 1e9), "median first price"),
    key!(price_spread, Number(0.0, 4.0), "deviation over symbols of its logarithm"),
    key!(volume, Number(0.0, 1e12), "median volume a day"),
    key!(volume_spread, Number(0.0, 4.0), "deviation over symbols of its logarithm"),
    key!(volume_noise, Number(0.0, 4.0), "deviation over bars of its logarithm"),
    key!(volume_persistence, Number(0.0, 0.999), "how much of that is the last bar's"),
    key!(volume_elasticity, Number(0.0, 4.0), "power of volatility that volume follows"),
    key!(late_listings, Number(0.0, 1.0), "share of symbols listed after the first bar"),
    key!(delisting_rate, Number(0.0, 50.0), "chance a year that a symbol is delisted"),
    key!(split_rate, Number(0.0, 50.0), "splits a year and symbol; adds a column split"),
    key!(plant, Optional(), "expression whose values foretell returns"),
    key!(rank_ic, Number(-0.9, 0.9), "rank IC of the plant with the next return"),
    key!(half_life, Number(0.0, 2_000.0), "bars in which its effect halves; 0: one bar"),
    key!(decay, Decay(), "how the effect falls"),
    key!(plant_return, Return(), "which return carries it"),
];

const DECAYS: [(Decay, &str); 3] =
    [(Decay::Exponential, "exponential"), (Decay::Linear, "linear"), (Decay::Step, "step")];
const RETURNS: [(PlantReturn, &str); 2] =
    [(PlantReturn::NextOpen, "next_open"), (PlantReturn::SameClose, "same_close")];

pub(super) fn number(value: &Value, least: f64, most: f64) -> Result<f64, String> {
    let found = match value {
        Value::Integer(whole) => Some(*whole as f64),
        Value::Float(number) => Some(*number),
        Value::String(text) => plain_number(text),
        _ => None,
    };
    found
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("must be a number from {least} to {most}, not `{}`", shown(value)))
}

/// A number as people write it; underscores may part digits.
fn plain_number(text: &str) -> Option<f64> {
    let digits: String = text.chars().filter(|&letter| letter != '_').collect();
    // Rust reads `inf` and `nan` as numbers.
    if digits.chars().any(|letter| letter.is_ascii_alphabetic() && !matches!(letter, 'e' | 'E')) {
        return None;
    }
    digits.parse().ok()
}

pub(super) fn one_of<T: Copy>(value: &Value, known: &[(T, &str)]) -> Result<T, String> {
    let text = value.as_str().unwrap_or_default();
    if let Some((found, _)) = known.iter().find(|(_, name)| *name == text) {
        return Ok(*found);
    }
    let names: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
    let hint = nearest(text, &names).map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    Err(format!("must be one of {}, not `{}`{hint}", names.join(", "), shown(value)))
}

pub(super) fn shown(value: &Value) -> String {
    excerpt(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

impl Slot<'_> {
    pub(super) fn set(&mut self, value: &Value) -> Result<(), String> {
        match self {
            Slot::Count(count, least, most) => {
                let found = number(value, *least as f64, *most as f64).ok().filter(|number| number.fract() == 0.0);
                let refused = || format!("must be a whole number from {least} to {most}, not `{}`", shown(value));
                **count = found.ok_or_else(refused)? as usize;
            }
            Slot::Seed(seed) => {
                let found = match value {
                    Value::Integer(whole) => u64::try_from(*whole).ok(),
                    Value::String(text) => text.replace('_', "").parse().ok(),
                    _ => None,
                };
                let refused = || format!("must be a whole number from 0 to {}, not `{}`", u64::MAX, shown(value));
                **seed = found.ok_or_else(refused)?;
            }
            Slot::Number(number_, least, most) => **number_ = number(value, *least, *most)?,
            Slot::Degrees(degrees) => {
                let found = number(value, 0.0, 1_000.0).ok().filter(|&degrees| degrees == 0.0 || degrees >= 2.1);
                let refused = || format!("must be 0, or a number from 2.1 to 1000, not `{}`", shown(value));
                **degrees = found.ok_or_else(refused)?;
            }
            Slot::Text(text) => {
                let found = match value {
                    Value::String(text) => Some(text.clone()),
                    Value::Datetime(date) => Some(date.to_string()),
                    _ => None,
                };
                **text = found.ok_or_else(|| format!("must be a text, not `{}`", shown(value)))?;
            }
            Slot::Optional(text) => {
                let found = value.as_str().map(|text| Some(text.to_owned()).filter(|text| !text.trim().is_empty()));
                **text = found.ok_or_else(|| format!("must be a text, not `{}`", shown(value)))?;
            }
            Slot::Noise(noise) => **noise = one_of(value, &Noise::ALL.map(|noise| (noise, noise.name())))?,
            Slot::Decay(decay) => **decay = one_of(value, &DECAYS)?,
            Slot::Return(which) => **which = one_of(value, &RETURNS)?,
            Slot::Spacing(spacing) => {
                let found = value.as_str().and_then(read_spacing);
                let refused = || format!("must be daily, or such as 1min, 5min, 1h, not `{}`", shown(value));
                **spacing = found.ok_or_else(refused)?;
            }
            Slot::Session(session) => {
                let found = value.as_str().and_then(read_session);
                let refused = || format!("must be always, or hours such as 09:30-16:00, not `{}`", shown(value));
                **session = found.ok_or_else(refused)?;
            }
        }
        Ok(())
    }

    /// The value as text.
    pub(super) fn plain(&self) -> String {
        match self {
            Slot::Count(count, ..) => count.to_string(),
            Slot::Seed(seed) => seed.to_string(),
            Slot::Number(number, ..) | Slot::Degrees(number) => number.to_string(),
            Slot::Text(text) => (**text).clone(),
            Slot::Optional(text) => text.as_deref().map_or_else(String::new, |text| format!("\"{text}\"")),
            Slot::Noise(noise) => noise.name().to_owned(),
            Slot::Spacing(spacing) => Self::spacing_text(**spacing),
            Slot::Session(session) => Self::session_text(**session),
            Slot::Decay(decay) => {
                DECAYS.iter().find(|(known, _)| known == *decay).map_or("", |(_, name)| name).to_owned()
            }
            Slot::Return(which) => {
                RETURNS.iter().find(|(known, _)| known == *which).map_or("", |(_, name)| name).to_owned()
            }
        }
    }

    /// The value as TOML writes it; `None` where there is none.
    pub(super) fn written(&self) -> Option<String> {
        match self {
            // Whole numbers of TOML have a sign.
            Slot::Seed(seed) if **seed > i64::MAX as u64 => Some(format!("\"{seed}\"")),
            Slot::Count(..) | Slot::Seed(_) | Slot::Number(..) | Slot::Degrees(_) => Some(self.plain()),
            Slot::Optional(text) => text.as_deref().map(|text| toml::Value::from(text).to_string()),
            _ => Some(toml::Value::from(self.plain()).to_string()),
        }
    }

    /// What the value may be, in a few words.
    pub(super) fn range(&self) -> String {
        match self {
            Slot::Count(_, least, most) => format!("{least} to {most}"),
            Slot::Seed(_) => "a whole number".to_owned(),
            Slot::Number(_, least, most) => format!("{least} to {most}"),
            Slot::Degrees(_) => "0, or 2.1 to 1000".to_owned(),
            Slot::Text(_) | Slot::Optional(_) => String::new(),
            Slot::Noise(_) => Noise::ALL.map(Noise::name).join(", "),
            Slot::Spacing(_) => "daily, 1min, 5min, 1h, ...".to_owned(),
            Slot::Session(_) => "HH:MM-HH:MM on business days, or always".to_owned(),
            Slot::Decay(_) => DECAYS.map(|(_, name)| name).join(", "),
            Slot::Return(_) => RETURNS.map(|(_, name)| name).join(", "),
        }
    }

    pub(super) fn spacing_text(spacing: Spacing) -> String {
        match spacing {
            Spacing::Daily => "daily".to_owned(),
            Spacing::Minutes(minutes) if minutes % 60 == 0 => format!("{}h", minutes / 60),
            Spacing::Minutes(minutes) => format!("{minutes}min"),
        }
    }

    pub(super) fn session_text(session: Session) -> String {
        let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        match session {
            Session::Always => "always".to_owned(),
            Session::Hours { open, close } => format!("{}-{}", clock(open), clock(close)),
        }
    }
}

fn read_spacing(text: &str) -> Option<Spacing> {
    if text == "daily" {
        return Some(Spacing::Daily);
    }
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "min" | "m" => 1,
        "h" => 60,
        _ => return None,
    };
    let minutes = digits.parse::<u32>().ok()?.checked_mul(unit)?;
    (1..=720).contains(&minutes).then_some(Spacing::Minutes(minutes))
}

fn read_session(text: &str) -> Option<Session> {
    if text == "always" {
        return Some(Session::Always);
    }
    let clock = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60 || (hours, minutes) == (24, 0)).then_some(hours * 60 + minutes)
    };
    let (open, close) = text.split_once('-')?;
    let (open, close) = (clock(open)?, clock(close)?);
    (open < close).then_some(Session::Hours { open, close })
}
