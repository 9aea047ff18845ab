"""Sessions: options, what is claimed and what is left, threads, memory, bad input."""

import ctypes
import gc
import os
import subprocess
import sys
import tempfile
import threading
import unittest

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import provider

RANDOM = numpy.random.default_rng(0)
FLOAT = numpy.float32


def data(*shape):
    return RANDOM.standard_normal(shape).astype(FLOAT)


def conv_transpose(inputs=8, outputs=6, shape=("n", 8, "h", "w"), **attributes):
    attributes = {"strides": [2, 2], "pads": [1] * 4, **attributes}
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], name="up", **attributes)
    weights = numpy.random.default_rng(1).standard_normal((inputs, outputs, 4, 4)).astype(FLOAT)
    return provider.build([node], {"x": (FLOAT, shape)}, {"y": (FLOAT, None)}, {"w": weights})


def upsampler(outputs="aby"):
    """A resize that repeats pixels, a shuffle, and an average: what "auto" leaves, takes and leaves if they are all
    outputs, so that none is connected."""
    nodes = [helper.make_node("Resize", ["x", "", "s"], ["a"], name="repeat", mode="nearest",
                              coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
             helper.make_node("DepthToSpace", ["a"], ["b"], name="shuffle", blocksize=2),
             helper.make_node("AveragePool", ["b"], ["y"], name="mean", kernel_shape=[2, 2])]
    return provider.build(nodes, {"x": (FLOAT, [1, 8, 6, 6])}, {name: (FLOAT, None) for name in outputs},
                          {"s": numpy.array([1, 1, 2, 2], FLOAT)})


class Options(provider.TestCase):
    def claimed(self, **options):
        return [op for op, _ in provider.session_and_layers(upsampler(), **options)[1]]

    def test_claim(self):
        self.assertEqual(self.claimed(), ["DepthToSpace"])
        self.assertEqual(self.claimed(claim="auto"), ["DepthToSpace"])
        self.assertEqual(self.claimed(claim="all"), ["Resize", "DepthToSpace", "AveragePool"])
        self.assertEqual(self.claimed(claim="Resize,AveragePool"), ["Resize", "AveragePool"])

    def test_auto_takes_what_is_connected_to_a_quick_layer(self):
        made, lines = provider.session_and_lines(upsampler("y"))
        self.assertEqual(lines[-1], "polyphase,connected,3 layers from Resize repeat")
        x = {"x": data(1, 8, 6, 6)}
        self.check_equal(made.run(None, x), provider.cpu(upsampler("y")).run(None, x))

    def test_convolutions(self):
        """Those that multiply less are claimed for themselves, and others with them; the option may leave all out."""
        graph = {"x": (FLOAT, [1, 16, 9, 9])}, {"y": (FLOAT, None)}
        small, large = data(16, 16, 1, 1), data(20, 16, 3, 3)
        first = helper.make_node("Conv", ["x", "v"], ["a"], name="small")
        second = helper.make_node("Conv", ["a", "w"], ["y"], name="large", pads=[1] * 4)
        both = provider.build([first, second], *graph, {"v": small, "w": large})
        alone = provider.build([helper.make_node("Conv", ["x", "v"], ["y"], name="small")], *graph, {"v": small})
        strided = provider.build([helper.make_node("Conv", ["x", "w"], ["y"], strides=[2, 2])], *graph, {"w": large})
        for model, claim, count in ((both, "auto", 2), (alone, "auto", 0), (alone, "all", 1), (alone, "Conv", 1),
                                    (both, "Resize", 0), (strided, "all", 0)):
            self.check_model(model, {"x": data(1, 16, 9, 9)}, [("Conv", 1)] * count, claim=claim)

    def test_values_do_not_depend_on_options(self):
        x = data(1, 8, 6, 6)
        expected = provider.cpu(upsampler()).run(None, {"x": x})
        for options in ({}, {"threads": "1"}, {"threads": "7"}, {"numerics": "strict"}, {"numerics": "fast"}):
            self.check_equal(provider.session(upsampler(), claim="all", **options).run(None, {"x": x}), expected)

    def test_verbose_says_why_a_node_is_left(self):
        lines = []
        with provider.standard_error(lines):
            provider.session(upsampler(), verbose="1")
        self.assertIn("polyphase,left,Resize repeat: ONNX Runtime is as quick", lines)
        lines.clear()
        with provider.standard_error(lines):
            provider.session(upsampler())
        self.assertEqual(lines, [])

    def test_bad_options(self):
        for options, message in (
                ({"threads": "many"}, 'option threads = "many": must be a number from 0'),
                ({"threads": "-1"}, 'option threads = "-1": must be a number'),
                ({"threads": "5000"}, "to 1024"),
                ({"claim": "Resize,Relu"}, 'option claim = "Resize,Relu": must be auto, all, or a list'),
                ({"claim": "Resize, MaxPool"}, 'option claim = "Resize, MaxPool"'),
                ({"numerics": "sloppy"}, 'option numerics = "sloppy": must be strict, default, fast or bf16'),
                ({"verbose": "yes"}, 'option verbose = "yes": must be 0 or 1'),
                ({"thread": "2"}, 'there is no option "thread"; the options are threads, claim, numerics and verbose')):
            with self.subTest(options):
                with self.assertRaises(Exception) as raised:
                    provider.session(upsampler(), **options)
                self.assertIn(message, str(raised.exception))

    @unittest.skipIf(provider.VERSION < (1, 32), "an ONNX Runtime that takes no plugin by its name")
    def test_by_name(self):
        session = onnxruntime.InferenceSession(
            conv_transpose(), provider.session_options(),
            providers=[(provider.NAME, {"threads": "2"}), "CPUExecutionProvider"])
        self.assertEqual(session.get_providers(), [provider.NAME, "CPUExecutionProvider"])
        x = data(1, 8, 5, 5)
        self.check_equal(session.run(None, {"x": x}), provider.cpu(conv_transpose()).run(None, {"x": x}))


class Claims(provider.TestCase):
    def left(self, model, inputs, nodes=()):
        """The model runs, and none of it is claimed."""
        self.check_model(model, inputs, list(nodes))

    def test_weights_that_are_not_constant(self):
        node = helper.make_node("ConvTranspose", ["x", "w"], ["y"])
        model = provider.build([node], {"x": (FLOAT, [1, 4, 5, 5]), "w": (FLOAT, [4, 3, 2, 2])}, {"y": (FLOAT, None)})
        self.left(model, {"x": data(1, 4, 5, 5), "w": data(4, 3, 2, 2)})

    def test_sizes_that_are_not_constant(self):
        node = helper.make_node("Resize", ["x", "", "", "s"], ["y"], mode="linear")
        model = provider.build([node], {"x": (FLOAT, [1, 4, 5, 5]), "s": (numpy.int64, [4])}, {"y": (FLOAT, None)})
        self.left(model, {"x": data(1, 4, 5, 5), "s": numpy.array([1, 4, 9, 7], numpy.int64)})

    def test_types_that_the_library_does_not_have(self):
        node = helper.make_node("ConvTranspose", ["x", "w"], ["y"])
        model = provider.build([node], {"x": (numpy.float64, [1, 4, 5])}, {"y": (numpy.float64, None)},
                               {"w": data(4, 3, 2).astype(numpy.float64)})
        try:
            provider.cpu(model)
        except Exception:
            self.skipTest("ONNX Runtime does not have it either")
        self.left(model, {"x": data(1, 4, 5).astype(numpy.float64)})

    def test_unknown_rank(self):
        node = helper.make_node("Resize", ["x", "", "s"], ["y"], mode="linear")
        model = provider.build([node], {"x": (FLOAT, None)}, {"y": (FLOAT, None)},
                               {"s": numpy.array([1, 1, 2, 2], FLOAT)})
        self.left(model, {"x": data(1, 4, 5, 5)})

    def test_channels_that_are_resized(self):
        node = helper.make_node("Resize", ["x", "", "s"], ["y"], mode="nearest",
                                coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        model = provider.build([node], {"x": (FLOAT, [1, 4, 5, 5])}, {"y": (FLOAT, None)},
                               {"s": numpy.array([1, 2, 2, 2], FLOAT)})
        self.left(model, {"x": data(1, 4, 5, 5)})

    def test_values_that_others_read_are_not_fused_away(self):
        def model(outputs):
            nodes = [helper.make_node("ConvTranspose", ["x", "w"], ["a"], strides=[2, 2]),
                     helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Neg", ["a"], ["c"]),
                     helper.make_node("Add", ["b", "c"], ["y"])]
            return provider.build(nodes, {"x": (FLOAT, [1, 4, 5, 5])}, {name: (FLOAT, None) for name in outputs},
                                  {"w": data(4, 8, 2, 2)})

        x = {"x": data(1, 4, 5, 5)}
        self.check_model(model(["y"]), x, [("ConvTranspose", 1)])
        self.check_model(model(["y", "a"]), x, [("ConvTranspose", 1)])

    def test_outputs_of_the_graph_are_not_fused_away(self):
        nodes = [helper.make_node("ConvTranspose", ["x", "w"], ["a"], strides=[2, 2]),
                 helper.make_node("Relu", ["a"], ["y"])]
        for outputs, count in ((["y"], 2), (["y", "a"], 1)):
            model = provider.build(nodes, {"x": (FLOAT, [1, 4, 5, 5])}, {name: (FLOAT, None) for name in outputs},
                                   {"w": data(4, 8, 2, 2)})
            self.check_model(model, {"x": data(1, 4, 5, 5)}, [("ConvTranspose", count)])

    def test_sums_that_broadcast_are_not_fused(self):
        nodes = [helper.make_node("ConvTranspose", ["x", "w"], ["a"], strides=[2, 2]),
                 helper.make_node("Add", ["a", "r"], ["y"])]
        for shape in ([1, 8, 1, 1], [10], [2, 8, 10, 10]):
            model = provider.build(nodes, {"x": (FLOAT, [1, 4, 5, 5]), "r": (FLOAT, shape)}, {"y": (FLOAT, None)},
                                   {"w": data(4, 8, 2, 2)})
            self.check_model(model, {"x": data(1, 4, 5, 5), "r": data(*shape)}, [("ConvTranspose", 1)])

    def test_sums_whose_sizes_are_unknown(self):
        """Two unknown sizes of one name are equal; others may broadcast."""
        nodes = [helper.make_node("ConvTranspose", ["x", "w"], ["a"], strides=[2, 2]),
                 helper.make_node("Add", ["a", "r"], ["y"])]
        for symbol, batch, count in (("n", 2, 2), ("m", 1, 1)):
            model = provider.build(nodes, {"x": (FLOAT, ["n", 4, 5, 5]), "r": (FLOAT, [symbol, 8, 10, 10])},
                                   {"y": (FLOAT, None)}, {"w": data(4, 8, 2, 2)})
            self.check_model(model, {"x": data(2, 4, 5, 5), "r": data(batch, 8, 10, 10)}, [("ConvTranspose", count)])

    def test_max_pool_whose_values_nobody_reads(self):
        node = helper.make_node("MaxPool", ["x"], ["", "i"], kernel_shape=[2, 2], strides=[2, 2])
        model = provider.build([node], {"x": (FLOAT, [1, 4, 6, 6])}, {"i": (numpy.int64, None)})
        try:
            provider.cpu(model)
        except Exception:
            self.skipTest("ONNX Runtime does not have it either")
        self.left(model, {"x": data(1, 4, 6, 6)})

    def test_constant_inputs(self):
        """Which only a session without optimisations has left."""
        nodes = [helper.make_node("ConvTranspose", ["c", "w"], ["a"], strides=[2, 2]),
                 helper.make_node("MaxUnpool", ["x", "i"], ["b"], kernel_shape=[2, 2], strides=[2, 2])]
        constants = {"c": data(1, 4, 5, 5), "w": data(4, 8, 2, 2), "i": numpy.arange(100).reshape(1, 4, 5, 5)}
        model = provider.build(nodes, {"x": (FLOAT, [1, 4, 5, 5])}, {"a": (FLOAT, None), "b": (FLOAT, None)}, constants)
        options = provider.session_options()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_provider_for_devices(provider.DEVICES, {"claim": "all"})
        session = onnxruntime.InferenceSession(model, options, enable_fallback=False)
        x = {"x": data(1, 4, 5, 5)}
        self.check_equal(session.run(None, x), provider.cpu(model).run(None, x))

    def test_weights_in_a_file(self):
        model = conv_transpose()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            onnx.save_model(onnx.load_from_string(model), path, save_as_external_data=True, location="weights",
                            size_threshold=0)
            session, layers = provider.session_and_layers(path)
            self.assertEqual(len(layers), 1)
            x = {"x": data(1, 8, 5, 5)}
            self.check_equal(session.run(None, x), provider.cpu(model).run(None, x))

    def test_bodies_of_an_if(self):
        """Weights of the body and of the graph around it; values of the same name in both branches."""
        def branch(name, weights):
            constants = [numpy_helper.from_array(data(8, 4, 4, 4), "inner_" + name)] if weights is None else []
            nodes = [helper.make_node("ConvTranspose", ["x", weights or "inner_" + name], ["t"], strides=[2, 2]),
                     helper.make_node("Relu", ["t"], ["u"])]
            return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info("u", TensorProto.FLOAT, None)],
                                     constants)

        node = helper.make_node("If", ["c"], ["y"], then_branch=branch("one", "w"), else_branch=branch("two", None))
        model = provider.build([node], {"x": (FLOAT, [1, 8, 5, 5]), "c": (numpy.bool_, [])}, {"y": (FLOAT, None)},
                               {"w": data(8, 4, 4, 4)})
        session, layers = provider.session_and_layers(model)
        self.assertEqual(len(layers), 2 if provider.VERSION > (1, 23) else 0)  # which cannot have two
        x = data(1, 8, 5, 5)
        for condition in (True, False):
            inputs = {"x": x, "c": numpy.array(condition)}
            self.check_equal(session.run(None, inputs), provider.cpu(model).run(None, inputs))

    def test_half_floats(self):
        for op, attributes, constants in (("Resize", {"mode": "linear"}, {"s": numpy.array([1, 1, 2, 2], FLOAT)}),
                                          ("DepthToSpace", {"blocksize": 2}, {})):
            inputs = ["x", "", "s"] if constants else ["x"]
            models = [provider.build([helper.make_node(op, inputs, ["y"], **attributes)],
                                     {"x": (dtype, [1, 8, 5, 5])}, {"y": (dtype, None)}, constants)
                      for dtype in (numpy.float16, FLOAT)]
            session, layers = provider.session_and_layers(models[0], claim="all")
            self.assertEqual(len(layers), 1)
            x = data(1, 8, 5, 5).astype(numpy.float16)
            expected = provider.cpu(models[1]).run(None, {"x": x.astype(FLOAT)})[0].astype(numpy.float16)
            self.check_equal(session.run(None, {"x": x}), [expected], 1e-3)


    def test_quantized_nodes(self):
        nodes = [helper.make_node("DequantizeLinear", ["x", "s"], ["a"]),
                 helper.make_node("DepthToSpace", ["a"], ["b"], blocksize=2),
                 helper.make_node("QuantizeLinear", ["b", "s"], ["y"])]
        model = provider.build(nodes, {"x": (numpy.uint8, [1, 8, 5, 5])}, {"y": (numpy.uint8, None)},
                               {"s": numpy.array(0.5, FLOAT)})
        x = {"x": RANDOM.integers(0, 256, (1, 8, 5, 5)).astype(numpy.uint8)}
        self.check_model(model, x, [], claim="auto")
        self.check_model(model, x, [("DepthToSpace", 1)], claim="all")


