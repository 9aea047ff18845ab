#!/usr/bin/env python3
"""Checks that a foreign-function interface can use libpolyphase.so with nothing but polyphase_c.h, which it reads.

The header has no macro that a caller needs, so its structs become ctypes structs by their text alone.
"""

import _ctypes
import ctypes
import os
import pathlib
import re
import sys

HEADER = pathlib.Path(__file__).resolve().parents[2] / "include/polyphase/polyphase_c.h"
SCALARS = {"size_t": ctypes.c_size_t, "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "float": ctypes.c_float,
           "double": ctypes.c_double}


def read_header(text):
    """The structs, by name, and the constants of the header."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    constants = {name: int(value) for name, value in re.findall(r"(PPH_\w+)(?: =)? (\d+)", text)}
    structs = {}
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.S):
        fields = []
        for declaration in body.split(";")[:-1]:
            pointer = re.match(r"\s*(?:const )?\w+\*+ (\w+)$", declaration)
            function = re.match(r"\s*\w+\*? \(\*(\w+)\)", declaration)
            scalar = re.match(r"\s*(\w+) (\w+)(?:\[(\w+)\])?$", declaration)
            if pointer or function:
                fields.append(((pointer or function).group(1), ctypes.c_void_p))
            else:
                kind, field, length = scalar.groups()
                fields.append((field, SCALARS[kind] * constants[length] if length else SCALARS[kind]))
        structs[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
    return structs, constants


def main():
    library = ctypes.CDLL(sys.argv[1])
    library.pph_last_error.restype = ctypes.c_char_p
    structs, constants = read_header(HEADER.read_text())

    def make(name, **fields):
        value = structs[name]()
        getattr(library, name + "_init")(ctypes.byref(value), ctypes.c_size_t(ctypes.sizeof(value)))
        for field, content in fields.items():
            if isinstance(content, (list, tuple)):
                getattr(value, field)[:len(content)] = content
            else:
                setattr(value, field, content)
        return value

    def check(status):
        assert status == constants["PPH_OK"], library.pph_last_error().decode()

    for name, struct in structs.items():
        assert make(name).struct_size == ctypes.sizeof(struct), name

    def address(value):
        return ctypes.addressof(value)

    values = (ctypes.c_float * 4)(1, 2, 3, 4)
    bias = (ctypes.c_float * 1)(0.5)
    weights = make("pph_weights", data=address(values))
    epilogue = make("pph_epilogue", activation=constants["PPH_CLAMP"], upper=30)
    conv = make("pph_conv_transpose_attributes", input_channels=1, output_channels=1, kernel=[2, 2], stride=[2, 2],
                epilogue=address(epilogue))
    op, plan = ctypes.c_void_p(), ctypes.c_void_p()
    check(library.pph_create_conv_transpose(ctypes.byref(conv), ctypes.byref(weights), bias, None, ctypes.byref(op)))
    shape = make("pph_tensor_desc", n=1, c=1, size=[2, 2])
    check(library.pph_make_plan(op, ctypes.byref(shape), None, ctypes.byref(plan)))
    out_desc = make("pph_tensor_desc")
    check(library.pph_plan_output(plan, ctypes.byref(out_desc)))
    assert (out_desc.n, out_desc.c, *out_desc.size[:2]) == (1, 1, 4, 4)
    out = (ctypes.c_float * 16)()
    check(library.pph_run(plan, (ctypes.c_float * 4)(0, 4, 8, 12), out, None))
    assert list(out) == [0.5, 0.5, 4.5, 8.5, 0.5, 0.5, 12.5, 16.5, 8.5, 16.5, 12.5, 24.5, 24.5, 30, 30, 30], list(out)

    conv.stride[0] = 0
    none = ctypes.c_void_p()
    status = library.pph_create_conv_transpose(ctypes.byref(conv), ctypes.byref(weights), bias, None,
                                               ctypes.byref(none))
    assert status == constants["PPH_INVALID_ARGUMENT"] and b"stride" in library.pph_last_error()
    library.pph_plan_destroy(plan)
    library.pph_operator_destroy(op)

    # Enough rows for several tasks, so that there is a pool, where there are any threads.
    shape = make("pph_tensor_desc", n=1, c=1, size=[512, 512])
    resize = make("pph_resize_attributes", scale=[2, 2])
    options = make("pph_plan_options", num_threads=4)
    check(library.pph_create_resize(ctypes.byref(resize), None, ctypes.byref(op)))
    check(library.pph_make_plan(op, ctypes.byref(shape), ctypes.byref(options), ctypes.byref(plan)))
    big = (ctypes.c_float * (1 << 20))()
    check(library.pph_run(plan, (ctypes.c_float * (1 << 18))(*[2.0] * (1 << 18)), big, None))
    assert big[0] == big[-1] == 2
    library.pph_plan_destroy(plan)
    library.pph_operator_destroy(op)

    library.pph_default_thread_pool.restype = ctypes.c_char_p
    threads = library.pph_default_thread_pool().decode()
    assert threads in ("tbb", "std", "none"), threads
    if threads != "tbb":  # whose threads stay with its own library
        expected = len(os.sched_getaffinity(0)) if threads == "std" else 1
        assert len(os.listdir("/proc/self/task")) == expected, "threads while the library is loaded"
        _ctypes.dlclose(library._handle)
        assert len(os.listdir("/proc/self/task")) == 1, "threads outlive the library"
        assert "libpolyphase" not in pathlib.Path("/proc/self/maps").read_text(), "the library stays"
    print(f"{len(structs)} structs, {len(constants)} constants, one layer")


if __name__ == "__main__":
    main()
