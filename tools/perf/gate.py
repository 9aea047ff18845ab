"""Counts the instructions of every row of the workload table and compares with the baseline, instructions/*.tsv.

Rows are shrunk (bench/shrink.h) and run under callgrind, with AVX2 and SSE4, since valgrind has no AVX-512. Counts are
the same on every machine with the same compiler and libraries, so that 1 % more is a slower kernel, not noise; what
counts do not see, caches and latencies, is for `perf compare`. Nor may a run call the heap.

What a row runs is known by a hash of the library's object files without debug information: those of its family of ops
and those that all share. Where the hash is the baseline's, the row is UNCHANGED and not counted. Each family has a file
of its own in the baseline, so that a change of one kernel rewrites that file alone.

A row with more instructions fails until somebody decides: either the code is fixed; or `perf gate --update` writes the
new counts into the baseline; or a line of accepted.tsv allows them and says why, and the baseline shows what they were:

    row, a regular expression <TAB> isa, or * <TAB> how much more, as 2.5% <TAB> reason

Where compiler or libraries are not those of the baseline, instructions cannot be compared, which is said, and all rows
are run for their heap calls alone.

Exit status: 0; 1 when a row has more instructions, calls the heap or has no baseline; 2 when nothing was counted."""

import argparse
import collections
import dataclasses
import os
import pathlib
import re
import shutil
import sys
from collections.abc import Iterable, Sequence

import counting
import revisions
import state
from counting import ISAS, LAYOUTS, Build, Count, Row, count
from progress import Progress


class GateError(Exception):
    """Nothing can be compared; the text is for the user."""


@dataclasses.dataclass(frozen=True)
class Baseline:
    environment: str  # compiler and libraries
    code: dict[str, str]  # hash of what the rows of each family run
    counts: dict[Row, int]

    def is_unchanged(self, row: Row, code: dict[str, str]) -> bool:
        """Whether the row is known and runs what it ran."""
        return row in self.counts and self.code.get(row.family) == code.get(row.family)


@dataclasses.dataclass(frozen=True)
class Allowance:
    """A line of accepted.tsv."""

    line: int
    row: re.Pattern[str]
    isa: str  # "*": all
    change: float  # 0.025 is 2.5 %
    reason: str

    def covers(self, row: Row, change: float) -> bool:
        return self.isa in ("*", row.isa) and self.row.search(row.name) is not None and change <= self.change


@dataclasses.dataclass(frozen=True)
class Result:
    row: Row
    baseline: int | None
    count: int
    heap_calls: int
    status: str  # UNCHANGED, SAME, MORE, FEWER, ACCEPTED or NEW
    allowance: Allowance | None = None

    @property
    def change(self) -> float:
        return 0.0 if not self.baseline else self.count / self.baseline - 1

    @property
    def fails(self) -> bool:
        return self.status in ("MORE", "NEW") or self.heap_calls > 0


# The files

CASES = [(layout, isa) for layout in LAYOUTS for isa in ISAS]
COLUMNS = "\t".join(["row", *("/".join(case) for case in CASES)])
HEAP_HINT = "A run calls the heap: what it needs belongs into the plan's workspace."


def read_baseline(folder: pathlib.Path) -> Baseline:
    """Of all families, <family>.tsv each. Raises GateError, which names the line and the rule."""
    environments, code, counts = {}, {}, {}
    for path in sorted(folder.glob("*.tsv")):
        columns = False
        for number, line in enumerate(_lines(path), 1):
            def fail(rule: str) -> GateError:
                return GateError(f"{path}:{number}: {rule}; `perf gate --update` writes the file anew")

            if line.startswith("# environment: "):
                environments[path.stem] = line.partition(": ")[2]
            elif line.startswith("# code: "):
                code[path.stem] = line.partition(": ")[2]
            elif line.startswith("#"):
                continue
            elif not columns:
                if line != COLUMNS:
                    raise fail(f"the first line that is no comment must be '{COLUMNS}'")
                columns = True
            else:
                name, *numbers = line.split("\t")
                if len(numbers) != len(CASES) or not all(re.fullmatch("[1-9][0-9]*", text) for text in numbers):
                    raise fail(f"'{line}' must be a row and {len(CASES)} numbers of instructions, separated by tabs")
                for (layout, isa), text in zip(CASES, numbers):
                    row = Row(f"{name}/{layout}", isa)
                    if row in counts:
                        raise fail(f"{name} stands there twice")
                    counts[row] = int(text)
        if path.stem not in environments or not columns:
            raise GateError(f"{path}: has no '# environment: ' or no rows; `perf gate --update` writes it anew")
    if len(set(environments.values())) != 1:
        raise GateError(f"{folder}: has no files, or of several environments; `perf gate --update` writes it anew")
    return Baseline(environments.popitem()[1], code, counts)