class Library(provider.TestCase):
    def test_an_onnx_runtime_that_is_too_old(self):
        """CreateEpFactories with an OrtApiBase that has no version 23; CreateStatus is the first function of OrtApi."""
        messages = []

        @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
        def create_status(_, message):
            messages.append(message.decode())
            return 1

        functions = (ctypes.c_void_p * 1)(ctypes.cast(create_status, ctypes.c_void_p))

        @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)
        def get_api(version):
            return ctypes.addressof(functions) if version <= 22 else None

        get_version = ctypes.CFUNCTYPE(ctypes.c_void_p)(lambda: ctypes.addressof(text))
        text = ctypes.create_string_buffer(b"1.22.1")
        base = (ctypes.c_void_p * 2)(ctypes.cast(get_api, ctypes.c_void_p), ctypes.cast(get_version, ctypes.c_void_p))
        create = ctypes.CDLL(os.environ["POLYPHASE_ONNXRUNTIME_LIBRARY"]).CreateEpFactories
        create.restype = ctypes.c_void_p
        count = ctypes.c_size_t()
        self.assertTrue(create(b"polyphase", base, None, (ctypes.c_void_p * 1)(), ctypes.c_size_t(1),
                               ctypes.byref(count)))
        self.assertEqual(messages, [provider.NAME + " needs ONNX Runtime 1.23 or newer; this one is 1.22.1"])
        provider.session(conv_transpose())  # the others go on

    def test_no_library(self):
        with self.assertRaises(Exception) as raised:
            onnxruntime.register_execution_provider_library("other", "/nowhere/libpolyphase_onnxruntime.so")
        self.assertIn("/nowhere/libpolyphase_onnxruntime.so", str(raised.exception))


