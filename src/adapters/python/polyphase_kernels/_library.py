"""The shared library: structs, errors, operators and plans. Nothing here knows NumPy or PyTorch."""

import collections
import ctypes
import pathlib
import sys
import threading
from typing import NamedTuple

from polyphase_kernels import _c_api

PLANS_PER_OPERATOR = 16
_FILE = {"win32": "bin/polyphase.dll", "darwin": "lib/libpolyphase.dylib"}.get(sys.platform, "lib/libpolyphase.so")
_ERRORS = {1: ValueError, 2: NotImplementedError, 3: MemoryError}


def library_path():
    return str(pathlib.Path(__file__).parent / _FILE)


def _load():
    try:
        library = ctypes.CDLL(library_path())
    except OSError as error:
        raise ImportError(f"polyphase_kernels: its library {library_path()} is missing or cannot be loaded: {error}; "
                          "install the package again") from error
    for name, (returned, taken) in _c_api.FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = returned, taken
    return library


lib = _load()


def check(status):
    """Raises the library's error as ValueError, NotImplementedError or MemoryError."""
    if status:
        raise _ERRORS[status](lib.pph_last_error().decode())


def value_of(enum, name, value):
    """The number of an enum's value, which the argument `name` gives as a string."""
    try:
        return enum[value]
    except (KeyError, TypeError):
        raise ValueError(f"{name} = {value!r}: must be one of {', '.join(enum)}") from None


def make(struct, **fields):
    """A struct with its defaults and the given fields: numbers, names of enum values, sequences, structs, arrays.
    None is the default.
    """
    kind = getattr(_c_api, struct)
    value = kind()
    getattr(lib, struct + "_init")(ctypes.byref(value), ctypes.sizeof(value))
    fill(value, **fields)
    return value


def fill(value, **fields):
    for name, content in fields.items():
        if content is None:
            continue
        if name in value._enums_:
            content = value_of(value._enums_[name], name, content)
        elif isinstance(content, ctypes.Structure):
            content = ctypes.pointer(content)  # which keeps the struct alive
        elif hasattr(content, "__array_interface__"):
            vars(value).setdefault("arrays", []).append(content)
            content = content.__array_interface__["data"][0]
        try:
            if isinstance(content, (list, tuple)):
                stored = getattr(value, name)
                stored[:len(content)] = content
                pairs = list(zip(content, stored))
            else:
                setattr(value, name, content)
                pairs = [(content, getattr(value, name))]
        except TypeError:
            raise TypeError(f"{name} = {content!r}: has the wrong type") from None
        if any(isinstance(given, int) and isinstance(kept, int) and given != kept for given, kept in pairs):
            raise ValueError(f"{name} = {content!r}: is out of range")  # which ctypes does not mind


class Spec(NamedTuple):
    """A tensor as the library sees it. Strides of 0 are dense; without strides, sizes of 0 are for it to infer."""
    dtype: str
    layout: str  # in memory: nchw, nhwc or nchwc
    block: int
    shape: tuple  # n, c, then the spatial axes
    strides: tuple = ()  # in elements, in the same order

    def desc(self):
        strides = self.strides or (0,) * len(self.shape)
        return make("pph_tensor_desc", dtype=self.dtype, layout=self.layout, channel_block=self.block,
                    spatial_rank=len(self.shape) - 2, n=self.shape[0], c=self.shape[1], size=self.shape[2:],
                    stride_n=strides[0], stride_c=strides[1], stride=strides[2:])


_DTYPES = {number: name for name, number in _c_api.pph_dtype.items()}
_LAYOUTS = {number: name for name, number in _c_api.pph_layout.items()}


def dense_spec(dtype, shape, strides):
    """The Spec of a tensor that has NCHW or NHWC order in memory, or None. `strides` count elements."""
    if 0 in shape:  # whose strides may be anything
        return Spec(dtype, "nchw", 1, tuple(shape), (0,) * len(shape))
    for layout in ("nchw", "nhwc"):
        axes = range(len(shape) - 1, -1, -1)  # innermost first
        if layout == "nhwc":
            axes = [1, *axes[:-2], 0]
        extent, innermost, kept = 1, axes[0], [0] * len(shape)
        for axis in axes:
            if shape[axis] > 1:
                if strides[axis] < extent or (axis == innermost and strides[axis] != 1):
                    break
                extent += (shape[axis] - 1) * strides[axis]
                kept[axis] = strides[axis]  # axes of size 1 have any stride
        else:
            return Spec(dtype, layout, 1, tuple(shape), tuple(kept))
    return None


