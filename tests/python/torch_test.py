"""polyphase_kernels.torch: models give the same before and after, train, and can be exported and compiled."""

import contextlib
import copy
import doctest
import io
import pathlib
import sys
import threading
import unittest
import warnings
from unittest import mock

try:
    import torch
except ImportError:
    print("PyTorch is not installed: its tests are left out (tools/fetch_python.sh)")
    sys.exit(77)
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import polyphase_kernels.torch as pph_torch
import torch_models

OP = torch.ops.polyphase_kernels.layer.default


class Count(TorchDispatchMode):
    """Counts the layers that run on Polyphase."""
    layers = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        self.layers += function is OP
        return function(*arguments, **(keywords or {}))


def for_each_model(test):
    """Runs a test method with each model, the model after optimize(), the number of its layers, and an input."""
    def run(self):
        for name in torch_models.MODELS:
            with self.subTest(name):
                model, layers, x = torch_models.make(name)
                test(self, model, pph_torch.optimize(model), layers, x)
    return run


class Models(unittest.TestCase):
    def near(self, found, expected, bound=1e-4):
        self.assertEqual(found.shape, expected.shape)
        found, expected = found.double(), expected.double()
        self.assertLessEqual((found - expected).norm().item(), bound * expected.norm().item() + 1e-6)

    @for_each_model
    def test_values(self, model, fast, layers, x):
        with torch.no_grad(), Count() as count:
            self.near(fast(x), model(x))
        self.assertEqual(count.layers, layers, pph_torch.describe(fast))
        with torch.inference_mode():
            self.near(fast(x), model(x))
            self.near(fast(torch.cat([x, -x])), model(torch.cat([x, -x])))

    @for_each_model
    def test_the_model_itself_and_its_state_are_kept(self, model, fast, _layers, x):
        state, before = fast.state_dict(), model.state_dict()
        self.assertEqual(list(state), list(before))
        self.assertTrue(all(torch.equal(state[key], before[key]) for key in state))
        self.assertEqual([name for name, _ in fast.named_modules()], [name for name, _ in model.named_modules()])
        self.assertFalse(any(hasattr(module, "_polyphase") for module in model.modules()))
        for one, other in zip(fast.modules(), model.modules()):
            self.assertIsInstance(one, type(other))

    @for_each_model
    def test_channels_last(self, model, fast, _layers, x):
        if x.dim() != 4 or x.shape[2] == 1:
            return
        last = x.to(memory_format=torch.channels_last)
        with torch.no_grad():
            self.near(fast(last), model(x))

    def test_channels_last_is_not_copied(self):
        model = pph_torch.optimize(nn.Sequential(
            nn.ConvTranspose2d(8, 12, 4, 2, 1), nn.ReLU(), nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.Conv2d(12, 12, 3, padding=1), nn.PixelShuffle(2)))
        x = torch.randn(2, 8, 5, 6).to(memory_format=torch.channels_last)
        with torch.no_grad():
            expected = model(x)
            with mock.patch.object(torch.Tensor, "contiguous", side_effect=AssertionError("copied")):
                found = model(x)
        self.assertTrue(torch.equal(found, expected))
        self.assertTrue(found.is_contiguous(memory_format=torch.channels_last))

    @for_each_model
    def test_training(self, model, fast, _layers, x):
        for one in (model, fast):
            one.train()
            torch.manual_seed(3)  # of dropout
            loss = one(x).square().mean()
            loss.backward()
        for (name, a), b in zip(model.named_parameters(), fast.parameters()):
            torch.testing.assert_close(b.grad, a.grad, msg=lambda text: f"{name}: {text}")
        with torch.no_grad():  # what a step and the statistics have changed is packed again
            for one in (model, fast):
                torch.optim.SGD(one.parameters(), 0.05).step()
                one.eval()
            self.near(fast(x), model(x))

    def test_activation_in_place_of_the_input(self):
        model = nn.Sequential(nn.LeakyReLU(0.2, inplace=True), nn.ConvTranspose2d(4, 4, 2, 2))
        with torch.no_grad():  # as in pix2pix, where the changed input is concatenated afterwards
            x, y = torch.randn(1, 4, 5, 5).expand(2, 1, 4, 5, 5).clone()
            self.near(pph_torch.optimize(model)(x), model(y))
            self.assertTrue(torch.equal(x, y))

    def test_training_mode_without_gradients(self):
        for block in (nn.BatchNorm2d(4), nn.Dropout(0.5)):
            model = nn.Sequential(nn.ConvTranspose2d(3, 4, 2, 2), block, nn.ReLU())
            fast = pph_torch.optimize(model)
            x = torch.randn(2, 3, 5, 5)
            with torch.no_grad():
                for one in (model, fast):
                    torch.manual_seed(7)
                    one.train()(x)
                self.assertTrue(all(torch.allclose(a, b, atol=1e-5) for a, b in zip(fast.buffers(), model.buffers())))
                torch.manual_seed(7)
                expected = model(x)
                torch.manual_seed(7)
                self.near(fast(x), expected)

    def test_gradient_of_the_input(self):
        model, _, x = torch_models.make("vq_decoder")
        fast = pph_torch.optimize(model).requires_grad_(False)
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        model(a).sum().backward()
        fast(b).sum().backward()
        torch.testing.assert_close(b.grad, a.grad)
        with Count() as count:  # nothing needs one
            fast(x)
        self.assertGreater(count.layers, 0)

    @for_each_model
    def test_override(self, model, _fast, _layers, x):
        with torch.no_grad():
            expected = model(x)
            with pph_torch.override(), mock.patch.object(pph_torch, "_compute", wraps=pph_torch._compute) as runs:
                self.near(model(x), expected)
            self.assertGreater(runs.call_count, 0)
            self.assertTrue(torch.equal(model(x), expected), "it lasts")

    def test_override_leaves_the_rest(self):
        x, w = torch.randn(1, 4, 8, 8), torch.randn(4, 4, 3, 3)
        calls = (lambda: F.conv2d(x, w, stride=2), lambda: F.conv2d(x.double(), w.double()),
                 lambda: F.interpolate(x.double(), scale_factor=2), lambda: F.interpolate(x, scale_factor=(2, 1.7)),
                 lambda: F.interpolate(x, 3, mode="bilinear", antialias=True), lambda: F.pixel_shuffle(x[0], 2),
                 lambda: F.interpolate(x.to(torch.uint8), scale_factor=2), lambda: F.conv2d(x[0], w),
                 lambda: F.interpolate(x, scale_factor=1.7, mode="bicubic", recompute_scale_factor=True))
        expected = [call() for call in calls]
        with pph_torch.override():
            for call, one in zip(calls, expected):
                self.near(call(), one)
            weight = w.clone().requires_grad_()
            with mock.patch.object(pph_torch, "_compute", side_effect=AssertionError("trained weights are packed")):
                F.conv2d(x, weight).sum().backward()
        reference = w.clone().requires_grad_()
        F.conv2d(x, reference).sum().backward()
        torch.testing.assert_close(weight.grad, reference.grad)


