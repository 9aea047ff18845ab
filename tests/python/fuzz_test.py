"""Random layers and random chains of modules against PyTorch. POLYPHASE_FUZZ_SEED and _LAYERS choose them."""

import os
import random
import sys
import unittest

import numpy as np

try:
    import torch
except ImportError:
    print("PyTorch is not installed: its tests are left out (tools/fetch_python.sh)")
    sys.exit(77)
from torch import nn
from torch.nn import functional as F

import polyphase_kernels as pph
import polyphase_kernels.torch as pph_torch

SEED = int(os.environ.get("POLYPHASE_FUZZ_SEED", 1))
LAYERS = int(os.environ.get("POLYPHASE_FUZZ_LAYERS", 60))


def seeds(test):
    """Runs a test method with a random generator for each seed, and names the seed if it fails."""
    def run(self):
        for seed in range(SEED, SEED + LAYERS):
            with self.subTest(f"POLYPHASE_FUZZ_SEED={seed} POLYPHASE_FUZZ_LAYERS=1"):
                torch.manual_seed(seed)
                test(self, random.Random(seed))
    return run


def each(rng, rank, *choices):
    """A value for each axis, now and then one for all of them."""
    return rng.choice(choices) if rng.random() < 0.5 else tuple(rng.choice(choices) for _ in range(rank))


def view(rng, x):
    """The same values in another order in memory, or as a part of something larger."""
    kind = rng.randrange(4)
    if kind == 1:
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    if kind == 2:
        return np.pad(x, [(1, 1)] * x.ndim)[(slice(1, -1),) * x.ndim]
    return np.flip(np.ascontiguousarray(np.flip(x, -1)), -1) if kind == 3 else x


