"""Made by tools/python/generate_stub.py; tests/python/layers_test.py compares."""

from typing import Any, List, Optional, Sequence, Tuple, Union

from numpy import ndarray

__version__: str


class Plan:
    workspace_bytes: int

    def describe(self) -> str: ...


class Layer:
    layout: str
    out_layout: Optional[str]
    numerics: str
    threads: int
    isa: Optional[str]

    def plan(self, shape: Sequence[int], dtype: Any = 'float32') -> Plan: ...
    def describe(self) -> str: ...


class Fused(Layer):
    activation: str
    negative_slope: float
    lower: float
    upper: float
    residual: str


def fold_batch_norm(gamma: Any, beta: Any, mean: Any, variance: Any,
        epsilon: Any = 1e-05) -> Tuple[ndarray, ndarray]: ...


def get_cmake_dir() -> str: ...


def get_include() -> str: ...


def get_library_path() -> str: ...


def onnxruntime_provider_path() -> str: ...


def targets() -> List[Tuple[str, bool, bool]]: ...


class ConvTranspose1d(Fused):
    prologue: str
    prologue_slope: float
    stride: Union[int, Sequence[int]]
    padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]]
    output_padding: Union[int, Sequence[int]]
    groups: int
    dilation: Union[int, Sequence[int]]
    output_shape: Union[int, Sequence[int], None]

    def __init__(self, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
            padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
            output_padding: Union[int, Sequence[int]] = 0, groups: int = 1, dilation: Union[int, Sequence[int]] = 1, *,
            layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0,
            isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01, lower: float = 0.0,
            upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None,
            channel_scale: Optional[Any] = None, channel_shift: Optional[Any] = None, prologue: str = 'none',
            prologue_slope: float = 0.01, output_shape: Union[int, Sequence[int], None] = None) -> None: ...
    def __call__(self, input: Any, *, output_size: Any = None, add: Any = None, out: Any = None) -> ndarray: ...


class Conv1d(Fused):
    prologue: str
    prologue_slope: float
    stride: Union[int, Sequence[int]]
    padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]]
    dilation: Union[int, Sequence[int]]
    groups: int
    padding_mode: str
    upsample: Union[int, Sequence[int]]
    shuffle: Union[int, Sequence[int]]
    channel_order: str

    def __init__(self, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
            padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
            dilation: Union[int, Sequence[int]] = 1, groups: int = 1, *, layout: str = 'nchw',
            out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0, isa: Optional[str] = None,
            activation: str = 'none', negative_slope: float = 0.01, lower: float = 0.0, upper: float = 6.0,
            residual: str = 'none', slope: Optional[Any] = None, channel_scale: Optional[Any] = None,
            channel_shift: Optional[Any] = None, prologue: str = 'none', prologue_slope: float = 0.01,
            padding_mode: str = 'zeros', upsample: Union[int, Sequence[int]] = 1,
            shuffle: Union[int, Sequence[int]] = 1, channel_order: str = 'crd') -> None: ...
    def __call__(self, input: Any, *, add: Any = None, out: Any = None) -> ndarray: ...


class ConvTranspose2d(Fused):
    prologue: str
    prologue_slope: float
    stride: Union[int, Sequence[int]]
    padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]]
    output_padding: Union[int, Sequence[int]]
    groups: int
    dilation: Union[int, Sequence[int]]
    output_shape: Union[int, Sequence[int], None]

    def __init__(self, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
            padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
            output_padding: Union[int, Sequence[int]] = 0, groups: int = 1, dilation: Union[int, Sequence[int]] = 1, *,
            layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0,
            isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01, lower: float = 0.0,
            upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None,
            channel_scale: Optional[Any] = None, channel_shift: Optional[Any] = None, prologue: str = 'none',
            prologue_slope: float = 0.01, output_shape: Union[int, Sequence[int], None] = None) -> None: ...
    def __call__(self, input: Any, *, output_size: Any = None, add: Any = None, out: Any = None) -> ndarray: ...


class Conv2d(Fused):
    prologue: str
    prologue_slope: float
    stride: Union[int, Sequence[int]]
    padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]]
    dilation: Union[int, Sequence[int]]
    groups: int
    padding_mode: str
    upsample: Union[int, Sequence[int]]
    shuffle: Union[int, Sequence[int]]
    channel_order: str

    def __init__(self, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
            padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
            dilation: Union[int, Sequence[int]] = 1, groups: int = 1, *, layout: str = 'nchw',
            out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0, isa: Optional[str] = None,
            activation: str = 'none', negative_slope: float = 0.01, lower: float = 0.0, upper: float = 6.0,
            residual: str = 'none', slope: Optional[Any] = None, channel_scale: Optional[Any] = None,
            channel_shift: Optional[Any] = None, prologue: str = 'none', prologue_slope: float = 0.01,
            padding_mode: str = 'zeros', upsample: Union[int, Sequence[int]] = 1,
            shuffle: Union[int, Sequence[int]] = 1, channel_order: str = 'crd') -> None: ...
    def __call__(self, input: Any, *, add: Any = None, out: Any = None) -> ndarray: ...


