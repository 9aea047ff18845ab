"""An ONNX model in ONNX Runtime with Polyphase's provider, which takes the layers that it makes faster.

    onnxruntime_session.py LIBRARY      where libpolyphase_onnxruntime.so is"""

import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

# A transposed convolution, ReLU, and a pixel shuffle.
random = np.random.default_rng(0)
nodes = [helper.make_node("ConvTranspose", ["x", "w"], ["up"], strides=[2, 2], pads=[1, 1, 1, 1]),
         helper.make_node("Relu", ["up"], ["positive"]),
         helper.make_node("DepthToSpace", ["positive"], ["y"], blocksize=2, mode="CRD")]
weights = random.standard_normal((32, 16, 4, 4), dtype=np.float32) / 16
graph = helper.make_graph(nodes, "upsampler",
                          [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 32, "h", "w"])],
                          [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
                          [numpy_helper.from_array(weights, "w")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=8).SerializeToString()

# Registered once per process. A session takes the provider's device; nodes that it leaves run as ever.
ort.register_execution_provider_library("polyphase", sys.argv[1])
devices = [device for device in ort.get_ep_devices() if device.ep_name == "PolyphaseExecutionProvider"]
options = ort.SessionOptions()
options.add_provider_for_devices(devices, {"verbose": "1"})  # says of each node whether it is taken, and why not
fast = ort.InferenceSession(model, options)
plain = ort.InferenceSession(model, providers=["CPUExecutionProvider"])

for size in (8, 13):  # shapes may change from run to run
    x = random.standard_normal((1, 32, size, size), dtype=np.float32)
    (actual,), (expected,) = fast.run(None, {"x": x}), plain.run(None, {"x": x})
    assert actual.shape == (1, 4, 4 * size, 4 * size)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)
assert "PolyphaseExecutionProvider" in fast.get_providers()
