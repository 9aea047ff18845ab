"""Shows that `perf compare` can be believed on this machine, and keeps the result for the report.

Builds one revision twice and compares the two, which must raise no alarm; then builds it with 3 % of waiting added to
the runs of one op, which must be found in each of its rows and nowhere else. What that is compared with has the same
code and waits for next to nothing, so that the waiting is the only difference.

exit code: 0 both are so; 1 one is not; 2 bad usage; 3 the machine is not fit to tell
"""

import argparse
import sys
from typing import Any

import compare
import measure
import revisions
import state
import stats

SLOWDOWN = 0.03
SLOWED_OP = "conv_transpose1d"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("revision", metavar="REVISION", nargs="?", default=".",
                        help="as git calls it; '.', the default, is the working tree")
    compare.add_measuring_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    try:
        revision = revisions.find(arguments.revision)
        build = compare.build(revision)
        twin = compare.build(revision, "-twin")
        still, slow = (compare.build(revision, variant, ("-D", f"PERF_SLOWDOWN={slowdown:f}",
                                                         "-D", f"PERF_SLOWDOWN_OP={SLOWED_OP}"))
                       for variant, slowdown in (("-still", 0.00001), ("-slow", SLOWDOWN)))
        print("identical code", file=sys.stderr)
        identical = of_identical(compare.compare(revision, revision, build, twin, arguments))
        store("identical", identical)
        print(f"{SLOWED_OP} {SLOWDOWN:+.0%}", file=sys.stderr)
        slowdown = of_slowdown(compare.compare(revision, revision, still, slow, arguments))
        store("slowdown", slowdown)
    except (revisions.Error, measure.Error) as error:
        print(f"perf prove: {error}", file=sys.stderr)
        return compare.EXIT_USAGE
    except compare.Unfit as error:
        print(f"perf prove: the machine is not fit to tell: {error}", file=sys.stderr)
        return compare.EXIT_UNFIT
    print(f"identical code: {identical['alarms']} alarms in {identical['rows']} rows; {SLOWDOWN:+.0%} in {SLOWED_OP}: "
          f"found in {slowdown['rows_caught']} of {slowdown['rows_slowed']} rows, {slowdown['alarms']} alarms "
          "elsewhere")
    good = identical["alarms"] == 0 and slowdown["caught"] and slowdown["alarms"] == 0
    return compare.EXIT_EQUAL if good else compare.EXIT_SLOWER


def of_identical(run: dict[str, Any]) -> dict[str, Any]:
    print(compare.table(run))
    return common(run, run["rows"])


def of_slowdown(run: dict[str, Any]) -> dict[str, Any]:
    """"caught": every row of the slowed op is SLOWER; "alarms": other rows that changed."""
    print(compare.table(run))
    slowed = [row for row in run["rows"] if row["op"] == SLOWED_OP]
    if not slowed:
        raise measure.Error(f"--rows: none of them is a {SLOWED_OP}, which is what is slowed down")
    ratios = sorted(row["ratio"] for row in slowed)
    caught = sum(row["verdict"] == stats.SLOWER for row in slowed)
    return {**common(run, [row for row in run["rows"] if row["op"] != SLOWED_OP]),
            "kernel": SLOWED_OP, "injected": 1 + SLOWDOWN, "caught": caught == len(slowed), "rows_slowed": len(slowed),
            "rows_caught": caught, "measured": ratios[len(ratios) // 2], "low": ratios[0], "high": ratios[-1]}


def common(run: dict[str, Any], unchanged: list[dict[str, Any]]) -> dict[str, Any]:
    """`unchanged`: the rows whose code is the same on both sides."""
    return {"date": run["started"], "revision": run["head"]["revision"], "machine": run["machine"]["class"],
            "rows": len(run["rows"]), "launches": run["launches"], "seconds": run["seconds"],
            "alarms": sum(row["verdict"] in (stats.SLOWER, stats.FASTER) for row in unchanged),
            "equal": sum(row["verdict"] == stats.EQUAL for row in unchanged)}


def store(part: str, result: dict[str, Any]) -> None:
    state.write_json(state.proof_path(), {**(state.read_json(state.proof_path()) or {}), part: result})
