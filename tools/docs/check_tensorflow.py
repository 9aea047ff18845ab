#!/usr/bin/env python3
"""Compares the columns of TensorFlow in the documentation's tables of attributes with TensorFlow.

    python3 -m venv FOLDER && FOLDER/bin/pip install tensorflow-cpu
    PYTHONPATH=build/gcc-release/python FOLDER/bin/python tools/docs/check_tensorflow.py

No test runs this, as TensorFlow is large: run it after a change to one of these columns."""

from __future__ import annotations

import sys
import typing

import numpy as np
import polyphase_kernels as pph
import tensorflow as tf

RANDOM = np.random.default_rng(0)
BOUND = 3e-5  # of values around 0 whose deviation is 1, and of sums of a hundred products of them
failures = 0


def random(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape, np.float32)


def last(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, 1, -1)


def check(name: str, theirs: typing.Any, ours: np.ndarray, bound: float = BOUND) -> None:
    """`theirs` has channels last, `ours` has them first."""
    global failures
    theirs = np.asarray(theirs)
    same = theirs.shape == last(ours).shape
    error = float(np.abs(theirs - last(ours)).max()) if same else float("inf")
    failures += error > bound
    print("ok  " if error <= bound else "DIFF", name, f"{error:.1e}")


def conv_transpose() -> None:
    for rank, function, size in ((1, tf.nn.conv1d_transpose, (7,)), (2, tf.nn.conv2d_transpose, (7, 9)),
                                 (3, tf.nn.conv3d_transpose, (3, 4, 5))):
        ours = getattr(pph, f"conv_transpose{rank}d")
        x, w = random(2, 5, *size), random(5, 6, *[4] * rank)
        filters = np.transpose(w, (*range(2, 2 + rank), 1, 0))
        for stride in (2, 3):
            for less in (0, 1):
                out = [n * stride - less for n in size]
                check(f"conv{rank}d_transpose SAME, stride {stride}, output_shape {out}",
                      function(last(x), filters, [2, *out, 6], stride, "SAME"),
                      ours(x, w, stride=stride, padding="same_upper", output_shape=out))
            out = [(n - 1) * stride + 4 for n in size]
            check(f"conv{rank}d_transpose VALID, stride {stride}",
                  function(last(x), filters, [2, *out, 6], stride, "VALID"), ours(x, w, stride=stride, padding="valid"))
            out[0] += 1
            check(f"conv{rank}d_transpose VALID, stride {stride}, output_padding by output_shape",
                  function(last(x), filters, [2, *out, 6], stride, "VALID"),
                  ours(x, w, stride=stride, padding="valid", output_padding=[1] + [0] * (rank - 1)))
    x, w = random(2, 5, 7, 9), random(5, 6, 4, 3)
    check("conv2d_transpose, explicit padding",
          tf.nn.conv2d_transpose(last(x), np.transpose(w, (2, 3, 1, 0)), [2, 13, 18, 6], 2,
                                 [[0, 0], [1, 2], [1, 0], [0, 0]]),
          pph.conv_transpose2d(x, w, stride=2, padding=((1, 2), (1, 0))))


def conv() -> None:
    x, w, grouped = random(2, 6, 7, 9), random(8, 6, 3, 4), random(8, 3, 3, 3)
    filters = np.transpose(w, (2, 3, 1, 0))
    for padding, name in (("SAME", "same_upper"), ("VALID", "valid")):
        check(f"conv2d {padding}, dilation 2", tf.nn.conv2d(last(x), filters, 1, padding, dilations=2),
              pph.conv2d(x, w, padding=name, dilation=2))
    check("conv2d, explicit padding", tf.nn.conv2d(last(x), filters, 1, [[0, 0], [1, 2], [3, 0], [0, 0]]),
          pph.conv2d(x, w, padding=((1, 2), (3, 0))))
    check("conv2d, groups", tf.nn.conv2d(last(x), np.transpose(grouped, (2, 3, 1, 0)), 1, "SAME"),
          pph.conv2d(x, grouped, padding="same_upper", groups=2))
    check("pad and conv2d", tf.nn.conv2d(tf.pad(last(x), [[0, 0], [1, 1], [2, 1], [0, 0]], "REFLECT"), filters, 1,
                                         "VALID"), pph.conv2d(x, w, padding=((1, 1), (2, 1)), padding_mode="reflect"))
    check("UpSampling2D and conv2d", tf.nn.conv2d(tf.keras.layers.UpSampling2D(2)(last(x)), filters, 1, "SAME"),
          pph.conv2d(x, w, padding="same_upper", upsample=2))
    check("conv2d and depth_to_space", tf.nn.depth_to_space(tf.nn.conv2d(last(x), filters, 1, "SAME"), 2),
          pph.conv2d(x, w, padding="same_upper", shuffle=2, channel_order="dcr"))


