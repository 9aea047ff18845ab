"""The upsampling parts of known architectures, small and with random weights: name -> (model, input shape)."""

import torch
from torch import nn
from torch.nn import functional as F


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = self._double(3, 8)
        self.deep = self._double(8, 16)
        self.up = nn.ConvTranspose2d(16, 8, 2, 2)
        self.joined = self._double(16, 8)
        self.last = nn.Conv2d(8, 2, 1)

    @staticmethod
    def _double(c_in, c_out):
        return nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True),
                             nn.Conv2d(c_out, c_out, 3, padding=1), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))

    def forward(self, x):
        skip = self.down(x)
        return self.last(self.joined(torch.cat([skip, self.up(self.deep(F.max_pool2d(skip, 2)))], 1)))


class UNet3d(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Sequential(nn.ConvTranspose3d(4, 8, 2, 2), nn.BatchNorm3d(8), nn.LeakyReLU())
        self.finer = nn.Sequential(nn.Upsample(scale_factor=2, mode="trilinear"), nn.Conv3d(8, 2, 1))

    def forward(self, x):
        return self.finer(self.up(x))


def dcgan():
    def block(c_in, c_out, *window):
        return nn.ConvTranspose2d(c_in, c_out, *window, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(True)
    return nn.Sequential(*block(16, 32, 4, 1, 0), *block(32, 16, 4, 2, 1), *block(16, 8, 4, 2, 1),
                         nn.ConvTranspose2d(8, 3, 4, 2, 1, bias=False), nn.Tanh())


def espcn():
    return nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.Tanh(), nn.Conv2d(16, 8, 3, padding=1), nn.Tanh(),
                         nn.Conv2d(8, 9, 3, padding=1), nn.PixelShuffle(3), nn.Sigmoid())


class SRVGG(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.ModuleList()
        for c_in in (3, 16, 16):
            self.body += [nn.Conv2d(c_in, 16, 3, 1, 1), nn.PReLU(16)]
        self.body.append(nn.Conv2d(16, 48, 3, 1, 1))
        self.upsampler = nn.PixelShuffle(4)

    def forward(self, x):
        out = x
        for layer in self.body:
            out = layer(out)
        return self.upsampler(out) + F.interpolate(x, scale_factor=4, mode="nearest")


class CenterNet(nn.Module):
    def __init__(self):
        super().__init__()
        layers = []
        for c_in, c_out in ((32, 16), (16, 16), (16, 8)):
            layers += [nn.ConvTranspose2d(c_in, c_out, 4, 2, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(True)]
        self.deconvolutions = nn.Sequential(*layers)
        self.heads = nn.ModuleDict({
            name: nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(True), nn.Conv2d(8, c, 1))
            for name, c in (("heatmap", 5), ("size", 2))})

    def forward(self, x):
        x = self.deconvolutions(x)
        return torch.cat([head(x) for head in self.heads.values()], 1)


class FPN(nn.Module):
    def __init__(self):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, 8, 1) for c in (4, 8))
        self.output = nn.Conv2d(8, 8, 3, padding=1)
        self.coarser = nn.Conv2d(4, 8, 3, stride=2, padding=1)

    def forward(self, x):
        deep = self.lateral[1](self.coarser(x))
        return self.output(self.lateral[0](x) + F.interpolate(deep, size=x.shape[-2:], mode="nearest"))


class HiFiGAN(nn.Module):
    def __init__(self):
        super().__init__()
        self.ups = nn.ModuleList([nn.ConvTranspose1d(16, 8, 16, 8, 4), nn.ConvTranspose1d(8, 4, 4, 2, 1)])
        self.resblocks = nn.ModuleList(nn.Conv1d(c, c, 3, dilation=3, padding=3) for c in (8, 4))
        self.last = nn.Conv1d(4, 1, 7, padding=3)

    def forward(self, x):
        for up, block in zip(self.ups, self.resblocks):
            x = up(F.leaky_relu(x, 0.1))
            x = x + block(F.leaky_relu(x, 0.1))
        return torch.tanh(self.last(F.leaky_relu(x)))


class VQDecoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.GroupNorm(4, 16)
        self.up = nn.Sequential(nn.Upsample(scale_factor=2.0), nn.Conv2d(16, 16, 3, padding=1))
        self.last = nn.Sequential(nn.SiLU(), nn.Conv2d(16, 3, 3, padding=1), nn.Hardtanh(-0.5, 0.25))

    def forward(self, x):
        x = self.norm(x)
        return self.last(self.up(x * torch.sigmoid(x)))


class SegNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.pool = nn.MaxPool2d(2, 2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2, 2)
        self.decode = nn.Sequential(nn.Conv2d(8, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x):
        x = self.encode(x)
        pooled, indices = self.pool(x)
        return self.decode(self.unpool(pooled, indices, output_size=x.shape))


class DeepLab(nn.Module):
    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(nn.Conv2d(8, 8, 3, padding=rate, dilation=rate, bias=False),
                                                    nn.BatchNorm2d(8), nn.ReLU()) for rate in (1, 2, 4))
        self.project = nn.Sequential(nn.Conv2d(24, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1))
        self.up = nn.Upsample(scale_factor=4, mode="bilinear", align_corners=True)

    def forward(self, x):
        return self.up(self.project(torch.cat([branch(x) for branch in self.branches], 1)))


