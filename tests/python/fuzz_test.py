"""Random layers and random chains of modules against PyTorch. POLYPHASE_FUZZ_SEED and _LAYERS choose them."""

import os
import random
import sys
import unittest

try:
    import random_layers
except ImportError as error:
    if error.name != "torch":
        raise
    print("PyTorch is not installed: its tests are left out (tools/fetch_python.sh)")
    sys.exit(77)
import torch
from torch import nn

import polyphase_kernels.torch as pph_torch

SEED = int(os.environ.get("POLYPHASE_FUZZ_SEED", 1))
LAYERS = int(os.environ.get("POLYPHASE_FUZZ_LAYERS", 60))
# What tools/golden/differential.py found: a bound that was too small for Winograd's tiles of 4 inputs.
FOUND = (("conv", 67681),)


def seeds(test):
    """Runs a test method with a random generator for each seed, and names the seed if it fails."""
    def run(self):
        for seed in range(SEED, SEED + LAYERS):
            with self.subTest(f"POLYPHASE_FUZZ_SEED={seed} POLYPHASE_FUZZ_LAYERS=1"):
                torch.manual_seed(seed)
                test(self, random.Random(seed))
    return run


class Functions(unittest.TestCase):
    """Layers of every op; tools/golden/differential.py compares many more of them."""

    def test_found(self):
        for op, seed in FOUND:
            with self.subTest(f"tools/golden/differential.py --seed {seed} --layers 1 --op {op}"):
                random_layers.compare(op, seed)


def compared(op):
    def test(self):
        for seed in range(SEED, SEED + LAYERS):
            with self.subTest(f"POLYPHASE_FUZZ_SEED={seed} POLYPHASE_FUZZ_LAYERS=1"):
                random_layers.compare(op, seed)
    return test


for name in random_layers.OPS:
    setattr(Functions, f"test_{name}", compared(name))


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