class Handle:
    """Owns an operator or a plan of the library."""

    def __init__(self, destroy):
        self.value = ctypes.c_void_p()
        self._destroy = destroy

    def __del__(self):
        self._destroy(self.value)


class Plan:
    """What is decided for one shape of the input. Immutable; any number of threads may run it at once."""

    def __init__(self, operator, input, output, residual, indices, mask, output_size, threads):
        self._handle = Handle(lib.pph_plan_destroy)
        specs = {"output": output, "residual": residual, "indices": indices, "mask": mask}
        options = make("pph_plan_options", output_size=output_size, num_threads=threads,
                       **{name: spec.desc() for name, spec in specs.items() if spec})
        check(lib.pph_make_plan(operator.value, ctypes.byref(input.desc()), ctypes.byref(options),
                                ctypes.byref(self._handle.value)))
        self.output = self._spec(lib.pph_plan_output)
        for name, spec in specs.items():  # a given size of 0 stands for any to the library
            if not spec or not spec.strides:
                continue
            expected = (input if name == "indices" else self._spec(lib.pph_plan_mask) if name == "mask" else
                        self.output).shape
            if spec.shape != expected:
                raise ValueError(f"{name} shape = {spec.shape}: must be {expected}, in the order n, c, [d, h,] w")

    def _spec(self, function):
        desc = make("pph_tensor_desc")
        check(function(self._handle.value, ctypes.byref(desc)))
        rank = desc.spatial_rank
        return Spec(_DTYPES[desc.dtype], _LAYOUTS[desc.layout], desc.channel_block, (desc.n, desc.c, *desc.size[:rank]),
                    (desc.stride_n, desc.stride_c, *desc.stride[:rank]))

    def indices(self):
        """The Spec of the indices that a max_pool writes."""
        return self._spec(lib.pph_plan_indices)

    @property
    def workspace_bytes(self):
        return lib.pph_plan_workspace_bytes(self._handle.value)

    def describe(self):
        """One line: the op, what was chosen and why, the target, tasks, threads, workspace."""
        return lib.pph_plan_describe(self._handle.value).decode()

    def run(self, input, output, **options):
        """Computes with addresses; `options` are those of pph_run_options. Other Python threads run meanwhile."""
        options = ctypes.byref(make("pph_run_options", **options)) if options else None
        check(lib.pph_run(self._handle.value, input, output, options))


class Operator:
    """Packed weights, and the plans of the last shapes: create(attributes..., options, op) makes it."""

    def __init__(self, create, *arguments, numerics=None, isa=None):
        self._handle = Handle(lib.pph_operator_destroy)
        options = make("pph_operator_options", numerics=numerics, isa=isa and isa.encode())
        check(create(*arguments, ctypes.byref(options), ctypes.byref(self._handle.value)))
        self._plans = collections.OrderedDict()
        self._lock = threading.Lock()

    @property
    def value(self):
        return self._handle.value

    def plan(self, input, output=None, residual=None, indices=None, mask=None, output_size=None, threads=0):
        """The Plan for tensors of these Specs. None is the library's default."""
        key = (input, output, residual, indices, mask, output_size, threads)
        with self._lock:
            if key in self._plans:
                self._plans.move_to_end(key)
                return self._plans[key]
        plan = Plan(self, *key)
        with self._lock:
            self._plans[key] = plan
            while len(self._plans) > PLANS_PER_OPERATOR:
                self._plans.popitem(last=False)
        return plan

    def describe(self):
        """Lines: the operator, then the plans that it holds."""
        text = ctypes.create_string_buffer(lib.pph_operator_describe(self.value, None, 0) + 1)
        lib.pph_operator_describe(self.value, text, len(text))
        with self._lock:
            return "\n".join([text.value.decode(), *(plan.describe() for plan in self._plans.values())])
