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
from fractions import Fraction

from random_models import FILES, write_models

TOOL = None
COMPLETION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/cli/completion.bash")
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


def png_chunks(data):
    """Returns the chunks of a PNG file, in their order: (name, data)."""
    chunks, at = [], 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        chunks.append((kind, data[at + 8:at + 8 + size]))
        at += size + 12
    return chunks


def jpeg_segments(data):
    """Returns (marker, begin, end) of the segments of a JPEG file up to its first scan."""
    segments, at = [], 2
    while not segments or segments[-1][0] != 0xda:
        size, = struct.unpack(">H", data[at + 2:at + 4])
        segments.append((data[at + 1], at, at + 2 + size))
        at += 2 + size
    return segments


def exif(order, entries, directory=8):
    """Returns a TIFF structure with entries (tag, type, count, the 4 bytes of the value)."""
    tiff = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, directory)
    tiff += bytes(directory - 8) + struct.pack(order + "H", len(entries))
    return tiff + b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3] for entry in entries)


def exif_segment(tiff):
    return b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff


def parse_png(data):
    """Returns rows of pixels, colour type, depth and the ICC profile, of a PNG with 8 or 16 bits, not interlaced."""
    chunks = {}
    for kind, part in png_chunks(data):
        chunks[kind] = chunks.get(kind, b"") + part
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

    def upscale(self, data, *options, source="in.png", target="out.png", warns=()):
        """Returns what parse_png tells, or the JPEG file. `warns` are patterns of the lines on stderr."""
        self.write(source, data)
        result = self.call("upscale", source, target, *options)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (0, len(warns)), result.stderr)
        for line, pattern in zip(result.stderr.splitlines(), warns):
            self.assertRegex(line, rf"\Apolyphase: warning: {pattern}\Z")
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

    def test_scales_are_decimal_numbers(self):
        for scale, width, height in (("2.3", 100, 10), ("1.1", 1000, 30), ("4.35", 100, 20), ("1.005", 200, 1000),
                                     ("0.29", 100, 300), ("0.57", 100, 5700), ("1.15", 100, 180), ("3", 7, 11),
                                     ("2.29999999999999", 100, 10), ("2.30000000000001", 100, 10), ("0.1", 10, 30),
                                     ("0.07", 100, 300), ("1.6666666666666667", 3, 6), ("1.66666666666666", 3, 6)):
            with self.subTest(scale=scale):
                rows = [[(x * 255 // width,) for x in range(width)]] * height
                out = self.upscale(make_png(rows, GRAY, 8), "--scale", scale, "--mode", "nearest")[0]
                exact = [math.floor(Fraction(scale) * size) for size in (width, height)]
                self.assertEqual([len(out[0]), len(out)], exact)
                for x, (value,) in enumerate(out[0]):  # PyTorch multiplies by 1 / scale in f32
                    near = [int((x + step / 1000) / Fraction(scale)) for step in (-1, 1)]
                    self.assertIn(value, [rows[0][i][0] for i in near])

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

    def jpeg_pixels(self, jpeg, *options, warns=()):
        return self.upscale(jpeg, *(options or ("--scale", "1", "--mode", "nearest")), source="in.jpg", warns=warns)

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

    def test_images_are_turned_upright(self):
        png = make_png(noise(24, 9, 3), RGB, 8)
        jpeg = self.upscale(png, "--scale", "1", target="plain.jpg")
        late = lambda data: png[:-12] + chunk(b"eXIf", data) + png[-12:]  # as ImageMagick writes it, after the pixels
        copy = lambda data: self.upscale(data, "--scale", "1", "--mode", "nearest")[0]
        files = {
            "jpeg": (lambda tiff: self.jpeg_pixels(jpeg[:2] + exif_segment(tiff) + jpeg[2:])[0],
                     self.jpeg_pixels(jpeg)[0]),
            "png": (lambda tiff: copy(png[:33] + chunk(b"eXIf", tiff) + png[33:]), parse_png(png)[0]),
            "late png": (lambda tiff: copy(late(b"Exif\0\0" + tiff)), parse_png(png)[0]),
        }
        turned = lambda rows: [list(row) for row in zip(*rows[::-1])]  # clockwise
        mirrored = lambda rows: [row[::-1] for row in rows]
        width = lambda order: (0x0100, 4, 1, struct.pack(order + "I", 24))
        short = lambda order, value: (0x0112, 3, 1, struct.pack(order + "HH", value, 0x5a5a))
        long = lambda order, value: (0x0112, 4, 1, struct.pack(order + "I", value))
        for name, (read, stored) in files.items():
            upright = {1: stored, 2: mirrored(stored), 3: turned(turned(stored)), 4: stored[::-1],
                       5: turned(stored[::-1]), 6: turned(stored), 7: turned(mirrored(stored)),
                       8: turned(turned(turned(stored)))}
            for (orientation, expected), order in itertools.product(upright.items(), "<>"):
                for entry in short, long:
                    tiff = exif(order, [width(order), entry(order, orientation)])
                    self.assertEqual(read(tiff), expected, (name, orientation, order))
            # What is no orientation, or broken, turns nothing, and nothing is read past the end.
            for tiff in (exif(">", [short(">", 0)]), exif(">", [short(">", 9)]), exif(">", [long(">", 0x60006)]),
                         exif("<", [(0x0112, 3, 2, bytes((6, 0, 6, 0)))]), exif("<", [(0x0112, 2, 1, b"6\0\0\0")]),
                         b"XX" + exif("<", [short("<", 6)])[2:], exif("<", [short("<", 6)])[:4] + b"\xff" * 4,
                         exif("<", [short("<", 6)])[:4] + struct.pack("<I", 21), b"II"):
                self.assertEqual(read(tiff), stored, (name, tiff))
            self.assertEqual(read(exif("<", [short("<", 6)], directory=301)), turned(stored), name)
            tiff = exif(">", [width(">"), short(">", 6)])
            for cut in range(1, len(tiff), 3):
                self.assertEqual(read(tiff[:cut]), stored, (name, cut))
        # The output is made for the upright picture.
        tall = self.upscale(late(exif("<", [short("<", 6)])), "--size", "18x48", "--mode", "nearest")[0]
        self.assertEqual(tall, interpolate(turned(parse_png(png)[0]), 18, 48, "nearest"))

    def test_stray_bytes_in_a_jpeg(self):
        jpeg = self.upscale(make_png(noise(40, 24, 3), RGB, 8), "--scale", "1", target="x.jpg")
        expected = self.jpeg_pixels(jpeg)[0]
        stray = lambda *markers, count=r"\d+": [
            rf"in\.jpg: Corrupt JPEG data: {count} extraneous bytes before marker 0x{marker:02x}" for marker in markers]
        for marker, at, _ in jpeg_segments(jpeg):
            for junk in (b"\0", b"junk", b"\x12\xff\x00"):
                out = self.jpeg_pixels(jpeg[:at] + junk + jpeg[at:], warns=stray(marker, count=len(junk)))[0]
                self.assertEqual(out, expected, marker)
            self.assertEqual(self.jpeg_pixels(jpeg[:at] + b"\xff" * 9 + jpeg[at:])[0], expected)  # fill bytes
        # libjpeg takes up to 8 bytes of a scan in advance, and does not miss them.
        for junk, warns in ((b"\0", []), (b"\xff" * 9, []), (b"junk" * 5, stray(0xd9))):
            self.assertEqual(self.jpeg_pixels(jpeg[:-2] + junk + jpeg[-2:], warns=warns)[0], expected)
        self.assertEqual(self.jpeg_pixels(jpeg + b"trailer \xff\xd8")[0], expected)

        # Three blocks of one gray, each in a restart interval of its own. With libjpeg's tables a block without a
        # difference is 00 for DC and 1010 for the end of the block, and bits that are left are ones.
        gray = self.upscale(make_png([[(128,)] * 24] * 8, GRAY, 8), "--scale", "1", target="gray.jpg")
        _, start, end = jpeg_segments(gray)[-1]
        block = b"\x2b"
        restarts = lambda junk, first, second: (gray[:start] + b"\xff\xdd\0\4\0\1" + gray[start:end] + block + junk +
                                                first + block + junk + second + block + junk + b"\xff\xd9")
        flat = self.jpeg_pixels(restarts(b"", b"\xff\xd0", b"\xff\xd1"))[0]
        self.assertEqual(flat, [[(128,)] * 24] * 8)
        for junk, warns in ((b"junk", []), (b"junk" * 5, stray(0xd0, 0xd1, 0xd9))):
            self.assertEqual(self.jpeg_pixels(restarts(junk, b"\xff\xd0", b"\xff\xd1"), warns=warns)[0], flat)

        # What is missing or damaged stays an error.
        for data, says in ((restarts(b"", b"\xff\xd0", b"\xff\xd5"), "instead of RST1"),
                           (jpeg[:-2], "Premature end of JPEG file"), (jpeg[:-30] + b"junk", "JPEG"),
                           (jpeg[:-30] + b"\xff\xd9", "premature end of data segment")):
            self.write("in.jpg", data)
            self.assert_refused("upscale", "in.jpg", "out2.png", "--scale", "1", says=says)

    def test_odd_headers_of_a_jpeg(self):
        jpeg = self.upscale(make_png(noise(9, 9, 3), RGB, 8), "--scale", "1", target="x.jpg")
        expected = self.jpeg_pixels(jpeg)[0]
        revision = jpeg.index(b"JFIF\0\1") + 5
        self.assertEqual(self.jpeg_pixels(jpeg[:revision] + b"\7" + jpeg[revision + 1:],
                                          warns=("in.jpg: Warning: unknown JFIF revision number 7.01",))[0], expected)
        icc = b"\xff\xe2\0\x12ICC_PROFILE\0\2\1\0\0"  # the second of one part
        self.assertEqual(self.jpeg_pixels(jpeg[:2] + icc + jpeg[2:],
                                          warns=("in.jpg: Corrupt JPEG data: bad ICC marker",))[0], expected)
        spectrum = jpeg_segments(jpeg)[-1][2] - 3  # of the scan: from 0 to 63, and the shift of the bits
        self.assertEqual(self.jpeg_pixels(jpeg[:spectrum] + b"\1\2\3" + jpeg[spectrum + 3:],
                                          warns=("in.jpg: Invalid SOS parameters for sequential JPEG",))[0], expected)

    def test_checksums_of_a_png(self):
        rows = noise(5, 4, 1)
        palette = [bytes((i, 255 - i, i // 2)) for i in range(256)]
        png = make_png(rows, PALETTE, 8, chunk(b"PLTE", b"".join(palette)))
        expected = [[tuple(palette[i]) for i, in row] for row in rows]
        broken = lambda name, data: chunk(name, data)[:-1] + bytes((chunk(name, data)[-1] ^ 1,))
        head, idat, end = 33, png.index(b"IDAT") - 4, len(png) - 12
        for name, data, places in (
                (b"tEXt", b"key\0text", (head, idat, end)), (b"tIME", bytes((7, 0xd0, 1, 1, 0, 0, 0)), (head, end)),
                (b"gAMA", struct.pack(">I", 100000), (head,)), (b"pHYs", struct.pack(">IIB", 7, 7, 1), (head, idat)),
                (b"eXIf", exif("<", [(0x0112, 4, 1, b"\6\0\0\0")]), (head, idat, end)),
                (b"cICP", b"\x09\x10\0\1", (head,)),
                (b"prVt", b"?", (head, idat, end)), (b"tRNS", b"\0" * 256, (idat,))):
            for at in places:
                with self.subTest(name=name, at=at):
                    self.upscale(png[:at] + broken(name, data) + png[at:], "--scale", "1", "--mode", "nearest",
                                 warns=(f"in.png: {name.decode()}: CRC error",))
                    out = self.read("out.png")
                    self.assertEqual([kind for kind, _ in png_chunks(out)], [b"IHDR", b"IDAT", b"IEND"])
                    self.assertEqual(parse_png(out)[0], expected)
        many = b"".join(broken(b"te%cT" % letter, b"") for letter in b"ABCDEFGHIJ")
        self.upscale(png[:head] + many + many + png[head:], "--scale", "1",
                     warns=[f"in.png: te{letter}T: CRC error" for letter in "ABCDEFGH"] + ["in.png: more of the kind"])
        at = 8
        while at < len(png):  # all chunks here are critical
            size, kind = struct.unpack(">I4s", png[at:at + 8])
            at += size + 12
            self.write("in.png", png[:at - 1] + bytes((png[at - 1] ^ 1,)) + png[at:])
            self.assert_refused("upscale", "in.png", "out2.png", "--scale", "1", says=f"{kind.decode()}: CRC error")
        self.write("in.png", png[:head] + broken(b"ABCD", b"") + png[head:])
        self.assert_refused("upscale", "in.png", "out2.png", "--scale", "1", says="ABCD")

    def test_colours_and_densities_are_kept(self):
        points = lambda *values: struct.pack(">8I", *values)
        srgb_points = points(31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
        wide_points = points(31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600)
        gamma = lambda value: (b"gAMA", struct.pack(">I", value))
        every = [gamma(100000), (b"cHRM", wide_points), (b"sRGB", b"\1"), (b"cICP", b"\x09\x10\0\1"),
                 (b"mDCV", bytes(range(24))), (b"cLLI", bytes(range(8))),
                 (b"pHYs", struct.pack(">IIB", 11811, 5906, 1))]
        kept = lambda: [part for part in png_chunks(self.read("out.png")) if part[0] not in (b"IHDR", b"IDAT", b"IEND")]
        png = lambda *chosen: make_png(noise(4, 4, 3), RGB, 8, b"".join(chunk(*part) for part in chosen))
        for chosen in [[part] for part in every] + [every, every[::-1]]:
            self.upscale(png(*chosen), "--scale", "2")
            self.assertEqual(sorted(kept()), sorted(chosen))
            gray = make_png(noise(4, 4, 1, 16), GRAY, 16, b"".join(chunk(*part) for part in chosen))
            self.upscale(gray, "--scale", "2")
            self.assertEqual(sorted(kept()), sorted(chosen))
        self.upscale(png(every[0], gamma(1)), "--scale", "1", warns=["in.png: gAMA: a second one, left out"])
        self.assertEqual(kept(), [every[0]])
        self.upscale(png((b"cHRM", b"short")), "--scale", "1", warns=["in.png: cHRM: wrong length, left out"])
        self.assertEqual(kept(), [])

        # JPEG has no place for them: there is a word if the colours change.
        for chosen, lost in (([gamma(100000)], "gAMA"), ([gamma(45455)], ""), ([gamma(45454)], ""),
                             ([(b"cHRM", wide_points)], "cHRM"), ([(b"cHRM", srgb_points)], ""),
                             ([gamma(1), (b"cHRM", wide_points)], "gAMA, cHRM"), ([gamma(1), (b"sRGB", b"\0")], ""),
                             ([(b"cICP", b"\x09\x10\0\1"), gamma(1)], "cICP"), ([(b"cICP", b"\1\x0d\0\1")], "")):
            warns = [f"out.jpg: JPEG cannot hold {lost} of the input; the colours may be shown differently"]
            self.upscale(png(*chosen), "--scale", "1", target="out.jpg", warns=warns if lost else ())

        # Densities are per metre in PNG, per inch or centimetre in JPEG, or only a ratio.
        def jfif(data):
            at = data.index(b"JFIF\0") + 7
            return struct.unpack(">BHH", data[at:at + 5])

        for density, expected, back in (
                ((11811, 11811, 1), (1, 300, 300), (11811, 11811, 1)), ((2835, 5669, 1), (1, 72, 144), (2835, 5669, 1)),
                ((11800, 100, 1), (2, 118, 1), (11800, 100, 1)), ((3, 2, 0), (0, 3, 2), (3, 2, 0)),
                ((120000, 80000, 0), (0, 60000, 40000), (60000, 40000, 0)), ((1, 11811, 1), (0, 1, 1), None),
                ((2**31 - 1, 2**31 - 1, 1), (0, 1, 1), None), (None, (0, 1, 1), None)):
            with self.subTest(density=density):
                data = [(b"pHYs", struct.pack(">IIB", *density))] if density else []
                jpeg = self.upscale(png(*data), "--scale", "2", target="out.jpg")
                self.assertEqual(jfif(jpeg), expected)
                again = self.upscale(jpeg, "--scale", "2", source="in.jpg", target="out.jpg")
                self.assertEqual(jfif(again), expected)
                self.jpeg_pixels(jpeg)
                self.assertEqual(kept(), [(b"pHYs", struct.pack(">IIB", *back))] if back else [])
        sideways = (b"eXIf", exif("<", [(0x0112, 3, 1, b"\6\0\0\0")]))
        self.upscale(png((b"pHYs", struct.pack(">IIB", 5, 7, 1)), sideways), "--scale", "1")
        self.assertEqual(kept(), [(b"pHYs", struct.pack(">IIB", 7, 5, 1))])

    def test_animations_are_told(self):
        png = make_png(noise(4, 4, 3), RGB, 8)
        frames = lambda count: chunk(b"acTL", struct.pack(">II", count, 0))
        control = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 4, 4, 0, 0, 1, 10, 0, 0))
        data = chunk(b"fdAT", b"\0\0\0\1" + b"?" * 20)
        read = lambda head, tail, warns: self.upscale(png[:33] + head + png[33:-12] + tail + png[-12:], "--scale", "1",
                                                      "--mode", "nearest", warns=[f"in.png: {line}" for line in warns])
        told = "an animation of %d frames, of which none is taken, but the picture beside them"
        for head, tail, warns in (
                (frames(3) + control, control + data + control + data,
                 ["an animation of 3 frames, of which only the first is taken"]),
                (frames(2), control + data + control + data, [told % 2]),
                (frames(1), control + data, [told % 1]), (frames(1) + control, b"", []), (b"", b"", [])):
            self.assertEqual(read(head, tail, warns)[0], parse_png(png)[0])

    def test_icc_profile_is_kept(self):
        # A header, and one tag of 400 bytes, since libpng refuses a profile that compresses to next to nothing.
        profile = (struct.pack(">I4xI", 544, 0x02100000) + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) +
                   struct.pack(">III", 0xf6d6, 0x10000, 0xd32d) + bytes(48) +
                   struct.pack(">I4sII", 1, b"desc", 144, 400) + random.Random(1).randbytes(400))
        png = make_png(noise(4, 4, 3), RGB, 8, chunk(b"iCCP", b"test\0\0" + zlib.compress(profile)))
        self.assertEqual(self.upscale(png, "--scale", "2")[3], profile)
        jpeg = self.upscale(png, "--scale", "2", target="out.jpg")
        self.assertEqual(self.jpeg_pixels(jpeg)[3], profile)
        # A profile overrules what JPEG cannot hold.
        both = make_png(noise(4, 4, 3), RGB, 8, chunk(b"gAMA", struct.pack(">I", 1)) +
                        chunk(b"iCCP", b"test\0\0" + zlib.compress(profile)))
        self.upscale(both, "--scale", "2", target="both.jpg")
        gray = self.upscale(make_png(noise(4, 4, 1), GRAY, 8), "--scale", "2", target="gray.jpg")
        icc = b"\xff\xe2" + struct.pack(">H", len(profile) + 16) + b"ICC_PROFILE\0\1\1" + profile
        unfit = "out.png: profile 'ICC profile': 'RGB ': RGB color space not permitted on grayscale PNG"
        self.assertIsNone(self.jpeg_pixels(gray[:2] + icc + gray[2:], warns=[unfit])[3])

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
                base = self.network(png, model, "--tile", "64", "--threads", "1", "--strict")
                self.assertEqual((len(base[0][0]), len(base[0])), (width * scale, height * scale))
                for options in (("--tile", "400"), (), ("--tile", "33", "--threads", "2"), ("--tile", "2147483647")):
                    strict = self.network(png, model, "--strict", *options)
                    self.assertEqual(strict, base, (model, width, height, options))
                    rounded, *header = self.network(png, model, *options)
                    self.assertEqual(header, list(base[1:]))
                    self.assert_close(rounded, base[0], slack=0.6)
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
                     "--strict", "--isa", "--threads", "--verbose", "IN", "OUT"):
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
                ("--scale 2 --strict", "--strict"),
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
        text = png.index(b"tEXt")
        for at in range(0, len(png), 2):
            self.write("in.png", png[:at] + bytes((png[at] ^ 0x20,)) + png[at + 1:])
            if text < at < text + 16:  # in its data or checksum, or a name that stays ancillary
                self.assertIn("CRC error", self.call("upscale", "in.png", "flip.png", "--scale", "2").stderr)
                os.remove(self.path("flip.png"))
            else:
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

    def test_completion(self):
        def complete(*words):
            """What Bash offers for the last of the words."""
            script = (f'source "{COMPLETION}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                      '_polyphase "$1" "${@: -1}" "${@: -2:1}"; printf "%s\\n" "${COMPREPLY[@]}"')
            return subprocess.run(["bash", "-c", script, "bash", TOOL, *words], check=True, capture_output=True,
                                  text=True).stdout.split()

        self.assertEqual(complete(""), ["upscale", "info"])
        self.assertEqual(complete("up"), ["upscale"])
        self.assertEqual(complete("upscale", ""), [])  # Bash completes the names of files then
        self.assertIn("--version", complete("--"))
        options = complete("upscale", "--")
        for option in ("--help", "--scale", "--mode", "--align-corners", "--verbose"):
            self.assertIn(option, options)
        self.assertNotIn("--version", options)
        self.assertEqual(complete("upscale", "in.png", "out.png", "--al"), ["--align-corners"])
        self.assertEqual(complete("upscale", "--tile", ""), [])

        # Everything that is offered is accepted: what is wrong then is the file, not the options.
        for option, offered in (("--mode", 3), ("--model", 2), ("--noise", 4), ("--isa", None)):
            values = complete("upscale", option, "")
            self.assertEqual(len(values), offered or len(values))
            self.assertTrue(values)
            for value in values:
                way = {"--model": [], "--noise": ["--model", "waifu2x"]}.get(option, ["--scale", "2"])
                weights = ["--weights", "."] if option in ("--model", "--noise") else []
                result = subprocess.run([TOOL, "upscale", "/no/such.png", "out.png", option, value, *way, *weights],
                                        capture_output=True, text=True)
                self.assertEqual(result.returncode, 1, (option, value, result.stderr))

    def test_help_of_all_commands(self):
        text = subprocess.run([TOOL, "--help-all"], check=True, capture_output=True, text=True).stdout
        for word in ("upscale", "--align-corners", "info", "--version"):
            self.assertIn(word, text)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} PATH_TO_POLYPHASE")
    TOOL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
