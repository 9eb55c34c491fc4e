"""The virtual environment, the build, the machine: everything around the workloads. Standard library only."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import venv
from collections import deque
from datetime import datetime, timezone
from pathlib import Path

PACKAGE_FOLDER = Path(__file__).resolve().parents[1]
# Peers are compared on one thread unless a row says otherwise.
ONE_THREAD = {name: "1" for name in (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
)}


def build(root):
    """Builds evoquant in release mode and returns the program."""
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=root, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    return root / target / "release" / ("evoquant.exe" if os.name == "nt" else "evoquant")


def wanted(requirements):
    """The pinned requirements, comments left out."""
    lines = (line.split("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def prepare(work, requirements):
    """Makes or reuses the environment. Returns its Python, and what did not install with the gist of why."""
    folder = work / "environment"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # KunQuant compiles through setuptools where a Python no longer brings it.
    base = ["setuptools<81"]
    together = subprocess.run([*install, *base, *wanted(requirements)], capture_output=True, text=True)
    if together.returncode == 0:
        return python, {}
    failures = {}
    for line in [*base, *wanted(requirements)]:
        alone = subprocess.run([*install, line], capture_output=True, text=True)
        if alone.returncode != 0:
            failures[line] = gist(alone.stderr)
    return python, failures


def gist(text):
    """The line of an error that says most: the last that names an error, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower()]
    return (telling or lines or ["no message"])[-1][:300]


def run_workload(python, settings, timeout):
    """Runs one workload in a process of its own. Returns its section, or a section that says what went wrong, with
    when it was measured and how busy the machine was by then."""
    section = outcome(python, settings, timeout)
    section["measured"] = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    section["rounds"], section["quick"] = settings["rounds"], settings["quick"]
    section["load"] = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    return section


def outcome(python, settings, timeout):
    """The section itself."""
    environ = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(PACKAGE_FOLDER), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory(dir=settings["work"]) as folder:
        result = Path(folder) / "section.json"
        command = [str(python), "-P", "-m", "harness.worker", json.dumps({**settings, "result": str(result)})]
        code, said = followed(command, environ, timeout)
        if code == 0 and result.exists():
            return json.loads(result.read_text(encoding="utf-8"))
    if code is None:
        reason = f"took longer than {timeout} seconds"
    else:
        reason = gist(said) if code > 0 else f"killed by signal {-code}"
    return {"workload": settings["workload"], "error": reason}


def followed(command, environ, timeout):
    """Runs a command and shows what it says as it says it. Returns its exit code, `None` where it took too long, and
    the last that it said."""
    process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
    late = threading.Event()

    def stop():
        late.set()
        process.kill()

    timer = threading.Timer(timeout, stop)
    timer.start()
    said = deque(maxlen=200)
    for line in process.stderr:
        sys.stderr.write(line)
        said.append(line)
    code = process.wait()
    timer.cancel()
    return (None if late.is_set() else code), "".join(said)


def machine():
    """CPU model, cores, memory and system; nothing that names the machine."""
    model, memory = platform.processor() or platform.machine(), None
    flags = set()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() == "flags":
                flags = set(value.split())
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemTotal:"):
                memory = round(int(line.split()[1]) / 2**20)
    except OSError:
        pass
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "vectors": vectors(flags),
        "memory_gib": memory,
        "system": f"{platform.system()} {platform.machine()}",
    }


def vectors(flags):
    """The widest of the processor, and those that evoquant is held to."""
    widest = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "baseline"
    held = os.environ.get("EVOQUANT_VECTORS")
    return f"{widest} (evoquant held to {held})" if held else widest


def versions(python, binary, root):
    """Of Python, the compiler, evoquant with its commit, and every installed package that is asked for."""
    def first_line(*command):
        try:
            output = subprocess.run(command, capture_output=True, text=True, cwd=root).stdout
        except OSError:
            return "not there"
        return (output.splitlines() or ["unknown"])[0].strip()

    asked = [line.split("==")[0].lower() for line in wanted(PACKAGE_FOLDER / "requirements.txt")]
    listed = subprocess.run([str(python), "-m", "pip", "list", "--format=json"], capture_output=True, text=True)
    installed = {one["name"].lower(): one["version"] for one in json.loads(listed.stdout or "[]")}
    return {
        "evoquant": f"{first_line(str(binary), '--version').split()[-1]}, "
                    f"commit {first_line('git', 'rev-parse', '--short=10', 'HEAD')}",
        "rustc": first_line("rustc", "--version"),
        "g++": first_line("g++", "--version"),
        "Python": platform.python_version(),
        **{name: installed[name] for name in asked if name in installed},
    }
