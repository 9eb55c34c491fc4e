//! Other tools' conventions, as settings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::costs::Costs;
use super::settings::{CashShort, Fill, Liquidity, Settings, Shares, SizeAt, Unfilled};
use crate::Error;

/// A tool whose conventions a simulation follows. Each fills, charges and rounds as the tool does where nothing is set;
/// a strategy's rules, and what a user sets besides, come on top.
///
/// `tests/profiles` holds every one of them to what its tool did, trade by trade, and says what cannot agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// [vectorbt](https://vectorbt.dev) 1.2: filled at the close that decided, free, in fractions of shares; buys from the
    /// smallest to the largest, each as far as the cash goes; a year of 365 days. It values a missing price as missing
    /// and keeps an account a column where cash is not shared: we never do either.
    Vectorbt,
    /// [backtrader](https://www.backtrader.com) 1.9: filled at the next open, free, in whole shares; a buy that costs more
    /// than the cash, at the close when it is sent or at the open, is refused whole. The sequence of orders is a
    /// strategy's own there: ours sells first and buys in symbol order.
    Backtrader,
    /// [zipline-reloaded](https://zipline.ml4trading.io) 3.2: filled at the next close moved by 5 bps, in whole shares, up
    /// to a tenth of the bar's volume and the rest later, for 0.001 a share; cash is borrowed without limit or charge. A
    /// new target counts no order that is still out there: ours replaces it.
    Zipline,
    /// [alphalens-reloaded](https://github.com/stefan-jansen/alphalens-reloaded) 0.5: returns from the close of the factor
    /// to the next, free, in fractions of shares. Returns of several periods, which overlap there, belong to no
    /// portfolio.
    Alphalens,
    /// [finlab](https://doc.finlab.tw) 2.2: filled at the next close, sized at its prices, 0.1425 % on both sides, on a
    /// purchase out of its amount, and 0.3 % on sales; cash is borrowed while a book is switched. Its stops start anew at
    /// each rebalance, and its weeks and months act on their last bar: ours keep the entry, and act on the first.
    Finlab,
}

impl Profile {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Vectorbt, Self::Backtrader, Self::Zipline, Self::Alphalens, Self::Finlab];

    /// The word on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vectorbt => "vectorbt",
            Self::Backtrader => "backtrader",
            Self::Zipline => "zipline",
            Self::Alphalens => "alphalens",
            Self::Finlab => "finlab",
        }
    }

    /// Periods a year, where the tool does not go by 252 trading days.
    pub fn periods_per_year(self) -> Option<f64> {
        (self == Self::Vectorbt).then_some(365.0)
    }

    /// Its conventions where nothing is set; capital, rates and delisting are ours.
    pub fn settings(self) -> Settings {
        let free = Settings { costs: Costs::FREE, ..Settings::default() };
        let whole = Shares { lot: 1.0, ..Shares::default() };
        match self {
            Self::Vectorbt => Settings {
                fill: Fill::SameClose,
                costs: Costs { commission_on_moved_price: true, ..Costs::FREE },
                cash_short: CashShort::InTurn,
                ..free
            },
            Self::Backtrader => Settings {
                fill: Fill::NextOpen,
                costs: Costs { commission_on_moved_price: true, ..Costs::FREE },
                shares: whole,
                cash_short: CashShort::RejectEarly,
                ..free
            },
            Self::Zipline => Settings {
                fill: Fill::NextClose,
                costs: Costs { slippage_bps: 5.0, per_share: 0.001, commission_on_moved_price: true, ..Costs::FREE },
                liquidity: Liquidity { volume_share: Some(0.1), unfilled: Unfilled::Carry },
                shares: whole,
                cash_short: CashShort::Borrow,
                ..free
            },
            Self::Alphalens => Settings { fill: Fill::SameClose, ..free },
            Self::Finlab => Settings {
                fill: Fill::NextClose,
                size_at: SizeAt::Fill,
                costs: Costs { commission_bps: 14.25, sell_tax_bps: 30.0, ..Costs::FREE },
                cash_short: CashShort::Borrow,
                ..free
            },
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let message = || Error::Setting(format!("no profile is called `{name}`; there are {}", names()));
        Self::ALL.into_iter().find(|profile| profile.name() == name).ok_or_else(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_have_names_and_settings_that_make_sense() {
        for profile in Profile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(profile));
            assert_eq!(profile.settings().check(), Ok(()));
        }
        let message = "quantopian".parse::<Profile>().expect_err("no such profile").to_string();
        assert_eq!(
            message,
            "no profile is called `quantopian`; there are vectorbt, backtrader, zipline, alphalens, finlab"
        );
    }
}
