"""evoquant, driven through its command line: panels in, values and times out."""

import json
import subprocess

import numpy as np
import polars as pl


class Engine:
    """The program, and a folder for what goes in and out."""

    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = folder

    def run(self, *arguments):
        """Runs a command to its end; its message becomes the error."""
        done = subprocess.run([str(self.binary), *map(str, arguments)], capture_output=True, text=True)
        if done.returncode > 1:
            raise RuntimeError(f"evoquant {arguments[0]}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def panel(self, name, columns):
        """Writes columns, each `[bars x symbols]`, as a long Parquet file. A `close` of ones is added where there is
        none: a bar without a positive price is no bar."""
        bars, symbols = next(iter(columns.values())).shape
        columns = columns if "close" in columns else {"close": np.ones((bars, symbols)), **columns}
        days = np.busday_offset("2000-01-03", np.arange(bars), roll="forward").astype("datetime64[D]")
        frame = pl.DataFrame({
            "date": np.repeat(days, symbols),
            "symbol": np.tile([f"S{index:05}" for index in range(symbols)], bars),
            **{key: np.ascontiguousarray(values, dtype=np.float64).ravel() for key, values in columns.items()},
        })
        path = self.folder / f"{name}.parquet"
        frame.write_parquet(path)
        return path

    def _write(self, texts):
        path = self.folder / "expressions.txt"
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return path

    def time(self, panel, texts, *, keep, threads=1, repeat=3, group=None, merged_only=False):
        """The report of `evoquant bench expressions`."""
        out = self.folder / "times.json"
        options = ["--threads", threads, "--repeat", repeat, "--json", out]
        options += ["--keep"] if keep else []
        options += ["--group", group] if group else []
        options += ["--merged-only"] if merged_only else []
        self.run("bench", "expressions", self._write(texts), "--data", panel, *options)
        return json.loads(out.read_text(encoding="utf-8"))

    def backtest(self, strategy, *options):
        """Median milliseconds of a whole backtest in memory, by `evoquant bench backtest`."""
        return self._medians("backtest", strategy, *options)[f"backtest/{strategy.stem}/strategy"]

    def scored(self, bars, symbols):
        """Median milliseconds for each strategy that `evoquant bench evolution` scores, by how often it trades."""
        paces = {}
        for name, took in self._medians("evolution", "--bars", bars, "--symbols", symbols).items():
            _, what, _, count = name.split("/")
            if what in ("weekly", "daily"):
                paces[what] = took / int(count)
        return paces

    def _medians(self, *arguments):
        out = self.folder / "figures.json"
        self.run("bench", *arguments, "--json", out)
        records = json.loads(out.read_text(encoding="utf-8"))["records"]
        return {record["name"]: record["median_ns"] / 1e6 for record in records}

    def values(self, panel, texts, shape, group=8):
        """The values of each expression in turn, `[bars x symbols]`, NaN where undefined."""
        out = self.folder / "values.bin"
        self.run("bench", "expressions", self._write(texts), "--data", panel, "--group", group, "--values", out)
        cells = shape[0] * shape[1]
        try:
            for index in range(len(texts)):
                yield np.fromfile(out, dtype="<f8", count=cells, offset=index * cells * 8).reshape(shape)
        finally:
            out.unlink(missing_ok=True)


def alone_ms(report):
    """Median time of each expression by itself."""
    return [record["run"]["median_ns"] / 1e6 for record in report["alone"]]


def merged_ms(report, what="run"):
    """Median time of all expressions together; `what` is `run`, `plan` or `compile`."""
    return report["merged"][what]["median_ns"] / 1e6
