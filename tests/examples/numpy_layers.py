"""Layers on NumPy arrays: bilinear upsampling, then a transposed convolution that writes into a concatenation."""

import numpy as np
import polyphase_kernels as pph

random = np.random.default_rng(0)
maps = random.standard_normal((2, 16, 12, 12), dtype=np.float32)
skip = random.standard_normal((2, 8, 48, 48), dtype=np.float32)
weights = random.standard_normal((16, 8, 2, 2), dtype=np.float32) / 8

# PyTorch's arguments and numbers. The layer packs its weights once, and keeps a plan for each shape.
twice = pph.interpolate(maps, scale_factor=2, mode="bilinear")
layer = pph.ConvTranspose2d(weights, stride=2, activation="relu")

# out= may be a part of a larger array: channels 8 to 15 of the concatenation, without a copy.
joined = np.empty((2, 16, 48, 48), np.float32)
joined[:, :8] = skip
layer(twice, out=joined[:, 8:])
print(layer.describe())

# The same in NumPy. A bilinear output of scale 2 is 3/4 of the nearer and 1/4 of the farther input, along each axis.
plain = maps.astype(np.float64)
for axis in (2, 3):
    index = np.arange(plain.shape[axis])
    before = plain.take(np.maximum(index - 1, 0), axis)
    after = plain.take(np.minimum(index + 1, index[-1]), axis)
    pairs = np.stack([plain * 0.75 + before * 0.25, plain * 0.75 + after * 0.25], axis + 1)
    plain = pairs.reshape([2 * size if i == axis else size for i, size in enumerate(plain.shape)])
# A kernel of the stride's size overlaps with nothing: each input becomes a square of 2 x 2 outputs.
squares = np.maximum(np.einsum("nihw,ioyx->nohywx", plain, weights), 0).reshape(2, 8, 48, 48)

np.testing.assert_allclose(twice, plain, rtol=0, atol=1e-5)
np.testing.assert_allclose(joined[:, 8:], squares, rtol=0, atol=1e-5)
np.testing.assert_array_equal(joined[:, :8], skip)
