"""Writes the node tests of the installed onnx that concern upsampling and pooling as files: onnx_cases.py FOLDER."""
import pathlib
import sys

import onnx
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases

OPS = {"AveragePool", "ConvTranspose", "DepthToSpace", "GlobalAveragePool", "GlobalMaxPool", "MaxPool", "MaxUnpool",
       "Resize", "SpaceToDepth", "Upsample"}


def write_tensors(folder, kind, values, infos):
    for i, (value, info) in enumerate(zip(values, infos, strict=True)):
        tensor = value if isinstance(value, TensorProto) else numpy_helper.from_array(value, info.name)
        (folder / f"{kind}_{i}.pb").write_bytes(tensor.SerializeToString())


def main():
    root = pathlib.Path(sys.argv[1])
    count = 0
    for case in collect_testcases(None):
        if not OPS & {node.op_type for node in case.model.graph.node}:
            continue
        if (case.rtol, case.atol) != (1e-3, 1e-7):
            sys.exit(f"{case.name}: rtol {case.rtol}, atol {case.atol}; the test knows only 1e-3 and 1e-7")
        folder = root / case.name
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        for i, (inputs, outputs) in enumerate(case.data_sets):
            data = folder / f"test_data_set_{i}"
            data.mkdir()
            write_tensors(data, "input", inputs, case.model.graph.input)
            write_tensors(data, "output", outputs, case.model.graph.output)
        count += 1
    print(f"{count} cases of onnx {onnx.__version__} in {root}")


main()
