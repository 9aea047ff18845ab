"""ONNX Runtime."""

from __future__ import annotations

import numpy
import onnxruntime

import onnx_model
from network import Network
from peer import Configuration, Peer
from rows import Row, RowData


class OnnxRuntime(Peer):
    name = "ONNX Runtime"
    version = onnxruntime.__version__

    def __init__(self, threads: int):
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1
        self._options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Threads that wait for work in a loop would disturb whoever is measured next.
        self._options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._options.log_severity_level = 3

    def configurations(self, row: Row, data: RowData) -> list[Configuration]:
        networks = onnx_model.networks(row, data)
        networks.pop("convolution + shuffle", None)  # never quicker
        return [self._configuration(name, make()) for name, make in networks.items()]

    def _configuration(self, name: str, network: Network) -> Configuration:
        session = onnxruntime.InferenceSession(network.model, self._options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        # Bound memory belongs to the arrays, which the lambdas below keep alive.
        for tensor, value in network.inputs.items():
            binding.bind_ortvalue_input(tensor, onnxruntime.OrtValue.ortvalue_from_numpy(value))
        output = numpy.zeros(network.output_shape, numpy.float32)
        binding.bind_output("output", "cpu", 0, numpy.float32, output.shape, output.ctypes.data)
        return Configuration(name=name or "nchw", plain_nchw=not name.startswith("nhwc"),
                             run=lambda: session.run_with_iobinding(binding),
                             output=lambda: network.to_nchw(output))
