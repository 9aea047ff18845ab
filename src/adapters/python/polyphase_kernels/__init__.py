"""Polyphase: CPU kernels for layers that enlarge, for NumPy arrays and all that shares its memory with them.

Functions have the order of PyTorch's arguments. Each has a layer, a class that packs the weights once and keeps the
plans of the last shapes: `conv_transpose2d(x, w, stride=2)` is `ConvTranspose2d(w, stride=2)(x)`. What they have in
common is said by `help(polyphase_kernels.Layer)` and `help(polyphase_kernels.Fused)`.

What the library refuses is a ValueError, what it does not support a NotImplementedError, and memory that it does not
get a MemoryError. Python's lock is not held during a call.

`polyphase_kernels.torch` is for PyTorch, `polyphase_kernels.batch` for many pictures.
"""

import os as _os
import pathlib as _pathlib

from polyphase_kernels import _layers
from polyphase_kernels._layers import Fused, Layer, fold_batch_norm
from polyphase_kernels._library import Plan, lib as _lib, library_path as get_library_path

globals().update(_layers.PUBLIC)

__version__ = _lib.pph_version().decode()
__all__ = ["Fused", "Layer", "Plan", "fold_batch_norm", "get_cmake_dir", "get_include", "get_library_path",
           "onnxruntime_provider_path", "targets", *_layers.PUBLIC]

_ROOT = _pathlib.Path(__file__).parent


def _existing(path, what):
    if not path.exists():
        raise FileNotFoundError(f"polyphase_kernels: {path} is not there: {what}")
    return _os.fspath(path)


def get_include():
    """The folder of polyphase/polyphase_c.h, for compilers."""
    return _existing(_ROOT / "include", "this is not an installed package")


def get_cmake_dir():
    """The folder for CMake's polyphase_DIR, with which find_package(polyphase) makes polyphase::polyphase."""
    return _existing(_ROOT / "lib/cmake/polyphase", "this is not an installed package")


def onnxruntime_provider_path():
    """The library for onnxruntime.register_execution_provider_library(); FileNotFoundError if it was not built."""
    return _existing(_ROOT / "lib/libpolyphase_onnxruntime.so",
                     "this package was built without the headers of ONNX Runtime 1.23 or newer")


def targets():
    """The SIMD targets that the library has, best first, as (name, supported by this CPU, chosen).

    >>> sum(chosen for _, _, chosen in targets())
    1
    """
    import ctypes
    found, supported, chosen = [], ctypes.c_int32(), ctypes.c_int32()
    while (name := _lib.pph_target(len(found), ctypes.byref(supported), ctypes.byref(chosen))) is not None:
        found.append((name.decode(), bool(supported.value), bool(chosen.value)))
    return found
