"""Rows: the workload table, and ctypes over the C ABI of bench/rows.h, which makes a row's data and runs it."""

from __future__ import annotations

import csv
import ctypes
import dataclasses
import math
import pathlib

import numpy

COLUMNS = ("id network op N Cin D H W Cout kernel stride padding output_padding dilation groups bias mode "
           "align_corners scale_or_size epilogue source").split()


class RowsError(Exception):
    """What libpolyphase_rows.so says about a row or a table."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table. Tuples hold one entry per spatial axis in the order D, H, W; columns that are "-" have the
    neutral value (kernel 1, padding (0, 0), groups 1, mode ""), scale and output_size are None where not given."""

    id: str
    network: str
    op: str
    n: int
    c_in: int
    size: tuple[int, ...]
    c_out: int  # of the op's own output: after the shuffle
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]  # (begin, end) per axis
    output_padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    bias: bool
    mode: str
    align_corners: bool
    scale: tuple[int, ...] | None
    output_size: tuple[int, ...] | None

    @property
    def rank(self) -> int:
        """Spatial axes."""
        return len(self.size)

    @property
    def padding_mode(self) -> str:
        """Of a convolution, as PyTorch names it: "zeros" or "reflect"."""
        return "reflect" if self.mode == "reflect" else "zeros"

    @property
    def convolution_channels(self) -> int:
        """Channels that the convolution itself makes: those before a pixel shuffle."""
        shuffled = self.op == "conv_pixel_shuffle"
        return self.c_out * (math.prod(self.scale) if shuffled else 1)

    @property
    def resized(self) -> tuple[int, ...]:
        """Spatial sizes of the output of a resize, an unpooling, or an upsampling before a convolution."""
        return self.output_size or tuple(size * scale for size, scale in zip(self.size, self.scale))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """N, C and spatial sizes of the row's output."""
        if self.op.startswith("conv_transpose"):
            spatial = tuple(
                (size - 1) * stride + dilation * (kernel - 1) + 1 - begin - end + extra
                for size, stride, dilation, kernel, (begin, end), extra in zip(
                    self.size, self.stride, self.dilation, self.kernel, self.padding, self.output_padding))
        elif self.op == "pixel_unshuffle":
            spatial = tuple(size // scale for size, scale in zip(self.size, self.scale))
        else:
            spatial = self.resized
        return (self.n, self.c_out, *spatial)


def _parse(fields: dict[str, str]) -> Row:
    rank = sum(fields[axis] != "-" for axis in "DHW")

    def numbers(column: str, neutral: int) -> tuple[int, ...]:
        if fields[column] == "-":
            return (neutral,) * rank
        values = tuple(map(int, fields[column].split("x")))
        if len(values) != rank:
            raise ValueError(f"column '{column}' must have a number for each of the {rank} spatial axes")
        return values

    def pairs(text: str) -> tuple[tuple[int, int], ...]:
        if text == "-":
            return ((0, 0),) * rank
        sides = (part.split(":") for part in text.split("x"))
        return tuple((int(side[0]), int(side[-1])) for side in sides)

    scale = size = None
    if fields["scale_or_size"].startswith("x"):
        scale = (int(fields["scale_or_size"][1:]),) * rank
    elif fields["scale_or_size"] != "-":
        size = numbers("scale_or_size", 0)
    text = {column: "" if fields[column] == "-" else fields[column] for column in ("network", "mode")}
    return Row(id=fields["id"],
               network=text["network"],
               op=fields["op"],
               n=int(fields["N"]),
               c_in=int(fields["Cin"]),
               size=tuple(int(fields[axis]) for axis in "DHW" if fields[axis] != "-"),
               c_out=int(fields["Cout"]),
               kernel=numbers("kernel", 1),
               stride=numbers("stride", 1),
               padding=pairs(fields["padding"]),
               output_padding=numbers("output_padding", 0),
               dilation=numbers("dilation", 1),
               groups=1 if fields["groups"] == "-" else int(fields["groups"]),
               bias=fields["bias"] == "1",
               mode=text["mode"],
               align_corners=fields["align_corners"] == "1",
               scale=scale,
               output_size=size)


def read_table(path: pathlib.Path) -> list[Row]:
    """The table's rows. Raises RowsError for what isn't one; the finer rules are checked where a row is opened."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if list(table.fieldnames or []) != COLUMNS:
                raise RowsError(f"{path}:1: the line of column names must be {' '.join(COLUMNS)}, separated by tabs")
            rows = []
            for number, fields in enumerate(table, 2):
                if None in fields or None in fields.values():
                    raise RowsError(f"{path}:{number}: must have {len(COLUMNS)} columns")
                try:
                    rows.append(_parse(fields))
                except ValueError as error:
                    raise RowsError(f"{path}:{number}: {error}") from error
    except OSError as error:
        raise RowsError(f"{path}: {error.strerror} (name the table with --workloads)") from error
    if not rows:
        raise RowsError(f"{path}: has no rows")
    return rows


@dataclasses.dataclass(frozen=True)
class RowData:
    """A row's tensors, dense, f32 (indices: int32), NC(D)HW; weights and bias as rows_data of rows.h has them: of
    conv_transpose [Cin][Cout / groups][kernel], of the others [channels before the shuffle][Cin / groups][kernel]."""

    input: numpy.ndarray
    weights: numpy.ndarray | None
    bias: numpy.ndarray | None
    residual: numpy.ndarray | None
    indices: numpy.ndarray | None
    output_shape: tuple[int, ...]
    mask: numpy.ndarray | None = None


class _Options(ctypes.Structure):
    _fields_ = [("table", ctypes.c_char_p), ("id", ctypes.c_char_p), ("layout", ctypes.c_char_p),
                ("isa", ctypes.c_char_p), ("algorithm", ctypes.c_char_p), ("threads", ctypes.c_size_t)]


class _Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("bytes", ctypes.c_size_t)]

    def view(self, shape: tuple[int, ...], dtype=numpy.float32) -> numpy.ndarray | None:
        """The memory as an array, not a copy; None where there is none."""
        if not self.data:
            return None
        assert self.bytes == math.prod(shape) * 4, (self.bytes, shape)
        memory = (ctypes.c_char * self.bytes).from_address(self.data)
        return numpy.frombuffer(memory, dtype).reshape(shape)


class _Buffers(ctypes.Structure):
    _fields_ = [(name, _Buffer) for name in ("input", "output", "residual", "indices", "mask", "workspace")]


class _Data(ctypes.Structure):
    _fields_ = [(name, _Buffer) for name in ("input", "weights", "bias", "residual", "indices", "mask")]


class Library:
    """libpolyphase_rows.so."""

    def __init__(self, path: pathlib.Path):
        self._dll = dll = ctypes.CDLL(str(path))
        case = ctypes.c_void_p
        double = ctypes.POINTER(ctypes.c_double)
        for name, result, arguments in (
            ("rows_error", ctypes.c_char_p, []),
            ("rows_open", case, [ctypes.POINTER(_Options)]),
            ("rows_close", None, [case]),
            ("rows_run", ctypes.c_int, [case]),
            ("rows_run_on", ctypes.c_int, [case, ctypes.POINTER(_Buffers)]),
            ("rows_get_buffers", None, [case, ctypes.POINTER(_Buffers)]),
            ("rows_verify", ctypes.c_int, [case]),
            ("rows_get_data", None, [case, ctypes.POINTER(_Data)]),
            ("rows_get_output", None, [case, ctypes.c_void_p]),
            ("rows_describe", ctypes.c_char_p, [case]),
            ("rows_cost", None, [case, double, double]),
            ("rows_peaks", ctypes.c_int, [ctypes.c_char_p, ctypes.c_size_t, double, double]),
        ):
            function = getattr(dll, name)
            function.restype, function.argtypes = result, arguments

    def error(self) -> RowsError:
        """The calling thread's last error, to be raised."""
        return RowsError(self._dll.rows_error().decode())

    def open(self, row: Row, layout: str, threads: int = 1, table: pathlib.Path | None = None,
             isa: str | None = None, algorithm: str | None = None) -> Case:
        """The row, ready to run. Raises RowsError. Without `table` it is read from bench/workloads.tsv."""
        texts = (table, row.id, layout, isa, algorithm)
        options = _Options(*(None if text is None else str(text).encode() for text in texts), threads)
        handle = self._dll.rows_open(ctypes.byref(options))
        if not handle:
            raise self.error()
        return Case(self._dll, self, handle, row, layout)

    def peaks(self, threads: int = 1, isa: str | None = None) -> tuple[float, float]:
        """The roofline now: FLOP/s and byte/s."""
        flops, speed = ctypes.c_double(), ctypes.c_double()
        name = None if isa is None else isa.encode()
        if self._dll.rows_peaks(name, threads, ctypes.byref(flops), ctypes.byref(speed)):
            raise self.error()
        return flops.value, speed.value


class Case:
    """A row with data in one layout; a context manager. Its arrays are views that end with it."""

    def __init__(self, dll: ctypes.CDLL, library: Library, handle: int, row: Row, layout: str):
        self._dll, self._library, self._handle = dll, library, ctypes.c_void_p(handle)
        self.row, self.layout = row, layout
        self._rows_run, self._rows_run_on = dll.rows_run, dll.rows_run_on
        self._in_place = _Buffers()
        dll.rows_get_buffers(self._handle, ctypes.byref(self._in_place))
        if self._in_place.residual.data:
            self._in_place.residual = self._in_place.output

    def __enter__(self) -> Case:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Frees everything; twice is fine."""
        self._dll.rows_close(self._handle)
        self._handle = None

    def run(self) -> None:
        """One inference. Raises RowsError."""
        if self._rows_run(self._handle):
            raise self._library.error()

    def run_in_place(self) -> None:
        """The same, but a residual is the output itself, as that of a skip connection that nobody else reads: every
        further run adds to it. Raises RowsError."""
        if self._rows_run_on(self._handle, ctypes.byref(self._in_place)):
            raise self._library.error()

    def verify(self) -> None:
        """Runs and compares with the naive reference. Raises RowsError."""
        if self._dll.rows_verify(self._handle):
            raise self._library.error()

    def output(self) -> numpy.ndarray:
        """A dense NC(D)HW copy of the last run's output."""
        output = numpy.empty(self.row.output_shape, numpy.float32)
        self._dll.rows_get_output(self._handle, output.ctypes.data)
        return output

    def data(self) -> RowData:
        """The row's tensors."""
        row, data = self.row, _Data()
        self._dll.rows_get_data(self._handle, ctypes.byref(data))
        input_shape = (row.n, row.c_in, *row.size)
        channels = row.convolution_channels
        if row.op.startswith("conv_transpose"):
            weights_shape = (row.c_in, row.c_out // row.groups, *row.kernel)
        else:
            weights_shape = (channels, row.c_in // row.groups, *row.kernel)
        return RowData(input=data.input.view(input_shape),
                       weights=data.weights.view(weights_shape),
                       bias=data.bias.view((channels,)),
                       residual=data.residual.view(row.output_shape),
                       indices=data.indices.view(input_shape, numpy.int32),
                       output_shape=row.output_shape,
                       mask=data.mask.view((row.n, 9 * math.prod(row.scale or ()), *row.size)))

    def describe(self) -> str:
        """What the plan chose and why."""
        return self._dll.rows_describe(self._handle).decode()

    def cost(self) -> tuple[float, float]:
        """Useful FLOP and compulsory bytes."""
        flop, size = ctypes.c_double(), ctypes.c_double()
        self._dll.rows_cost(self._handle, ctypes.byref(flop), ctypes.byref(size))
        return flop.value, size.value
