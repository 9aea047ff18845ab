"""ONNX's own cases of the ops: every one is claimed, and gives the values of the case and of the CPU provider."""

import collections
import unittest
import warnings

import numpy
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

import provider

# How many cases of each op there are at least.
LEAST = {"AveragePool": 20, "ConvTranspose": 11, "DepthToSpace": 2, "MaxPool": 19, "MaxUnpool": 2, "Resize": 39,
         "SpaceToDepth": 2, "Upsample": 1}
# Ops with cases that an ONNX Runtime does not have: SpaceToDepth-28 has a mode.
NEWER = ("SpaceToDepth",)
# Cases in which ONNX Runtime, and with it the provider, gives another answer than the standard: a window that begins in
# the padding; indices that count in the larger output; sizes that are fractions.
DEVIATIONS = ("test_averagepool_2d_ceil_last_window_starts_on_pad", "test_maxunpool_export_with_output_shape",
              "test_resize_downsample_scales_linear_align_corners", "test_resize_downsample_scales_cubic_align_corners")
# Nearest pixels that depend on roundings.
LEFT = ("test_resize_downsample_scales_nearest", "test_resize_upsample_sizes_nearest_not_larger",
        "test_resize_upsample_sizes_nearest_not_smaller", "test_resize_downsample_sizes_nearest_not_larger",
        "test_resize_downsample_sizes_nearest_not_smaller")


def with_constants(case) -> tuple[bytes, dict, list]:
    """The case's model, all of whose inputs but the first (and MaxUnpool's indices) are constants; inputs, outputs."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    model.opset_import[0].version = min(model.opset_import[0].version, provider.OPSET)
    model.ir_version = min(model.ir_version, 8)
    graph = model.graph
    inputs, outputs = case.data_sets[0]
    given = dict(zip((value.name for value in graph.input), inputs))
    kept = list(graph.node[0].input[:2 if graph.node[0].op_type == "MaxUnpool" else 1])
    for value in list(graph.input):
        if value.name not in kept:
            graph.initializer.append(numpy_helper.from_array(numpy.asarray(given.pop(value.name)), value.name))
            graph.input.remove(value)
    return model.SerializeToString(), given, outputs


class OnnxCases(provider.TestCase):
    def test_every_case(self):
        known = collections.Counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cases = collect_testcases()
        for case in cases:
            nodes = case.model.graph.node
            if len(nodes) != 1 or nodes[0].op_type not in LEAST:
                continue
            op = nodes[0].op_type
            with self.subTest(case.name):
                model, inputs, outputs = with_constants(case)
                try:
                    expected = provider.cpu(model).run(None, inputs)
                except Exception:  # pylint: disable=broad-except  # ONNX Runtime does not have it
                    if op not in NEWER:
                        raise
                    continue
                known[op] += 1
                session, layers = provider.session_and_layers(model, claim="all")
                self.assertEqual(len(layers), case.name not in LEFT)
                actual = session.run(None, inputs)
                self.check_equal(actual, expected)
                if case.name not in DEVIATIONS:
                    self.check_equal(actual, outputs)
        for op, least in LEAST.items():
            self.assertGreaterEqual(known[op], least, op)


if __name__ == "__main__":
    unittest.main()