def write_baseline(folder: pathlib.Path, baseline: Baseline) -> None:
    """Sorted, so that a change of the files shows what changed. Raises OSError."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.tsv"):
        path.unlink()
    families = collections.defaultdict(lambda: collections.defaultdict(dict))
    for row, count in sorted(baseline.counts.items()):
        name, layout = row.name.rsplit("/", 1)
        families[row.family][name][layout, row.isa] = count
    for family, rows in families.items():
        lines = ["# Instructions of a run of each row, shrunk, as callgrind counts them: tools/perf/perf gate --update",
                 f"# environment: {baseline.environment}",
                 f"# code: {baseline.code[family]}",
                 COLUMNS,
                 *("\t".join([name, *(str(counts[case]) for case in CASES)]) for name, counts in rows.items())]
        (folder / f"{family}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_accepted(path: pathlib.Path) -> list[Allowance]:
    """Empty lines and comments (#) are passed over. Raises GateError, which names the line and the rule."""
    allowances = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() or line.startswith("#"):
            continue

        def fail(rule: str) -> GateError:
            return GateError(f"{path}:{number}: {rule}")

        fields = line.split("\t")
        if len(fields) != 4:
            raise fail(f"{len(fields)} columns, must be 4, separated by tabs: row, isa, change, reason")
        pattern, isa, change, reason = fields
        try:
            row = re.compile(pattern)
        except re.error as error:
            raise fail(f"row '{pattern}' must be a regular expression: {error}") from error
        if isa not in (*ISAS, "*"):
            raise fail(f"isa '{isa}' must be {', '.join(ISAS)} or *")
        percent = re.fullmatch(r"\+?([0-9]+(?:\.[0-9]+)?) ?%", change)
        if percent is None:
            raise fail(f"change '{change}' must be how much more is allowed, as 2.5%")
        if not reason.strip():
            raise fail("reason must say why this is worth it")
        allowances.append(Allowance(number, row, isa, float(percent[1]) / 100, reason))
    return allowances


def _lines(path: pathlib.Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise GateError(f"{path}: {error.strerror}") from error


def judge(baseline: Baseline, code: dict[str, str], rows: Iterable[Row], counts: dict[Row, Count],
          accepted: Sequence[Allowance], threshold: float) -> list[Result]:
    """Results of all rows; those without a count must be unchanged."""
    results = []
    for row in rows:
        before = baseline.counts.get(row)
        if row not in counts:
            results.append(Result(row, before, before, 0, "UNCHANGED"))
            continue
        now = counts[row]
        result = Result(row, before, now.instructions, now.heap_calls, "SAME" if before else "NEW")
        if result.change < -threshold:
            result = dataclasses.replace(result, status="FEWER")
        elif result.change > threshold:
            allowance = next((one for one in accepted if one.covers(row, result.change)), None)
            result = dataclasses.replace(result, status="ACCEPTED" if allowance else "MORE", allowance=allowance)
        results.append(result)
    return results


# The command

def add_arguments(parser: argparse.ArgumentParser) -> None:
    folder = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--build", type=pathlib.Path, default=state.checkout() / "build" / "gcc-release", metavar="DIR",
                        help="folder of the build, which is brought up to date (build/gcc-release)")
    parser.add_argument("--update", action="store_true", help="count all rows and write the baseline anew")
    parser.add_argument("--all", action="store_true", help="count the rows of unchanged code as well")
    parser.add_argument("--rows", type=_regex, metavar="REGEX", help="only rows op/id/layout that match; for a look")
    parser.add_argument("--threshold", type=_percent, default=0.01, metavar="PERCENT",
                        help="how many instructions more are too many (1)")
    parser.add_argument("--jobs", type=_jobs, default=os.cpu_count(), metavar="N",
                        help="processes at once (one per core)")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR",
                        help="leave callgrind's files there, one per row, for callgrind_annotate")
    parser.add_argument("--baseline", type=pathlib.Path, default=folder / "instructions", help=argparse.SUPPRESS)
    parser.add_argument("--accepted", type=pathlib.Path, default=folder / "accepted.tsv", help=argparse.SUPPRESS)


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' must be a regular expression: {error}") from error


