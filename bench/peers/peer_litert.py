"""LiteRT: TensorFlow Lite's interpreter with the XNNPACK delegate, which it applies by itself to what XNNPACK has."""

from __future__ import annotations

import importlib.metadata

import numpy
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import tflite_model
from network import Network
from peer import Configuration, Peer, Unsupported
from rows import Row, RowData


class LiteRt(Peer):
    name = "LiteRT"
    version = importlib.metadata.version("ai-edge-litert")

    def __init__(self, threads: int):
        self._threads = threads

    def configurations(self, row: Row, data: RowData) -> list[Configuration]:
        return [self._configuration(name, make()) for name, make in tflite_model.networks(row, data).items()]

    def _configuration(self, name: str, network: Network) -> Configuration:
        interpreter = Interpreter(model_content=network.model, num_threads=self._threads,
                                  experimental_op_resolver_type=OpResolverType.BUILTIN)
        try:
            interpreter.allocate_tensors()
        except RuntimeError as error:
            raise Unsupported(str(error)) from error
        for tensor in interpreter.get_input_details():
            interpreter.set_tensor(tensor["index"], network.inputs[tensor["name"]])
        output = interpreter.get_output_details()[0]["index"]
        return Configuration(name=name, plain_nchw=name.startswith("nchw"), run=interpreter.invoke,
                             output=lambda: numpy.ascontiguousarray(network.to_nchw(interpreter.get_tensor(output))))
