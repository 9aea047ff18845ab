"""Tests of demo.py: what its page shows of a record, and that it needs nothing but itself."""

import html.parser
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

import demo

RECORD = """\
machine	0.2.0	A <CPU> & more
peak	avx3	1	5e10
peak	avx3	2	9e10
memory	1	1.5e10
memory	2	1.75e10
layer	conv_transpose2d	nchwc16	unet.up1	U-Net	64x8x8 -> 32x16x16	2x2 s2	avx3	subpixel	25.0 GFLOP/s	1	0.004	0.5
layer	conv_transpose2d	nchwc16	unet.up1	U-Net	64x8x8 -> 32x16x16	2x2 s2	avx3	subpixel	50.0 GFLOP/s	2	0.002	0.55
layer	conv_transpose2d	nchwc16	unet.up1	U-Net	64x8x8 -> 32x16x16	2x2 s2	avx2	subpixel	20.0 GFLOP/s	1	0.005	1.5
layer	resize	nchw	sr.up	SR	3x8x8 -> 3x16x16	bicubic x2	avx3	permute	7.0 GB/s	1	0.001	0.7
"""


class Page(html.parser.HTMLParser):
    """The elements of a page and its text."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


class Demo(unittest.TestCase):
    def render(self, record: str = RECORD, modes=("nearest", "bicubic")) -> str:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "record.tsv").write_text(record, encoding="utf-8")
            (folder / "picture.png").write_bytes(b"a picture")
            picture = str(folder / "picture.png")
            arguments = [str(folder / "record.tsv"), picture, "4", name, *(f"{mode}={picture}" for mode in modes)]
            with mock.patch.object(sys, "argv", ["demo.py", *arguments]):
                self.assertEqual(demo.main(), 0)
            return (folder / "index.html").read_text(encoding="utf-8")

    def test_layers(self):
        words = Page(self.render()).words()
        for text in ("A <CPU> & more, 2 threads", "unet.up1 U-Net, 2x2 s2 64x8x8 \N{RIGHTWARDS ARROW} 32x16x16",
                     "4.00", "2.00", "50 % 25.0 GFLOP/s", "55 % 50.0 GFLOP/s", "150 % 20.0 GFLOP/s", "7.0 GB/s",
                     "avx3 multiply-adds in registers 50.0 GFLOP/s 90.0 GFLOP/s", "15.0 GB/s 17.5 GB/s"):
            self.assertIn(text, words)
        self.assertEqual(words.count("unet.up1"), 1)  # two ISAs share a name

    def test_bars_have_the_length_of_their_share(self):
        bars = [attributes for tag, attributes in Page(self.render()).elements if attributes.get("class") == "bar"]
        full = 110 / 1.5  # where the mark of 100 % is, as 150 % is the longest
        self.assertEqual([float(bar["width"]) for bar in bars],
                         [round(full * share, 1) for share in (0.5, 0.55, 1, 0.7)])

    def test_one_thread(self):
        lines = [line for line in RECORD.splitlines() if not line.startswith(("peak\tavx3\t2", "memory\t2"))]
        record = "\n".join(line for line in lines if "\t2\t0.002" not in line)
        self.assertNotIn("Speed-up", Page(self.render(record)).words())

    def test_the_slider_has_every_mode_on_both_sides(self):
        page = Page(self.render(modes=("nearest", "bilinear", "bicubic")))
        for side in ("before", "after"):
            images = [attributes for tag, attributes in page.elements if attributes.get("class") == side]
            self.assertEqual([image["alt"] for image in images], ["nearest", "bilinear", "bicubic"])
        self.assertEqual(sum(tag == "option" for tag, _ in page.elements), 6)

    def test_nothing_comes_from_elsewhere(self):
        text = self.render()
        for tag, attributes in Page(text).elements:
            self.assertTrue(attributes.get("src", "data:").startswith("data:"), (tag, attributes))
            self.assertNotIn("/", attributes.get("href", ""))
            self.assertNotIn(tag, ("link", "iframe", "object", "base"))
        for word in ("url(", "@import", "http:", "https:", "fetch("):
            self.assertNotIn(word, text)

    def test_what_is_no_record_is_refused(self):
        with self.assertRaisesRegex(ValueError, "unknown kind: nonsense"):
            self.render(RECORD + "nonsense\n")


if __name__ == "__main__":
    unittest.main()
