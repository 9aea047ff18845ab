"""What tools/perf keeps between its runs, outside of the repository: where it lies, and how it is written and read."""

import json
import os
import pathlib
import tempfile
from typing import Any

KEPT_RUNS = 20  # comparisons with all their rounds; older ones live on as lines of the history


def checkout() -> pathlib.Path:
    """The root of the checkout that this file belongs to."""
    return pathlib.Path(__file__).resolve().parents[2]


def directory() -> pathlib.Path:
    """Of the results: ${XDG_STATE_HOME:-~/.local/state}/polyphase/perf."""
    base = os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local" / "state"
    return pathlib.Path(base) / "polyphase" / "perf"


def cache() -> pathlib.Path:
    """Of what can be made again, the builds: ${XDG_CACHE_HOME:-~/.cache}/polyphase/perf."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "polyphase" / "perf"


def history_path(machine_class: str) -> pathlib.Path:
    """JSON Lines of one class of machines."""
    return directory() / "history" / f"{machine_class}.jsonl"


def gate_path(sources: str) -> pathlib.Path:
    """Instruction counts of the library's files with this hash, see revisions.sources."""
    return directory() / "gate" / f"{sources}.json"


def proof_path() -> pathlib.Path:
    """Results of `perf prove`."""
    return directory() / "proof.json"


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes the whole file or, if this fails, nothing. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False, encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def write_json(path: pathlib.Path, value: Any) -> None:
    """As write_text. NaN and infinities, which JSON does not have, are a ValueError."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: pathlib.Path) -> Any:
    """None if there is no such file. Raises json.JSONDecodeError if it isn't JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def run_paths() -> list[pathlib.Path]:
    """Of the comparisons that are kept, oldest first: their names begin with the time."""
    return sorted((directory() / "runs").glob("*.json"))


def save_run(run: dict[str, Any]) -> pathlib.Path:
    """Keeps a comparison, whose fields are those that compare.py writes, and drops the oldest over KEPT_RUNS."""
    time = run["started"].replace("-", "").replace(":", "")
    name = f"{time}-{_short(run['base']['revision'])}-{_short(run['head']['revision'])}.json"
    path = directory() / "runs" / name
    write_text(path, json.dumps(run, allow_nan=False, separators=(",", ":")) + "\n")
    for old in run_paths()[:-KEPT_RUNS]:
        old.unlink()
    return path


def _short(revision: str) -> str:
    """Eight digits of a commit; "working" of the working tree."""
    return revision.partition(" ")[0][:8]
