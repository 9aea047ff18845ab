"""Tests of the command-line tool: pixels against formulas in double, and that no failure leaves anything behind.

Usage: cli_test.py PATH_TO_POLYPHASE. Needs Python's standard library alone; it makes its PNG files and models itself,
and JPEG files with the tool.
"""

import itertools
import math
import os
import pty
import random
import resource
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

from random_models import FILES, write_models

TOOL = None
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
WHOLE = ((0, 0, 1, 1),)
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make_png(rows, color, depth, extra=b"", interlaced=False):
    """rows: a list of rows of pixels, each pixel a tuple of samples."""
    raw = bytearray()
    for x0, y0, step_x, step_y in ADAM7 if interlaced else WHOLE:
        for row in rows[y0::step_y]:
            samples = [sample for pixel in row[x0::step_x] for sample in pixel]
            if samples:
                bits = "".join(format(sample, f"0{depth}b") for sample in samples)
                bits += "0" * (-len(bits) % 8)
                raw += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), depth, color, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(bytes(raw))) +
            chunk(b"IEND", b""))


def paeth(a, b, c):
    return min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]


def parse_png(data):
    """Returns rows of pixels, colour type, depth and the ICC profile, of a PNG with 8 or 16 bits, not interlaced."""
    chunks, at = {}, 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        chunks[kind] = chunks.get(kind, b"") + data[at + 8:at + 8 + size]
        at += size + 12
    width, height, depth, color, _, _, _ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    step = PNG_CHANNELS[color] * depth // 8
    raw = zlib.decompress(chunks[b"IDAT"])
    rows, above = [], bytes(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        line = bytearray(raw[start + 1:start + 1 + width * step])
        for i in range(len(line)):
            a, b, c = (line[i - step], above[i], above[i - step]) if i >= step else (0, above[i], 0)
            line[i] = line[i] + (0, a, b, (a + b) // 2, paeth(a, b, c))[raw[start]] & 255
        samples = struct.unpack(f">{len(line) * 8 // depth}{'BH'[depth // 16]}", line)
        rows.append([samples[i:i + PNG_CHANNELS[color]] for i in range(0, len(samples), PNG_CHANNELS[color])])
        above = line
    profile = zlib.decompress(chunks[b"iCCP"].split(b"\0", 1)[1][1:]) if b"iCCP" in chunks else None
    return rows, color, depth, profile


def noise(width, height, channels, depth=8, seed=1):
    generator = random.Random(seed)
    return [[tuple(generator.randrange(1 << depth) for _ in range(channels)) for _ in range(width)]
            for _ in range(height)]


def taps(size_in, size_out, ratio, mode, align_corners):
    """For each output index: (input index, weight) pairs, as torch.nn.functional.interpolate computes them."""
    if align_corners:
        ratio = (size_in - 1) / (size_out - 1) if size_out > 1 else 0.0
    table = []
    for o in range(size_out):
        x = o * ratio if align_corners else (o + 0.5) * ratio - 0.5
        if mode == "nearest":
            pairs = [(math.floor(o * ratio), 1.0)]
        elif mode == "bilinear":
            x = max(x, 0.0)
            i, t = math.floor(x), x - math.floor(x)
            pairs = [(i, 1 - t), (i + 1, t)]
        else:
            i, t, a = math.floor(x), x - math.floor(x), -0.75
            near = lambda d: ((a + 2) * d - (a + 3)) * d * d + 1
            far = lambda d: ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
            pairs = [(i - 1, far(t + 1)), (i, near(t)), (i + 1, near(1 - t)), (i + 2, far(2 - t))]
        table.append([(min(max(i, 0), size_in - 1), weight) for i, weight in pairs])
    return table


def interpolate(rows, width, height, mode, scale=None, align_corners=False):
    """Returns the exact result, without rounding or clamping."""
    columns = taps(len(rows[0]), width, 1 / scale if scale else len(rows[0]) / width, mode, align_corners)
    lines = taps(len(rows), height, 1 / scale if scale else len(rows) / height, mode, align_corners)
    return [[tuple(sum(wy * wx * rows[y][x][c] for y, wy in line for x, wx in column)
                   for c in range(len(rows[0][0]))) for column in columns] for line in lines]


class CliTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def call(self, *arguments, **options):
        return subprocess.run([TOOL, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, **options)

    def succeed(self, *arguments):
        result = self.call(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""), arguments)
        return result.stdout

    def upscale(self, data, *options, source="in.png", target="out.png"):
        self.write(source, data)
        self.succeed("upscale", source, target, *options)
        return parse_png(self.read(target)) if target.endswith("png") else self.read(target)

    def assert_refused(self, *arguments, says="", **options):
        """Asserts a failure that is told in one line, and a folder that is as it was."""
        before = {name: os.stat(self.path(name)) for name in os.listdir(self.folder)}
        result = self.call(*arguments, **options)
        self.assertIn(result.returncode, (1, 2), arguments)
        self.assertRegex(result.stderr, r"\Apolyphase: [^\n]+\n\Z", arguments)
        self.assertIn(says, result.stderr)
        self.assertEqual(result.stdout, "")
        after = {name: os.stat(self.path(name)) for name in os.listdir(self.folder)}
        self.assertEqual({name: (s.st_ino, s.st_size, s.st_mtime_ns) for name, s in before.items()},
                         {name: (s.st_ino, s.st_size, s.st_mtime_ns) for name, s in after.items()}, arguments)
        return result

    def assert_close(self, actual, exact, depth=8, slack=0.01):
        """Rounded to nearest and clamped; `slack` is for the tool's f32."""
        top = 2**depth - 1
        self.assertEqual((len(actual), len(actual[0])), (len(exact), len(exact[0])))
        for y, x in itertools.product(range(len(exact)), range(len(exact[0]))):
            for a, e in zip(actual[y][x], exact[y][x]):
                self.assertLessEqual(abs(a - min(max(e, 0), top)), 0.5 + slack, f"at x {x}, y {y}")

    # ---- what comes out ----

    def test_modes_scales_and_sizes(self):
        rows = noise(7, 5, 3)
        rows[2][3] = (255, 0, 255)  # the cubic overshoots here and must be clamped
        png = make_png(rows, RGB, 8)
        for mode, align in (("nearest", 0), ("bilinear", 0), ("bilinear", 1), ("bicubic", 0), ("bicubic", 1)):
            corners = ["--align-corners"] * align
            for scale in (4, 2.5, 1.45, 0.6, 1):
                with self.subTest(mode=mode, align=align, scale=scale):
                    out = self.upscale(png, "--mode", mode, "--scale", str(scale), *corners)[0]
                    width, height = math.floor(7 * scale), math.floor(5 * scale)
                    self.assert_close(out, interpolate(rows, width, height, mode, scale, align))
            for width, height in ((13, 11), (1, 1), (30, 2)):
                with self.subTest(mode=mode, align=align, width=width, height=height):
                    out = self.upscale(png, "--mode", mode, "--size", f"{width}x{height}", *corners)[0]
                    self.assert_close(out, interpolate(rows, width, height, mode, None, align))
        self.assertEqual(self.upscale(png, "--scale", "3"), self.upscale(png, "--scale", "3", "--mode", "bicubic"))

    def test_png_types(self):
        for color, depth, interlaced in itertools.product(PNG_CHANNELS, (1, 2, 4, 8, 16), (False, True)):
            if depth < 8 and color not in (GRAY, PALETTE) or depth == 16 and color == PALETTE:
                continue
            rows = noise(9, 10, PNG_CHANNELS[color], depth)
            palette = [tuple(random.Random(i).randrange(256) for _ in range(4)) for i in range(1 << min(depth, 8))]
            plte = chunk(b"PLTE", bytes(v for entry in palette for v in entry[:3])) if color == PALETTE else b""
            key = rows[4][4]
            trns = bytes(entry[3] for entry in palette) if color == PALETTE else struct.pack(f">{len(key)}H", *key)
            for transparent in (False, True) if color < GRAY_ALPHA else (False,):
                with self.subTest(color=color, depth=depth, interlaced=interlaced, transparent=transparent):
                    extra = plte + (chunk(b"tRNS", trns) if transparent else b"")
                    wide = max(depth, 8)
                    if color == PALETTE:
                        expected = [[palette[i][:4 if transparent else 3] for i, in row] for row in rows]
                    else:
                        grown = lambda pixel: tuple(v * (2**wide - 1) // (2**depth - 1) for v in pixel)
                        alpha = lambda pixel: ((0 if pixel == key else 2**wide - 1),) * transparent
                        expected = [[grown(pixel) + alpha(pixel) for pixel in row] for row in rows]
                    out = self.upscale(make_png(rows, color, depth, extra, interlaced), "--scale", "1", "--mode",
                                       "nearest")
                    out_color = (RGB if color == PALETTE else color) | (4 if transparent else 0)
                    self.assertEqual(out[:3], (expected, out_color, wide))

    def test_16_bits_are_not_lost(self):
        rows = noise(6, 6, 3, 16)
        for mode in ("bilinear", "bicubic"):
            out, _, depth, _ = self.upscale(make_png(rows, RGB, 16), "--scale", "3", "--mode", mode)
            self.assertEqual(depth, 16)
            self.assert_close(out, interpolate(rows, 18, 18, mode, 3), 16, 0.2)

    def test_colour_is_mixed_by_alpha(self):
        for color, channels, depth in ((GRAY_ALPHA, 2, 8), (RGBA, 4, 8), (RGBA, 4, 16)):
            top = 2**depth - 1
            rows = noise(6, 5, channels, depth, seed=3)
            rows[1][1], rows[1][2] = (top,) * (channels - 1) + (0,), (0,) * (channels - 1) + (top,)
            weighted = [[tuple(v * p[-1] / top for v in p[:-1]) + p[-1:] for p in row] for row in rows]
            for mode in ("bilinear", "bicubic"):
                out = self.upscale(make_png(rows, color, depth), "--scale", "4", "--mode", mode)[0]
                exact = interpolate(weighted, 24, 20, mode, 4)
                for y, x in itertools.product(range(20), range(24)):
                    alpha = exact[y][x][-1]
                    self.assertLessEqual(abs(out[y][x][-1] - min(max(alpha, 0), top)), 0.6)
                    if alpha > top / 20:
                        for a, e in zip(out[y][x], exact[y][x][:-1]):
                            self.assertLessEqual(abs(a - min(max(e * top / alpha, 0), top)), 0.6)
                    elif out[y][x][-1] == 0:
                        self.assertEqual(out[y][x], (0,) * channels)
            self.assertEqual(self.upscale(make_png(rows, color, depth), "--scale", "1", "--mode", "nearest")[0], rows)

    def jpeg_pixels(self, jpeg, *options):
        return self.upscale(jpeg, *(options or ("--scale", "1", "--mode", "nearest")), source="in.jpg")

    def test_jpeg(self):
        ramp = lambda x, y, c: (x * 4 + y * 2 + c * 40) % 512
        smooth = lambda channels, top: [[tuple(min(ramp(x, y, c), 511 - ramp(x, y, c)) * top // 255
                                               for c in range(channels)) for x in range(40)] for y in range(33)]
        for color, channels, depth in ((GRAY, 1, 8), (RGB, 3, 8), (GRAY, 1, 16), (RGB, 3, 16), (RGBA, 4, 8),
                                       (GRAY_ALPHA, 2, 16)):
            with self.subTest(color=color, depth=depth):
                top = 2**depth - 1
                rows = smooth(channels, top)
                jpeg = self.upscale(make_png(rows, color, depth), "--scale", "2", target="out.JPEG")
                self.assertEqual(jpeg[:2] + jpeg[-2:], b"\xff\xd8\xff\xd9")
                out, out_color, out_depth, _ = self.jpeg_pixels(jpeg)
                self.assertEqual((out_color, out_depth), (RGB if color & 2 else GRAY, 8))
                if color & 4:
                    rows = [[tuple(v * p[-1] / top + top - p[-1] for v in p[:-1]) for p in row] for row in rows]
                rows = [[tuple(v * 255 / top for v in p) for p in row] for row in rows]
                self.assert_close(out, interpolate(rows, 80, 66, "bicubic", 2), slack=6)

    def test_jpeg_is_turned_upright(self):
        jpeg = self.upscale(make_png(noise(24, 9, 3), RGB, 8), "--scale", "1", target="plain.jpg")
        stored = self.jpeg_pixels(jpeg)[0]
        turned = lambda rows: [list(row) for row in zip(*rows[::-1])]  # clockwise
        mirrored = lambda rows: [row[::-1] for row in rows]
        upright = {1: stored, 2: mirrored(stored), 3: turned(turned(stored)), 4: stored[::-1],
                   5: turned(stored[::-1]), 6: turned(stored), 7: turned(mirrored(stored)),
                   8: turned(turned(turned(stored)))}
        for (orientation, expected), order in itertools.product(upright.items(), "<>"):
            tiff = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HIH", 42, 8, 2)
            tiff += struct.pack(order + "HHII", 0x0100, 4, 1, 24)
            tiff += struct.pack(order + "HHIHHI", 0x0112, 3, 1, orientation, 0, 0)
            exif = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
            self.assertEqual(self.jpeg_pixels(jpeg[:2] + exif + jpeg[2:])[0], expected, orientation)
            for cut in range(len(tiff)) if orientation == 6 else ():  # a broken segment is no orientation, and no crash
                exif = b"\xff\xe1" + struct.pack(">H", cut + 8) + b"Exif\0\0" + tiff[:cut]
                self.assertIn(self.jpeg_pixels(jpeg[:2] + exif + jpeg[2:])[0], (stored, expected))

    def test_icc_profile_is_kept(self):
        # A header, and one tag of 400 bytes, since libpng refuses a profile that compresses to next to nothing.
        profile = (struct.pack(">I4xI", 544, 0x02100000) + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) +
                   struct.pack(">III", 0xf6d6, 0x10000, 0xd32d) + bytes(48) +
                   struct.pack(">I4sII", 1, b"desc", 144, 400) + random.Random(1).randbytes(400))
        png = make_png(noise(4, 4, 3), RGB, 8, chunk(b"iCCP", b"test\0\0" + zlib.compress(profile)))
        self.assertEqual(self.upscale(png, "--scale", "2")[3], profile)
        jpeg = self.upscale(png, "--scale", "2", target="out.jpg")
        self.assertEqual(self.jpeg_pixels(jpeg)[3], profile)
        gray = self.upscale(make_png(noise(4, 4, 1), GRAY, 8), "--scale", "2", target="gray.jpg")
        icc = b"\xff\xe2" + struct.pack(">H", len(profile) + 16) + b"ICC_PROFILE\0\1\1" + profile
        self.assertIsNone(self.jpeg_pixels(gray[:2] + icc + gray[2:])[3])  # it does not fit a gray PNG

    def test_every_target_and_thread_count(self):
        png = make_png(noise(50, 40, 3), RGB, 8)
        base = self.upscale(png, "--scale", "3.3", "--threads", "1")[0]
        for threads in ("2", "3", "7"):
            self.assertEqual(self.upscale(png, "--scale", "3.3", "--threads", threads)[0], base)
        targets = self.succeed("info").split("targets")[1].split("caches")[0].splitlines()
        for target in (line.split()[0] for line in targets):
            out = self.upscale(png, "--scale", "3.3", "--isa", target)[0]
            self.assert_close(out, base, slack=0.5)  # a sum in another order may round the other way
        # The option reaches the library: fused multiply-add leaves its traces in the last of 16 bits.
        supported = [line.split()[0] for line in targets if "not supported" not in line]
        if "avx2" in supported and "sse4" in supported:
            png = make_png(noise(50, 40, 1, 16), GRAY, 16)
            self.assertNotEqual(*(self.upscale(png, "--scale", "3.3", "--isa", isa)[0] for isa in ("avx2", "sse4")))

    # ---- networks; what they compute is tested in tests/networks ----

    def make_models(self, half=True):
        os.mkdir(self.path("models"))
        write_models(self.path("models"), half)

    def network(self, data, model, *options, **keywords):
        return self.upscale(data, "--model", model, "--weights", "models", *options, **keywords)

    def test_tiles_are_not_seen(self):
        self.make_models()
        for model, scale in (("waifu2x", 2), ("realesr-animevideov3", 4)):
            for width, height in ((131, 67), (1, 1), (2, 70)):
                png = make_png(noise(width, height, 3), RGB, 8)
                base = self.network(png, model, "--tile", "64", "--threads", "1")
                self.assertEqual((len(base[0][0]), len(base[0])), (width * scale, height * scale))
                for options in (("--tile", "400"), (), ("--tile", "33", "--threads", "2"), ("--tile", "2147483647")):
                    self.assertEqual(self.network(png, model, *options), base, (model, width, height, options))
            values = [value for row in self.network(png, model)[0] for pixel in row for value in pixel]
            self.assertGreater(len(set(values)), 50)

    def test_storage_target_and_kind_of_picture(self):
        self.make_models(half=False)
        rows = noise(9, 6, 3)
        png = make_png(rows, RGB, 8)
        targets = self.succeed("info").split("targets")[1].split("caches")[0].splitlines()
        for model, scale in (("waifu2x", 2), ("realesr-animevideov3", 4)):
            base = self.network(png, model)[0]
            for target in (line.split()[0] for line in targets):
                self.assert_close(self.network(png, model, "--isa", target)[0], base, slack=0.5)
            rows_16 = [[tuple(v * 257 for v in p) for p in row] for row in rows]
            wide, _, depth, _ = self.network(make_png(rows_16, RGB, 16), model)
            self.assertEqual(depth, 16)
            self.assert_close(base, [[tuple(v / 257 for v in p) for p in row] for row in wide])
            gray = noise(9, 6, 1)
            shown = self.network(make_png([[p * 3 for p in row] for row in gray], RGB, 8), model)[0]
            out, color, _, _ = self.network(make_png(gray, GRAY, 8), model)
            self.assertEqual(color, GRAY)
            for (value,), pixel in zip(itertools.chain(*out), itertools.chain(*shown)):
                if 0 < min(pixel) and max(pixel) < 255:  # what was clamped is not known
                    self.assertLessEqual(abs(value - sum(pixel) / 3), 1.01)
            rgba = [[p + (255 if x < 5 else 0,) for x, p in enumerate(row)] for row in rows]
            out, color, _, _ = self.network(make_png(rgba, RGBA, 8), model)
            self.assertEqual((color, out[0][0][3], out[0][-1]), (RGBA, 255, (0, 0, 0, 0)))
            jpeg = self.network(png, model, target="out.jpg")
            self.assertEqual(len(self.jpeg_pixels(jpeg)[0]), 6 * scale)

    def test_broken_models(self):
        self.make_models()
        self.write("in.png", make_png(noise(4, 4, 3), RGB, 8))
        for model, name in FILES.items():
            refused = lambda says, weights="models": self.assert_refused(
                "upscale", "in.png", "out.png", "--model", model, "--weights", weights, says=says)
            param, data = self.read(f"models/{name}.param"), self.read(f"models/{name}.bin")
            first = {"waifu2x": b"conv1", "realesr-animevideov3": b"conv0"}[model]
            last = {"waifu2x": "conv7", "realesr-animevideov3": "add"}[model]
            for cut in (0, 3, 4, 100, len(data) // 2, len(data) - 1):
                self.write(f"models/{name}.bin", data[:cut])
                refused(f"models/{name}.bin: layer '" + ("conv" if cut > 100 else first.decode()))
            self.write(f"models/{name}.bin", data + b"\0")
            refused(f"models/{name}.bin: layer '{last}': is the last one, but 1 bytes follow it")
            self.write(f"models/{name}.bin", b"\x38\x4b\x0d\0" + data[4:])
            refused("the tag 0x000D4B38, which is neither fp16 nor fp32")
            os.remove(self.path(f"models/{name}.bin"))
            refused(f"models/{name}.bin: No such file")
            os.mkdir(self.path(f"models/{name}.bin"))
            refused(f"models/{name}.bin: Is a directory")
            os.rmdir(self.path(f"models/{name}.bin"))
            os.symlink("/dev/zero", self.path(f"models/{name}.bin"))
            refused(f"models/{name}.bin: larger than 64 MiB")
            os.remove(self.path(f"models/{name}.bin"))
            self.write(f"models/{name}.bin", data)
            for edit, says in (
                    (b"6=-1", "-1 as its weights"), (b"6=2147483648", "2147483648 as its weights"),
                    (b"6=nan", "'6=nan'"), (b"6=1e308", "1e+308 as its weights"), (b"6=", "'6='"),
                    (b"6=18446744073709551616", "as its weights"), (b"\xff\0", "'??")):
                self.write(f"models/{name}.param", param.replace(b"6=", edit + b" 17=", 1))
                refused(f"models/{name}.param: layer '{first.decode()}': ")
                refused(says)
            for cut in range(0, len(param) - 1, 97):
                self.write(f"models/{name}.param", param[:cut])
                refused(f"models/{name}.param: ")
            self.write(f"models/{name}.param", param)
        for model, other in (FILES.keys(), reversed(FILES.keys())):  # each other's files
            os.mkdir(self.path(model))
            for kind in ("param", "bin"):
                self.write(f"{model}/{FILES[model]}.{kind}", self.read(f"models/{FILES[other]}.{kind}"))
            self.assert_refused("upscale", "in.png", "out.png", "--model", model, "--weights", model,
                                says="as its outputs")
        self.assert_refused("upscale", "in.png", "out.png", "--model", "waifu2x", "--weights", "nowhere",
                            says="nowhere/scale2.0x_model.param can be read; tools/fetch_models.sh")
        self.assert_refused("upscale", "in.png", "out.png", "--model", "waifu2x", "--weights", "models", "--noise", "3",
                            says="models/noise3_scale2.0x_model.param")

    def test_pictures_too_large_for_a_network(self):
        self.make_models()
        header = lambda width, height: (b"\x89PNG\r\n\x1a\n" +
                                        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, RGB, 0, 0, 0)) +
                                        chunk(b"IDAT", b""))
        for model in FILES:
            refused = lambda width, height, says, *options: (
                self.write("in.png", header(width, height)),
                self.assert_refused("upscale", "in.png", "out.png", "--model", model, "--weights", "models", *options,
                                    says=says))
            refused(400000, 400000, "GB of memory")
            refused(2**31 - 1, 1, "per side")
            refused(2**28, 1, "GB of memory", "--tile", "2147483647")
            # Even where the picture has room, its maps have not.
            refused(30000, 20000, "GB of memory", "--tile", "30000")
            self.write("in.png", header(20000, 1))
            self.assert_refused("upscale", "in.png", "out.jpg", "--model", model, "--weights", "models",
                                says="per side" if model != "waifu2x" else "cut short")

    # ---- how it behaves ----

    def test_info_version_help(self):
        version = self.succeed("--version")
        self.assertRegex(version, r"\Apolyphase \d+\.\d+\.\d+\n\Z")
        info = self.succeed("info")
        self.assertIn(version.split()[1], info)
        self.assertRegex(info, r"\ntargets +\w+ +(not )?supported")
        self.assertEqual(info.count("chosen"), 1)
        self.assertRegex(info, r"\ncaches +L1d .*, L2 .*, L3 .*\nthreads +[1-9]\d* \((tbb|std|none)\)\n\Z")
        self.assertIn("upscale", self.succeed("--help"))
        for word in ("--scale", "--size", "--mode", "--align-corners", "--model", "--weights", "--noise", "--tile",
                     "--isa", "--threads", "--verbose", "IN", "OUT"):
            self.assertIn(word, self.succeed("upscale", "--help"))
        with open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run([TOOL, "info"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((result.returncode, result.stderr), (1, "polyphase: cannot write to stdout\n"))

    def test_wrong_options(self):
        self.write("in.png", make_png(noise(4, 4, 3), RGB, 8))
        self.assert_refused()
        self.assert_refused("downscale", says="downscale")
        self.assert_refused("info", "extra", says="extra")
        self.assert_refused("upscale", says="IN")
        self.assert_refused("upscale", "in.png", "--scale", "2", says="OUT")
        for options, says in (
                ("", "--scale"), ("--scale 2 --size 8x8", "--size"), ("--scale", "--scale"), ("--scale 0", "'0'"),
                ("--scale -2", "'-2'"), ("--scale nan", "'nan'"), ("--scale inf", "'inf'"), ("--scale 2x", "'2x'"),
                ("--scale 1e999", "'1e999'"), ("--scale 0.1", "0x0"), ("--scale 1e9", "per side"),
                ("--scale 1e300", "per side"), ("--size 0x0", "'0x0'"), ("--size 8x0", "'8x0'"), ("--size 8", "'8'"),
                ("--size -8x8", "'-8x8'"), ("--size 8x8x8", "'8x8x8'"), ("--size 2147483648x1", "2147483647"),
                ("--size 99999999999999999999x1", "2147483647"), ("--scale 2 --mode cubic", "'cubic'"),
                ("--scale 2 --isa pdp11", "'pdp11'"), ("--scale 2 --threads 0", "'0'"),
                ("--scale 2 --threads -1", "'-1'"), ("--scale 2 --threads 1000000000", "1024"),
                ("--scale 2 --mode nearest --align-corners", "--align-corners"), ("--scale 2 --sharpen", "--sharpen"),
                ("--scale 2 third.png", "third.png"), ("--model waifu2x", "--weights"),
                ("--model srgan --weights .", "'srgan'"), ("--model waifu2x --weights . --scale 2", "one of"),
                ("--model waifu2x --weights . --size 8x8", "one of"), ("--model", "--model"),
                ("--model waifu2x --weights . --mode bicubic", "--mode"),
                ("--model waifu2x --weights . --align-corners", "--align-corners"),
                ("--scale 2 --weights .", "--weights"), ("--scale 2 --tile 64", "--tile"),
                ("--model waifu2x --weights . --tile 0", "'0'"), ("--model waifu2x --weights . --tile -5", "'-5'"),
                ("--model waifu2x --weights . --tile 2147483648", "2147483647"),
                ("--model waifu2x --weights . --tile 6e1", "'6e1'"), ("--scale 2 --noise 1", "--noise"),
                ("--model realesr-animevideov3 --weights . --noise 1", "--noise"),
                ("--model waifu2x --weights . --noise 4", "'4'"), ("--model waifu2x --weights . --noise -1", "'-1'")):
            with self.subTest(options=options):
                self.assert_refused("upscale", "in.png", "out.png", *options.split(), says=says)

    def test_bad_files(self):
        png = make_png(noise(4, 4, 3), RGB, 8)
        self.write("in.png", png)
        os.mkdir(self.path("folder.png"))
        os.mkfifo(self.path("fifo.png"))
        for target, says in (("out.gif", "extension"), ("out", "extension"), ("png", "extension"), ("a.png/out", "ext"),
                             ("no/out.png", "no/out.png: No such"), ("in.png/out.png", "Not a directory"),
                             ("folder.png", "directory"), ("fifo.png", "regular"), ("x" * 300 + ".png", "too long")):
            with self.subTest(target=target):
                self.assert_refused("upscale", "in.png", target, "--scale", "2", says=says)
        header = lambda width, height: png[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0))
        cmyk = b"\xff\xd8\xff\xc0\0\x14\x08\0\x08\0\x08\x04" + b"".join(bytes((i, 17, 0)) for i in range(4))
        cmyk += b"\xff\xda\0\x0e\x04" + b"".join(bytes((i, 0)) for i in range(4)) + b"\0\x3f\0"
        for name, data, says in (
                ("empty.png", b"", "empty"), ("text.png", b"hello\n", "neither"), ("gif.png", b"GIF89a", "neither"),
                ("sign.png", b"\x89PNX\r\n\x1a\n" + png[8:], "PNG"), ("soi.jpg", b"\xff\xd8", "JPEG"),
                ("ff.jpg", b"\xff\xff\xff\xff", "JPEG"), ("header.png", png[:33], "cut short"),
                ("end.png", png[:-12], "cut short"), ("line\nbreak.png", b"", "line?break.png"),
                ("huge.png", header(2**31 - 1, 2**31 - 1) + png[33:], "GB of memory"),
                ("wide.png", header(2**31 - 1, 1) + png[33:], "GB of memory"),
                ("zero.png", header(0, 5) + png[33:], "PNG"), ("big.png", header(2**32 - 1, 5) + png[33:], "PNG"),
                ("cmyk.jpg", cmyk, "CMYK")):
            with self.subTest(name=name):
                self.write(name, data)
                self.assert_refused("upscale", name, "out.png", "--size", "8x8", says=says)
        self.assert_refused("upscale", "missing.png", "out.png", "--scale", "2", says="missing.png: No such file")
        self.assert_refused("upscale", "folder.png", "out.png", "--scale", "2", says="directory")
        self.assert_refused("upscale", "in.png", "out.png", "--size", "2147483647x2147483647", says="GB of memory")
        self.assert_refused("upscale", "in.png", "out.jpg", "--size", "65501x1", says="65500")

    def test_every_cut_and_flip(self):
        self.write("out.png", b"precious")
        png = make_png(noise(5, 4, 3), RGB, 8, chunk(b"tEXt", b"key\0text"))
        jpeg = self.upscale(make_png(noise(9, 9, 3), RGB, 8), "--scale", "1", target="x.jpg")
        for name, data, step in (("in.png", png, 2), ("in.jpg", jpeg, 9)):
            for cut in (*range(0, len(data), step), len(data) - 2, len(data) - 1):
                self.write(name, data[:cut])
                self.assert_refused("upscale", name, "out.png", "--scale", "2", says=name)
        for at in range(0, len(png), 2):
            self.write("in.png", png[:at] + bytes((png[at] ^ 0x20,)) + png[at + 1:])
            self.assert_refused("upscale", "in.png", "out.png", "--scale", "2", says="in.png")
        for at in range(0, len(jpeg), 5):  # without a checksum, some damage cannot be seen
            self.write("in.jpg", jpeg[:at] + bytes((jpeg[at] ^ 0xff,)) + jpeg[at + 1:])
            result = self.call("upscale", "in.jpg", "flip.png", "--scale", "2")
            self.assertIn(result.returncode, (0, 1))
            self.assertEqual(os.path.exists(self.path("flip.png")), result.returncode == 0)
            if result.returncode == 0:
                os.remove(self.path("flip.png"))
        self.assertEqual(self.read("out.png"), b"precious")

    def test_output_replaces_input_link_and_mode(self):
        rows = noise(5, 5, 3)
        self.write("in.png", make_png(rows, RGB, 8))
        os.chmod(self.path("in.png"), 0o640)
        os.symlink("in.png", self.path("link.png"))
        self.succeed("upscale", "in.png", "link.png", "--scale", "2", "--mode", "nearest")
        self.assertTrue(os.path.islink(self.path("link.png")))
        self.assertEqual(stat.S_IMODE(os.stat(self.path("in.png")).st_mode), 0o640)
        self.assertEqual(parse_png(self.read("in.png"))[0], interpolate(rows, 10, 10, "nearest"))
        self.succeed("upscale", "in.png", "new.png", "--scale", "1")
        mask = os.umask(0)
        os.umask(mask)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("new.png")).st_mode), 0o666 & ~mask)
        self.assertEqual(sorted(os.listdir(self.folder)), ["in.png", "link.png", "new.png"])

    def test_full_disk(self):
        self.write("in.png", make_png(noise(40, 40, 3), RGB, 8))
        self.write("out.png", b"precious")
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        for name in ("out.png", "out.jpg"):
            self.assert_refused("upscale", "in.png", name, "--scale", "4", says=f"{name}: File too large",
                                preexec_fn=limit)
        self.assertEqual(self.read("out.png"), b"precious")

    def start_long_work(self, *options, **keywords):
        self.write("in.png", make_png(noise(60, 60, 3), RGB, 8))
        return subprocess.Popen([TOOL, "upscale", "in.png", "out.png", "--size", "4000x4000", *options],
                                cwd=self.folder, **keywords)

    def test_signals_leave_nothing(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            self.write("out.png", b"precious")
            process = self.start_long_work(stderr=subprocess.PIPE, text=True)
            temporary = lambda: [name for name in os.listdir(self.folder) if name.endswith(".tmp")]
            while process.poll() is None and not (temporary() and os.path.getsize(self.path(temporary()[0]))):
                time.sleep(0.002)
            process.send_signal(number)
            self.assertEqual((process.communicate(timeout=60)[1], process.returncode), ("", -number))
            self.assertEqual(sorted(os.listdir(self.folder)), ["in.png", "out.png"])
            self.assertEqual(self.read("out.png"), b"precious")

    def test_verbose_tells_the_seconds(self):
        self.make_models()
        self.write("in.png", make_png(noise(9, 9, 3), RGB, 8))
        number = r"\d+\.\d{3} s"
        self.assertRegex(self.succeed("upscale", "in.png", "out.png", "--scale", "2", "--verbose"),
                         rf"\Adecode {number}, resize {number}, encode {number}\n\Z")
        out = self.succeed("upscale", "in.png", "out.png", "--model", "waifu2x", "--weights", "models", "--verbose")
        self.assertRegex(out, rf"\Adecode {number}, network {number}, encode {number}\n\Z")

    def test_progress_and_threads(self):
        process = self.start_long_work("--threads", "1", stderr=subprocess.PIPE, text=True)
        most = 0
        while process.poll() is None:
            try:
                most = max(most, len(os.listdir(f"/proc/{process.pid}/task")))
            except FileNotFoundError:
                pass
            time.sleep(0.002)
        self.assertEqual((process.communicate()[1], process.returncode), ("", 0))  # no terminal, no bar
        self.assertEqual(most, 1)
        ours, theirs = pty.openpty()
        process = self.start_long_work(stderr=theirs)
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
        os.close(ours)
        self.assertEqual(process.wait(), 0)
        drawn = [line.split(b"]")[1].split(b"%") for line in shown.split(b"\r\033[K[")[1:]]
        percents = [int(percent) for percent, _ in drawn]
        self.assertGreater(len(percents), 2)
        self.assertEqual(percents, sorted(percents))
        self.assertLessEqual(percents[-1], 100)
        # The phases before the encoding have their share.
        self.assertGreater(min(int(percent) for percent, phase in drawn if phase.startswith(b" encode")), 5)
        self.assertTrue(shown.endswith(b"\r\033[K"), "the bar is wiped")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} PATH_TO_POLYPHASE")
    TOOL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
