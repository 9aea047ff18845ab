"""The workload table, as far as tools/perf reads it itself."""

import csv
import pathlib

PATH = pathlib.Path(__file__).resolve().parents[2] / "bench" / "workloads.tsv"


def read() -> list[tuple[str, str]]:
    """Id and op of every row."""
    with PATH.open(encoding="utf-8", newline="") as file:
        return [(row["id"], row["op"]) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
