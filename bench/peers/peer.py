"""Peer: what the comparison wants of another library. One class per library, in peer_NAME.py."""

from __future__ import annotations

import abc
import ctypes
import dataclasses
import pathlib
import typing

import numpy

if typing.TYPE_CHECKING:
    from rows import Row, RowData

Run = typing.Callable[[], typing.Any]

# Where the C++ peers were built; set before peers are loaded.
native_folder = pathlib.Path()


def load_native(name: str) -> ctypes.CDLL:
    """The C++ part of a peer, of CMakeLists.txt here. Raises OSError where it was not built."""
    return ctypes.CDLL(str(native_folder / f"libpolyphase_{name}.so"))


class Unsupported(Exception):
    """The peer can't run this row; the text says why."""


@dataclasses.dataclass
class Configuration:
    """One way in which a peer computes a row, ready to run."""

    name: str  # short: "channels_last", "prepacked nhwc", "f32 hint", ...
    plain_nchw: bool  # input and output are plain NCHW tensors
    run: Run  # one inference, outputs preallocated where the API can
    output: typing.Callable[[], numpy.ndarray]  # of the last run, dense NC(D)HW f32; not timed
    border: int = 0  # outputs at the end of each axis that follow another rule than the row's and are not compared


class Peer(abc.ABC):
    """A library. Its constructor raises ImportError or OSError where it is absent."""

    name: str  # "PyTorch", "oneDNN", ...
    version: str

    @abc.abstractmethod
    def __init__(self, threads: int):
        """Everything that comes later computes with so many threads."""

    @abc.abstractmethod
    def configurations(self, row: Row, data: RowData) -> list[Configuration]:
        """All ways worth trying, on the row's data, which live until close(). Raises Unsupported."""

    def close(self) -> None:
        """Frees what belongs to the row, and leaves no thread spinning."""