class Shapes(provider.TestCase):
    def test_more_shapes_than_plans_are_kept(self):
        session, reference = provider.session(conv_transpose()), provider.cpu(conv_transpose())
        for size in [*range(1, 41), *range(40, 0, -1)]:
            x = data(1 + size % 3, 8, size, 41 - size)
            self.check_equal(session.run(None, {"x": x}), reference.run(None, {"x": x}))

    def test_shapes_that_differ_in_one_size(self):
        session, reference = provider.session(conv_transpose()), provider.cpu(conv_transpose())
        for _ in range(2):
            for shape in ((1, 8, 4, 5), (2, 8, 4, 5), (1, 8, 5, 5), (1, 8, 4, 6)):
                x = data(*shape)
                self.check_equal(session.run(None, {"x": x}), reference.run(None, {"x": x}))

    def test_empty_batch(self):
        x = data(0, 8, 5, 5)
        self.check_equal(provider.session(conv_transpose()).run(None, {"x": x}),
                         provider.cpu(conv_transpose()).run(None, {"x": x}))

    def test_wrong_channels(self):
        """The message names the node and the rule; the session goes on."""
        session = provider.session(conv_transpose(shape=("n", "c", "h", "w")))
        with self.assertRaises(Exception) as raised:
            session.run(None, {"x": data(1, 5, 4, 4)})
        self.assertRegex(str(raised.exception), "ConvTranspose up: .*c(hannels)? = 5")
        x = data(1, 8, 4, 4)
        self.assertEqual(session.run(None, {"x": x})[0].shape, (1, 6, 8, 8))

    def test_indices_of_another_shape(self):
        node = helper.make_node("MaxUnpool", ["x", "i"], ["y"], name="unpool", kernel_shape=[2, 2], strides=[2, 2])
        model = provider.build([node], {"x": (FLOAT, ["n", 4, "h", "w"]), "i": (numpy.int64, ["n", 4, "h2", "w2"])},
                               {"y": (FLOAT, None)})
        session, layers = provider.session_and_layers(model, claim="all")
        self.assertEqual(len(layers), 1)
        with self.assertRaises(Exception) as raised:
            session.run(None, {"x": data(1, 4, 3, 3), "i": numpy.zeros((1, 4, 3, 2), numpy.int64)})
        self.assertIn("unpool: its indices has another shape", str(raised.exception))
        with self.assertRaises(Exception) as raised:
            session.run(None, {"x": data(1, 4, 3, 3), "i": numpy.full((1, 4, 3, 3), 1 << 40, numpy.int64)})
        self.assertIn("unpool: ", str(raised.exception))


    def test_a_summand_that_is_the_input_of_connected_layers(self):
        """Its shape is checked as well, for a model may promise more than is true: here that sizes are even."""
        nodes = [helper.make_node("Conv", ["x", "v"], ["a"], pads=[1] * 4),
                 helper.make_node("MaxPool", ["a"], ["b"], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
                 helper.make_node("ConvTranspose", ["b", "w"], ["c"], strides=[2, 2]),
                 helper.make_node("Add", ["c", "x"], ["y"])]
        shape = ["n", 16, "h", "w"]
        model = onnx.load_from_string(provider.build(nodes, {"x": (FLOAT, shape)}, {"y": (FLOAT, shape)},
                                                     {"v": data(16, 16, 3, 3), "w": data(16, 16, 2, 2)}))
        model.graph.value_info.append(helper.make_tensor_value_info("c", TensorProto.FLOAT, shape))
        model = model.SerializeToString()
        session, layers = provider.session_and_layers(model)
        self.assertEqual([op for op, _ in layers], ["Conv", "MaxPool", "ConvTranspose"])
        x = data(1, 16, 8, 6)
        self.check_equal(session.run(None, {"x": x}), provider.cpu(model).run(None, {"x": x}))
        with self.assertRaises(Exception) as raised:
            session.run(None, {"x": data(1, 16, 9, 9)})
        self.assertIn("its summand has another shape", str(raised.exception))


class Threads(provider.TestCase):
    def test_eight_threads_on_one_session(self):
        model = conv_transpose(16, 16, shape=("n", 16, "h", "w"))
        for pool in (1, 4):
            session = provider.session(model, pool, threads="4")
            sizes = [(1, 16, 7 + size, 9) for size in range(20)]  # more than there are plans
            inputs = [data(*shape) for shape in sizes]
            expected = [provider.cpu(model).run(None, {"x": x})[0] for x in inputs]
            first = [session.run(None, {"x": x})[0] for x in inputs]
            errors = []

            def work(begin):
                try:
                    for step in range(60):
                        index = (begin * 7 + step) % len(inputs)
                        actual = session.run(None, {"x": inputs[index]})[0]
                        numpy.testing.assert_array_equal(actual, first[index])
                except BaseException as error:  # pylint: disable=broad-except
                    errors.append(error)

            workers = [threading.Thread(target=work, args=(begin,)) for begin in range(8)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            self.assertEqual(errors, [])
            self.check_equal(first, expected)

    @staticmethod
    def threads_before_and_after_a_run():
        counts = []
        session = provider.session(conv_transpose(64, 64, shape=("n", 64, "h", "w")), 2, threads="8")
        for batch in (0, 4):
            session.run(None, {"x": data(batch, 64, 40, 40)})
            counts.append(len(os.listdir("/proc/self/task")))
        return counts

    def test_no_thread_beside_the_sessions(self):
        """In a process of its own, which has no threads of earlier tests."""
        script = "import session_test; print(*session_test.Threads.threads_before_and_after_a_run())"
        before, after = subprocess.check_output([sys.executable, "-B", "-c", script], text=True).split()
        self.assertEqual(before, after)


class Memory(provider.TestCase):
    @staticmethod
    def resident():
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def grows(self, step, count):
        """Bytes of growth over the last half of `count` steps."""
        middle = 0
        for index in range(count):
            step()
            if index == count // 2:
                gc.collect()
                middle = self.resident()
        gc.collect()
        return self.resident() - middle

    def test_sessions_come_and_go(self):
        model = conv_transpose(32, 32, shape=("n", 32, "h", "w"))  # 64 KiB of weights, twice that packed
        x = data(1, 32, 12, 12)

        def step():
            provider.session(model, 1).run(None, {"x": x})

        # A leak of the packed weights alone would be 32 MiB.
        self.assertLess(self.grows(step, 1000), 8 << 20)

    def test_shapes_come_and_go(self):
        node = helper.make_node("Resize", ["x", "", "s"], ["y"], mode="linear")
        model = provider.build([node], {"x": (FLOAT, [1, 1, "h", "w"])}, {"y": (FLOAT, None)},
                               {"s": numpy.array([1, 1, 2, 2], FLOAT)})
        session = provider.session(model, 1, claim="all")
        sizes = iter(range(10 ** 9))

        def step():
            size = next(sizes)
            session.run(None, {"x": data(1, 1, 1 + size % 89, 1 + size % 97)})

        # 3000 plans with their tables would be 30 MiB.
        self.assertLess(self.grows(step, 6000), 8 << 20)


if __name__ == "__main__":
    unittest.main()