def _percent(text: str) -> float:
    if not re.fullmatch(r"\d{1,2}(\.\d+)?%?", text):
        raise argparse.ArgumentTypeError(f"'{text}' must be a number of percent below 100")
    return float(text.removesuffix("%")) / 100


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' must be a whole number from 1 on")
    return int(text)


def main(arguments: argparse.Namespace) -> int:
    try:
        return gate(arguments)
    except (GateError, counting.Error, revisions.Error) as error:
        print(f"perf gate: {error}", file=sys.stderr)
        return 2


def gate(arguments: argparse.Namespace) -> int:
    """Exit status. Raises GateError and counting.Error."""
    if arguments.update and arguments.rows:
        raise GateError("--update writes the whole baseline, --rows must not be given with it")
    for tool in ("valgrind", "objcopy", "cmake"):
        if shutil.which(tool) is None:
            raise GateError(f"{tool} is not installed: run tools/setup.sh perf")
    accepted = read_accepted(arguments.accepted)
    known = Baseline("", {}, {})
    try:
        known = read_baseline(arguments.baseline)
    except GateError:
        if not arguments.update:
            raise
    sources = revisions.sources(revisions.WORKING_TREE)  # as they are when they are built
    build = Build(arguments.build)
    environment = build.environment()
    comparable = known.environment == environment or arguments.update
    if not comparable and arguments.keep:
        raise GateError(f"--keep: instructions are not counted, since {not_compared(known, environment)}")

    code = build.code()
    rows = counting.all_rows()
    gone = known.counts.keys() - set(rows)
    if arguments.rows:
        rows = [row for row in rows if arguments.rows.search(row.name)]
        if not rows:
            raise GateError(f"--rows '{arguments.rows.pattern}' matches no row; one is resize/yolov3.up1/nchw")
    everything = arguments.update or arguments.all or not comparable
    to_count = [row for row in rows if everything or not known.is_unchanged(row, code)]
    progress = Progress("counting", len(to_count))
    try:
        counts = count(build, to_count, arguments.jobs, arguments.keep, comparable, progress.step)
    finally:
        progress.end()
    if not comparable:
        print(f"NOT COMPARED: instructions, since {not_compared(known, environment)}; "
              "`perf gate --update` counts anew.")
        return report_heap(counts)
    results = judge(known, code, rows, counts, accepted, arguments.threshold)
    if not arguments.rows:
        store(sources, results)
    if arguments.update:
        instructions = {one.row: one.baseline if is_same(one) else one.count for one in results}
        return update(arguments.baseline, Baseline(environment, code, instructions), results, gone)
    return report(results, gone, accepted, arguments)


def not_compared(known: Baseline, environment: str) -> str:
    return f"the baseline was counted with {known.environment}; this build is {environment}"


def report_heap(counts: dict[Row, Count]) -> int:
    """Says which rows call the heap, which depends on no compiler."""
    calling = {row: one.heap_calls for row, one in sorted(counts.items()) if one.heap_calls}
    for row, calls in calling.items():
        print(f"{'HEAP':<9} {row.name:<52} {row.isa}  {calls} heap calls")
    print(f"{len(counts)} rows: {len(calling)} of them call the heap in a run.")
    if calling:
        print(f"{HEAP_HINT}\nFAILED: {len(calling)} rows.")
    return 1 if calling else 0