class ConvTranspose3d(Fused):
    prologue: str
    prologue_slope: float
    stride: Union[int, Sequence[int]]
    padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]]
    output_padding: Union[int, Sequence[int]]
    groups: int
    dilation: Union[int, Sequence[int]]
    output_shape: Union[int, Sequence[int], None]

    def __init__(self, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
            padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
            output_padding: Union[int, Sequence[int]] = 0, groups: int = 1, dilation: Union[int, Sequence[int]] = 1, *,
            layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0,
            isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01, lower: float = 0.0,
            upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None,
            channel_scale: Optional[Any] = None, channel_shift: Optional[Any] = None, prologue: str = 'none',
            prologue_slope: float = 0.01, output_shape: Union[int, Sequence[int], None] = None) -> None: ...
    def __call__(self, input: Any, *, output_size: Any = None, add: Any = None, out: Any = None) -> ndarray: ...


class Conv3d(Fused):
    prologue: str
    prologue_slope: float
    stride: Union[int, Sequence[int]]
    padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]]
    dilation: Union[int, Sequence[int]]
    groups: int
    padding_mode: str
    upsample: Union[int, Sequence[int]]
    shuffle: Union[int, Sequence[int]]
    channel_order: str

    def __init__(self, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
            padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
            dilation: Union[int, Sequence[int]] = 1, groups: int = 1, *, layout: str = 'nchw',
            out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0, isa: Optional[str] = None,
            activation: str = 'none', negative_slope: float = 0.01, lower: float = 0.0, upper: float = 6.0,
            residual: str = 'none', slope: Optional[Any] = None, channel_scale: Optional[Any] = None,
            channel_shift: Optional[Any] = None, prologue: str = 'none', prologue_slope: float = 0.01,
            padding_mode: str = 'zeros', upsample: Union[int, Sequence[int]] = 1,
            shuffle: Union[int, Sequence[int]] = 1, channel_order: str = 'crd') -> None: ...
    def __call__(self, input: Any, *, add: Any = None, out: Any = None) -> ndarray: ...


class Interpolate(Fused):
    size: Union[int, Sequence[int], None]
    scale_factor: Optional[Any]
    mode: str
    align_corners: Optional[bool]
    recompute_scale_factor: Optional[bool]
    antialias: bool

    def __init__(self, size: Union[int, Sequence[int], None] = None, scale_factor: Optional[Any] = None,
            mode: str = 'nearest', align_corners: Optional[bool] = None, recompute_scale_factor: Optional[bool] = None,
            antialias: bool = False, *, layout: str = 'nchw', out_layout: Optional[str] = None,
            numerics: str = 'default', threads: int = 0, isa: Optional[str] = None, activation: str = 'none',
            negative_slope: float = 0.01, lower: float = 0.0, upper: float = 6.0, residual: str = 'none',
            slope: Optional[Any] = None, channel_scale: Optional[Any] = None, channel_shift: Optional[Any] = None,
            weight: Optional[Any] = None, bias: Optional[Any] = None) -> None: ...
    def __call__(self, input: Any, *, add: Any = None, out: Any = None) -> ndarray: ...


