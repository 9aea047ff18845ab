"""A PyTorch model whose upsampling layers run on Polyphase: the generator of a DCGAN, and a copy made by optimize()."""

import sys

try:
    import torch
except ImportError:
    print("left out: PyTorch is not installed")
    sys.exit(77)
import polyphase_kernels.torch as pph_torch

torch.manual_seed(0)
layers, channels = [], [100, 128, 64, 32]
for inputs, outputs in zip(channels, channels[1:]):
    first = inputs == channels[0]
    layers += [torch.nn.ConvTranspose2d(inputs, outputs, 4, 1 if first else 2, 0 if first else 1, bias=False),
               torch.nn.BatchNorm2d(outputs), torch.nn.ReLU()]
model = torch.nn.Sequential(*layers, torch.nn.ConvTranspose2d(channels[-1], 3, 4, 2, 1), torch.nn.Tanh()).eval()

fast = pph_torch.optimize(model)  # the model itself stays as it is
noise = torch.randn(4, 100, 1, 1)
with torch.inference_mode():
    expected, actual = model(noise), fast(noise)
print(pph_torch.describe(fast))  # which modules became which layers

torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
assert actual.shape == (4, 3, 32, 32)