class Weights(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(5)
        self.model = nn.Sequential(nn.ConvTranspose2d(4, 6, 2, 2), nn.BatchNorm2d(6), nn.PReLU(6)).eval()
        self.fast = pph_torch.optimize(self.model)
        self.x = torch.randn(1, 4, 5, 5)
        self.same()

    def same(self):
        with torch.no_grad(), Count() as count:
            torch.testing.assert_close(self.fast(self.x), self.model(self.x), rtol=1e-4, atol=1e-5)
        self.assertEqual(count.layers, 1)

    def test_changes_are_noticed(self):
        for change in (lambda m: m[0].weight.mul_(2), lambda m: m[0].bias.add_(1), lambda m: m[1].running_mean.add_(1),
                       lambda m: m[1].running_var.mul_(3), lambda m: m[2].weight.fill_(0.5),
                       lambda m: m.load_state_dict({k: v + 1 for k, v in m.state_dict().items()}),
                       lambda m: setattr(m[0], "bias", nn.Parameter(torch.arange(6.0))),
                       lambda m: setattr(m[0], "weight", nn.Parameter(torch.ones(4, 6, 2, 2))),
                       lambda m: setattr(m[0].weight, "data", torch.full((4, 6, 2, 2), 3.0))):
            with torch.no_grad():
                change(self.fast)
                changed = {key: value.clone() for key, value in self.fast.state_dict().items()}
                self.model.load_state_dict(changed)
            self.same()

    def test_weights_are_packed_once_and_freed_with_the_model(self):
        with mock.patch.object(pph_torch, "_make", side_effect=AssertionError("packed again")):
            self.same()
        weight = self.fast[0].weight
        self.assertIn(weight, pph_torch._packed)
        before = len(pph_torch._packed)
        del weight, self.fast
        self.assertEqual(len(pph_torch._packed), before - 1)

    def test_copies(self):
        for copied in (copy.deepcopy(self.fast), torch.load(self.saved(self.fast), weights_only=False)):
            with torch.no_grad():
                copied[0].weight.mul_(3)  # which is not the original's
            self.same()
            self.assertIsNot(copied[0].weight, self.fast[0].weight)
            with torch.no_grad(), Count() as count:
                self.assertFalse(torch.equal(copied(self.x), self.fast(self.x)))
            self.assertEqual(count.layers, 2)

    @staticmethod
    def saved(model):
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        return file

    def test_what_is_inside_can_be_used(self):
        x = self.x
        with torch.no_grad():
            for fast, plain in zip(self.fast, self.model):  # by itself
                torch.testing.assert_close(fast(x), plain(x), rtol=1e-4, atol=1e-5)
                x = plain(x)
            seen = []
            handle = self.fast[1].register_forward_hook(lambda module, arguments, output: seen.append(output))
            torch.testing.assert_close(self.fast(self.x), self.model(self.x), rtol=1e-4, atol=1e-5)
            self.assertEqual(len(seen), 1, "a hook was passed over")
            handle.remove()

    def test_pointwise_convolutions_come_first(self):
        for mode, kernel, layer in (("nearest", 1, "Interpolate"), ("bilinear", 1, "Interpolate"),
                                    ("nearest", 3, "Conv2d")):
            chain = pph_torch._chain([nn.Upsample(scale_factor=2, mode=mode), nn.Conv2d(4, 4, kernel)])
            self.assertIn(f'"layer": "{layer}"', chain.op.text)
            self.assertEqual(len(chain.modules), 2)
        shrinking = pph_torch._chain([nn.Upsample(scale_factor=0.5, mode="bilinear"), nn.Conv2d(4, 4, 1)])
        self.assertEqual(len(shrinking.modules), 1)

    def test_threads(self):
        results = []
        with torch.no_grad():
            expected = self.fast(self.x)

        def run():
            with torch.no_grad():
                results.extend(torch.equal(self.fast(self.x), expected) for _ in range(20))
        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(results, [True] * 160)

    def test_what_polyphase_does_not_take(self):
        for x in (self.x[0], self.x.to(torch.float64), torch.empty(0, 4, 5, 5)):
            fast, model = copy.deepcopy(self.fast).to(x.dtype), copy.deepcopy(self.model).to(x.dtype)
            if x.dim() == 3:
                fast, model = fast[0], model[0]
            with torch.no_grad():
                torch.testing.assert_close(fast(x), model(x))
        for module in (nn.Conv2d(4, 4, 3, stride=2), nn.utils.parametrizations.weight_norm(nn.ConvTranspose2d(4, 4, 2)),
                       nn.ConvTranspose2d(4, 4, 2), nn.Upsample(scale_factor=2, mode="area")):
            if type(module) is nn.ConvTranspose2d:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    nn.utils.weight_norm(module)
            module.requires_grad_(False)
            expected = module(self.x)
            with Count() as count:
                torch.testing.assert_close(pph_torch.optimize(module, inplace=True)(self.x), expected)
            self.assertEqual(count.layers, 0, module)
        with torch.no_grad(), self.assertRaisesRegex(ValueError, "input c = 3"):
            self.fast(self.x[:, :3])
        up = nn.ConvTranspose2d(4, 4, 3, 2, 1)
        torch.testing.assert_close(pph_torch.optimize(up)(self.x, output_size=(10, 9)), up(self.x, output_size=(10, 9)))


class Compilers(unittest.TestCase):
    def test_op(self):
        spec = pph_torch._chain([nn.ConvTranspose2d(4, 6, 4, 2, 1), nn.ReLU()]).op.text
        for x in (torch.randn(1, 4, 5, 5), torch.randn(2, 4, 5, 5).to(memory_format=torch.channels_last)):
            torch.library.opcheck(OP, (x, None, [torch.randn(4, 6, 4, 4), None], spec))

    def test_shapes_under_fake_tensors(self):
        from torch._subclasses.fake_tensor import FakeTensorMode
        for name in torch_models.MODELS:
            with self.subTest(name):
                model, _, x = torch_models.make(name)
                fast = pph_torch.optimize(model)
                with torch.no_grad():
                    real = fast(x)
                    mode = FakeTensorMode(allow_non_fake_inputs=True)
                    with mode:
                        fake = fast(mode.from_tensor(x))
                self.assertEqual((fake.shape, fake.stride()), (real.shape, real.stride()))

    def test_export(self):
        for name in ("unet", "segnet", "srvgg", "cyclegan"):
            with self.subTest(name), torch.no_grad():
                model, layers, x = torch_models.make(name)
                sizes = {0: torch.export.Dim("n", min=1, max=16)}
                if name == "cyclegan":
                    sizes = {2: torch.export.Dim("h", min=8, max=64), 3: torch.export.Dim("w", min=8, max=64)}
                exported = torch.export.export(pph_torch.optimize(model), (x.repeat(2, 1, 1, 1),),
                                               dynamic_shapes=(sizes,))
                kept = sum(node.target is OP for node in exported.graph.nodes)
                self.assertEqual(kept, layers)
                file = io.BytesIO()
                torch.export.save(exported, file)
                file.seek(0)
                loaded = torch.export.load(file).module()
                other = x.repeat(3, 1, 1, 1) if 0 in sizes else torch.randn(2, 4, 12, 17)
                torch.testing.assert_close(loaded(other), model(other), rtol=1e-3, atol=1e-4)

    def test_compile(self):
        model = nn.Sequential(nn.ConvTranspose2d(4, 4, 4, 2, 1), nn.Tanh())
        fast = pph_torch.optimize(model)
        with torch.no_grad():
            compiled = torch.compile(lambda x: fast(x) + 1, fullgraph=True, dynamic=True)
            for height in (5, 6):
                x = torch.randn(1, 4, height, 7)
                torch.testing.assert_close(compiled(x), model(x) + 1, rtol=1e-3, atol=1e-4)

    def test_readme(self):
        readme = pathlib.Path(__file__).resolve().parents[2] / "src/adapters/python/README.md"
        model, _, x = torch_models.make("dcgan")
        names = {"model": model, "x": x, "torch": torch}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(readme.read_text().split("```python\n")[2].split("```")[0], names)
        self.assertEqual(names["y"].shape, (2, 3, 32, 32))
        self.assertIn("ConvTranspose2d + BatchNorm2d + ReLU", printed.getvalue())

    def test_examples(self):
        for one in (pph_torch, pph_torch.override):
            test, = doctest.DocTestFinder(recurse=False).find(one, "torch", globs={})
            result = doctest.DocTestRunner().run(test)
            self.assertEqual(result.failed, 0)
            self.assertGreater(result.attempted, 2)


if __name__ == "__main__":
    unittest.main()
