//! Which columns an expression may name, and their types.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::types::{Type, Unit};

/// The columns of a panel, by name.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    fields: IndexMap<Arc<str>, Type>,
    open: bool,
}

impl Schema {
    /// A schema of these numeric fields and groups.
    pub fn new<'a>(fields: impl Iterator<Item = &'a str>, groups: impl Iterator<Item = &'a str>) -> Self {
        let fields = fields
            .map(|name| (Arc::from(name), Self::guess(name)))
            .chain(groups.map(|name| (Arc::from(name), Type::Group)))
            .collect();
        Self { fields, open: false }
    }

    /// open, high, low, close and volume.
    pub fn bars() -> Self {
        Self::new(["open", "high", "low", "close", "volume"].into_iter(), std::iter::empty())
    }

    /// Any name: for reading an expression without a panel. `sector`, `industry` and the like are groups.
    pub fn open() -> Self {
        Self { open: true, ..Self::bars() }
    }

    /// The column of this name.
    pub fn get(&self, name: &str) -> Option<(Arc<str>, Type)> {
        match self.fields.get_key_value(name) {
            Some((name, kind)) => Some((Arc::clone(name), *kind)),
            None if self.open && is_name(name) => {
                let group = matches!(name, "sector" | "industry" | "subindustry" | "group" | "exchange" | "country");
                Some((Arc::from(name), if group { Type::Group } else { Self::guess(name) }))
            }
            None => None,
        }
    }

    /// All columns, in the order of the panel.
    pub fn fields(&self) -> impl Iterator<Item = (&Arc<str>, Type)> {
        self.fields.iter().map(|(name, kind)| (name, *kind))
    }

    /// Units follow from the names that everybody uses; any other column is a plain number.
    pub(crate) fn guess(name: &str) -> Type {
        match name {
            "open" | "high" | "low" | "close" | "vwap" | "adj_close" => Type::Number(Unit::PRICE),
            "volume" => Type::Number(Unit::VOLUME),
            "dollar_volume" | "amount" | "cap" | "market_cap" => Type::Number(Unit::MONEY),
            _ => Type::Plain,
        }
    }
}

/// Whether an expression can name it: dialects have names that ours has not.
pub(crate) fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.starts_with(|letter: char| letter.is_ascii_digit())
        && !matches!(text, "" | "and" | "or" | "not")
}
