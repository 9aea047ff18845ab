"""Revisions of this repository as rows modules: found by git, checked out into a worktree, built by CMakeLists.txt."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

import state

KEPT_BUILDS = 6  # revisions; those that were not used for longest are removed
WORKING_TREE = "working tree"
LIBRARY = ("src", "include", "third_party")  # what a revision's library is built from


class Error(Exception):
    """A revision that does not exist or does not build; the text is for the user."""


@dataclass(frozen=True)
class Revision:
    """A commit, or the files of the checkout as they are now."""

    name: str  # as the user wrote it
    revision: str  # 40 digits, or WORKING_TREE
    subject: str
    date: str  # ISO 8601
    sources: str | None = None  # see below

    def summary(self) -> dict[str, str | None]:
        return {"revision": self.revision, "subject": self.subject, "date": self.date, "sources": self.sources}

    def short(self) -> str:
        return self.revision if self.revision == WORKING_TREE else self.revision[:8]


@dataclass(frozen=True)
class Build:
    """What a revision was built into."""

    folder: pathlib.Path

    @property
    def rows(self) -> pathlib.Path:
        return self.folder / "rows.so"

    @property
    def runner(self) -> pathlib.Path:
        return self.folder / "runner"

    def facts(self) -> dict[str, Any]:
        """Compiler, flags, versions of the libraries."""
        return json.loads((self.folder / "build.json").read_text(encoding="utf-8"))


def find(name: str) -> Revision:
    """`name` is what git calls a revision, or "." for the working tree. Raises Error."""
    log = git("log", "-1", "--format=%H%n%s%n%cI", "HEAD" if name == "." else f"{name}^{{commit}}", "--")
    if log.returncode != 0:
        raise Error(f"'{name}' is no revision of {state.checkout()}: {log.stderr.strip()}")
    revision, subject, date = log.stdout.rstrip("\n").split("\n")
    if name == ".":
        return Revision(name, WORKING_TREE, f"working tree on {revision[:8]}", date, sources(WORKING_TREE))
    return Revision(name, revision, subject, date, sources(revision))


def sources(revision: str) -> str | None:
    """A hash of the library's files in a commit or, for WORKING_TREE, of the checkout as they are now. None where that
    is no checkout.

    So what is known of some code is found whether it was committed then, is now, or never will be.
    """
    tree = revision
    if revision == WORKING_TREE:
        with tempfile.TemporaryDirectory() as folder:
            steps = [git(*words, index=f"{folder}/index")  # not the checkout's own
                     for words in (("read-tree", "HEAD"), ("add", "--all", "--", *LIBRARY), ("write-tree",))]
        if any(step.returncode != 0 for step in steps):
            return None
        tree = steps[-1].stdout.strip()
    listing = git("ls-tree", tree, "--", *LIBRARY)
    return hashlib.sha256(listing.stdout.encode()).hexdigest()[:16] if listing.returncode == 0 else None


def build(revision: Revision, variant: str = "", options: tuple[str, ...] = ()) -> Build:
    """Builds what is not up to date. Builds that differ in `variant` do not share a folder; `options` are CMake's.

    Raises Error with the compiler's last lines.
    """
    checkout = hashlib.sha256(str(state.checkout()).encode()).hexdigest()[:6]
    top = state.cache() / "builds" / f"{revision.short().replace(' ', '-')}-{checkout}"
    if revision.revision == WORKING_TREE:
        source = state.checkout()
    else:
        source = top / "source"
        _check_out(revision, source)
    top.mkdir(parents=True, exist_ok=True)
    os.utime(top)
    folder = top / f"build{variant}"
    # Worktrees of all revisions share the compiler's cache: their paths are relative in it.
    environment = {**os.environ, "CCACHE_BASEDIR": str(state.cache()), "CCACHE_NOHASHDIR": "true"}
    generator = () if (folder / "CMakeCache.txt").exists() or shutil.which("ninja") is None else ("-G", "Ninja")
    for command in (["cmake", "-S", str(state.checkout() / "tools" / "perf"), "-B", str(folder), *generator,
                     "-D", f"POLYPHASE_ROOT={source}", *options],
                    ["cmake", "--build", str(folder), "--parallel", str(os.cpu_count())]):
        try:
            result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise Error("cmake is not installed: run tools/setup.sh perf") from error
        if result.returncode != 0:
            lines = (result.stdout + result.stderr).strip().split("\n")
            raise Error(f"{revision.name} does not build:\n" + "\n".join(lines[-20:]))
    _prune(keep=top)
    return Build(folder)


def _check_out(revision: Revision, source: pathlib.Path) -> None:
    if source.is_dir():
        found = git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*", checkout=source).stdout.strip()
        if found == revision.revision:
            return
        print(f"perf: {source} is not what was checked out: it is made anew", file=sys.stderr)
        shutil.rmtree(source, ignore_errors=True)
    git("worktree", "prune")  # entries of folders that somebody has deleted
    result = git("worktree", "add", "--detach", "--force", str(source), revision.revision)
    if result.returncode != 0:
        raise Error(f"{revision.name} cannot be checked out: {result.stderr.strip()}")


def _prune(keep: pathlib.Path) -> None:
    """Removes all but the KEPT_BUILDS that were used last."""
    folders = sorted((state.cache() / "builds").iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in folders[KEPT_BUILDS:]:
        if folder != keep:
            print(f"perf: removing the old build {folder.name}", file=sys.stderr)
            shutil.rmtree(folder)
    if len(folders) > KEPT_BUILDS:
        git("worktree", "prune")


def git(*arguments: str, index: str | None = None,
        checkout: pathlib.Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs git in this checkout or another, with another index where one is named. Raises Error without git."""
    environment = {**os.environ, "GIT_INDEX_FILE": index} if index else None
    try:
        return subprocess.run(["git", "-C", str(checkout or state.checkout()), *arguments], env=environment,
                              capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Error("git is not installed: run tools/setup.sh perf") from error
