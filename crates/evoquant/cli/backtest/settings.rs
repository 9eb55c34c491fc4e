//! What a simulation assumes, from a profile, a run specification, and keys on the command line.

use std::path::PathBuf;

use ::backtest::metrics::ReturnSettings;
use ::backtest::{Profile, Settings};
use ::evolve::RunSpec;
use ::market::Calendar;
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

const HELP: &str = "\
Change one assumption; may be given several times. Keys are those of [backtest] in a run specification:
  capital=100000                fill=next_close         costs.commission_bps=10
  costs.per_share=0.005         costs.minimum_fee=1     costs.slippage_bps=3
  costs.impact=1                costs.sell_tax_bps=30   rates.borrow=0.03
  rates.cash=0.02               rates.financing=0.05    liquidity.volume_share=0.1
  liquidity.unfilled=drop       shares.lot=1            shares.minimum_trade=500
  cash_short=borrow             price_limit=0.1         delisting.return_fraction=-0.3";

/// What a simulation assumes.
#[derive(Debug, Args)]
pub(crate) struct SettingsArguments {
    /// A run specification whose periods, fills and costs to use; TOML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Fill, charge and round as another tool does: vectorbt, backtrader, zipline, alphalens or finlab. What --set changes
    /// comes on top.
    #[arg(long, value_name = "TOOL", conflicts_with = "config")]
    profile: Option<Profile>,
    /// Change one assumption, for instance `costs.commission_bps=10`; see --help for the keys.
    #[arg(long = "set", value_name = "KEY=VALUE", long_help = HELP)]
    changes: Vec<String>,
}

impl SettingsArguments {
    /// The specification, with the assumptions as changed; checked.
    pub(crate) fn spec(&self) -> Result<RunSpec> {
        let mut spec = match &self.config {
            None => RunSpec::default(),
            Some(path) => crate::cli::evolve::read_spec(path)?,
        };
        if let Some(profile) = self.profile {
            spec.backtest = profile.settings();
        }
        spec.backtest = changed(spec.backtest, &self.changes)?;
        spec.backtest.check()?;
        Ok(spec)
    }

    /// How returns are measured: bars a year as the calendar says, or the profile's tool.
    pub(crate) fn returns(&self, calendar: &Calendar) -> ReturnSettings {
        let of_profile = self.profile.and_then(Profile::periods_per_year);
        ReturnSettings::new(of_profile.unwrap_or_else(|| calendar.frequency().periods_per_year()))
    }

    /// The line that says whose conventions these are.
    pub(crate) fn heading(&self) -> Option<String> {
        self.profile.map(|profile| format!("as {profile} does: "))
    }
}

/// Settings with keys changed, as if they had stood in a file.
fn changed(settings: Settings, changes: &[String]) -> Result<Settings> {
    let mut table = toml::Table::try_from(settings).context("settings are a table")?;
    for change in changes {
        let Some((path, text)) = change.split_once('=') else {
            bail!("--set {change}: write a key and a value, as in --set costs.commission_bps=10");
        };
        let value = value_of(text.trim());
        let mut at = &mut table;
        let mut keys: Vec<&str> = path.trim().split('.').collect();
        let last = keys.pop().unwrap_or_default();
        for key in keys {
            let inner = at.entry(key.to_owned()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            at = inner.as_table_mut().ok_or_else(|| anyhow!("--set {change}: `{key}` holds no other keys"))?;
        }
        at.insert(last.to_owned(), value);
        toml::Value::Table(table.clone())
            .try_into::<Settings>()
            .map_err(|error| anyhow!("--set {change}: {}", error.to_string().trim_end()))?;
    }
    Ok(table.try_into::<Settings>()?)
}

/// A number where the text is one (all settings that are not counts are fractions), else a word.
fn value_of(text: &str) -> toml::Value {
    if let Ok(whole) = text.parse::<i64>() {
        return toml::Value::Integer(whole);
    }
    text.parse::<f64>().map_or_else(|_| toml::Value::String(text.to_owned()), toml::Value::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_change_settings_as_in_a_file() {
        let check = |changes: &[&str], expected: &str| {
            let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
            let expected: Settings = toml::from_str(expected).expect("settings");
            assert_eq!(changed(Settings::default(), &changes).expect("known keys"), expected);
        };
        check(&[], "");
        check(&["capital=5", "costs.commission_bps = 10"], "capital = 5\ncosts.commission_bps = 10");
        check(
            &["fill=next_close", "liquidity.volume_share=0.1"],
            "fill = \"next_close\"\nliquidity.volume_share = 0.1",
        );
        check(&["price_limit=0.1", "price_limit=0.2"], "price_limit = 0.2");
        check(&["delisting.after_missing_bars=3"], "delisting.after_missing_bars = 3");
        check(&["rates.cash=1e-2"], "rates.cash = 0.01");

        let refused = |change: &str, expected: &str| {
            let told = changed(Settings::default(), &[change.to_owned()]).expect_err(change).to_string();
            assert!(told.contains(expected) && told.starts_with(&format!("--set {change}")), "{told}");
        };
        refused("capital", "write a key and a value");
        refused("costs.comission_bps=1", "unknown field `comission_bps`, expected one of `commission_bps`");
        refused("cost=1", "unknown field `cost`");
        refused("fill=open", "unknown variant `open`, expected one of `next_open`");
        refused("capital=much", "invalid type");
        refused("capital.x=1", "`capital` holds no other keys");
        refused("=1", "unknown field ``");
    }
}
