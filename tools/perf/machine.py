"""What a time depends on besides the code: the machine, its compiler, and who else uses it."""

import hashlib
import os
import pathlib
import platform
from typing import Any


def describe(build: dict[str, Any], isa: str, calibration: dict[str, float]) -> dict[str, Any]:
    """`build`: facts of revisions.Build; `isa`: the SIMD target that is measured; `calibration`: the roofline.

    "class" names what must be equal for two times to be comparable; the calibration is not a part of it.
    """
    facts = {"cpu": cpu(), "isa": isa, "cores": os.cpu_count(), **caches(), **build}
    digest = hashlib.sha256(repr(sorted(facts.items(), key=lambda item: item[0])).encode()).hexdigest()[:8]
    return {"class": f"{isa}-{facts['cores']}cores-{digest}", **facts, "calibration": calibration}


def cpu() -> str:
    """Model's name and numbers, since hypervisors hide the former behind a general one."""
    fields = {}
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            fields[name.strip()] = value.strip()
    except OSError:
        pass
    numbers = [fields[name] for name in ("cpu family", "model", "stepping") if name in fields]
    name = fields.get("model name") or platform.processor() or platform.machine()
    return f"{name} ({' '.join(numbers)})" if numbers else name


def caches() -> dict[str, int]:
    """Bytes of the first core's "l1" (data), "l2" and "l3"; 0 where it has none or does not tell."""
    sizes = {"l1": 0, "l2": 0, "l3": 0}
    for folder in pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction" and f"l{level}" in sizes and size.endswith("K"):
            sizes[f"l{level}"] = int(size[:-1]) * 1024
    return sizes


class Steal:
    """The share of the CPU time that the hypervisor gave to other guests since this was made."""

    def __init__(self) -> None:
        self._start = self._read()

    def share(self) -> float:
        """Of what the guest's processes wanted: 0 on a machine of one's own, or where nobody counts it."""
        now = self._read()
        stolen = now[1] - self._start[1]
        wanted = now[0] - self._start[0] + stolen
        return stolen / wanted if wanted > 0 else 0.0

    @staticmethod
    def _read() -> tuple[int, int]:
        """Ticks used and stolen so far."""
        try:
            with open("/proc/stat", encoding="utf-8") as file:
                user, nice, system, _, _, irq, softirq, steal = (int(text) for text in file.readline().split()[1:9])
        except (OSError, ValueError):
            return 0, 0
        return user + nice + system + irq + softirq, steal