class Functions(unittest.TestCase):
    def near(self, found, expected, exactly=False):
        found, expected = np.asarray(found), expected.numpy()
        self.assertEqual(found.shape, expected.shape)
        if exactly:
            np.testing.assert_array_equal(found, expected)
        else:
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-4)

    @seeds
    def test_conv_transpose(self, rng):
        rank, groups = rng.choice((1, 2, 2, 3)), rng.choice((1, 1, 2, 3))
        c_in, c_out = groups * rng.randint(1, 5), groups * rng.randint(1, 9)
        w = torch.randn(c_in, c_out // groups, *(rng.randint(1, 4) for _ in range(rank)))
        bias = rng.choice((None, torch.randn(c_out)))
        stride, dilation = each(rng, rank, 1, 2, 3), each(rng, rank, 1, 1, 2)
        padding, output_padding = each(rng, rank, 0, 1), each(rng, rank, 0, 0, 1)
        x = torch.randn(rng.randint(1, 2), c_in, *(rng.randint(3, 9) for _ in range(rank)))
        name = f"conv_transpose{rank}d"
        arguments = (stride, padding, output_padding, groups, dilation)
        try:
            expected = getattr(F, name)(x, w, bias, *arguments)
        except RuntimeError:
            with self.assertRaises(ValueError):
                getattr(pph, name)(x, w, bias, *arguments)
            return
        self.near(getattr(pph, name)(view(rng, x.numpy()), w, bias, *arguments), expected)

    @seeds
    def test_conv(self, rng):
        rank, groups = rng.choice((1, 2, 2, 3)), rng.choice((1, 1, 2, 3))
        c_in, c_out = groups * rng.randint(1, 5), groups * rng.randint(1, 9)
        w = torch.randn(c_out, c_in // groups, *(rng.randint(1, 4) for _ in range(rank)))
        bias, padding = rng.choice((None, torch.randn(c_out))), rng.choice((0, 1, "same", "valid"))
        dilation = each(rng, rank, 1, 1, 2)
        x = torch.randn(rng.randint(1, 2), c_in, *(rng.randint(7, 9) for _ in range(rank)))
        expected = getattr(F, f"conv{rank}d")(x, w, bias, 1, padding, dilation, groups)
        self.near(getattr(pph, f"conv{rank}d")(view(rng, x.numpy()), w, bias, 1, padding, dilation, groups), expected)

    @seeds
    def test_interpolate(self, rng):
        mode = rng.choice(("nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"))
        rank = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}.get(mode, rng.randint(1, 3))
        x = torch.randn(rng.randint(1, 2), rng.randint(1, 20), *(rng.randint(2, 9) for _ in range(rank)))
        has_corners = "linear" in mode or mode == "bicubic"
        options = {"mode": mode, "align_corners": rng.choice((True, False)) if has_corners else None}
        if mode in ("bilinear", "bicubic") and x.shape[3] > 3 and rng.random() < 0.4:
            options["antialias"] = True  # PyTorch 2.13 repeats the first row if the output is one pixel wide
        if rng.random() < 0.5:
            options["size"] = each(rng, rank, 2 if "antialias" in options else 1, 3, 8, 17)
        else:
            options["scale_factor"] = rng.choice((0.6, 1, 2, 2.7, (2.0,) * rank))
            options["recompute_scale_factor"] = rng.choice((None, True))
        self.near(pph.interpolate(view(rng, x.numpy()), **options), F.interpolate(x, **options), "nearest" in mode)

    @seeds
    def test_pools(self, rng):
        rank = rng.randint(1, 3)
        x = torch.randn(rng.randint(1, 2), rng.randint(1, 20), *(rng.randint(5, 9) for _ in range(rank)))
        kernel, stride, padding = each(rng, rank, 2, 3), rng.choice((None, 1, 2, 3)), rng.choice((0, 1))
        dilation, ceil_mode = rng.choice((1, 1, 2)), rng.choice((False, True))
        values, indices = getattr(F, f"max_pool{rank}d")(x, kernel, stride, padding, dilation, ceil_mode, True)
        found, found_indices = pph.max_pool(view(rng, x.numpy()), kernel, stride, padding, dilation, ceil_mode, True)
        self.near(found, values, True)
        self.near(found_indices, indices, True)
        options = (kernel, stride, padding, ceil_mode, rng.choice((False, True)))
        self.near(pph.avg_pool(view(rng, x.numpy()), *options), getattr(F, f"avg_pool{rank}d")(x, *options))
        values, indices = getattr(F, f"max_pool{rank}d")(x, 2, return_indices=True)
        self.near(pph.max_unpool(view(rng, values.numpy()), indices, 2, output_size=x.shape[2:]),
                  getattr(F, f"max_unpool{rank}d")(values, indices, 2, output_size=x.shape[2:]), True)


    @seeds
    def test_convex_upsample(self, rng):
        n, c, h, w, factor = (rng.randint(1, most) for most in (2, 3, 9, 20, 8))
        x, mask = torch.randn(n, c, h, w), torch.randn(n, 9 * factor * factor, h, w)
        weights = torch.softmax(mask.view(n, 1, 9, factor, factor, h, w), 2)
        near = F.unfold(factor * x, 3, padding=1).view(n, c, 9, 1, 1, h, w)
        expected = (weights * near).sum(2).permute(0, 1, 4, 2, 5, 3).reshape(n, c, factor * h, factor * w)
        self.near(pph.convex_upsample(view(rng, x.numpy()), view(rng, mask.numpy()), factor), expected)


class Chains(unittest.TestCase):
    """Random Sequentials, in which any module may follow any other."""

    def modules(self, rng, rank, channels):
        """The next modules, and the channels after them."""
        c = rng.choice((1, 3, 4, 8, 12))
        norm, conv = getattr(nn, f"BatchNorm{rank}d"), getattr(nn, f"Conv{rank}d")
        kind = rng.randrange(10)
        if kind < 3:
            mode = rng.choice(("zeros", "zeros", "replicate", "circular"))
            k = rng.choice((1, 2, 3))
            return [conv(channels, c, k, padding=rng.choice((0, k // 2)), padding_mode=mode,
                         bias=rng.random() < 0.5)], c
        if kind == 3:
            return [getattr(nn, f"ConvTranspose{rank}d")(channels, c, rng.choice((2, 3, 4)), 2, rng.choice((0, 1)))], c
        if kind == 4:
            modes = ("nearest", {1: "linear", 2: "bilinear", 3: "trilinear"}[rank])
            return [nn.Upsample(scale_factor=rng.choice((1, 2, 2.0, 1.5)), mode=rng.choice(modes))], channels
        if kind == 5 and rank == 2:
            return [conv(channels, 4 * c, 3, padding=1), *rng.choice(([], [nn.SiLU()], [nn.PReLU(4 * c)])),
                    nn.PixelShuffle(2)], c
        if kind == 6:
            pad = getattr(nn, f"{rng.choice(('Replication', 'Circular', 'Zero'))}Pad{rank}d")
            return [pad(tuple(rng.choice((0, 1, 2)) for _ in range(2 * rank))), *rng.choice((
                [], [conv(channels, channels, 3)]))], channels
        if kind == 7:
            return [norm(channels, affine=rng.random() < 0.7)], channels
        if kind == 8:
            return [rng.choice((nn.Identity(), nn.Dropout(0.5)))], channels
        return [rng.choice((nn.ReLU(), nn.ReLU(inplace=True), nn.LeakyReLU(0.3), nn.PReLU(), nn.PReLU(channels),
                            nn.GELU(), nn.GELU(approximate="tanh"), nn.Tanh(), nn.Hardswish(), nn.Hardtanh(-0.3, 0.4),
                            nn.Sigmoid(), nn.ReLU6()))], channels

    @seeds
    def test_chains(self, rng):
        rank = rng.choice((1, 2, 2, 2, 3))
        first = channels = rng.choice((1, 4, 6))
        modules = []
        while len(modules) < 8:
            more, channels = self.modules(rng, rank, channels)
            modules += more
        model = nn.Sequential(*modules).eval()
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
        x = torch.randn(rng.randint(1, 2), first, *(rng.randint(4, 7) for _ in range(rank)))
        if rank == 2 and rng.random() < 0.5:
            x = x.to(memory_format=torch.channels_last)
        fast = pph_torch.optimize(model)
        with torch.no_grad():
            try:
                expected = model(x.clone())
            except RuntimeError:  # it has become too small for its windows
                with self.assertRaises((RuntimeError, ValueError)):
                    fast(x)
                return
            torch.testing.assert_close(fast(x.clone()), expected, rtol=1e-3, atol=1e-4,
                                       msg=lambda text: f"{text}\n{model}\n{pph_torch.describe(fast)}")


if __name__ == "__main__":
    unittest.main()
