"""Many pictures over many processes or machines: files are sent by their names, never their pixels.

>>> import concurrent.futures, polyphase_kernels.batch
>>> with concurrent.futures.ThreadPoolExecutor(2) as pool:  # doctest: +SKIP
...     report = polyphase_kernels.batch.map("photos", "large", pool, arguments=["--scale", "4"])
>>> report.failed                                           # doctest: +SKIP
{}

Each file is a process of its own, so that threads are workers enough on one machine. Any other
concurrent.futures.Executor will do as well. With Dask (`pip install polyphase-kernels[dask]`) it is
`dask.distributed.Client("scheduler:8786").get_executor()`, and the folders are ones that all machines see.
"""

import collections
import concurrent.futures
import contextlib
import itertools
import os
import pathlib
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Union

from polyphase_kernels import _command

__all__ = ["Report", "map", "upscale"]

Path = Union[str, "os.PathLike[str]"]

_PICTURES = (".png", ".jpg", ".jpeg")


@dataclass
class Report:
    """What became of each file, by its path in the output folder."""
    done: List[str] = field(default_factory=list)
    skipped: List[str] = field(default_factory=list)  # were there already, and not older than their inputs
    failed: Dict[str, BaseException] = field(default_factory=dict)


def upscale(source: Path, target: Path, arguments: Sequence[object] = ()) -> None:
    """Runs `polyphase upscale source target arguments...`; RuntimeError with its message if it fails."""
    run = subprocess.run([_command.program(), "upscale", str(source), str(target), *(str(one) for one in arguments)],
                         capture_output=True, text=True, errors="replace", check=False)
    if run.returncode:
        raise RuntimeError(run.stderr.strip() or f"polyphase ended with status {run.returncode}")


def _inputs(paths, out):
    """Pairs (file, its path in the output folder): the files of a list, or a folder's pictures at any depth."""
    if not isinstance(paths, (str, os.PathLike)):
        return [(pathlib.Path(path), pathlib.Path(pathlib.Path(path).name)) for path in paths]
    root = pathlib.Path(paths)
    if not root.is_dir():
        raise NotADirectoryError(f"paths = {os.fspath(root)!r}: must be a folder, or a list of files")
    return [(path, path.relative_to(root)) for path in sorted(root.rglob("*"))
            if path.suffix.lower() in _PICTURES and out not in path.parents]


def _is_done(source, target):
    try:
        return target.stat().st_mtime >= source.stat().st_mtime
    except FileNotFoundError:
        return False


def _work(function, source, target, arguments, token):
    """One file, wherever that is. The output gets its name when it is whole. The token is new for each call, since Dask
    would otherwise remember what became of an equal one."""
    source, target = pathlib.Path(source), pathlib.Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{token}{target.suffix}")
    try:
        function(source, temporary, arguments)
        os.replace(temporary, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _progress(show, total):
    """A context whose value is called with the number of files that have ended."""
    if show or (show is None and sys.stderr.isatty()):
        try:
            import tqdm
        except ImportError:
            if show:
                raise ImportError("progress = True: needs tqdm (pip install polyphase-kernels[progress])") from None
        else:
            @contextlib.contextmanager
            def bar():
                with tqdm.tqdm(total=total, unit="file") as shown:
                    yield shown.update
            return bar()
    return contextlib.nullcontext(lambda count: None)


class _Here(concurrent.futures.Executor):
    """Does at once what is submitted."""

    def submit(self, function, /, *arguments, **keywords):
        future = concurrent.futures.Future()
        try:
            future.set_result(function(*arguments, **keywords))
        except Exception as error:
            future.set_exception(error)
        return future


def map(paths: Union[Path, Iterable[Path]], out: Path, executor: Optional[concurrent.futures.Executor] = None, *,
        arguments: Sequence[object] = (), suffix: Optional[str] = None, function: Callable[..., None] = upscale,
        resume: bool = True, progress: Optional[bool] = None, pending: Optional[int] = None) -> Report:
    """Upscales the pictures of a folder and the folders in it, or the files of a list, into the folder `out`.

    executor: where it happens; None: here, one file after the other.
    arguments: those of `polyphase upscale`, such as ["--scale", "4"] or ["--model", "waifu2x", "--weights", folder].
    suffix: the type of the outputs, such as ".png"; None: that of the input.
    function: what is done instead of upscale(source, target, arguments). Processes must be able to import it.
    resume: whether an output that is there, and not older than its input, is left as it is.
    progress: whether to show a bar; None: if tqdm is installed and stderr is a terminal.
    pending: how many files the executor is given at a time; None: 4 for each of its workers, or 64 if it does not say
        how many it has.

    Returns a Report. A file that fails is in report.failed and does not stop the others.
    """
    out = pathlib.Path(out)
    inputs = [(source, name.with_suffix(suffix) if suffix else name) for source, name in _inputs(paths, out)]
    twice = [name for name, count in collections.Counter(name for _, name in inputs).items() if count > 1]
    if twice:
        raise ValueError(f"paths: {len(twice)} outputs would be written twice, the first is {os.fspath(twice[0])!r}")
    pending = 4 * getattr(executor, "_max_workers", 16) if pending is None else pending
    if pending < 1:
        raise ValueError(f"pending = {pending}: must be at least 1")

    report = Report()
    skipped = {name for source, name in inputs if resume and _is_done(source, out / name)}
    report.skipped += [os.fspath(name) for name in sorted(skipped)]
    left = iter([one for one in inputs if one[1] not in skipped])
    submit = (executor or _Here()).submit
    running: Dict[concurrent.futures.Future, str] = {}
    with _progress(progress, len(inputs) - len(skipped)) as step:
        try:
            while True:
                for source, name in itertools.islice(left, pending - len(running)):
                    future = submit(_work, function, os.fspath(source), os.fspath(out / name), tuple(arguments),
                                    secrets.token_hex(8))
                    running[future] = os.fspath(name)
                if not running:
                    return report
                ended = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done
                for future in ended:
                    name, error = running.pop(future), future.exception()
                    if error is None:
                        report.done.append(name)
                    else:
                        report.failed[name] = error
                step(len(ended))
        finally:  # if it is interrupted, what has not begun does not begin
            for future in running:
                future.cancel()
