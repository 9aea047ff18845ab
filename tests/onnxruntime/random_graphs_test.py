"""Random nodes, and chains of nodes that are fused, against ONNX Runtime's CPU provider."""

import os
import unittest

import numpy
from onnx import helper

import provider

SEED = int(os.environ.get("POLYPHASE_FUZZ_SEED", "1"))
GRAPHS = int(os.environ.get("POLYPHASE_FUZZ_LAYERS", "60"))


class Graph:
    """A model that grows by a node at a time. `value` is the last one's output."""

    def __init__(self, random, shape, dtype=numpy.float32, dynamic=False):
        self.random = random
        self.nodes, self.constants, self.outputs = [], {}, {}
        self.value, self.dtype, self.rank = "x", dtype, len(shape) - 2
        self.channels = shape[1]
        axes = ["n", shape[1], *(f"s{axis}" for axis in range(self.rank))] if dynamic else list(shape)
        self.inputs = {"x": (dtype, axes)}
        self.feeds = {"x": self.data(shape)}

    def data(self, shape):
        if numpy.dtype(self.dtype).kind in "iu":
            return self.random.integers(0, 200, shape).astype(self.dtype)
        return self.random.standard_normal(shape).astype(self.dtype)

    def constant(self, value, dtype=numpy.float32):
        name = f"c{len(self.constants)}"
        self.constants[name] = numpy.asarray(value, dtype)
        return name

    def add(self, op, *others, first=True, outputs=1, **attributes):
        names = [f"{op}{len(self.nodes)}_{index}" for index in range(outputs)]
        inputs = [self.value, *others] if first else [*others, self.value]
        domain = "com.microsoft" if attributes.pop("contrib", False) else ""
        self.nodes.append(helper.make_node(op, inputs, names, name=names[0], domain=domain, **attributes))
        self.value = names[0]
        return names

    def model(self, opset=provider.OPSET):
        return provider.build(self.nodes, self.inputs, {self.value: (self.dtype, None), **self.outputs},
                              self.constants, opset, ["com.microsoft"])

    # ---- Nodes

    def weights(self, *shape):
        return self.constant(self.random.standard_normal(shape) / numpy.sqrt(numpy.prod(shape[1:])))

    def conv_transpose(self, **fixed):
        pick = self.random.integers
        groups = int(self.random.choice([group for group in (1, 1, 2, 3, self.channels) if self.channels % group == 0]))
        outputs = int(pick(1, 5)) if groups > 1 else int(pick(1, 20))
        kernel = [int(pick(1, 5)) for _ in range(self.rank)]
        strides = [int(pick(1, 4)) for _ in range(self.rank)]
        dilations = [int(pick(1, 3)) for _ in range(self.rank)]
        attributes = dict(group=groups, strides=strides, dilations=dilations)
        if pick(2):
            attributes["output_padding"] = [int(pick(0, stride)) for stride in strides]
        pads = [int(pick(0, d * (k - 1) // 2 + 1)) for d, k in zip(dilations, kernel)]
        attributes["pads"] = pads + [int(pick(0, pad + 1)) for pad in pads]
        attributes.update(fixed)
        others = [self.weights(self.channels, outputs, *kernel)]
        self.channels = outputs * groups
        if pick(2):
            others.append(self.weights(self.channels))
        self.add("ConvTranspose", *others, **attributes)

    def conv(self, kernel, outputs=None):
        outputs = outputs or 2 * int(self.random.integers(1, 9))
        groups = 2 if kernel > 1 and self.channels % 2 == outputs % 2 == self.random.integers(4) == 0 else 1
        pads = [kernel // 2] * 2 * self.rank
        w = self.weights(outputs, self.channels // groups, *[kernel] * self.rank)
        bias = [self.weights(outputs)] if self.random.integers(2) else []
        self.add("Conv", w, *bias, group=groups, pads=pads)
        self.channels = outputs

    def activation(self, kind=None):
        """Returns how many nodes it is."""
        kind = kind or self.random.choice(["Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "Tanh", "Silu", "Gelu",
                                           "GeluTanh", "ContribGelu", "ErfGelu", "HardSwish", "HardSigmoid"])
        if kind == "LeakyRelu":
            self.add(kind, alpha=float(self.random.uniform(0, 0.5)))
        elif kind == "PRelu":
            count = self.channels if self.random.integers(2) else 1
            self.add(kind, self.constant(self.random.uniform(0, 0.5, (count, *[1] * self.rank))))
        elif kind == "Clip":
            self.add(kind, self.constant(-0.25), *([self.constant(0.5)] if self.random.integers(2) else []))
        elif kind == "Silu":
            value = self.value
            self.add("Sigmoid")
            self.add("Mul", value, first=bool(self.random.integers(2)))
            return 2
        elif kind == "HardSigmoid":
            value = self.value
            self.add(kind, alpha=1 / 6, beta=0.5)
            self.add("Mul", value, first=bool(self.random.integers(2)))
            return 2
        elif kind == "ErfGelu":
            # As PyTorch exports it to opsets before 20. ONNX Runtime makes a Gelu of it before the provider sees it.
            value = self.value
            self.add("Div", self.constant(2 ** 0.5))
            self.add("Erf")
            self.add("Add", self.constant(1))
            self.add("Mul", value, first=False)
            self.add("Mul", self.constant(0.5))
            return 1
        elif kind.startswith("Gelu"):
            self.add("Gelu", approximate="tanh" if kind == "GeluTanh" else "none")
        elif kind == "ContribGelu":
            self.add("Gelu", contrib=True)
        else:
            self.add(kind)
        return 1

    def batch_norm(self):
        c = self.channels
        values = [self.random.uniform(0.5, 1.5, c), self.random.standard_normal(c), self.random.standard_normal(c),
                  self.random.uniform(0.5, 1.5, c)]
        self.add("BatchNormalization", *(self.constant(value) for value in values))

    def residual(self, shape):
        """Adds another input, which must have the shape of the value."""
        name = f"r{len(self.inputs)}"
        self.inputs[name] = (self.dtype, list(shape))
        self.feeds[name] = self.data(shape)
        self.add("Add", name, first=bool(self.random.integers(2)))


def output_shape(graph):
    return list(provider.cpu(graph.model()).run(None, graph.feeds)[0].shape)


class RandomGraphs(provider.TestCase):
    def each(self, check, count=GRAPHS):
        for seed in range(SEED, SEED + count):
            with self.subTest(POLYPHASE_FUZZ_SEED=seed, POLYPHASE_FUZZ_LAYERS=1):
                check(numpy.random.default_rng(seed))

    @staticmethod
    def shape(random, channels=None, least=1, rank=None):
        rank = rank or int(random.choice([1, 2, 2, 2, 3]))
        return [int(random.integers(1, 4)), channels or int(random.integers(1, 20)),
                *(int(random.integers(least, 12)) for _ in range(rank))]

    def test_conv_transpose(self):
        def check(random):
            graph = Graph(random, self.shape(random, least=3), dynamic=bool(random.integers(2)))
            graph.conv_transpose()
            nodes = 1
            if random.integers(3) == 0:
                graph.batch_norm()
            else:
                before = bool(random.integers(3) == 0)
                if before:
                    graph.residual(output_shape(graph))
                nodes += before
                if random.integers(4):
                    nodes += graph.activation()
                if not before and random.integers(3) == 0:
                    graph.residual(output_shape(graph))
                    nodes += 1
            # ONNX Runtime folds some batch normalisations itself; sums of unknown shapes are not fused.
            static = len({str(type(size)) for size in graph.inputs["x"][1]}) == 1
            folds = any(node.op_type == "BatchNormalization" for node in graph.nodes)
            exact = static and not folds
            self.check_model(graph.model(), graph.feeds, [("ConvTranspose", nodes)] if exact else None, 2e-5)

        self.each(check)

    def test_conv_transpose_padding(self):
        def check(random):
            graph = Graph(random, self.shape(random, least=3), dynamic=bool(random.integers(2)))
            kind = random.choice(["SAME_UPPER", "SAME_LOWER", "VALID", "output_shape"])
            kernel, strides = [4] * graph.rank, [int(random.integers(1, 4))] * graph.rank
            outputs = int(random.integers(1, 9))
            attributes = {"auto_pad": kind, "strides": strides}
            if kind == "output_shape":
                sizes = graph.feeds["x"].shape[2:]
                attributes = {"strides": strides, "output_shape": [size * strides[0] for size in sizes]}
            graph.add("ConvTranspose", graph.weights(graph.channels, outputs, *kernel), **attributes)
            self.check_model(graph.model(), graph.feeds, [("ConvTranspose", 1)], 2e-5)

        self.each(check, GRAPHS // 2)

    def test_resize(self):
        def check(random):
            mode = random.choice(["nearest", "linear", "cubic"])
            rank = 2 if mode == "cubic" else int(random.choice([1, 2, 2, 3]))
            has_bytes = rank == 2 and mode != "cubic"  # ONNX Runtime
            dtype = numpy.uint8 if has_bytes and random.integers(3) == 0 else numpy.float32
            dynamic = bool(random.integers(2))
            graph = Graph(random, self.shape(random, least=2, rank=rank), dtype, dynamic)
            coordinates = random.choice(["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"])
            attributes = {"mode": mode, "coordinate_transformation_mode": coordinates}
            if mode == "nearest":
                attributes["nearest_mode"] = random.choice(["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
            if mode == "cubic":
                attributes["exclude_outside"] = int(random.integers(2))
                attributes["cubic_coeff_a"] = float(random.choice([-0.5, -0.75]))
            shape = graph.feeds["x"].shape
            if random.integers(2):
                # Scales that floats hold exactly, so that a rounding does not decide which pixel is nearest.
                scales = [1, 1, *random.choice([0.5, 1, 1.5, 2, 2, 3, 4], rank)]
                graph.add("Resize", "", graph.constant(scales), **attributes)
            else:
                sizes = [*shape[:2], *(int(size * random.choice([1, 2, 4])) for size in shape[2:])]
                graph.constants["sizes"] = numpy.asarray(sizes, numpy.int64)
                graph.add("Resize", "", "", "sizes", **attributes)
            # Whether the scale is a fraction of many bits, for which ONNX Runtime's roundings decide, must be known.
            left = mode == "nearest" and dynamic and "sizes" in graph.constants
            self.check_model(graph.model(), graph.feeds, [] if left else [("Resize", 1)], 2e-5)

        self.each(check, 4 * GRAPHS)

    def test_resize_fused(self):
        def check(random):
            rank = int(random.choice([1, 2, 2, 2, 3]))
            shape = self.shape(random, 2 * int(random.integers(1, 9)), 3, rank)
            graph = Graph(random, shape, dynamic=bool(random.integers(2)))
            nearest = bool(random.integers(2))
            attributes = {"mode": "nearest" if nearest else "linear"}
            if random.integers(2):
                attributes.update(coordinate_transformation_mode="asymmetric", nearest_mode="floor")
            scales = [1, 1, *random.choice([2, 2, 3], rank)]
            graph.add("Resize", "", graph.constant(scales), **attributes)
            graph.conv(int(random.choice([1, 3, 5])) if nearest else 1)
            nodes = 2 + graph.activation()
            self.check_model(graph.model(), graph.feeds, [("Resize", nodes)], 2e-5)

        self.each(check)

    def test_resize_epilogue(self):
        def check(random):
            graph = Graph(random, self.shape(random, least=2, rank=2))
            shape = graph.feeds["x"].shape
            graph.add("Resize", "", graph.constant([1, 1, 2, 2]), mode=random.choice(["nearest", "linear"]))
            graph.residual([*shape[:2], 2 * shape[2], 2 * shape[3]])
            nodes = 2 + graph.activation()
            self.check_model(graph.model(), graph.feeds, [("Resize", nodes)], 2e-5)

        self.each(check, GRAPHS // 2)

    def test_conv_shuffle(self):
        def check(random):
            shape = self.shape(random, 2 * int(random.integers(1, 9)), 3, 2)
            graph = Graph(random, shape, dynamic=bool(random.integers(2)))
            block = int(random.integers(2, 4))
            graph.conv(int(random.choice([1, 3, 5])), block * block * int(random.integers(1, 6)))
            nodes = 2
            before = random.choice(["", "Relu", "Tanh"])
            if before:
                nodes += graph.activation(before)
            graph.add("DepthToSpace", blocksize=block, mode=random.choice(["DCR", "CRD"]))
            graph.channels //= block * block
            if not before and random.integers(2):
                nodes += graph.activation()
            self.check_model(graph.model(), graph.feeds, [("Conv", nodes)], 2e-5)

        self.each(check)

    def test_chains(self):
        def check(random):
            graph = Graph(random, self.shape(random, 2 * int(random.integers(1, 20)), 3, 2))
            layers = int(random.integers(2, 6))
            enlarging = int(random.integers(layers))
            for layer in range(layers):
                kind = random.choice(["transpose", "resize", "shuffle"]) if layer == enlarging else "conv"
                if kind == "conv":
                    graph.conv(int(random.choice([1, 3])), 2 * int(random.integers(1, 20)))
                elif kind == "transpose":
                    outputs = 2 * int(random.integers(1, 20))
                    graph.add("ConvTranspose", graph.weights(graph.channels, outputs, 4, 4), strides=[2, 2],
                              pads=[1] * 4)
                    graph.channels = outputs
                elif kind == "resize":
                    # A 1x1 convolution after it would become a part of it.
                    graph.add("Resize", "", graph.constant([1, 1, 2, 2]), mode="linear")
                    graph.activation("Relu")
                else:
                    graph.conv(3, 4 * int(random.integers(1, 10)))
                    graph.add("DepthToSpace", blocksize=2)
                    graph.channels //= 4
                if random.integers(4) == 0:
                    graph.residual(output_shape(graph))
                if kind != "resize" and random.integers(2):
                    graph.activation(random.choice(["Relu", "PRelu", "Silu"]))
            model = graph.model()
            made, lines = provider.session_and_lines(model, claim="all")
            self.assertIn(f"polyphase,connected,{layers} layers", "\n".join(lines))
            self.check_equal(made.run(None, graph.feeds), provider.cpu(model).run(None, graph.feeds), 5e-5)

        self.each(check)

    def test_shuffles(self):
        def check(random):
            block = int(random.integers(2, 4))
            n, c, h, w = self.shape(random, rank=2)
            dtype = random.choice([numpy.float32, numpy.float64])
            to_space = bool(random.integers(2))
            shape = [n, c * block * block, h, w] if to_space else [n, c, h * block, w * block]
            graph = Graph(random, shape, dtype, bool(random.integers(2)))
            op = "DepthToSpace" if to_space else "SpaceToDepth"
            attributes = {"mode": random.choice(["DCR", "CRD"])} if to_space else {}
            graph.add(op, blocksize=block, **attributes)
            self.check_model(graph.model(), graph.feeds, [(op, 1)], 0)

        self.each(check, GRAPHS // 2)

    def test_pools(self):
        def check(random):
            graph = Graph(random, self.shape(random, least=4), dynamic=bool(random.integers(2)))
            rank = graph.rank
            kernel = [int(random.integers(1, 4)) for _ in range(rank)]
            attributes = {"kernel_shape": kernel, "strides": [int(random.integers(1, 4)) for _ in range(rank)]}
            attributes["pads"] = [int(random.integers(0, k)) for k in kernel + kernel]
            if random.integers(3) == 0:
                attributes["ceil_mode"] = 1
                attributes["pads"] = [0] * 2 * rank
            op = random.choice(["MaxPool", "AveragePool"])
            if op == "MaxPool":
                attributes["storage_order"] = int(random.integers(2)) if rank == 2 else 0
                names = graph.add(op, outputs=2, **attributes)
                graph.outputs[names[1]] = (numpy.int64, None)
            else:
                # ONNX Runtime 1.23 and 1.24 count padding wrongly.
                attributes["count_include_pad"] = int(random.integers(2)) if provider.VERSION >= (1, 32) else 0
                graph.add(op, **attributes)
            self.check_model(graph.model(), graph.feeds, [(op, 1)])

        self.each(check, 2 * GRAPHS)

    def test_max_unpool(self):
        def check(random):
            rank = int(random.integers(1, 4))
            size = int(random.integers(1, 3))
            shape = self.shape(random, rank=rank)
            shape[2:] = [extent * size for extent in shape[2:]]
            graph = Graph(random, shape, dynamic=bool(random.integers(2)))
            windows = {"kernel_shape": [size] * rank, "strides": [size] * rank}
            names = graph.add("MaxPool", outputs=2, **windows)
            graph.add("MaxUnpool", names[1], **windows)
            self.check_model(graph.model(), graph.feeds, [("MaxPool", 1), ("MaxUnpool", 1)], 0)

        self.each(check)

    def test_old_opsets(self):
        def check(random):
            for op, opset in (("Upsample", 7), ("Upsample", 9), ("Resize", 10)):
                mode = random.choice(["nearest", "linear"])
                graph = Graph(random, self.shape(random, least=2, rank=2), dynamic=bool(random.integers(2)))
                scales = [1.0, 1.0, *(float(scale) for scale in random.choice([1, 2, 3], 2))]
                if opset == 7:
                    graph.add(op, mode=mode, scales=scales)
                else:
                    graph.add(op, graph.constant(scales), mode=mode)
                self.check_model(graph.model(opset), graph.feeds, [(op, 1)] if max(scales) > 1 else None)

        self.each(check, GRAPHS // 2)


if __name__ == "__main__":
    unittest.main()