def is_same(result: Result) -> bool:
    """Whether the counts differ by no more than a few instructions, which depend on where memory lies.

    Such a row keeps its line in the baseline, so that a change of the file shows what the change of the code did.
    """
    return result.baseline is not None and abs(result.change) < 0.0002


def update(path: pathlib.Path, baseline: Baseline, results: Sequence[Result], gone: Iterable[Row]) -> int:
    """Writes the baseline, unless a run calls the heap, and says what moved."""
    allocating = [result for result in results if result.heap_calls]
    if allocating:
        print_results(allocating)
        print("FAILED: a run must not call the heap; the baseline stays as it was.")
        return 1
    print_results([result for result in results if result.status in ("MORE", "FEWER", "ACCEPTED")])
    write_baseline(path, baseline)
    new = sum(result.status == "NEW" for result in results)
    print(f"{path}: {len(results)} counts, {new} of them new, {len(set(gone))} dropped")
    if any(result.allowance for result in results):
        print("The changes that accepted.tsv allowed are in it now: their lines can go.")
    return 0


def report(results: Sequence[Result], gone: Iterable[Row], accepted: Sequence[Allowance],
           arguments: argparse.Namespace) -> int:
    """Says which rows moved and what to do about it."""
    print_results([result for result in results if result.fails or result.status in ("FEWER", "ACCEPTED")])
    statuses = collections.Counter(result.status for result in results)
    print(f"{len(results)} rows: " + ", ".join(f"{count} {status}" for status, count in statuses.most_common()))
    used = {result.allowance for result in results}
    for one in accepted:
        if one not in used and not arguments.rows:
            print(f"accepted.tsv:{one.line} is not needed: no row of '{one.row.pattern}' is over the baseline.")
    if gone:
        print(f"{len(set(gone))} rows of the baseline are no longer there: `perf gate --update` drops them.")
    if statuses["FEWER"]:
        print(f"{statuses['FEWER']} rows became faster: `perf gate --update` makes that the baseline.")
    failed = [result for result in results if result.fails]
    if not failed:
        return 0
    if any(result.heap_calls for result in failed):
        print(HEAP_HINT)
    if statuses["NEW"]:
        print("Rows without a baseline: `perf gate --update` counts them.")
    if statuses["MORE"]:
        row = max((one for one in failed if one.status == "MORE"), key=lambda one: one.change).row
        print("More instructions: mend the code; or, if they are worth it, make them the baseline with `perf gate\n"
              "--update`, or allow them by a line with a reason in tools/perf/accepted.tsv. Where they are spent:\n"
              f"  tools/perf/perf gate --rows '^{row.name}$' --all --keep /tmp/gate &&\n"
              f"  callgrind_annotate --auto=no --threshold=100 /tmp/gate/{row.isa}.0.1")
    print(f"FAILED: {len(failed)} rows.")
    return 1


def print_results(results: Sequence[Result]) -> None:
    """A line per row, worst first."""
    for result in sorted(results, key=lambda one: (-one.heap_calls, -one.change)):
        before = f"{result.baseline:>11,}" if result.baseline else f"{'-':>11}"
        status = "HEAP" if result.heap_calls else result.status
        heap = f"  {result.heap_calls} heap calls" if result.heap_calls else ""
        reason = f"  (accepted.tsv:{result.allowance.line}: {result.allowance.reason})" if result.allowance else ""
        print(f"{status:<9} {result.row.name:<52} {result.row.isa}  {before} -> {result.count:>11,} "
              f"{result.change:>+8.2%}{heap}{reason}")


def store(sources: str | None, results: Sequence[Result]) -> None:
    """For `perf report`; not where nobody knows of which sources."""
    if sources is None:
        return
    rows = [{"name": one.row.name, "isa": one.row.isa, "baseline": one.baseline, "count": one.count,
             "change": one.change, "status": one.status, "heap_calls": one.heap_calls}
            for one in results if one.baseline is not None]
    state.write_json(state.gate_path(sources), {"format": 1, "rows": rows})