class YOLONeck(nn.Module):
    def __init__(self):
        super().__init__()
        def cbs(c_in, c_out, k):
            return nn.Sequential(nn.Conv2d(c_in, c_out, k, 1, k // 2, bias=False), nn.BatchNorm2d(c_out, eps=1e-3),
                                 nn.SiLU(inplace=True))
        self.reduce, self.up, self.merge = cbs(16, 8, 1), nn.Upsample(None, 2, "nearest"), cbs(16, 8, 3)

    def forward(self, x):
        fine = F.avg_pool2d(x[:, :8], 1)
        return self.merge(torch.cat([self.up(self.reduce(x))[..., :fine.shape[-2], :fine.shape[-1]], fine], 1))


class EDSR(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 8, 3, padding=1)
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(True), nn.Conv2d(8, 8, 3, padding=1))
        self.tail = nn.Sequential(nn.Conv2d(8, 32, 3, padding=1), nn.PixelShuffle(2), nn.Conv2d(8, 32, 3, padding=1),
                                  nn.PixelShuffle(2), nn.Conv2d(8, 3, 3, padding=1))

    def forward(self, x):
        x = self.head(x)
        return self.tail(x + self.block(x))


class StyleGAN2(nn.Module):
    """Weights that depend on the input, one group for each image."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 8, 3, 3))
        self.style = nn.Linear(8, 8)
        self.to_rgb = nn.Conv2d(8, 3, 1)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

    def forward(self, x):
        n, c, h, w = x.shape
        styles = self.style(x.mean((2, 3))).reshape(n, c, 1, 1, 1) + 1
        weight = (self.weight * styles).reshape(n * c, 8, 3, 3)
        y = F.conv_transpose2d(x.reshape(1, n * c, h, w), weight, stride=2, groups=n)
        y = F.leaky_relu(y.reshape(n, 8, *y.shape[2:])[..., :2 * h, :2 * w], 0.2)
        return self.to_rgb(y) + self.up(x[:, :3])


def pix2pix():
    return nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.BatchNorm2d(8), nn.Dropout(0.5), nn.ReLU(),
                         nn.ConvTranspose2d(8, 3, 4, 2, 1), nn.Tanh())


def cyclegan():
    return nn.Sequential(nn.ReflectionPad2d((1, 2, 3, 1)), nn.Conv2d(4, 8, 3), nn.InstanceNorm2d(8), nn.ReLU(True),
                         nn.Upsample(scale_factor=2, mode="nearest"), nn.ReflectionPad2d(1), nn.Conv2d(8, 8, 3),
                         nn.PReLU(), nn.ReplicationPad2d(3), nn.Conv2d(8, 3, 7), nn.Tanh())


def real_esrgan_head():
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(8, 8, 3, 1, 1), nn.LeakyReLU(0.2, True),
                         nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(8, 8, 3, 1, 1), nn.LeakyReLU(0.2, True),
                         nn.Conv2d(8, 3, 3, 1, 1, padding_mode="reflect"), nn.GELU(), nn.Hardtanh(-1, 1),
                         nn.Conv2d(3, 3, 2, padding="same"), nn.Hardswish(), nn.ReLU6(), nn.PixelUnshuffle(2),
                         nn.Conv2d(12, 12, 3, 1, 1), nn.SiLU(), nn.PixelShuffle(2))


# How many layers of each run on Polyphase after optimize(), and the shape of the input.
MODELS = {
    "unet": (UNet, 8, (1, 3, 16, 24)), "unet3d": (UNet3d, 2, (1, 4, 4, 5, 6)), "dcgan": (dcgan, 4, (2, 16, 1, 1)),
    "espcn": (espcn, 3, (1, 1, 12, 10)), "srvgg": (SRVGG, 5, (1, 3, 12, 10)), "fpn": (FPN, 3, (1, 4, 12, 10)),
    "centernet": (CenterNet, 7, (1, 32, 6, 5)), "hifigan": (HiFiGAN, 5, (1, 16, 9)),
    "vq_decoder": (VQDecoder, 2, (1, 16, 8, 8)), "segnet": (SegNet, 3, (2, 3, 11, 13)),
    "deeplab": (DeepLab, 5, (1, 8, 9, 8)), "yolo_neck": (YOLONeck, 3, (1, 16, 8, 8)), "edsr": (EDSR, 6, (1, 3, 9, 10)),
    "stylegan2": (StyleGAN2, 2, (2, 8, 8, 8)), "pix2pix": (pix2pix, 2, (1, 8, 5, 6)),
    "cyclegan": (cyclegan, 3, (1, 4, 9, 8)), "real_esrgan": (real_esrgan_head, 6, (1, 8, 9, 8)),
}


def make(name):
    """A model in evaluation mode with random weights and statistics, its number of layers, and an input."""
    torch.manual_seed(list(MODELS).index(name))
    build, layers, shape = MODELS[name]
    model = build()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return model.eval(), layers, torch.randn(shape)
