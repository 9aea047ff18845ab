"""Progress: one line on the standard error: how far, and how long it will take."""

import math
import sys
import threading
import time

WIDTH = 110


class Progress:
    """Of steps that take equally long. Threads may share it."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._start = time.monotonic()
        self._shown = -math.inf
        self._terminal = sys.stderr.isatty()
        self._lock = threading.Lock()

    def step(self, name: str) -> None:
        """`name`: what is done now."""
        with self._lock:
            self._done += 1
            self._total = max(self._total, self._done)  # of compare, dropped launches are repeated
            now = time.monotonic()
            if now - self._shown < (0.2 if self._terminal else 30):
                return
            self._shown = now
            left = (now - self._start) / self._done * (self._total - self._done)
            text = f"{self._what}: {self._done} of {self._total}, {left // 60:.0f}:{left % 60:02.0f} left, {name}"
            print(f"\r{text[:WIDTH]:<{WIDTH}}" if self._terminal else text, end="" if self._terminal else "\n",
                  file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._terminal:
            print(f"\r{'':{WIDTH}}\r", end="", file=sys.stderr, flush=True)
