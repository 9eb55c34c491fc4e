//! Reading goldens.

use std::path::{Path, PathBuf};

use backtest::{Detail, Market, Outcome, Profile, Rows, Settings, Side, Simulator};
use factor::{Count, Exits, Positions, Rebalance, Rule, Weighting};
use indexmap::IndexMap;
use market::{Calendar, Panel};
use ndarray::Array2;
use serde::Deserialize;
use serde_json::Value;

const DAY: i64 = 86_400_000_000;

type Table = Vec<Vec<Option<f64>>>;

/// A scenario, and what another tool made of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Golden {
    #[serde(skip)]
    pub(crate) name: String,
    pub(crate) profile: Profile,
    positions: Rules,
    exits: Exits,
    /// What differs from the profile's settings.
    pub(crate) settings: Value,
    symbols: Vec<String>,
    days: Vec<i64>,
    open: Table,
    high: Table,
    low: Table,
    close: Table,
    volume: Table,
    score: Option<Table>,
    entry: Option<Table>,
    exit: Option<Table>,
    pub(crate) expected: Expected,
}

#[derive(Debug, Deserialize)]
struct Rules {
    rule: Rule,
    count: u32,
    weight: Weighting,
    rebalance: Rebalance,
}

/// What the tool did.
#[derive(Debug, Deserialize)]
pub(crate) struct Expected {
    /// By row and symbol.
    pub(crate) fills: Vec<Trade>,
    /// At the close of every bar.
    pub(crate) equity: Vec<f64>,
    pub(crate) final_equity: f64,
    /// Orders that it refused.
    pub(crate) rejected: Option<Vec<Place>>,
    /// Its Sharpe ratio, on its own year.
    pub(crate) sharpe: Option<f64>,
    /// Its yearly volatility.
    pub(crate) volatility: Option<f64>,
}

/// One fill.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Trade {
    pub(crate) row: usize,
    pub(crate) symbol: usize,
    #[serde(with = "SideName")]
    pub(crate) side: Side,
    pub(crate) shares: f64,
    pub(crate) price: f64,
    pub(crate) costs: f64,
}

#[derive(Deserialize)]
#[serde(remote = "Side", rename_all = "snake_case")]
enum SideName {
    Buy,
    Sell,
}

/// A row and a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Place {
    pub(crate) row: usize,
    pub(crate) symbol: usize,
}

impl Golden {
    /// All there are, by name.
    pub(crate) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/profiles/goldens");
        let files = std::fs::read_dir(&folder).expect("a folder of goldens").map(|entry| entry.expect("a file").path());
        let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|is| is == "json")).collect();
        files.sort();
        files.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a golden");
        let golden: Self = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name: path.file_stem().expect("a name").to_string_lossy().into_owned(), ..golden }
    }

    /// The same scenario through our simulator.
    pub(crate) fn run(&self, settings: &Settings) -> Outcome {
        let panel = self.panel();
        let market = Market::new(&panel);
        let Rules { rule, count, weight, rebalance } = self.positions;
        let positions = Positions { rule, count: Count::Number(count), weight, rebalance, ..Positions::default() };
        let [score, entry, exit] =
            [&self.score, &self.entry, &self.exit].map(|rows| rows.as_ref().map(|rows| self.table(rows)));
        let mut simulator = Simulator::new(&market, positions, self.exits, settings, Detail::Trades);
        for row in 0..market.bars() {
            let cut = |table: &Option<Array2<f64>>| table.as_ref().map(|table| table.row(row).to_vec());
            let (score, entry, exit) = (cut(&score), cut(&entry), cut(&exit));
            let rows =
                Rows { score: score.as_deref(), entry: entry.as_deref(), exit: exit.as_deref(), ..Rows::default() };
            simulator.step(row, &rows);
        }
        simulator.finish()
    }

    fn panel(&self) -> Panel {
        let calendar = Calendar::new(self.days.iter().map(|day| day * DAY).collect(), None).expect("rising days");
        let fields = [
            ("open", &self.open),
            ("high", &self.high),
            ("low", &self.low),
            ("close", &self.close),
            ("volume", &self.volume),
        ];
        let fields = fields.map(|(name, rows)| (name.to_owned(), self.table(rows)));
        Panel::new(calendar, self.symbols.clone(), IndexMap::from(fields), IndexMap::new()).expect("shapes that agree")
    }

    fn table(&self, rows: &Table) -> Array2<f64> {
        let shape = (self.days.len(), self.symbols.len());
        let cells = rows.iter().flatten().map(|cell| cell.unwrap_or(f64::NAN)).collect();
        Array2::from_shape_vec(shape, cells).expect("a cell for every bar and symbol")
    }
}
