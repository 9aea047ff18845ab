"""The layers for NumPy: values, layouts, memory, what is refused and how."""

import concurrent.futures
import ast
import contextlib
import doctest
import gc
import inspect
import io
import itertools
import pathlib
import pickle
import subprocess
import sys
import time
import unittest
from unittest import mock

import numpy as np

import polyphase_kernels as pph
from polyphase_kernels import _layers, _library

RNG = np.random.default_rng(17)


def numbers(*shape, dtype=np.float32):
    return RNG.standard_normal(shape).astype(dtype)


def conv_transpose_oracle(x, w, bias, stride, padding, groups=1, dilation=1):
    """In double, tap by tap."""
    rank = x.ndim - 2
    n, c = x.shape[:2]
    per_group = w.shape[1]
    full = [(size - 1) * stride + dilation * (k - 1) + 1 for size, k in zip(x.shape[2:], w.shape[2:])]
    out = np.zeros((n, per_group * groups, *full))
    for taps in itertools.product(*map(range, w.shape[2:])):
        where = tuple(slice(t * dilation, t * dilation + (size - 1) * stride + 1, stride)
                      for t, size in zip(taps, x.shape[2:]))
        for g in range(groups):
            of_group = slice(g * c // groups, (g + 1) * c // groups)
            out[(slice(None), slice(g * per_group, (g + 1) * per_group), *where)] += np.einsum(
                "nc...,co->no...", x[:, of_group].astype(float), w[(of_group, slice(None), *taps)].astype(float))
    crop = tuple(slice(padding, size - padding) for size in full)
    return out[(slice(None), slice(None), *crop)] + bias.reshape(1, -1, *[1] * rank)


def conv_oracle(x, w, bias, padding):
    rank = x.ndim - 2
    x = np.pad(x.astype(float), [(0, 0), (0, 0)] + [(padding, padding)] * rank)
    size = [a - k + 1 for a, k in zip(x.shape[2:], w.shape[2:])]
    out = np.zeros((x.shape[0], w.shape[0], *size))
    for taps in itertools.product(*map(range, w.shape[2:])):
        where = tuple(slice(t, t + s) for t, s in zip(taps, size))
        out += np.einsum("nc...,oc->no...", x[(slice(None), slice(None), *where)],
                         w[(slice(None), slice(None), *taps)].astype(float))
    return out + bias.reshape(1, -1, *[1] * rank)


class Values(unittest.TestCase):
    def near(self, found, expected, bound=1e-5):
        self.assertEqual(found.shape, expected.shape)
        self.assertLess(np.linalg.norm(found - expected), bound * np.linalg.norm(expected))

    def test_conv_transpose(self):
        for rank, groups in itertools.product((1, 2, 3), (1, 2)):
            x, w, bias = numbers(2, 6, *[5] * rank), numbers(6, 4, *[4] * rank), numbers(4 * groups)
            function = getattr(pph, f"conv_transpose{rank}d")
            self.near(function(x, w, bias, 2, 1, groups=groups), conv_transpose_oracle(x, w, bias, 2, 1, groups))
            self.near(function(x, w, bias, padding=2, dilation=2, groups=groups),
                      conv_transpose_oracle(x, w, bias, 1, 2, groups, 2))

    def test_conv(self):
        for rank in (1, 2, 3):
            x, w, bias = numbers(2, 6, *[5] * rank), numbers(4, 6, *[3] * rank), numbers(4)
            function = getattr(pph, f"conv{rank}d")
            expected = conv_oracle(x, w, bias, 1)
            self.near(function(x, w, bias, padding=1), expected)
            self.near(function(x, w, bias, padding="same"), expected)
            self.near(function(x, w, bias, padding=[(1, 1)] * rank), expected)
            up = x
            for axis in range(2, rank + 2):
                up = up.repeat(2, axis)
            self.near(function(x, w, bias, padding=1, upsample=2), conv_oracle(up, w, bias, 1))

    def test_epilogue(self):
        x, w = numbers(1, 6, 5, 5), numbers(6, 8, 2, 2)
        scale, shift, slope, skip = numbers(8), numbers(8), numbers(8), numbers(1, 8, 10, 10)
        wide = (1, 8, 1, 1)
        plain = conv_transpose_oracle(x, w, np.zeros(8), 2, 0) * scale.reshape(wide) + shift.reshape(wide)
        common = dict(stride=2, channel_scale=scale, channel_shift=shift)
        self.near(pph.conv_transpose2d(x, w, **common), plain)
        self.near(pph.conv_transpose2d(x, w, activation="relu", **common), np.maximum(plain, 0))
        self.near(pph.conv_transpose2d(x, w, activation="prelu", slope=slope, **common),
                  np.where(plain < 0, plain * slope.reshape(wide), plain))
        self.near(pph.conv_transpose2d(x, w, activation="clamp", lower=-1, upper=1, **common), plain.clip(-1, 1))
        self.near(pph.conv_transpose2d(x, w, activation="leaky_relu", negative_slope=0.5, residual="before_activation",
                                       add=skip, **common), np.where(plain + skip < 0, 0.5, 1) * (plain + skip))
        self.near(pph.conv_transpose2d(x, w, residual="after_activation", activation="relu", add=skip, **common),
                  np.maximum(plain, 0) + skip)
        self.near(pph.conv_transpose2d(x, w, stride=2, prologue="leaky_relu", prologue_slope=0.25),
                  conv_transpose_oracle(np.where(x < 0, 0.25, 1) * x, w, np.zeros(8), 2, 0))
        mean, variance = numbers(8), numbers(8) ** 2
        folded = pph.fold_batch_norm(scale, shift, mean, variance, 1e-3)
        np.testing.assert_allclose(folded[0], scale / np.sqrt(variance + 1e-3), rtol=1e-6)
        np.testing.assert_allclose(folded[1], shift - mean * folded[0], rtol=1e-5, atol=1e-6)

    def test_resize(self):
        x = numbers(2, 3, 4, 5)
        twice = x.repeat(2, 2).repeat(2, 3)
        np.testing.assert_array_equal(pph.interpolate(x, scale_factor=2), twice)
        np.testing.assert_array_equal(pph.interpolate(x, (8, 10), mode="nearest-exact"), twice)
        np.testing.assert_array_equal(pph.resize(x, scale=2, mode="nearest"), twice)
        np.testing.assert_array_equal(pph.resize(x, (8, 10), mode="nearest", nearest_mode="floor",
                                                 coordinate_transformation="asymmetric"), twice)
        line = np.float32([[[0, 1]]])
        np.testing.assert_array_equal(pph.interpolate(line, 4, mode="linear"), [[[0, 0.25, 0.75, 1]]])
        np.testing.assert_array_equal(pph.interpolate(line, 3, mode="linear", align_corners=True), [[[0, 0.5, 1]]])
        np.testing.assert_array_equal(pph.resize(line, 2, mode="nearest", roi_begin=[1], roi_end=[0],
                                                 coordinate_transformation="tf_crop_and_resize"), [[[1, 0]]])
        np.testing.assert_array_equal(pph.interpolate(x[..., None], (2, 5, 1), mode="area")[..., 0],
                                      x.reshape(2, 3, 2, 2, 5).mean(3, dtype=np.float32))
        w, bias = numbers(7, 3), numbers(7)
        self.near(pph.interpolate(x, scale_factor=2, weight=w, bias=bias),
                  np.einsum("nchw,oc->nohw", twice, w) + bias.reshape(1, 7, 1, 1))

    def test_pillow(self):
        try:
            from PIL import Image
        except ImportError:
            self.skipTest("Pillow is not installed")
        picture = RNG.integers(0, 256, (37, 53, 3), np.uint8)
        expected = np.asarray(Image.fromarray(picture).resize((30, 90), Image.Resampling.LANCZOS))
        found = pph.resize(picture[None], (90, 30), mode="lanczos", preset="pillow", layout="nhwc")
        np.testing.assert_array_equal(found[0], expected)

    def test_shuffles_of_every_type(self):
        for dtype in ("float16", "float32", "float64", "uint8", "int8", "uint16", "int16", "int32", "int64"):
            x = (numbers(2, 12, 3, 4) * 100).astype(dtype)
            y = pph.pixel_shuffle(x, (2, 3), channel_order="dcr")
            self.assertEqual((y.shape, y.dtype), ((2, 2, 6, 12), x.dtype))
            expected = x.reshape(2, 2, 3, 2, 3, 4).transpose(0, 3, 4, 1, 5, 2).reshape(2, 2, 6, 12)
            np.testing.assert_array_equal(y, expected)
            np.testing.assert_array_equal(pph.pixel_unshuffle(y, [2, 3], channel_order="dcr"), x)

    def test_pools(self):
        x = numbers(2, 3, 4, 6)
        windows = x.reshape(2, 3, 2, 2, 3, 2).transpose(0, 1, 2, 4, 3, 5).reshape(2, 3, 2, 3, 4)
        pooled, indices = pph.max_pool(x, 2, return_indices=True)
        np.testing.assert_array_equal(pooled, windows.max(-1))
        np.testing.assert_array_equal(pph.max_pool(x, 2), pooled)
        np.testing.assert_array_equal(np.take_along_axis(x.reshape(2, 3, -1), indices.reshape(2, 3, -1), 2),
                                      pooled.reshape(2, 3, -1))
        restored = pph.max_unpool(pooled, indices.astype(np.int32), 2, output_size=(5, 7))
        self.assertEqual(restored.shape, (2, 3, 5, 7))
        self.assertEqual(restored.sum(dtype=float), pooled.sum(dtype=float))
        np.testing.assert_allclose(pph.avg_pool(x, 2), windows.mean(-1), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(pph.avg_unpool(x, 2), pph.interpolate(x / 4, scale_factor=2), rtol=1e-6)


    def test_convex_upsample(self):
        factor, x, mask = 3, numbers(2, 2, 4, 5), numbers(2, 81, 4, 5)
        weights = np.exp(mask.reshape(2, 1, 9, factor, factor, 4, 5).astype(float))
        weights /= weights.sum(2, keepdims=True)
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        near = np.stack([padded[:, :, dy:dy + 4, dx:dx + 5] for dy in range(3) for dx in range(3)], 2)
        expected = factor * (weights * near[:, :, :, None, None]).sum(2)
        expected = expected.transpose(0, 1, 4, 2, 5, 3).reshape(2, 2, 12, 15)
        np.testing.assert_allclose(pph.convex_upsample(x, mask, factor), expected, rtol=1e-5, atol=1e-5)
        layer = pph.ConvexUpsample(factor, scale=1.5, layout="nhwc", out_layout="nchw")
        found = layer(*(np.ascontiguousarray(np.moveaxis(one, 1, -1)) for one in (x, mask)))
        np.testing.assert_allclose(found, expected / 2, rtol=1e-5, atol=1e-5)


class Memory(unittest.TestCase):
    w = numbers(6, 4, 2, 2)

    def test_layouts(self):
        x = numbers(2, 6, 5, 7)
        expected = pph.conv_transpose2d(x, self.w, stride=2, numerics="strict")
        last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
        layer = pph.ConvTranspose2d(self.w, stride=2, numerics="strict", layout="nhwc")
        np.testing.assert_array_equal(np.moveaxis(layer(last), -1, 1), expected)
        view = np.moveaxis(last, -1, 1)  # NCHW axes, channels last in memory: not copied, and neither is the output
        out = pph.conv_transpose2d(view, self.w, stride=2, numerics="strict")
        np.testing.assert_array_equal(out, expected)
        self.assertTrue(np.moveaxis(out, 1, -1).flags.c_contiguous)
        for block in (4, 8, 16):
            blocked = pph.convert(x, out_layout=f"nchw{block}c")
            self.assertEqual(blocked.shape, (2, -(-6 // block), 5, 7, block))
            layer = pph.ConvTranspose2d(self.w, stride=2, numerics="strict", layout=f"nchw{block}c")
            result = layer(blocked)
            np.testing.assert_array_equal(pph.convert(result, layout=f"nchw{block}c", out_layout="nchw")[:, :4],
                                          expected)
            out = np.empty_like(result)
            self.assertIs(layer(blocked, out=out), out)
            np.testing.assert_array_equal(out, result)
            with self.assertRaisesRegex(ValueError, "output c = "):
                layer(blocked, out=np.empty((2, 3, 10, 14, block), np.float32))
            mixed = pph.ConvTranspose2d(self.w, stride=2, numerics="strict", layout=f"nchw{block}c", out_layout="nhwc")
            np.testing.assert_array_equal(np.moveaxis(mixed(blocked), -1, 1), expected)

    def test_views(self):
        whole = numbers(2, 9, 12, 20)
        for x in (whole[:, 2:8], whole[:, ::2][:, :3].repeat(2, 1), whole[:, 3:, 1:7, 4:9], whole[:, 3:, ::-1],
                  whole[:, 3:, :, ::2], whole.transpose(0, 1, 3, 2)[:, 3:],
                  np.broadcast_to(whole[:, :1], (2, 6, 12, 20))):
            expected = pph.conv_transpose2d(np.ascontiguousarray(x), self.w, stride=2)
            np.testing.assert_array_equal(pph.conv_transpose2d(x, self.w, stride=2), expected)
            target = np.zeros((2, 8, expected.shape[2] + 2, expected.shape[3] + 3), np.float32)
            out = target[:, 2:6, 1:-1, 1:-2]
            self.assertIs(pph.conv_transpose2d(x, self.w, stride=2, out=out), out)
            np.testing.assert_array_equal(out, expected)
            out[:] = 0
            self.assertFalse(target.any(), "written outside of out")

    def test_inputs_of_other_kinds(self):
        class Interface:
            def __init__(self, held):
                self.held = held
                self.__array_interface__ = held.__array_interface__

        class Capsule:
            def __init__(self, held):
                self.held = held

            def __dlpack__(self, **keywords):
                return self.held.__dlpack__(**keywords)

            def __dlpack_device__(self):
                return self.held.__dlpack_device__()

        x = numbers(1, 4, 3, 3)
        expected = pph.pixel_shuffle(x, 2)
        for other in (Interface(x), Capsule(x), memoryview(x)):
            np.testing.assert_array_equal(pph.pixel_shuffle(other, 2), expected)
        out = np.zeros_like(expected)
        holder = Interface(out)
        self.assertIs(pph.pixel_shuffle(x, 2, out=holder), holder)
        np.testing.assert_array_equal(out, expected)
        misaligned = np.frombuffer(b"x" + x.tobytes(), np.float32, offset=1).reshape(x.shape)
        np.testing.assert_array_equal(pph.pixel_shuffle(misaligned, 2), expected)

    def test_weights_are_copied_and_layers_are_freed(self):
        w = self.w.copy()
        layer = pph.ConvTranspose2d(w, stride=2)
        x = numbers(1, 6, 5, 5)
        expected = layer(x)
        w[:] = 0
        gc.collect()
        np.testing.assert_array_equal(layer(x), expected)

        def handles():
            return sum(isinstance(one, _library.Handle) for one in gc.get_objects())

        before = handles()
        for size in range(4, 40):
            layer(numbers(1, 6, 4, size))
        self.assertLessEqual(handles() - before, _library.PLANS_PER_OPERATOR)
        gc.disable()
        del layer  # without a cycle, so that the weights are gone at once
        self.assertLess(handles(), before)
        gc.enable()

    def test_functions_see_changed_weights(self):
        class Weights:  # has a hash, as PyTorch's tensors
            def __init__(self, held):
                self.__array_interface__ = held.__array_interface__

        w, x = self.w.copy(), numbers(1, 6, 5, 5)
        for call in (lambda: pph.conv_transpose2d(x, Weights(w), stride=2),
                     lambda given=Weights(w): pph.conv_transpose2d(x, given, stride=2),
                     lambda given=Weights(w.reshape(4 * 4, 6)): pph.interpolate(x, 3, weight=given)):
            before = call()
            w[:] *= 2
            self.assertFalse(np.array_equal(call(), before))

    def test_lazy_layers_hold_their_arrays(self):
        layer = pph.Interpolate(scale_factor=2, weight=np.full((5, 3), 2, np.float32), bias=np.ones(5, np.float32),
                                activation="prelu", slope=np.full(5, 0.5, np.float32))
        gc.collect()
        rest = [np.full(n, 99, np.float32) for n in (15, 5, 5)]  # takes the memory if it was freed
        np.testing.assert_array_equal(layer(np.full((1, 3, 2, 2), -1, np.float32)), np.full((1, 5, 4, 4), -2.5))
        del rest

    def test_python_runs_during_a_call(self):
        turns, during = [0], []
        run = _library.Plan.run

        def counted(*arguments):
            before = turns[0]
            run(*arguments)
            during.append(turns[0] - before)

        layer = pph.Interpolate(scale_factor=3, mode="bicubic", threads=1)
        interval = sys.getswitchinterval()
        self.addCleanup(sys.setswitchinterval, interval)
        with mock.patch.object(_library.Plan, "run", counted), concurrent.futures.ThreadPoolExecutor(1) as pool:
            result = pool.submit(layer, numbers(1, 16, 512, 512))
            sys.setswitchinterval(60)  # a thread runs for as long as it does not wait, or calls what lets others run
            while not result.done():
                turns[0] += 1
                time.sleep(1e-4)
        self.assertGreater(during[0], 5)

    def test_threads(self):
        x = numbers(2, 6, 64, 64)
        layer = pph.ConvTranspose2d(self.w, stride=2)
        expected = layer(x)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for result in pool.map(lambda _: layer(x), range(64)):
                np.testing.assert_array_equal(result, expected)
        one = pph.ConvTranspose2d(self.w, stride=2, threads=1)
        np.testing.assert_array_equal(one(x), expected)
        self.assertIn(" on 1 thread,", one.describe())

    def test_arrays_released_during_a_call(self):
        layer = pph.PixelUnshuffle(2)
        x = numbers(1, 64, 128, 128)
        expected = layer(x)
        for _ in range(20):
            box = [x.copy()]
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                result = pool.submit(lambda: layer(box.pop()))
                while box:  # until the call alone holds the array
                    pass
                np.full(x.shape, 99, np.float32)  # takes the memory if it was freed
                np.testing.assert_array_equal(result.result(), expected)

    def test_empty(self):
        self.assertEqual(pph.conv_transpose2d(np.empty((0, 6, 5, 5), np.float32), self.w, stride=2).shape,
                         (0, 4, 10, 10))
        self.assertEqual(pph.conv_transpose2d(np.empty((0, 2, 5, 5, 4), np.float32), self.w, stride=2,
                                              layout="nchw4c").shape, (0, 1, 10, 10, 4))


class Errors(unittest.TestCase):
    x, w = numbers(1, 6, 5, 5), numbers(6, 4, 2, 2)

    def refused(self, kind, words, call, *arguments, **keywords):
        with self.assertRaisesRegex(kind, words):
            call(*arguments, **keywords)

    def test_messages(self):
        conv = pph.conv_transpose2d
        for kind, words, call, arguments, keywords in (
                (ValueError, "stride", conv, (self.x, self.w), {"stride": 0}),
                (ValueError, r"stride = \(2, 2, 2\)", conv, (self.x, self.w), {"stride": (2, 2, 2)}),
                (ValueError, r"stride = 2\.5: must be an integer", conv, (self.x, self.w), {"stride": 2.5}),
                (ValueError, "dilation = .*: is out of range", conv, (self.x, self.w), {"dilation": 2 ** 63}),
                (ValueError, "input c = 5", conv, (self.x[:, 1:], self.w), {}),
                (ValueError, "input: has 5 axes, ConvTranspose2d takes 4", conv, (self.x[None], self.w), {}),
                (ValueError, r"input shape = \(6, 5\): layout 'nchw' has", conv, (self.x[0, :, 0], self.w), {}),
                (ValueError, "weight shape", conv, (self.x, self.w[0]), {}),
                (ValueError, r"bias is float32 of shape \(3,\): must be float32 of shape \(4,\)", conv,
                 (self.x, self.w, self.w[0, 0, 0, :1].repeat(3)), {}),
                (ValueError, "bias is float64", conv, (self.x, self.w, np.zeros(4)), {}),
                (NotImplementedError, "weights type = kF64", conv, (self.x, self.w.astype(float)), {}),
                ((ValueError, NotImplementedError), "input dtype = kF64", conv, (self.x.astype(float), self.w), {}),
                (ValueError, "complex64: must be one of float32", conv, (self.x.astype(np.complex64), self.w), {}),
                (ValueError, "native byte order", conv, (self.x.astype(">f4"), self.w), {}),
                (TypeError, "input: must be an array .* not list", conv, ([[1.0]], self.w), {}),
                (TypeError, "input: must be an array .* not NoneType", conv, (None, self.w), {}),
                (TypeError, "unexpected keyword argument 'strides'", conv, (self.x, self.w), {"strides": 2}),
                (TypeError, "missing", conv, (self.x,), {}),
                (ValueError, "activation = 'swish': must be one of none, relu", conv, (self.x, self.w),
                 {"activation": "swish"}),
                (ValueError, "numerics = 'exact'", conv, (self.x, self.w), {"numerics": "exact"}),
                (ValueError, "isa", conv, (self.x, self.w), {"isa": "avx9"}),
                (ValueError, "num_threads = -1: is out of range", conv, (self.x, self.w), {"threads": -1}),
                (ValueError, "layout = 'nwhc'", conv, (self.x, self.w), {"layout": "nwhc"}),
                (ValueError, "output_padding", conv, (self.x, self.w), {"output_padding": 3}),
                (ValueError, "output_size", conv, (self.x, self.w), {"output_size": (50, 50)}),
                (ValueError, "add: must be given", conv, (self.x, self.w), {"residual": "after_activation"}),
                (ValueError, "add: must not be given", conv, (self.x, self.w), {"add": self.x}),
                (ValueError, "channels", conv, (self.x, self.w), {"channel_scale": numbers(3)}),
                (NotImplementedError, "stride = 2: convolutions have stride 1", pph.conv2d,
                 (self.x, numbers(4, 6, 3, 3)), {"stride": 2}),
                (ValueError, "padding: must be an integer, or 2", pph.conv2d, (self.x, numbers(4, 6, 3, 3)),
                 {"padding": (1, 1, 1)}),
                (ValueError, "auto_pad = 'full'", pph.conv2d, (self.x, numbers(4, 6, 3, 3)), {"padding": "full"}),
                (ValueError, "size and scale: one of them", pph.resize, (self.x,), {}),
                (ValueError, "size and scale_factor: one of them", pph.interpolate, (self.x, 3, 2.0), {}),
                (ValueError, "mode = 'spline'", pph.interpolate, (self.x, 3), {"mode": "spline"}),
                (ValueError, "spatial_rank", pph.interpolate, (self.x, 3), {"mode": "linear"}),
                (ValueError, "preset = 'cv2'", pph.resize, (self.x, 3), {"preset": "cv2"}),
                (ValueError, "input c = 6", pph.pixel_shuffle, (self.x, 4), {}),
                (ValueError, "kernel", pph.max_pool, (self.x, 0), {}),
                (ValueError, "mask c = 6", pph.convex_upsample, (self.x, self.x), {}),
                (ValueError, "mask n", pph.convex_upsample, (self.x, np.ones((3, 9, *self.x.shape[2:]), "f"), 1), {}),
                (ValueError, "factor = 2.5", pph.ConvexUpsample, (2.5,), {}),
                (ValueError, "scale = 0", pph.ConvexUpsample, (2, 0), {}),
                (ValueError, "ndices dtype", pph.max_unpool, (self.x, self.x, 2), {}),
                (ValueError, "index|indices", pph.max_unpool, (self.x, np.full(self.x.shape, 100), 2), {}),
                (ValueError, "out_layout: must be given", pph.convert, (self.x,), {}),
                (MemoryError, "exceeds", pph.interpolate, (self.x[:, :1], (2 ** 30, 2 ** 30)), {})):
            with self.subTest(words):
                self.refused(kind, words, call, *arguments, **keywords)

    def test_outputs(self):
        out = np.empty((1, 4, 10, 10), np.float32)
        layer = pph.ConvTranspose2d(self.w, stride=2)
        read_only = out.copy()
        read_only.flags.writeable = False
        self.refused(ValueError, "out is read-only", layer, self.x, out=read_only)
        self.refused(ValueError, "output size", layer, self.x, out=out[:, :, :-1])
        self.refused(ValueError, r"output shape = \(0, 4, 10, 10\): must be \(1, 4, 10, 10\)", layer, self.x,
                     out=out[:0])
        self.refused(ValueError, r"output shape = \(1, 4, 10, 0\)", layer, self.x, out=out[..., :0])
        blocked = pph.ConvTranspose2d(self.w, stride=2, out_layout="nchw4c")
        self.refused(ValueError, r"output shape = \(1, 0, 10, 10\)", blocked, self.x,
                     out=np.empty((1, 0, 10, 10, 4), np.float32))
        added = pph.ConvTranspose2d(self.w, stride=2, residual="after_activation")
        self.refused(ValueError, r"residual shape = \(1, 0, 10, 10\)", added, self.x, add=out[:, :0])
        self.refused(ValueError, "indices shape", pph.max_unpool, self.x, np.empty((1, 6, 0, 5), int), 2)
        self.refused(ValueError, "output dtype", layer, self.x, out=np.empty(out.shape, np.uint8))
        self.refused(ValueError, "out strides", layer, self.x, out=np.empty((1, 4, 10, 20), np.float32)[..., ::2])
        self.refused(ValueError, "out strides", layer, self.x, out=np.broadcast_to(out[:, :1], out.shape))
        self.refused(ValueError, "overlap", pph.interpolate, self.x, (5, 5), mode="bicubic", out=self.x)
        self.refused(TypeError, "out: must be an array", layer, self.x, out=[1])

    def test_layers_are_not_copied(self):
        self.refused(TypeError, "make it again", pickle.dumps, pph.ConvTranspose2d(self.w))

    def test_missing_library(self):
        program = ("import ctypes, polyphase_kernels as _; import importlib, polyphase_kernels._library as l; "
                   "l._FILE = 'lib/absent.so'; l._load()")
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        self.assertRegex(run.stderr.splitlines()[-1], "ImportError: polyphase_kernels: .*absent.so is missing")


class Interface(unittest.TestCase):
    def test_examples(self):
        tried = 0
        for name in pph.__all__:
            for test in doctest.DocTestFinder(recurse=False).find(getattr(pph, name), name, globs=dict(vars(pph))):
                result = doctest.DocTestRunner().run(test)
                self.assertEqual(result.failed, 0, name)
                tried += result.attempted
        self.assertGreater(tried, 100)

    def test_readme(self):
        readme = pathlib.Path(__file__).resolve().parents[2] / "src/adapters/python/README.md"
        names = {}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(readme.read_text().split("```python\n")[1].split("```")[0], names)
        self.assertEqual(names["y"].shape, (1, 32, 112, 112))
        self.assertIn("conv_transpose 4x4 stride 2x2", printed.getvalue())

    def test_functions_have_signatures_and_docs(self):
        for name in _layers.PUBLIC:
            self.assertIn(">>>", getattr(pph, name).__doc__, name)
            self.assertNotIn("{", getattr(pph, name).__doc__, name)
        self.assertEqual(list(inspect.signature(pph.conv_transpose3d).parameters)[:8],
                         ["input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"])
        self.assertEqual(list(inspect.signature(pph.max_unpool).parameters)[:6],
                         ["input", "indices", "kernel_size", "stride", "padding", "output_size"])

    @unittest.skipIf(sys.version_info >= (3, 14), "types are written in another way")
    def test_stub(self):
        root = pathlib.Path(__file__).resolve().parents[2]
        sys.path.insert(0, str(root / "tools/python"))
        import generate_stub
        stub = (root / "src/adapters/python/polyphase_kernels/__init__.pyi").read_text()
        self.assertEqual(stub, generate_stub.generate(), "run tools/python/generate_stub.py")
        ast.parse(stub)

    def test_library_exports_the_c_api_alone(self):
        symbols = subprocess.run(["nm", "-D", "--defined-only", "-P", pph.get_library_path()], capture_output=True,
                                 text=True, check=True).stdout.split("\n")
        names = {line.split("@")[0] for line in symbols if line and "POLYPHASE_" not in line.split("@")[0].split()[0]}
        self.assertEqual(names, set(_library._c_api.FUNCTIONS))
        needed = subprocess.run(["ldd", pph.get_library_path()], capture_output=True, text=True).stdout
        self.assertNotIn("tbb", needed)
        self.assertEqual(_library.lib.pph_default_thread_pool(), b"std")


if __name__ == "__main__":
    unittest.main()
