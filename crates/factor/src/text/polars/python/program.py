import math
import statistics
import sys

import polars as pl

if tuple(int(part) for part in pl.__version__.split(".")[:2]) < (1, 36):
    raise ImportError("needs polars 1.36 or later: earlier ones get some windows and groups wrong")

X, Y, Z = pl.col("x"), pl.col("y"), pl.col("z")


def values(frame):
    """The factor at every date and symbol of a long frame: date, symbol and what follows, null where undefined."""
    lay_out(frame)
    STATEMENTS
    return grid.select("date", "symbol").with_columns(OUTPUTS)


def lay_out(frame):
    """Puts a long frame on the grid of all its dates and symbols, date by date, and says who is in the universe."""
    global grid, symbols, member
    frame = frame.with_columns(pl.col("symbol").cast(pl.String)).drop_nulls(["date", "symbol"])
    if frame.select("date", "symbol").is_duplicated().any():
        raise ValueError("several rows have the same date and symbol")
    names = frame.select("symbol").unique().sort("symbol")
    cells_of_grid = frame.select("date").unique().sort("date").join(names, how="cross")
    grid = cells_of_grid.join(frame, on=["date", "symbol"], how="left", maintain_order="left")
    symbols = names.height
    inside = column("universe") > 0 if "universe" in grid.columns else column("close").is_not_null()
    member = inside.fill_null(False)


def column(name):
    """A column of numbers on the grid; what is infinite or not a number is missing."""
    return cells(X, x=grid[name].cast(pl.Float64))


HELPERS


def read(path):
    if path.endswith((".parquet", ".pq")):
        return pl.read_parquet(path)
    if path.endswith((".ipc", ".arrow", ".feather")):
        return pl.read_ipc(path, memory_map=False)
    return pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(f"usage: python {sys.argv[0]} BARS [VALUES], files of bars and of values: .csv or .parquet")
    result = values(read(sys.argv[1]))
    if len(sys.argv) < 3:
        print(result.write_csv(), end="")
    elif sys.argv[2].endswith(".parquet"):
        result.write_parquet(sys.argv[2])
    else:
        result.write_csv(sys.argv[2])
