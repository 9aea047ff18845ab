#!/usr/bin/env python3
"""Compares random layers of every op, type, layout, epilogue, target and number of threads with PyTorch's answers.

    tools/golden/differential.py --layers 100000 --jobs 2        # seeds 1 to 100000, the ops in turn
    tools/golden/differential.py --seed 1234 --layers 1 --op conv

The layers and the bounds of their errors are those of tests/python/random_layers.py; a seed means the same layer on
every machine. A layer that is wrong is printed with the command that repeats it, and the exit status is 1. It uses the
Python package of a build (--package) in the environment that tools/fetch_python.sh makes.
"""

import argparse
import collections
import concurrent.futures
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "bench/peers"), str(TOP / "tests/python")]
CHUNK = 500


def compare_some(package, ops, seeds):
    """Compares the layers of some seeds; returns (seed, op, what is wrong) of those that are wrong."""
    sys.path.insert(0, str(package))
    import random_layers
    import torch

    torch.set_num_threads(1)
    wrong = []
    for seed in seeds:
        op = (ops or list(random_layers.OPS))[seed % len(ops or random_layers.OPS)]
        try:
            random_layers.compare(op, seed)
        except Exception as error:  # whatever it is, the seed must be told
            wrong.append((seed, op, f"{type(error).__name__}: {error}"))
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=1000, help="how many; default 1000")
    parser.add_argument("--seed", type=int, default=1, help="the first seed; default 1")
    parser.add_argument("--jobs", type=int, default=1, help="processes; default 1")
    parser.add_argument("--op", action="append", help="only layers of this op; may be repeated")
    parser.add_argument("--package", type=pathlib.Path, default=TOP / "build/gcc-release/python",
                        help="folder that has polyphase_kernels; default build/gcc-release/python")
    options = parser.parse_args()
    from environment import enter
    enter("python", "fetch_python.sh")

    end = options.seed + options.layers
    chunks = [range(first, min(first + CHUNK, end)) for first in range(options.seed, end, CHUNK)]
    failed, done, began = collections.Counter(), 0, time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        waiting = {pool.submit(compare_some, options.package, options.op, chunk): chunk for chunk in chunks}
        for future in concurrent.futures.as_completed(waiting):
            done += len(waiting[future])
            for seed, op, text in future.result():
                failed[op] += 1
                print(f"tools/golden/differential.py --seed {seed} --layers 1 --op {op}\n  {text}", flush=True)
            if done == options.layers or done // 20000 != (done - len(waiting[future])) // 20000:
                print(f"{done} layers, {sum(failed.values())} wrong, {time.monotonic() - began:.0f} s", flush=True)
    for op, count in failed.items():
        print(f"{op}: {count} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
