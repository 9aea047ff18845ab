"""The virtual environment of the peers: made once, in the cache folder, of whatever can be installed here."""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import sys

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "polyphase"
# Without these there is no comparison: arrays, the report's templates.
REQUIRED = ("numpy", "jinja2")
# Each alone, so that one that cannot be installed does not keep the others away.
OPTIONAL = ("torch==2.13.0", "onnx", "onnxruntime", "openvino", "ncnn", "ai-edge-litert", "flatbuffers",
            "opencv-python-headless", "pillow")


def enter(name: str, script: str) -> None:
    """Runs the calling script again with the Python of the cache's environment `name`, which tools/`script` makes."""
    folder = CACHE / name
    if pathlib.Path(sys.prefix) == folder:
        return
    if not (folder / "complete").exists():
        subprocess.run([pathlib.Path(__file__).resolve().parents[2] / "tools" / script], check=True)
    python = folder / "bin" / "python"
    os.execv(python, [python, *sys.argv])


def prepare(folder: pathlib.Path = CACHE / "peers") -> pathlib.Path:
    """The environment's Python. What could not be installed is said and not tried again until the list of packages
    changes or the folder is deleted. Raises subprocess.CalledProcessError where the required packages could not be."""
    python = folder / "bin" / "python3"
    wanted = hashlib.sha256(repr((REQUIRED, OPTIONAL, sys.version)).encode()).hexdigest()
    stamp = folder / "complete"
    if stamp.exists() and stamp.read_text(encoding="utf-8").split("\n", 1)[0] == wanted:
        return python
    print(f"Making the peers' environment in {folder}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, *REQUIRED], check=True)
    failed = []
    for package in OPTIONAL:
        print(f"  {package}", file=sys.stderr, flush=True)
        result = subprocess.run([*install, package], check=False, capture_output=True, text=True)
        if result.returncode != 0:
            failed.append(package)
            reason = (result.stderr.strip() or "no reason given").splitlines()[-1]
            print(f"  {package} cannot be installed, the comparison goes without it: {reason}", file=sys.stderr)
    stamp.write_text("\n".join([wanted, *failed]) + "\n", encoding="utf-8")
    return python