class Resize(Fused):
    size: Union[int, Sequence[int], None]
    scale: Optional[Any]
    mode: str
    preset: str
    coordinate_transformation: Optional[str]
    coordinate_precision: Optional[str]
    nearest_mode: Optional[str]
    cubic_coeff_a: Optional[float]
    antialias: Optional[Any]
    exclude_outside: Optional[bool]
    copy_unchanged_axes: Optional[bool]
    output_size_rule: Optional[str]
    keep_aspect_ratio_policy: Optional[str]
    recompute_scale_factor: Optional[bool]
    roi_begin: Optional[Sequence[float]]
    roi_end: Optional[Sequence[float]]
    extrapolation_value: Optional[float]
    u8_rounding: Optional[str]
    pass_order: Optional[str]

    def __init__(self, size: Union[int, Sequence[int], None] = None, scale: Optional[Any] = None, mode: str = 'linear',
            preset: str = 'onnx', *, layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default',
            threads: int = 0, isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01,
            lower: float = 0.0, upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None,
            channel_scale: Optional[Any] = None, channel_shift: Optional[Any] = None, weight: Optional[Any] = None,
            bias: Optional[Any] = None, coordinate_transformation: Optional[str] = None,
            coordinate_precision: Optional[str] = None, nearest_mode: Optional[str] = None,
            cubic_coeff_a: Optional[float] = None, antialias: Optional[Any] = None,
            exclude_outside: Optional[bool] = None, copy_unchanged_axes: Optional[bool] = None,
            output_size_rule: Optional[str] = None, keep_aspect_ratio_policy: Optional[str] = None,
            recompute_scale_factor: Optional[bool] = None, roi_begin: Optional[Sequence[float]] = None,
            roi_end: Optional[Sequence[float]] = None, extrapolation_value: Optional[float] = None,
            u8_rounding: Optional[str] = None, pass_order: Optional[str] = None) -> None: ...
    def __call__(self, input: Any, *, add: Any = None, out: Any = None) -> ndarray: ...


class PixelShuffle(Layer):
    upscale_factor: Union[int, Sequence[int]]
    channel_order: str

    def __init__(self, upscale_factor: Union[int, Sequence[int]], *, layout: str = 'nchw',
            out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0, isa: Optional[str] = None,
            channel_order: str = 'crd') -> None: ...
    def __call__(self, input: Any, *, out: Any = None) -> ndarray: ...


class PixelUnshuffle(Layer):
    downscale_factor: Union[int, Sequence[int]]
    channel_order: str

    def __init__(self, downscale_factor: Union[int, Sequence[int]], *, layout: str = 'nchw',
            out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0, isa: Optional[str] = None,
            channel_order: str = 'crd') -> None: ...
    def __call__(self, input: Any, *, out: Any = None) -> ndarray: ...


class MaxPool(Layer):
    kernel_size: Union[int, Sequence[int]]
    stride: Union[int, Sequence[int], None]
    padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]]
    dilation: Union[int, Sequence[int]]
    ceil_mode: bool
    return_indices: bool
    index_convention: str
    column_major: bool

    def __init__(self, kernel_size: Union[int, Sequence[int]], stride: Union[int, Sequence[int], None] = None,
            padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
            dilation: Union[int, Sequence[int]] = 1, ceil_mode: bool = False, return_indices: bool = False, *,
            layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0,
            isa: Optional[str] = None, index_convention: str = 'plane', column_major: bool = False) -> None: ...
    def __call__(self, input: Any, *, out: Any = None) -> Union[ndarray, Tuple[ndarray, ndarray]]: ...


class MaxUnpool(Layer):
    kernel_size: Union[int, Sequence[int]]
    stride: Union[int, Sequence[int], None]
    padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]]
    output_size: Union[int, Sequence[int], None]
    index_convention: str
    indices_in_default_size: bool

    def __init__(self, kernel_size: Union[int, Sequence[int]], stride: Union[int, Sequence[int], None] = None,
            padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
            output_size: Union[int, Sequence[int], None] = None, *, layout: str = 'nchw',
            out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0, isa: Optional[str] = None,
            index_convention: str = 'plane', indices_in_default_size: bool = False) -> None: ...
    def __call__(self, input: Any, indices: Any, *, output_size: Any = None, out: Any = None) -> ndarray: ...


class AvgPool(Layer):
    kernel_size: Union[int, Sequence[int]]
    stride: Union[int, Sequence[int], None]
    padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]]
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: Optional[int]

    def __init__(self, kernel_size: Union[int, Sequence[int]], stride: Union[int, Sequence[int], None] = None,
            padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0, ceil_mode: bool = False,
            count_include_pad: bool = True, divisor_override: Optional[int] = None, *, layout: str = 'nchw',
            out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0,
            isa: Optional[str] = None) -> None: ...
    def __call__(self, input: Any, *, out: Any = None) -> ndarray: ...


class AvgUnpool(Layer):
    kernel_size: Union[int, Sequence[int]]
    stride: Union[int, Sequence[int], None]
    padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]]
    output_size: Union[int, Sequence[int], None]
    mode: str
    count_include_pad: bool
    divisor_override: Optional[int]

    def __init__(self, kernel_size: Union[int, Sequence[int]], stride: Union[int, Sequence[int], None] = None,
            padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
            output_size: Union[int, Sequence[int], None] = None, mode: str = 'adjoint', count_include_pad: bool = True,
            divisor_override: Optional[int] = None, *, layout: str = 'nchw', out_layout: Optional[str] = None,
            numerics: str = 'default', threads: int = 0, isa: Optional[str] = None) -> None: ...
    def __call__(self, input: Any, *, output_size: Any = None, out: Any = None) -> ndarray: ...


