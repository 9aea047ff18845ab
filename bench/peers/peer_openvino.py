"""OpenVINO's CPU device, from the same ONNX models as ONNX Runtime."""

from __future__ import annotations

import io

import numpy
import openvino
from openvino import opset15, preprocess

import onnx_model
from network import Network
from peer import Configuration, Peer
from rows import Row, RowData


class OpenVino(Peer):
    name = "OpenVINO"
    version = openvino.get_version().split("-")[0]

    def __init__(self, threads: int):
        self._core = openvino.Core()
        self._core.set_property("CPU", {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            # Pinning would bind this process, all other peers included.
            "ENABLE_CPU_PINNING": False,
        })

    def configurations(self, row: Row, data: RowData) -> list[Configuration]:
        configurations = []
        for name, make in onnx_model.networks(row, data).items():
            if name == "max unpool" or name == "nhwc":  # no such op; OpenVINO arranges channels itself
                continue
            network = make()
            for channels_last in (False, True) if row.rank > 1 and row.op != "max_unpool" else (False,):
                model = self._core.read_model(io.BytesIO(network.model))
                if row.mode == "bilinear_antialias":
                    _antialias(model)
                title = name if not channels_last else f"nhwc {name}".strip()
                configurations.append(self._configuration(title or "nchw", model, network, channels_last))
        return configurations

    def _configuration(self, name: str, model: openvino.Model, network: Network, channels_last: bool) -> Configuration:
        inputs = network.inputs
        if channels_last:
            model = _with_channels_last(model)
            inputs = {name: numpy.ascontiguousarray(numpy.moveaxis(value, 1, -1)) for name, value in inputs.items()}
        request = self._core.compile_model(model, "CPU").create_infer_request()
        for tensor, value in inputs.items():
            request.set_tensor(tensor, openvino.Tensor(value))  # a copy
        n, c, *spatial = network.output_shape
        output = numpy.zeros((n, *spatial, c) if channels_last else network.output_shape, numpy.float32)
        request.set_output_tensor(openvino.Tensor(output, shared_memory=True))
        return Configuration(name=name, plain_nchw=not channels_last, run=request.infer,
                             output=lambda: numpy.moveaxis(output, -1, 1) if channels_last else output)


def _antialias(model: openvino.Model) -> None:
    """Has the model resize as Pillow does. The attribute of ONNX would be ignored."""
    resize = next(op for op in model.get_ops() if op.get_type_name() == "Interpolate")
    spatial = [int(size) for size in resize.output(0).shape[2:]]
    pillow = opset15.interpolate(resize.input_value(0), spatial, "bilinear_pillow", "sizes", axes=[2, 3])
    for reader in resize.output(0).get_target_inputs():
        reader.replace_source_output(pillow.output(0))


def _with_channels_last(model: openvino.Model) -> openvino.Model:
    """The model with another order of axes outside; inside the plugin chooses its own."""
    processor = preprocess.PrePostProcessor(model)
    inside, outside = {4: ("NCHW", "NHWC"), 5: ("NCDHW", "NDHWC")}[len(model.output().shape)]
    for number in range(len(model.inputs)):
        processor.input(number).model().set_layout(openvino.Layout(inside))
        processor.input(number).tensor().set_layout(openvino.Layout(outside))
    processor.output().model().set_layout(openvino.Layout(inside))
    processor.output().tensor().set_layout(openvino.Layout(outside))
    return processor.build()
