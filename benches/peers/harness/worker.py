"""One workload, inside the virtual environment: `python -m harness.worker SETTINGS`."""

import importlib
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from .ours import Engine
from .section import Session
from .workloads import WORKLOADS


def main():
    settings = json.loads(sys.argv[1])
    name = settings["workload"]
    tool = importlib.import_module(f"harness.tools.{WORKLOADS[name].module}")
    with tempfile.TemporaryDirectory(dir=settings["work"]) as folder:
        session = Session(
            engine=Engine(Path(settings["binary"]), Path(folder)), folder=Path(folder), root=Path(settings["root"]),
            rounds=settings["rounds"], quick=settings["quick"],
        )
        section = tool.compare(session)
    result = {"workload": name, "title": WORKLOADS[name].title, **asdict(section)}
    Path(settings["result"]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