class ConvexUpsample(Layer):
    factor: int
    scale: Optional[float]
    mask_scale: float

    def __init__(self, factor: int = 8, scale: Optional[float] = None, mask_scale: float = 1.0, *, layout: str = 'nchw',
            out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0,
            isa: Optional[str] = None) -> None: ...
    def __call__(self, input: Any, mask: Any, *, out: Any = None) -> ndarray: ...


class Convert(Layer):

    def __init__(self, *, layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default',
            threads: int = 0, isa: Optional[str] = None) -> None: ...
    def __call__(self, input: Any, *, out: Any = None) -> ndarray: ...


def conv_transpose1d(input: Any, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
        padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
        output_padding: Union[int, Sequence[int]] = 0, groups: int = 1, dilation: Union[int, Sequence[int]] = 1, *,
        layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0,
        isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01, lower: float = 0.0,
        upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None, channel_scale: Optional[Any] = None,
        channel_shift: Optional[Any] = None, prologue: str = 'none', prologue_slope: float = 0.01,
        output_shape: Union[int, Sequence[int], None] = None, output_size: Any = None, add: Any = None,
        out: Any = None) -> ndarray: ...


def conv1d(input: Any, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
        padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0, dilation: Union[int, Sequence[int]] = 1,
        groups: int = 1, *, layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default',
        threads: int = 0, isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01,
        lower: float = 0.0, upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None,
        channel_scale: Optional[Any] = None, channel_shift: Optional[Any] = None, prologue: str = 'none',
        prologue_slope: float = 0.01, padding_mode: str = 'zeros', upsample: Union[int, Sequence[int]] = 1,
        shuffle: Union[int, Sequence[int]] = 1, channel_order: str = 'crd', add: Any = None,
        out: Any = None) -> ndarray: ...


def conv_transpose2d(input: Any, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
        padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
        output_padding: Union[int, Sequence[int]] = 0, groups: int = 1, dilation: Union[int, Sequence[int]] = 1, *,
        layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0,
        isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01, lower: float = 0.0,
        upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None, channel_scale: Optional[Any] = None,
        channel_shift: Optional[Any] = None, prologue: str = 'none', prologue_slope: float = 0.01,
        output_shape: Union[int, Sequence[int], None] = None, output_size: Any = None, add: Any = None,
        out: Any = None) -> ndarray: ...


def conv2d(input: Any, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
        padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0, dilation: Union[int, Sequence[int]] = 1,
        groups: int = 1, *, layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default',
        threads: int = 0, isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01,
        lower: float = 0.0, upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None,
        channel_scale: Optional[Any] = None, channel_shift: Optional[Any] = None, prologue: str = 'none',
        prologue_slope: float = 0.01, padding_mode: str = 'zeros', upsample: Union[int, Sequence[int]] = 1,
        shuffle: Union[int, Sequence[int]] = 1, channel_order: str = 'crd', add: Any = None,
        out: Any = None) -> ndarray: ...


def conv_transpose3d(input: Any, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
        padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
        output_padding: Union[int, Sequence[int]] = 0, groups: int = 1, dilation: Union[int, Sequence[int]] = 1, *,
        layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0,
        isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01, lower: float = 0.0,
        upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None, channel_scale: Optional[Any] = None,
        channel_shift: Optional[Any] = None, prologue: str = 'none', prologue_slope: float = 0.01,
        output_shape: Union[int, Sequence[int], None] = None, output_size: Any = None, add: Any = None,
        out: Any = None) -> ndarray: ...


def conv3d(input: Any, weight: Any, bias: Optional[Any] = None, stride: Union[int, Sequence[int]] = 1,
        padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0, dilation: Union[int, Sequence[int]] = 1,
        groups: int = 1, *, layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default',
        threads: int = 0, isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01,
        lower: float = 0.0, upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None,
        channel_scale: Optional[Any] = None, channel_shift: Optional[Any] = None, prologue: str = 'none',
        prologue_slope: float = 0.01, padding_mode: str = 'zeros', upsample: Union[int, Sequence[int]] = 1,
        shuffle: Union[int, Sequence[int]] = 1, channel_order: str = 'crd', add: Any = None,
        out: Any = None) -> ndarray: ...


