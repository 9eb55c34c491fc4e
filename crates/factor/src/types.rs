//! What flows along the edges of a factor graph: numbers with a unit, flags, groups.

use serde::{Deserialize, Serialize};

/// A unit of measure: exponents of money and share, counted in halves so that square roots stay exact.
///
/// A price is money per share, a volume counts shares, a product of both is money; a ratio has no unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unit {
    /// Twice the exponent of money.
    pub money: i8,
    /// Twice the exponent of share.
    pub share: i8,
}

impl Unit {
    /// No unit: returns, ranks, z-scores.
    pub const RATIO: Unit = Unit { money: 0, share: 0 };
    /// Money per share.
    pub const PRICE: Unit = Unit { money: 2, share: -2 };
    /// Shares.
    pub const VOLUME: Unit = Unit { money: 0, share: 2 };
    /// Money.
    pub const MONEY: Unit = Unit { money: 2, share: 0 };

    /// `self^(halves / 2)`, so that 2 is the unit itself and 1 its square root.
    #[must_use]
    pub fn power(self, halves: i8) -> Unit {
        let scale = |exponent: i8| {
            let product = i16::from(exponent) * i16::from(halves) / 2;
            product.clamp(i16::from(i8::MIN), i16::from(i8::MAX)) as i8
        };
        Unit { money: scale(self.money), share: scale(self.share) }
    }

    /// The unit of a product.
    #[must_use]
    pub fn times(self, other: Unit) -> Unit {
        Unit { money: self.money.saturating_add(other.money), share: self.share.saturating_add(other.share) }
    }

    /// The unit that is displayed as this word.
    fn from_word(word: &str) -> Option<Unit> {
        let named = [Unit::RATIO, Unit::PRICE, Unit::VOLUME, Unit::MONEY].into_iter();
        if let Some(unit) = named.into_iter().find(|unit| unit.to_string() == word) {
            return Some(unit);
        }
        let mut unit = Unit::RATIO;
        for part in word.split('*') {
            let (name, exponent) = part.split_once('^').unwrap_or((part, "1"));
            let halves = exponent.parse::<f64>().ok()? * 2.0;
            let place = match name {
                "money" => &mut unit.money,
                "share" => &mut unit.share,
                _ => return None,
            };
            *place = halves as i8;
        }
        // Whatever is not written as it would be displayed is another word, or none.
        (unit.to_string() == word).then_some(unit)
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Unit::RATIO => f.write_str("ratio"),
            Unit::PRICE => f.write_str("price"),
            Unit::VOLUME => f.write_str("volume"),
            Unit::MONEY => f.write_str("money"),
            Unit { money, share } => {
                let part = |name: &str, halves: i8| match halves {
                    0 => None,
                    2 => Some(name.to_owned()),
                    _ if halves % 2 == 0 => Some(format!("{name}^{}", halves / 2)),
                    _ => Some(format!("{name}^{}", f64::from(halves) / 2.0)),
                };
                let parts: Vec<String> = [part("money", money), part("share", share)].into_iter().flatten().collect();
                f.write_str(&parts.join("*"))
            }
        }
    }
}

/// The type of a node's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
// Four bytes, so that it is copied as one number.
#[repr(align(4))]
pub enum Type {
    /// A number with a unit.
    Number(Unit),
    /// A number that takes the unit its place needs: a literal, or a column whose unit is not known.
    Plain,
    /// True, false or unknown: 1, 0, NaN.
    Flag,
    /// A label, as a code; NaN where there is none.
    Group,
    /// What the terminal node makes of its inputs.
    Positions,
}

impl Type {
    /// A number without a unit.
    pub const RATIO: Type = Type::Number(Unit::RATIO);

    /// The type of a column as one word: `price`, `number`, `group`, or a unit such as `money^-1`.
    pub(crate) fn word(self) -> String {
        match self {
            Type::Number(unit) => unit.to_string(),
            other => other.to_string(),
        }
    }

    /// The type that [`Type::word`] gives this word for.
    pub(crate) fn from_word(word: &str) -> Option<Type> {
        [Type::Plain, Type::Flag, Type::Group]
            .into_iter()
            .find(|kind| kind.word() == word)
            .or_else(|| Unit::from_word(word).map(Type::Number))
    }

    /// Whether this is a number of any unit.
    pub fn is_number(self) -> bool {
        matches!(self, Type::Number(_) | Type::Plain)
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Type::Number(unit) => write!(f, "number ({unit})"),
            Type::Plain => f.write_str("number"),
            Type::Flag => f.write_str("flag"),
            Type::Group => f.write_str("group"),
            Type::Positions => f.write_str("positions"),
        }
    }
}
