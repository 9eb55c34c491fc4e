//! A slow simulator: one cell a symbol, everything in plain loops, sorting where the fast one selects. Written from the
//! rules, not from the other's code.

use backtest::{CashShort, Costs, Detail, Fill, Outcome, Reason, Settings, Unfilled};
use factor::{Exits, Positions, Rebalance, Rule, Trigger, Weighting};

use crate::choices::{count_of, target_weights};
use crate::world::{World, wide_world, world};

const ROUNDING: f64 = 1e-9;

/// One symbol, held or not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cell {
    pub(crate) shares: f64,
    mark: f64,
    entry: f64,
    entry_row: usize,
    best: f64,
    volatility: f64,
    range: f64,
    missing: u32,
    /// The order that closes it did not find a price, or an exit has just given it.
    pub(crate) leaving: bool,
    order: Option<Ordered>,
}

#[derive(Debug, Clone, Copy)]
struct Ordered {
    target: f64,
    rank: f64,
    volatility: f64,
    range: f64,
}

impl Ordered {
    const CLOSE: Self = Self { target: 0.0, rank: 0.0, volatility: f64::NAN, range: f64::NAN };
}

#[derive(Debug, Default)]
struct Result {
    equity: Vec<f64>,
    cash: Vec<f64>,
    costs: Vec<f64>,
    closed: usize,
    /// By bar and symbol.
    shares: Vec<Vec<f64>>,
    ruin: Option<usize>,
}

/// What a bar lets an order do.
#[derive(Debug, Clone, Copy)]
enum Allowed {
    /// Nothing: it waits, if it closes, or is forgotten.
    Nothing,
    /// It is rounded off to nothing.
    Crumb,
    /// It comes to so many shares; whether more volume would let it come further.
    To(f64, bool),
}

struct Account<'w> {
    world: &'w World,
    cells: Vec<Cell>,
    cash: f64,
    equity: f64,
    slots: usize,
    row: usize,
    /// Shares traded on this bar.
    used: Vec<f64>,
    paid: f64,
    closed: usize,
}

fn simulate(world: &World) -> Result {
    let World { close, settings, .. } = world;
    let symbols = close.ncols();
    let mut account = Account {
        world,
        cells: vec![Cell::default(); symbols],
        cash: settings.capital,
        equity: settings.capital,
        slots: usize::MAX,
        row: 0,
        used: vec![0.0; symbols],
        paid: 0.0,
        closed: 0,
    };
    let mut result = Result::default();
    for row in 0..close.nrows() {
        account.row = row;
        account.paid = 0.0;
        account.used.fill(0.0);
        if result.ruin.is_none() && account.live() {
            result.ruin = Some(row);
        }
        result.equity.push(account.equity);
        result.cash.push(account.cash);
        result.costs.push(account.paid);
        result.shares.push(account.cells.iter().map(|cell| cell.shares).collect());
    }
    result.closed = account.closed;
    result
}