def interpolate(input: Any, size: Union[int, Sequence[int], None] = None, scale_factor: Optional[Any] = None,
        mode: str = 'nearest', align_corners: Optional[bool] = None, recompute_scale_factor: Optional[bool] = None,
        antialias: bool = False, *, layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default',
        threads: int = 0, isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01,
        lower: float = 0.0, upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None,
        channel_scale: Optional[Any] = None, channel_shift: Optional[Any] = None, weight: Optional[Any] = None,
        bias: Optional[Any] = None, add: Any = None, out: Any = None) -> ndarray: ...


def resize(input: Any, size: Union[int, Sequence[int], None] = None, scale: Optional[Any] = None, mode: str = 'linear',
        preset: str = 'onnx', *, layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default',
        threads: int = 0, isa: Optional[str] = None, activation: str = 'none', negative_slope: float = 0.01,
        lower: float = 0.0, upper: float = 6.0, residual: str = 'none', slope: Optional[Any] = None,
        channel_scale: Optional[Any] = None, channel_shift: Optional[Any] = None, weight: Optional[Any] = None,
        bias: Optional[Any] = None, coordinate_transformation: Optional[str] = None,
        coordinate_precision: Optional[str] = None, nearest_mode: Optional[str] = None,
        cubic_coeff_a: Optional[float] = None, antialias: Optional[Any] = None, exclude_outside: Optional[bool] = None,
        copy_unchanged_axes: Optional[bool] = None, output_size_rule: Optional[str] = None,
        keep_aspect_ratio_policy: Optional[str] = None, recompute_scale_factor: Optional[bool] = None,
        roi_begin: Optional[Sequence[float]] = None, roi_end: Optional[Sequence[float]] = None,
        extrapolation_value: Optional[float] = None, u8_rounding: Optional[str] = None,
        pass_order: Optional[str] = None, add: Any = None, out: Any = None) -> ndarray: ...


def pixel_shuffle(input: Any, upscale_factor: Union[int, Sequence[int]], *, layout: str = 'nchw',
        out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0, isa: Optional[str] = None,
        channel_order: str = 'crd', out: Any = None) -> ndarray: ...


def pixel_unshuffle(input: Any, downscale_factor: Union[int, Sequence[int]], *, layout: str = 'nchw',
        out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0, isa: Optional[str] = None,
        channel_order: str = 'crd', out: Any = None) -> ndarray: ...


def max_pool(input: Any, kernel_size: Union[int, Sequence[int]], stride: Union[int, Sequence[int], None] = None,
        padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0, dilation: Union[int, Sequence[int]] = 1,
        ceil_mode: bool = False, return_indices: bool = False, *, layout: str = 'nchw',
        out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0, isa: Optional[str] = None,
        index_convention: str = 'plane', column_major: bool = False,
        out: Any = None) -> Union[ndarray, Tuple[ndarray, ndarray]]: ...


def max_unpool(input: Any, indices: Any, kernel_size: Union[int, Sequence[int]],
        stride: Union[int, Sequence[int], None] = None,
        padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
        output_size: Union[int, Sequence[int], None] = None, *, layout: str = 'nchw', out_layout: Optional[str] = None,
        numerics: str = 'default', threads: int = 0, isa: Optional[str] = None, index_convention: str = 'plane',
        indices_in_default_size: bool = False, out: Any = None) -> ndarray: ...


def avg_pool(input: Any, kernel_size: Union[int, Sequence[int]], stride: Union[int, Sequence[int], None] = None,
        padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: Optional[int] = None, *, layout: str = 'nchw',
        out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0, isa: Optional[str] = None,
        out: Any = None) -> ndarray: ...


def avg_unpool(input: Any, kernel_size: Union[int, Sequence[int]], stride: Union[int, Sequence[int], None] = None,
        padding: Union[int, str, Sequence[Union[int, Tuple[int, int]]]] = 0,
        output_size: Union[int, Sequence[int], None] = None, mode: str = 'adjoint', count_include_pad: bool = True,
        divisor_override: Optional[int] = None, *, layout: str = 'nchw', out_layout: Optional[str] = None,
        numerics: str = 'default', threads: int = 0, isa: Optional[str] = None, out: Any = None) -> ndarray: ...


def convex_upsample(input: Any, mask: Any, factor: int = 8, scale: Optional[float] = None, mask_scale: float = 1.0, *,
        layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default', threads: int = 0,
        isa: Optional[str] = None, out: Any = None) -> ndarray: ...


def convert(input: Any, *, layout: str = 'nchw', out_layout: Optional[str] = None, numerics: str = 'default',
        threads: int = 0, isa: Optional[str] = None, out: Any = None) -> ndarray: ...
