"""Three network shapes with random weights, at several sizes, against ONNX Runtime's CPU provider."""

import unittest

import numpy

import provider
from random_graphs_test import Graph


def unet(random):
    """Two levels: MaxPool, ConvTranspose 2x2, concatenations; one decoder step by a bilinear Resize instead."""
    g = Graph(random, [1, 3, 32, 32], dynamic=True)

    def double(outputs):
        for _ in range(2):
            g.conv(3, outputs)
            g.add("Relu")
        return g.value

    skips = [double(8)]
    for channels in (16, 32):
        g.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        skips.append(double(channels))
    g.add("ConvTranspose", g.weights(32, 16, 2, 2), g.weights(16), strides=[2, 2])
    g.add("Concat", skips[1], axis=1)
    g.channels = 32
    double(16)
    g.add("Resize", "", g.constant([1, 1, 2, 2]), mode="linear", coordinate_transformation_mode="align_corners")
    g.add("Concat", skips[0], axis=1)
    g.channels = 24
    double(8)
    g.conv(1, 2)
    return g, {"ConvTranspose": 1, "Resize": 1}


def centernet(random):
    """The decoder of CenterNet with a ResNet: transposed convolutions, batch normalisation, three heads."""
    g = Graph(random, [1, 32, 8, 8], dynamic=True)
    for channels in (32, 16, 16):
        g.add("ConvTranspose", g.weights(g.channels, channels, 4, 4), strides=[2, 2], pads=[1] * 4)
        g.channels = channels
        g.batch_norm()
        g.add("Relu")
    trunk, heads = g.value, []
    for outputs in (4, 2, 2):
        g.value, g.channels = trunk, 16
        g.conv(3, 16)
        g.add("Relu")
        g.conv(1, outputs)
        heads.append(g.value)
    for head in heads[:2]:
        g.outputs[head] = (numpy.float32, None)
    return g, {"ConvTranspose": 3}


def srvgg(random):
    """Real-ESRGAN's compact network: PReLU, a pixel shuffle by 4, and the picture itself, four times repeated."""
    g = Graph(random, [1, 3, 20, 24], dynamic=False)
    for _ in range(4):
        g.conv(3, 16)
        g.activation("PRelu")
    g.conv(3, 48)
    g.add("DepthToSpace", blocksize=4, mode="CRD")
    shuffled = g.value
    g.value = "x"
    g.add("Resize", "", g.constant([1, 1, 4, 4]), mode="nearest", coordinate_transformation_mode="asymmetric",
          nearest_mode="floor")
    g.add("Add", shuffled)
    return g, {"Conv": 5}


class Networks(provider.TestCase):
    def check_network(self, make, sizes):
        network, expected = make(numpy.random.default_rng(0))
        model = network.model()
        for claim in ("auto", "all"):
            session, layers = provider.session_and_layers(model, claim=claim)
            reference = provider.cpu(model)
            ops = [op for op, _ in layers]
            for op, count in expected.items():
                self.assertEqual(ops.count(op), count, layers)
            for size in sizes:
                x = network.data([1, network.inputs["x"][1][1], *size])
                self.check_equal(session.run(None, {"x": x}), reference.run(None, {"x": x}), 1e-4)

    def test_unet(self):
        self.check_network(unet, [(32, 32), (64, 40), (32, 32), (4, 12)])

    def test_centernet(self):
        self.check_network(centernet, [(8, 8), (5, 13), (8, 8)])

    def test_srvgg(self):
        self.check_network(srvgg, [(20, 24)])


if __name__ == "__main__":
    unittest.main()
