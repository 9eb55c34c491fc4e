"""What the scripts share: panels from a fixed arithmetic rule, and the writing of goldens. Standard library only."""

import datetime
import json
import math
import pathlib

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "goldens"
MONDAY = datetime.date(2024, 1, 1)


class Chance:
    """A linear congruential generator: the same numbers on every machine and with every version of every library."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        """The next number from 0 to 1."""
        self.state = (self.state * 1103515245 + 12345) % 2**31
        return (self.state >> 8) / 2**23


def weekdays(count):
    """So many days from Monday, 1 January 2024, without weekends."""
    return [MONDAY + datetime.timedelta(days=day // 5 * 7 + day % 5) for day in range(count)]


def panel(bars, symbols, seed, step=0.03, gap=0.01, dates=None):
    """Open, high, low, close (two decimals) and volume of random walks, `[bars][symbols]` each."""
    chance = Chance(seed)
    last = [20.0 + 15.0 * symbol for symbol in range(symbols)]
    fields = {name: [] for name in ("open", "high", "low", "close", "volume")}
    for _ in range(bars):
        rows = {name: [] for name in fields}
        for symbol in range(symbols):
            open_ = round(last[symbol] * (1 + gap * (2 * chance.next() - 1)), 2)
            close = round(last[symbol] * (1 + step * (2 * chance.next() - 0.97)), 2)
            high = round(max(open_, close) * (1 + 0.01 * chance.next()), 2)
            low = round(min(open_, close) * (1 - 0.01 * chance.next()), 2)
            volume = 1000 + int(9000 * chance.next())
            for name, value in zip(fields, (open_, high, low, close, volume)):
                rows[name].append(value)
            last[symbol] = close
        for name in fields:
            fields[name].append(rows[name])
    fields["dates"] = [str(day) for day in (dates or weekdays(bars))]
    fields["symbols"] = [f"S{symbol}" for symbol in range(symbols)]
    return fields


def starts_week(dates):
    """Whether a day is the first of its ISO week among the days."""
    weeks = [datetime.date.fromisoformat(day).isocalendar()[:2] for day in dates]
    return [row == 0 or weeks[row] != weeks[row - 1] for row in range(len(weeks))]


def weights(bars, seed, gross, short=False, rows=None):
    """Rows of weights with two decimals whose sizes sum to `gross`; missing on rows that are not asked for."""
    chance, symbols, found = Chance(seed), len(bars["symbols"]), []
    for row in range(len(bars["dates"])):
        parts = [chance.next() for _ in range(symbols)]
        signs = [-1 if short and chance.next() < 0.4 else 1 for _ in range(symbols)]
        cents = [int(100 * gross * part / sum(parts)) for part in parts]
        cents[0] += round(100 * gross) - sum(cents)
        values = [sign * part / 100 for part, sign in zip(cents, signs)]
        found.append(values if rows is None or rows[row] else [math.nan] * symbols)
    return found


def fill(row, symbol, shares, price, costs):
    """One fill; `shares` above 0 are bought."""
    side = "buy" if shares > 0 else "sell"
    return {"row": int(row), "symbol": int(symbol), "side": side, "shares": abs(float(shares)), "price": float(price),
            "costs": float(costs)}


def plain(value):
    """As JSON has it: missing is null."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write(profile, name, tool, pins, bars, positions, expected, *, exits=None, settings=None, score=None, entry=None,
          exit=None):
    """Writes one golden.

    `pins` says which convention it holds us to; `positions`, `exits` and `settings` (what differs from the profile's
    own) are as the engine reads them; `expected` has `fills` and, where the tool gives them, `equity` by bar,
    `rejected` orders and further figures.
    """
    golden = {"profile": profile, "tool": tool, "pins": pins, "positions": positions, "exits": {"trigger": "close", **(exits or {})},
              "settings": settings or {}, "symbols": bars["symbols"], "dates": bars["dates"],
              "days": [(datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days for day in bars["dates"]]}
    for field in ("open", "high", "low", "close", "volume"):
        golden[field] = bars.get(field)
    golden.update(score=score, entry=entry, exit=exit)
    golden["expected"] = dict(expected)
    golden["expected"]["final_equity"] = expected["equity"][-1]
    golden = plain(golden)
    lines = []
    for key, value in golden.items():
        if key == "expected":
            continue
        if isinstance(value, list) and value and isinstance(value[0], list):
            rows = ",\n  ".join(json.dumps(row) for row in value)
            lines.append(f'"{key}": [\n  {rows}\n]')
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    inner = []
    for key, value in golden["expected"].items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n    ".join(json.dumps(row) for row in value)
            inner.append(f'"{key}": [\n    {rows}\n  ]')
        else:
            inner.append(f'"{key}": {json.dumps(value)}')
    lines.append('"expected": {\n  ' + ",\n  ".join(inner) + "\n}")
    path = GOLDENS / f"{profile}_{name}.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path.name}: {len(golden['expected']['fills'])} fills, final {golden['expected']['final_equity']!r}")