def pixel_shuffle() -> None:
    x = random(2, 8, 4, 6)
    check("depth_to_space", tf.nn.depth_to_space(last(x), 2), pph.pixel_shuffle(x, 2, channel_order="dcr"))
    check("space_to_depth", tf.nn.space_to_depth(last(x), 2), pph.pixel_unshuffle(x, 2, channel_order="dcr"))


def resize() -> None:
    x = random(2, 5, 7, 9)
    for size in ((14, 18), (21, 13), (4, 5), (3, 20), (1, 1)):
        def both(method: str, smooth: bool, bound: float = BOUND, **options: typing.Any) -> None:
            check(f"resize {method} to {size}, antialias={smooth}",
                  tf.image.resize(last(x), size, method, antialias=smooth), pph.resize(x, size, **options), bound)

        half_pixel: dict[str, typing.Any] = {"coordinate_transformation": "half_pixel"}
        both("bilinear", False, mode="linear", **half_pixel)
        both("bilinear", True, mode="linear", antialias="pillow", **half_pixel)
        both("nearest", False, mode="nearest", coordinate_transformation="tf_half_pixel_for_nn", nearest_mode="floor")
        # TensorFlow rounds the distances of its taps to 1 / 1024.
        both("bicubic", False, 1e-2, mode="cubic", cubic_coeff_a=-0.5, exclude_outside=True, **half_pixel)
        both("bicubic", True, mode="cubic", cubic_coeff_a=-0.5, antialias="pillow", **half_pixel)
        both("lanczos3", True, mode="lanczos", preset="pillow")
    for size in ((14, 27), (1, 3), (7, 9)):
        check(f"resize area to {size}", tf.image.resize(last(x), size, "area"),
              pph.interpolate(x, size=size, mode="area"))
    box = (-0.2, 0.2, 1.3, 0.7)
    for method, mode in (("bilinear", "linear"), ("nearest", "nearest")):
        check(f"crop_and_resize {method}", tf.image.crop_and_resize(last(x[:1]), [box], [0], (6, 8), method, 3.0),
              pph.resize(x[:1], (6, 8), mode=mode, coordinate_transformation="tf_crop_and_resize", roi_begin=box[:2],
                         roi_end=box[2:], extrapolation_value=3.0))


def pool() -> None:
    x = random(2, 3, 7, 9)
    for padding, name in (("SAME", "same_upper"), ("VALID", "valid")):
        check(f"max_pool {padding}", tf.nn.max_pool2d(last(x), 3, 2, padding), pph.max_pool(x, 3, 2, padding=name))
        check(f"avg_pool {padding}", tf.nn.avg_pool2d(last(x), 3, 2, padding),
              pph.avg_pool(x, 3, 2, padding=name, count_include_pad=False))
    check("max_pool, explicit padding", tf.nn.max_pool2d(last(x), 3, 2, [[0, 0], [1, 0], [0, 1], [0, 0]]),
          pph.max_pool(x, 3, 2, padding=((1, 0), (0, 1))))


def main() -> int:
    print("TensorFlow", tf.__version__)
    for group in (conv_transpose, conv, pixel_shuffle, resize, pool):
        group()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
