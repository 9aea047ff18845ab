#!/usr/bin/env python3
"""Checks that a foreign-function interface can use libpolyphase.so with nothing but the declarations that
tools/python/generate_ctypes.py makes of polyphase_c.h, and that they have the sizes and offsets of the header."""

import _ctypes
import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/python"))
sys.dont_write_bytecode = True
import generate_ctypes  # noqa: E402


def check_with_compiler(structs, include, module):
    """Compares sizes, offsets and the values of enums with what a C compiler makes of the header."""
    expected, lines = [], []
    for name, struct in structs.items():
        lines.append(f'printf("%zu\\n", sizeof({name}));')
        expected.append(ctypes.sizeof(struct))
        for field, _ in struct._fields_:
            lines.append(f'printf("%zu %zu\\n", offsetof({name}, {field}), sizeof((({name}*)0)->{field}));')
            expected.append(f"{getattr(struct, field).offset} {getattr(struct, field).size}")
    program = "#include <stdio.h>\n#include <polyphase/polyphase_c.h>\nint main(void) {\n" + "\n".join(lines) + "\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "sizes.c"
        source.write_text(program)
        flags = [f"-I{path}" for path in include]
        subprocess.run(["cc", *flags, source, "-o", source.with_suffix("")], check=True)
        found = subprocess.run([source.with_suffix("")], check=True, text=True, capture_output=True).stdout
    assert found.splitlines() == list(map(str, expected)), "sizes or offsets differ from the header's"
    assert len(structs) == (ROOT / "include/polyphase/polyphase_c.h").read_text().count("typedef struct pph_") - 2
    assert module["pph_activation"]["hard_swish"] == 10 and module["pph_pytorch_mode"]["nearest_exact"] == 1


def main():
    library = ctypes.CDLL(sys.argv[1])
    module = {}
    exec(generate_ctypes.generate((ROOT / "include/polyphase/polyphase_c.h").read_text()), module)
    structs = {name: value for name, value in module.items() if hasattr(value, "_fields_") and name != "Structure"}
    check_with_compiler(structs, [ROOT / "include", *sys.argv[2:]], module)
    for name, (returned, taken) in module["FUNCTIONS"].items():
        function = getattr(library, name)
        function.restype, function.argtypes = returned, taken

    def make(name, **fields):
        value = structs[name]()
        getattr(library, name + "_init")(ctypes.byref(value), ctypes.sizeof(value))
        for field, content in fields.items():
            if isinstance(content, (list, tuple)):
                getattr(value, field)[:len(content)] = content
            else:
                setattr(value, field, content)
        return value

    def check(status):
        assert status == module["pph_status"]["ok"], library.pph_last_error().decode()

    for name, struct in structs.items():
        assert make(name).struct_size == ctypes.sizeof(struct), name

    def address(value):
        return ctypes.addressof(value)

    values = (ctypes.c_float * 4)(1, 2, 3, 4)
    bias = (ctypes.c_float * 1)(0.5)
    weights = make("pph_weights", data=address(values))
    epilogue = make("pph_epilogue", activation=module["pph_activation"]["clamp"], upper=30)
    conv = make("pph_conv_transpose_attributes", input_channels=1, output_channels=1, kernel=[2, 2], stride=[2, 2],
                epilogue=ctypes.pointer(epilogue))
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
    assert status == module["pph_status"]["invalid_argument"] and b"stride" in library.pph_last_error()
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

    threads = library.pph_default_thread_pool().decode()
    assert threads in ("tbb", "std", "none"), threads
    if threads != "tbb":  # whose threads stay with its own library
        expected = len(os.sched_getaffinity(0)) if threads == "std" else 1
        assert len(os.listdir("/proc/self/task")) == expected, "threads while the library is loaded"
        _ctypes.dlclose(library._handle)
        assert len(os.listdir("/proc/self/task")) == 1, "threads outlive the library"
        assert "libpolyphase" not in pathlib.Path("/proc/self/maps").read_text(), "the library stays"
    print(f"{len(structs)} structs, {len(module['FUNCTIONS'])} functions, one layer")


if __name__ == "__main__":
    main()
