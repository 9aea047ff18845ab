"""Sessions with the provider and without it, and how their results are compared."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import unittest

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

NAME = "PolyphaseExecutionProvider"
VERSION = tuple(int(part) for part in onnxruntime.__version__.split(".")[:2])
OPSET = 22  # that both the oldest and the newest ONNX Runtime have

onnxruntime.register_execution_provider_library("polyphase", os.environ["POLYPHASE_ONNXRUNTIME_LIBRARY"])
onnxruntime.set_default_logger_severity(3)
DEVICES = [device for device in onnxruntime.get_ep_devices() if device.ep_name == NAME]


@contextlib.contextmanager
def standard_error(lines: list[str]):
    """Appends what the process writes to its standard error meanwhile."""
    with tempfile.TemporaryFile("w+") as file:
        sys.stderr.flush()
        saved = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            file.seek(0)
            lines += file.read().splitlines()


def session_options(pool: int = 2) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = pool
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def cpu(model: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model, session_options(), providers=["CPUExecutionProvider"])


def session(model: bytes | str, pool: int = 2, **provider_options: str) -> onnxruntime.InferenceSession:
    """With a pool of so many threads."""
    options = session_options(pool)
    options.add_provider_for_devices(DEVICES, provider_options)
    return onnxruntime.InferenceSession(model, options, enable_fallback=False)


def session_and_lines(model: bytes | str, **provider_options: str):
    """Also what the provider said of the nodes."""
    lines: list[str] = []
    with standard_error(lines):
        made = session(model, verbose="1", **provider_options)
    return made, lines


def session_and_layers(model: bytes | str, **provider_options: str):
    """Also the layers that were claimed: the first node's op, and the description with the number of nodes."""
    made, lines = session_and_lines(model, **provider_options)
    claimed = [line.removeprefix("polyphase,claimed,") for line in lines if line.startswith("polyphase,claimed,")]
    return made, [[line.split()[0], line] for line in claimed]


def build(nodes, inputs, outputs, constants=None, opset: int = OPSET, others=()) -> bytes:
    """A model. `inputs` and `outputs`: name to (dtype, shape); a shape of None is not stated."""
    def info(name, value):
        dtype, shape = value
        return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(numpy.dtype(dtype)), shape)

    graph = onnx.helper.make_graph(
        list(nodes), "test", [info(*item) for item in inputs.items()], [info(*item) for item in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()])
    opsets = [onnx.helper.make_opsetid("", opset), *(onnx.helper.make_opsetid(domain, 1) for domain in others)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


class TestCase(unittest.TestCase):
    def check_equal(self, actual: list, expected: list, tolerance: float = 1e-5):
        """Floats may differ by the tolerance, relative to the largest value; bytes by 1, as they are made from floats;
        everything else not at all."""
        self.assertEqual(len(actual), len(expected))
        for a, e in zip(actual, expected):
            self.assertEqual(a.dtype, e.dtype)
            self.assertEqual(a.shape, e.shape)
            if a.dtype == numpy.uint8 and tolerance > 0:
                self.assertLessEqual(numpy.abs(a.astype(int) - e.astype(int)).max(initial=0), 1)
                continue
            if a.dtype.kind != "f" or a.size == 0:
                numpy.testing.assert_array_equal(a, e)
                continue
            a, e = a.astype(numpy.float64), e.astype(numpy.float64)
            numpy.testing.assert_array_equal(numpy.isnan(a), numpy.isnan(e))
            scale = max(1e-30, numpy.nanmax(numpy.abs(numpy.where(numpy.isinf(e), 0, e))))
            with numpy.errstate(invalid="ignore"):
                error = numpy.nanmax(numpy.where(a == e, 0, numpy.abs(a - e))) / scale
            self.assertLessEqual(error, tolerance)

    def check_model(self, model: bytes, inputs: dict, layers: list | None = None, tolerance: float = 1e-5,
                    claim: str = "all"):
        """Runs on both providers. `layers`: per layer that must be claimed, its first op and how many nodes it has."""
        made, claimed = session_and_layers(model, claim=claim)
        if layers is not None:
            actual = [(op, int(line.rsplit(", ", 1)[1].split()[0])) for op, line in claimed]
            self.assertEqual(sorted(actual), sorted(layers))
        self.check_equal(made.run(None, inputs), cpu(model).run(None, inputs), tolerance)
        return made