impl Account<'_> {
    /// One bar; says whether it ruined the account.
    fn live(&mut self) -> bool {
        let World { close, settings, exits, .. } = self.world;
        let gone = ROUNDING * settings.capital;
        self.pay_for_holding();
        if settings.fill == Fill::NextOpen {
            self.fill();
        }
        if exits.trigger == Trigger::Touched {
            for symbol in 0..self.cells.len() {
                self.touch(symbol);
            }
        }
        if settings.fill == Fill::NextClose {
            self.fill();
        }
        for symbol in 0..self.cells.len() {
            let (low, high) = self.extent(symbol);
            let entered_at_close = settings.fill != Fill::NextOpen && self.cells[symbol].entry_row == self.row;
            let cell = &mut self.cells[symbol];
            if cell.shares == 0.0 {
                continue;
            }
            let price = close[[self.row, symbol]];
            if price.is_nan() {
                cell.missing += 1;
                if cell.missing >= settings.delisting.after_missing_bars {
                    self.cash += cell.shares * cell.mark * (1.0 + settings.delisting.return_fraction);
                    *cell = Cell::default();
                    self.closed += 1;
                    continue;
                }
            } else {
                cell.missing = 0;
                cell.mark = price;
            }
            let looks_within = exits.trigger == Trigger::Touched && !entered_at_close;
            let (low, high) = if looks_within { (low, high) } else { (price, price) };
            cell.best = if cell.shares > 0.0 { cell.best.max(high) } else { cell.best.min(low) };
        }
        self.value();
        if self.equity > gone {
            self.slots = self.decide().unwrap_or(self.slots);
        }
        if self.equity > gone && settings.fill == Fill::SameClose {
            self.fill();
            self.value();
        }
        if self.equity > gone {
            return false;
        }
        self.cash = self.equity;
        self.closed += self.cells.iter().filter(|cell| cell.shares != 0.0).count();
        self.cells.fill(Cell::default());
        true
    }

    fn value(&mut self) {
        self.equity = self.cash + self.cells.iter().map(|cell| cell.shares * cell.mark).sum::<f64>();
    }

    fn pay_for_holding(&mut self) {
        let rates = self.world.settings.rates;
        if self.row == 0 {
            return;
        }
        let a_bar = |rate: f64| (1.0 + rate).powf(1.0 / self.world.periods_per_year()) - 1.0;
        let shorts: f64 = self.cells.iter().map(|cell| (-cell.shares * cell.mark).max(0.0)).sum();
        let borrow = shorts * a_bar(rates.borrow);
        let interest = if self.cash > 0.0 { self.cash * a_bar(rates.cash) } else { 0.0 };
        let financing = if self.cash < 0.0 { -self.cash * a_bar(rates.financing) } else { 0.0 };
        self.cash += interest - borrow - financing;
        self.paid += borrow + financing;
    }

    /// The price at which orders are filled.
    fn price(&self, symbol: usize) -> Option<f64> {
        let World { open, close, settings, .. } = self.world;
        let prices = if settings.fill == Fill::NextOpen { open } else { close };
        Some(prices[[self.row, symbol]]).filter(|price| !price.is_nan())
    }

    /// Lowest and highest price of the bar.
    fn extent(&self, symbol: usize) -> (f64, f64) {
        let World { high, low, close, .. } = self.world;
        let at = [self.row, symbol];
        (low[at].min(close[at]), high[at].max(close[at]))
    }

    fn allowed(&self, symbol: usize, price: f64) -> Allowed {
        let World { close, volume, limit_up, limit_down, settings, .. } = self.world;
        let Cell { shares: held, order, .. } = self.cells[symbol];
        let target = order.expect("an order").target;
        let buys = target > held;
        if let Some(limit) = settings.price_limit
            && self.row > 0
        {
            let moved = price / close[[self.row - 1, symbol]] - 1.0;
            if (buys && moved >= limit * 0.999_999) || (!buys && moved <= -limit * 0.999_999) {
                return Allowed::Nothing;
            }
        }
        let lock = if buys { limit_up } else { limit_down };
        if lock.as_ref().is_some_and(|lock| lock[[self.row, symbol]] == 1.0) {
            return Allowed::Nothing;
        }
        let (mut reach, mut short_of_volume) = (target, false);
        if let Some(share) = settings.liquidity.volume_share {
            let traded = volume[[self.row, symbol]];
            let most = share * if traded.is_nan() { 0.0 } else { traded } - self.used[symbol];
            if most <= 0.0 {
                return Allowed::Nothing;
            }
            if (target - held).abs() > most {
                short_of_volume = true;
                reach = if buys { held + most } else { held - most };
            }
        }
        let whole = self.whole(held, reach);
        match (whole == held && target != held, short_of_volume) {
            (true, true) => Allowed::Nothing,
            (true, false) => Allowed::Crumb,
            (false, _) => Allowed::To(whole, short_of_volume),
        }
    }

    fn whole(&self, held: f64, target: f64) -> f64 {
        let lot = self.world.settings.shares.lot;
        if lot == 0.0 || target == 0.0 {
            return target;
        }
        let lots = ((target - held) / lot).abs();
        let lots = if (lots - lots.round()).abs() <= 1e-6 { lots.round() } else { lots.floor() };
        held + lots * lot * (target - held).signum()
    }

    fn cost(&self, symbol: usize, shares: f64, price: f64, sell: bool) -> f64 {
        let Costs {
            commission_bps,
            commission_on_moved_price,
            per_share,
            minimum_fee,
            half_spread_bps,
            slippage_bps,
            sell_tax_bps,
            impact,
        } = self.world.settings.costs;
        let value = shares * price;
        if value == 0.0 {
            return 0.0;
        }
        let worse = (half_spread_bps + slippage_bps) / 10_000.0;
        let paid_on = match (commission_on_moved_price, sell) {
            (false, _) => value,
            (true, false) => value * (1.0 + worse),
            (true, true) => value * (1.0 - worse),
        };
        let commission = (paid_on * commission_bps / 10_000.0 + shares * per_share).max(minimum_fee);
        let moved = impact * self.market_impact(symbol) * shares.sqrt();
        let tax = if sell { sell_tax_bps } else { 0.0 };
        commission + value * ((half_spread_bps + slippage_bps + tax) / 10_000.0 + moved)
    }

    /// Volatility over the root of volume, of the twenty bars before.
    fn market_impact(&self, symbol: usize) -> f64 {
        let World { close, volume, .. } = self.world;
        let rows = self.row.saturating_sub(20)..self.row;
        let known: Vec<f64> = rows.clone().map(|row| close[[row, symbol]]).filter(|price| !price.is_nan()).collect();
        let returns: Vec<f64> = known.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
        let volumes: Vec<f64> = rows.map(|row| volume[[row, symbol]]).filter(|volume| !volume.is_nan()).collect();
        if returns.len() < 2 || volumes.is_empty() {
            return 0.0;
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let center = mean(&returns);
        let squares: f64 = returns.iter().map(|r| (r - center) * (r - center)).sum();
        let rate = (squares / (returns.len() - 1) as f64).sqrt() / mean(&volumes).sqrt();
        if rate.is_finite() { rate } else { 0.0 }
    }

    /// Moves a cell to so many shares at a price.
    fn trade(&mut self, symbol: usize, shares: f64, price: f64) {
        let change = shares - self.cells[symbol].shares;
        let cost = self.cost(symbol, change.abs(), price, change < 0.0);
        self.cash -= change * price + cost;
        self.paid += cost;
        self.used[symbol] += change.abs();
        self.closed += usize::from(shares == 0.0 && change != 0.0);
        self.cells[symbol].shares = shares;
    }

    fn fill(&mut self) {
        let settings = &self.world.settings;
        let symbols = 0..self.cells.len();
        let mut waiting = vec![0.0; self.cells.len()];
        let mut reach: Vec<Option<(f64, bool)>> = vec![None; self.cells.len()];
        for symbol in symbols.clone() {
            if self.cells[symbol].order.is_none() {
                continue;
            }
            let allowed = self.price(symbol).map_or(Allowed::Nothing, |price| self.allowed(symbol, price));
            let cell = &mut self.cells[symbol];
            let order = cell.order.expect("not none");
            match allowed {
                Allowed::To(shares, short_of_volume) => {
                    reach[symbol] = Some((shares, short_of_volume));
                    if !short_of_volume {
                        cell.order = Some(Ordered { target: shares, ..order });
                    }
                }
                Allowed::Crumb => cell.order = None,
                // Closing waits, opening is forgotten.
                Allowed::Nothing => {
                    let target = keep(cell.shares, order.target);
                    let closes = target.abs() < cell.shares.abs();
                    cell.order = closes.then_some(Ordered { target, ..order });
                    cell.leaving |= closes && target == 0.0;
                    waiting[symbol] = if closes { (cell.shares - target) * cell.mark } else { 0.0 };
                }
            }
        }
        // Closing.
        for symbol in symbols.clone() {
            let (Some((shares, short_of_volume)), Some(price)) = (reach[symbol], self.price(symbol)) else { continue };
            let nearer = keep(self.cells[symbol].shares, shares);
            if nearer != self.cells[symbol].shares {
                self.trade(symbol, nearer, price);
            }
            if nearer == shares && short_of_volume {
                let order = self.cells[symbol].order.expect("it has a reach");
                waiting[symbol] = (nearer - keep(nearer, order.target)) * price;
            }
        }
        let factors = self.room(&waiting, &mut reach);
        // What is left of orders opens or increases: first shorts, then longs.
        for long in [false, true] {
            let missing = |account: &Self, symbol: usize| {
                let shares = reach[symbol].map_or(0.0, |(shares, _)| shares - account.cells[symbol].shares);
                if (shares > 0.0) == long { shares } else { 0.0 }
            };
            let mut opening: Vec<usize> =
                symbols.clone().filter(|&symbol| reach[symbol].is_some() && missing(self, symbol) != 0.0).collect();
            let mut wanted = vec![0.0; self.cells.len()];
            for &symbol in &opening {
                wanted[symbol] = missing(self, symbol) * factors[usize::from(long)];
            }
            let in_turn = long && settings.cash_short == CashShort::InTurn;
            if in_turn {
                let dust = ROUNDING * self.equity;
                let money =
                    |symbol: usize| (wanted[symbol] * self.price(symbol).expect("it has a reach") / dust).round();
                opening.sort_by(|&a, &b| money(a).total_cmp(&money(b)));
            }
            let mut scale = if long && !in_turn { self.affordable(&wanted) } else { 1.0 };
            for symbol in opening {
                if in_turn {
                    let mut alone = vec![0.0; self.cells.len()];
                    alone[symbol] = wanted[symbol];
                    scale = self.affordable(&alone);
                }
                let (held, price) = (self.cells[symbol].shares, self.price(symbol).expect("it has a reach"));
                let order = self.cells[symbol].order.expect("it has a reach");
                let factor = factors[usize::from(long)] * scale;
                let exact = if factor < 1.0 { held + wanted[symbol] * scale } else { reach[symbol].expect("wanted").0 };
                let shares = self.whole(held, exact);
                if (shares - held).abs() * price > ROUNDING * self.equity {
                    self.trade(symbol, shares, price);
                    self.open(symbol, held, price, order);
                } else if let Some(reach) = &mut reach[symbol] {
                    reach.1 = false;
                }
            }
        }
        let carries = settings.liquidity.unfilled == Unfilled::Carry;
        for symbol in symbols {
            let cell = &mut self.cells[symbol];
            if let Some((_, short_of_volume)) = reach[symbol] {
                let rest = cell.order.filter(|_| short_of_volume);
                let nearer = rest.map_or(0.0, |order| keep(cell.shares, order.target));
                cell.order = match rest {
                    Some(order) if carries => Some(order),
                    Some(order) if nearer != cell.shares => Some(Ordered { target: nearer, ..order }),
                    _ => None,
                };
                cell.leaving |= cell.shares != 0.0 && cell.order.is_some_and(|order| order.target == 0.0);
            }
            if cell.shares == 0.0 {
                *cell = Cell { order: cell.order.filter(|order| order.target != 0.0), ..Cell::default() };
            }
        }
    }

    /// What all buys are scaled by.
    fn affordable(&self, wanted: &[f64]) -> f64 {
        if self.world.settings.cash_short == CashShort::Borrow {
            return 1.0;
        }
        let needed = |scale: f64| -> f64 {
            let buys = (0..wanted.len()).filter(|&symbol| wanted[symbol] > 0.0);
            buys.map(|symbol| {
                let (shares, price) = (wanted[symbol] * scale, self.price(symbol).expect("wanted"));
                shares * price + self.cost(symbol, shares, price, false)
            })
            .sum()
        };
        let borrowed = (self.world.positions.sizing.gross - 1.0).max(0.0) * self.equity;
        let available = (self.cash + borrowed).max(0.0);
        if needed(1.0) <= available {
            return 1.0;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..100 {
            let middle = 0.5 * low + 0.5 * high;
            if needed(middle) <= available { low = middle } else { high = middle }
        }
        low
    }

    /// What waits keeps its slot and its money: the least chosen are forgotten, and the rest is scaled. Factors of shorts
    /// and of longs.
    fn room(&mut self, waiting: &[f64], reach: &mut [Option<(f64, bool)>]) -> [f64; 2] {
        let on = |value: f64, long: bool| if long { value.max(0.0) } else { (-value).max(0.0) };
        let (mut blocked, mut wanted) = ([0.0; 2], [0.0; 2]);
        for long in [false, true] {
            let at = usize::from(long);
            blocked[at] = waiting.iter().map(|&value| on(value, long)).sum();
            if blocked[at] > 0.0 {
                let held = self.cells.iter().filter(|cell| on(cell.shares, long) > 0.0).count();
                let mut new: Vec<usize> = (0..self.cells.len())
                    .filter(|&symbol| {
                        self.cells[symbol].shares == 0.0
                            && reach[symbol].is_some_and(|(shares, _)| on(shares, long) > 0.0)
                    })
                    .collect();
                let rank = |symbol: usize| self.cells[symbol].order.expect("new").rank;
                new.sort_by(|&a, &b| rank(b).total_cmp(&rank(a)));
                let forgotten = new.split_off(self.slots.saturating_sub(held).min(new.len()));
                for symbol in forgotten {
                    let (shares, _) = reach[symbol].take().expect("new");
                    blocked[at] = (blocked[at] - shares.abs() * self.price(symbol).expect("new")).max(0.0);
                    self.cells[symbol].order = None;
                }
            }
        }
        if self.world.settings.cash_short == CashShort::Borrow {
            return [1.0; 2];
        }
        let mut gross = 0.0;
        for (symbol, cell) in self.cells.iter().enumerate() {
            gross += cell.shares.abs() * self.price(symbol).unwrap_or(cell.mark);
            if let (Some((shares, _)), Some(price)) = (reach[symbol], self.price(symbol)) {
                wanted[usize::from(shares > cell.shares)] += (shares - cell.shares).abs() * price;
            }
        }
        let total = blocked[0] + blocked[1];
        let most = self.equity * self.world.positions.sizing.gross.max(1.0);
        let over = (gross + wanted[0] + wanted[1] - most).min(total);
        if over <= 0.0 {
            return [1.0; 2];
        }
        // Each side pays for what waits on it; what it cannot pay, the other does.
        let own = [0, 1].map(|at| over * blocked[at] / total);
        [0, 1].map(|at| {
            let others_debt = (own[1 - at] - wanted[1 - at]).max(0.0);
            let paid = (own[at] + others_debt).min(wanted[at]);
            if wanted[at] > 0.0 { 1.0 - paid / wanted[at] } else { 1.0 }
        })
    }

    /// A cell that held so many shares has just come to more.
    fn open(&mut self, symbol: usize, held: f64, price: f64, order: Ordered) {
        let cell = &mut self.cells[symbol];
        if held == 0.0 {
            *cell = Cell {
                shares: cell.shares,
                mark: price,
                entry: price,
                entry_row: self.row,
                best: price,
                volatility: order.volatility,
                range: order.range,
                order: cell.order,
                ..Cell::default()
            };
        } else {
            cell.entry = (cell.entry * held + price * (cell.shares - held)) / cell.shares;
        }
    }

    /// Sells what the bar's prices take to an exit.
    fn touch(&mut self, symbol: usize) {
        let cell = self.cells[symbol];
        if cell.shares == 0.0 || cell.leaving {
            return;
        }
        let Exits { stop_loss, trailing_stop, take_profit, volatility_stop, atr_stop, .. } = self.world.exits;
        let long = cell.shares > 0.0;
        let side = if long { 1.0 } else { -1.0 };
        let ((low, high), open) = (self.extent(symbol), self.world.open[[self.row, symbol]]);
        let mut levels = Vec::new();
        levels.extend(stop_loss.map(|loss| cell.entry * (1.0 - side * loss)));
        let gained = side * (cell.best - cell.entry) / cell.entry;
        levels.extend(
            trailing_stop.filter(|stop| gained >= stop.activation).map(|stop| cell.best * (1.0 - side * stop.trail)),
        );
        levels.extend(volatility_stop.map(|stop| cell.entry * (1.0 - side * stop.multiplier * cell.volatility)));
        levels.extend(atr_stop.map(|stop| cell.entry - side * stop.multiplier * cell.range));
        levels.retain(|&level| level > 0.0 && if long { low <= level } else { high >= level });
        levels.sort_by(f64::total_cmp);
        let stop = if long { levels.last() } else { levels.first() };
        let price = match (stop, take_profit.map(|gain| cell.entry * (1.0 + side * gain)).filter(|&level| level > 0.0))
        {
            (Some(&level), _) if long && open < level => open,
            (Some(&level), _) if !long && open > level => open,
            (Some(&level), _) => level,
            (None, Some(level)) if (long && high >= level) || (!long && low <= level) => level,
            _ => return,
        };
        self.cells[symbol].order = Some(Ordered::CLOSE);
        match self.allowed(symbol, price) {
            Allowed::To(shares, short_of_volume) => {
                self.trade(symbol, shares, price);
                if short_of_volume {
                    self.cells[symbol].leaving = true;
                } else {
                    self.cells[symbol] = Cell::default();
                }
            }
            // An exit that cannot be made waits.
            _ => self.cells[symbol].leaving = true,
        }
    }

    /// Gives orders; where targets were set, also how many slots a side has.
    fn decide(&mut self) -> Option<usize> {
        let World { close, signals, positions, exits, settings, .. } = self.world;
        let (row, equity) = (self.row, self.equity);
        let truth = |flags: &Option<ndarray::Array2<f64>>, symbol: usize| {
            flags.as_ref().is_some_and(|f| f[[row, symbol]] == 1.0)
        };
        let value = |values: &Option<ndarray::Array2<f64>>, symbol: usize| {
            values.as_ref().map_or(f64::NAN, |v| v[[row, symbol]])
        };
        let stuck = self.cells.iter().filter(|cell| cell.leaving).count();
        for (symbol, cell) in self.cells.iter_mut().enumerate().filter(|(_, cell)| cell.shares != 0.0 && !cell.leaving)
        {
            let ended = positions.rule == Rule::Signal && signals.exit.is_none() && !truth(&signals.entry, symbol);
            if truth(&signals.exit, symbol) || ended || stopped(exits, cell, row) {
                cell.leaving = true;
                cell.order = Some(Ordered::CLOSE);
            }
        }
        let calendar = self.world.calendar();
        let now = match positions.rebalance {
            Rebalance::Daily => true,
            Rebalance::Weekly => calendar.starts_week(row),
            Rebalance::Monthly => calendar.starts_month(row),
            Rebalance::Every(bars) => row % bars as usize == 0,
        };
        if !now {
            return None;
        }
        let weights = target_weights(&self.cells, row, stuck, self.world);
        for (symbol, cell) in self.cells.iter_mut().enumerate().filter(|(_, cell)| !cell.leaving) {
            if positions.rule == Rule::Signal && (cell.shares != 0.0 || weights[symbol] == 0.0) {
                continue;
            }
            cell.order = None;
            let price = close[[row, symbol]];
            let target = if weights[symbol] == 0.0 { 0.0 } else { weights[symbol] * equity / price };
            let sold_out = target == 0.0 && cell.shares != 0.0;
            let change = (target - cell.shares).abs() * price;
            let near = target * cell.shares > 0.0 && change < positions.sizing.band * equity;
            let worth_it = change > ROUNDING * equity && change >= settings.shares.minimum_trade && !near;
            if sold_out || worth_it {
                let (volatility, range) =
                    (value(&signals.stop_volatility, symbol), value(&signals.average_true_range, symbol));
                let score = signals.score.as_ref().map_or(0.0, |score| score[[row, symbol]]);
                let rank = if target < 0.0 { -score } else { score };
                cell.order = Some(Ordered { target, rank, volatility, range });
            }
        }
        Some(if positions.rule == Rule::Weights { usize::MAX } else { count_of(positions.count, close, row) })
    }
}

/// What is left of a holding on the way to a target, before anything is opened.
fn keep(held: f64, target: f64) -> f64 {
    if target * held <= 0.0 {
        0.0
    } else if held > 0.0 {
        held.min(target)
    } else {
        held.max(target)
    }
}

fn stopped(exits: &Exits, cell: &Cell, row: usize) -> bool {
    let long = cell.shares > 0.0;
    let (up, down) = (if long { 1.0 } else { -1.0 }, if long { -1.0 } else { 1.0 });
    let beyond = |level: f64| if long { cell.mark <= level } else { cell.mark >= level };
    let reached = |level: f64, price: f64| if long { price >= level } else { price <= level };
    let mut out = exits.max_holding.is_some_and(|bars| row >= cell.entry_row + bars as usize);
    if exits.trigger == Trigger::Touched {
        return out;
    }
    if let Some(loss) = exits.stop_loss {
        out |= beyond(cell.entry * (1.0 + down * loss));
    }
    if let Some(stop) = exits.trailing_stop {
        out |= reached(cell.entry * (1.0 + up * stop.activation), cell.best)
            && beyond(cell.best * (1.0 + down * stop.trail));
    }
    if let Some(gain) = exits.take_profit {
        out |= reached(cell.entry * (1.0 + up * gain), cell.mark);
    }
    if let Some(stop) = exits.volatility_stop {
        out |= beyond(cell.entry * (1.0 + down * stop.multiplier * cell.volatility));
    }
    if let Some(stop) = exits.atr_stop {
        out |= beyond(cell.entry + down * stop.multiplier * cell.range);
    }
    out
}

fn near(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= 1e-9 * scale
}

fn check(seed: u64, world: &World) -> Outcome {
    let (slow, fast) = (simulate(world), world.run(Detail::Full));
    let label = world.label();
    let Settings { capital, .. } = world.settings;
    let mut shares: Vec<Vec<f64>> = slow.shares.iter().map(|row| vec![0.0; row.len()]).collect();
    for held in &fast.positions {
        shares[held.row][held.symbol] = held.shares;
    }
    for row in 0..slow.equity.len() {
        for (symbol, (fast, slow)) in shares[row].iter().zip(&slow.shares[row]).enumerate() {
            let fits = near(*fast, *slow, slow.abs().max(1.0));
            assert!(fits, "seed {seed}, row {row}: {fast} shares of {symbol}, slowly {slow}; {label}");
        }
        let scale = capital.max(slow.equity[row].abs());
        for (name, fast, slow) in [
            ("equity", fast.equity[row], slow.equity[row]),
            ("cash", fast.cash[row], slow.cash[row]),
            ("costs", fast.costs[row], slow.costs[row]),
        ] {
            assert!(near(fast, slow, scale), "seed {seed}, row {row}: {name} {fast}, slowly {slow}; {label}");
        }
    }
    assert_eq!(fast.ruin_row, slow.ruin, "seed {seed}: {label}");
    assert_eq!(fast.counts.closed_trades, slow.closed, "seed {seed}: {label}");
    fast
}

#[test]
fn fast_and_slow_agree_on_random_worlds() {
    let mut seen = Vec::new();
    let mut counts = [0; 6];
    for seed in 0..8000 {
        let outcome = check(seed, &world(seed));
        seen.extend(outcome.trades.iter().filter_map(|trade| trade.reason));
        let found = outcome.counts;
        let ruined = usize::from(outcome.ruin_row.is_some());
        let of = [ruined, found.delayed, found.cut, found.no_cash, found.locked, found.no_volume];
        counts.iter_mut().zip(of).for_each(|(count, found)| *count += found);
    }
    // The worlds are wild enough for everything to happen.
    for reason in [
        Reason::Rebalance,
        Reason::Exit,
        Reason::StopLoss,
        Reason::TrailingStop,
        Reason::TakeProfit,
        Reason::MaxHolding,
        Reason::VolatilityStop,
        Reason::AtrStop,
        Reason::Delisted,
        Reason::Ruin,
    ] {
        assert!(seen.iter().filter(|&&found| found == reason).count() > 10, "{reason:?}");
    }
    assert!(counts.iter().all(|&count| count > 30), "{counts:?}");
}

#[test]
fn fast_and_slow_agree_on_wide_markets() {
    (0..300).for_each(|seed| {
        check(seed, &wide_world(seed));
    });
}

#[test]
fn fast_and_slow_agree_on_every_rule_weighting_and_rebalance() {
    let weightings = [Weighting::Equal, Weighting::Score, Weighting::InverseVolatility, Weighting::Rank];
    for (number, rule) in [Rule::Top, Rule::LongShort, Rule::Signal, Rule::Weights].into_iter().enumerate() {
        for weight in weightings {
            for rebalance in [Rebalance::Daily, Rebalance::Weekly, Rebalance::Monthly, Rebalance::Every(3)] {
                for fill in [Fill::NextOpen, Fill::NextClose, Fill::SameClose] {
                    // Worlds that have a score and an entry flag serve every rule.
                    let fit = |world: &World| world.signals.score.is_some() && world.signals.entry.is_some();
                    let worlds = (0..).map(|seed| (seed + 100_000 * number as u64, world(seed))).filter(|w| fit(&w.1));
                    for (seed, mut world) in worlds.take(10) {
                        world.positions = Positions { rule, weight, rebalance, ..world.positions };
                        world.settings.fill = fill;
                        check(seed, &world);
                    }
                }
            }
        }
    }
}
