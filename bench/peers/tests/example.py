"""Rows, a library and peers that need no build, for the tests of bench/peers."""

import pathlib
import sys
import types

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "bench" / "peers"))

from peer import Configuration, Peer  # noqa: E402
from rows import Row, RowData, RowsError  # noqa: E402

TABLE = ROOT / "bench" / "workloads.tsv"


def make_row(**columns) -> Row:
    """A row, a resize if nothing else is said."""
    rank = len(columns.get("size", (4, 5)))
    neutral = dict(id="test.row", network="Test <net>", op="resize", n=1, c_in=2, size=(4, 5), c_out=2,
                   kernel=(1,) * rank, stride=(1,) * rank, padding=((0, 0),) * rank, output_padding=(0,) * rank,
                   dilation=(1,) * rank, groups=1, bias=False, mode="nearest", align_corners=False, scale=(2,) * rank,
                   output_size=None)
    return Row(**{**neutral, **columns})


def repeat(values: numpy.ndarray) -> numpy.ndarray:
    """The nearest upsampling by 2 of N C H W."""
    return values.repeat(2, 2).repeat(2, 3)


class ExampleCase:
    """Stands for rows.Case."""

    def __init__(self, row: Row, layout: str, input_values: numpy.ndarray):
        self.row, self.layout, self._input = row, layout, input_values
        self._output = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self):
        self._output = repeat(self._input)

    run_in_place = run

    def verify(self):
        self.run()

    def output(self):
        return self._output

    def data(self):
        return RowData(self._input, None, None, None, None, self.row.output_shape)

    def describe(self):
        return "example"

    def cost(self):
        return 1e6, 1e4


class ExampleLibrary:
    """Stands for rows.Library; it has no rows of mode "convex"."""

    def open(self, row, layout, *_):
        if row.mode == "convex":
            raise RowsError(f"row '{row.id}': the library has no op")
        values = numpy.random.default_rng(1).uniform(-1, 1, (row.n, row.c_in, *row.size)).astype(numpy.float32)
        return ExampleCase(row, layout, values)

    def peaks(self, _threads):
        return 1e11, 1e10


class ExamplePeer(Peer):
    """A peer whose configurations are functions of the input: an output, or an error to be raised."""

    version = "1"

    def __init__(self, name, functions):  # pylint: disable=super-init-not-called
        self.name, self._functions = name, functions
        self.closed = 0

    def configurations(self, row, data):
        result = []
        for name, function in self._functions.items():
            state = types.SimpleNamespace(output=None)

            def run(state=state, function=function):
                state.output = function(data.input)

            result.append(Configuration(name, "nchw" in name, run, lambda state=state: state.output))
        return result

    def close(self):
        self.closed += 1
