/* Polyphase, the C API: Create -> Plan -> Run with opaque handles and status codes.
 *
 * Structs. Every struct begins with struct_size and is filled with its defaults by its function pph_..._init, which is
 * told the caller's size:
 *
 *     pph_conv_attributes conv;
 *     pph_conv_attributes_init(&conv, sizeof(conv));
 *
 * Later versions append fields. A program that was compiled with an older header passes a smaller size, and the fields
 * that it does not know keep their defaults. A struct that is larger than the library's own is accepted as long as the
 * bytes that the library does not know are zero, which is how pph_..._init leaves them. A struct is never embedded in
 * another: the pointer to it is NULL for the defaults or, where it says so, for none.
 *
 * The meaning, the default and the rules of a field are those of the field of the same name in the C++ headers. Enums
 * are stored as int32_t, which has the same size in every compiler; flags are an int32_t of 0 or 1.
 *
 * Every function is thread-safe. Handles may be shared between threads and are destroyed once. Plans stay valid after
 * their operator is destroyed.
 */
#ifndef POLYPHASE_POLYPHASE_C_H_
#define POLYPHASE_POLYPHASE_C_H_

#include <stddef.h>
#include <stdint.h>

#include "polyphase/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Arrays of this length have one value per spatial axis in the order D, H, W; the first spatial_rank count. */
#define PPH_MAX_SPATIAL_RANK 3
/* The largest size of an axis that a resize reads or writes, 2^31 - 256. */
#define PPH_MAX_RESIZE_SIZE INT64_C(2147483392)
/* The alignment of a workspace in bytes. */
#define PPH_WORKSPACE_ALIGNMENT 64

typedef enum pph_status { PPH_OK = 0, PPH_INVALID_ARGUMENT = 1, PPH_UNSUPPORTED = 2, PPH_OUT_OF_MEMORY = 3 } pph_status;

typedef enum pph_dtype {
  PPH_F32 = 0,
  PPH_F16 = 1,
  PPH_BF16 = 2,
  PPH_U8 = 3,
  PPH_I8 = 4,
  PPH_U16 = 5,
  PPH_I16 = 6,
  PPH_I32 = 7,
  PPH_F64 = 8,
  PPH_I64 = 9
} pph_dtype;

typedef enum pph_layout { PPH_NCHW = 0, PPH_NHWC = 1, PPH_NCHWC = 2 } pph_layout;

typedef enum pph_activation {
  PPH_ACTIVATION_NONE = 0,
  PPH_RELU = 1,
  PPH_LEAKY_RELU = 2,
  PPH_CLAMP = 3,
  PPH_PRELU = 4,
  PPH_SIGMOID = 5,
  PPH_TANH = 6,
  PPH_SILU = 7,
  PPH_GELU = 8,
  PPH_GELU_TANH = 9,
  PPH_HARD_SWISH = 10
} pph_activation;

typedef enum pph_residual {
  PPH_RESIDUAL_NONE = 0,
  PPH_RESIDUAL_BEFORE_ACTIVATION = 1,
  PPH_RESIDUAL_AFTER_ACTIVATION = 2
} pph_residual;

typedef enum pph_auto_pad {
  PPH_PAD_NOT_SET = 0,
  PPH_PAD_SAME_UPPER = 1,
  PPH_PAD_SAME_LOWER = 2,
  PPH_PAD_VALID = 3
} pph_auto_pad;

typedef enum pph_padding_mode {
  PPH_PAD_ZEROS = 0,
  PPH_PAD_REFLECT = 1,
  PPH_PAD_REPLICATE = 2,
  PPH_PAD_CIRCULAR = 3
} pph_padding_mode;

typedef enum pph_algorithm {
  PPH_AUTO = 0,
  PPH_SUBPIXEL = 1,
  PPH_GEMM_COL2IM = 2,
  PPH_WINOGRAD = 3,
  PPH_PLANAR = 4,
  PPH_MATRIX = 5
} pph_algorithm;

typedef enum pph_resize_mode {
  PPH_NEAREST = 0,
  PPH_LINEAR = 1,
  PPH_CUBIC = 2,
  PPH_AREA = 3,
  PPH_LANCZOS = 4
} pph_resize_mode;

typedef enum pph_coordinate_transformation {
  PPH_HALF_PIXEL = 0,
  PPH_ALIGN_CORNERS = 1,
  PPH_ASYMMETRIC = 2,
  PPH_PYTORCH_HALF_PIXEL = 3,
  PPH_HALF_PIXEL_SYMMETRIC = 4,
  PPH_TF_CROP_AND_RESIZE = 5,
  PPH_TF_HALF_PIXEL_FOR_NN = 6
} pph_coordinate_transformation;

typedef enum pph_coordinate_precision { PPH_COORDINATES_F32 = 0, PPH_COORDINATES_F64 = 1 } pph_coordinate_precision;

typedef enum pph_nearest_mode {
  PPH_FLOOR = 0,
  PPH_ROUND_PREFER_CEIL = 1,
  PPH_ROUND_PREFER_FLOOR = 2,
  PPH_CEIL = 3,
  PPH_SIMPLE = 4,
  PPH_NEAREST_PILLOW = 5
} pph_nearest_mode;

typedef enum pph_antialias { PPH_ANTIALIAS_NONE = 0, PPH_ANTIALIAS_PILLOW = 1, PPH_ANTIALIAS_ONNX = 2 } pph_antialias;

typedef enum pph_output_size_rule {
  PPH_SIZE_PYTORCH = 0,
  PPH_SIZE_ONNX = 1,
  PPH_SIZE_ONNX_RUNTIME = 2
} pph_output_size_rule;

typedef enum pph_keep_aspect_ratio_policy {
  PPH_STRETCH = 0,
  PPH_NOT_LARGER = 1,
  PPH_NOT_SMALLER = 2
} pph_keep_aspect_ratio_policy;

typedef enum pph_pass_order { PPH_WIDTH_FIRST = 0, PPH_PILLOW_12_2 = 1, PPH_PILLOW_13 = 2 } pph_pass_order;
typedef enum pph_u8_rounding { PPH_HALF_EVEN = 0, PPH_TRUNCATE = 1, PPH_FIXED16 = 2, PPH_FIXED22 = 3 } pph_u8_rounding;

typedef enum pph_pytorch_mode {
  PPH_PYTORCH_NEAREST = 0,
  PPH_PYTORCH_NEAREST_EXACT = 1,
  PPH_PYTORCH_BILINEAR = 2,
  PPH_PYTORCH_BICUBIC = 3,
  PPH_PYTORCH_LINEAR = 4,
  PPH_PYTORCH_TRILINEAR = 5,
  PPH_PYTORCH_AREA = 6,
  PPH_PYTORCH_LANCZOS = 7
} pph_pytorch_mode;

typedef enum pph_shuffle_direction { PPH_DEPTH_TO_SPACE = 0, PPH_SPACE_TO_DEPTH = 1 } pph_shuffle_direction;

typedef enum pph_channel_order { PPH_CRD = 0, PPH_DCR = 1, PPH_FOCUS = 2 } pph_channel_order;

typedef enum pph_index_convention {
  PPH_INDEX_PLANE = 0,
  PPH_INDEX_TENSOR = 1,
  PPH_INDEX_WINDOW = 2
} pph_index_convention;

typedef enum pph_avg_unpool_mode { PPH_UNPOOL_ADJOINT = 0, PPH_UNPOOL_COPY = 1 } pph_avg_unpool_mode;

typedef enum pph_numerics {
  PPH_NUMERICS_STRICT = 0,
  PPH_NUMERICS_DEFAULT = 1,
  PPH_NUMERICS_FAST = 2,
  PPH_NUMERICS_BF16 = 3
} pph_numerics;

typedef void (*pph_task)(void* task_context, size_t index);

/* Threads and memory. A function that is NULL stands for the default: the threads that pph_default_thread_pool() names,
 * and aligned operator new. allocate and deallocate are given both or neither. */
typedef struct pph_runtime {
  size_t struct_size;
  void* context; /* passed to the functions below */
  /* How many tasks parallel_for can run at once; 0: the default, which is 1 if parallel_for is given. */
  size_t num_threads;
  /* Calls task(task_context, i) once for every i in [0, count), from any threads, and returns when all of them have
   * returned. count is at most the plan's number of threads. A single task is run without it. Where there is no memory
   * for threads it may call fewer of them, or none: the thread that called it then does what is left. */
  void (*parallel_for)(void* context, size_t count, pph_task task, void* task_context);
  /* Returns NULL on failure. alignment is a power of two. */
  void* (*allocate)(void* context, size_t bytes, size_t alignment);
  void (*deallocate)(void* context, void* pointer, size_t bytes, size_t alignment);
} pph_runtime;
POLYPHASE_EXPORT void pph_runtime_init(pph_runtime* runtime, size_t struct_size);

typedef struct pph_tensor_desc {
  size_t struct_size;
  int32_t dtype;  /* pph_dtype */
  int32_t layout; /* pph_layout */
  int32_t channel_block;
  int32_t spatial_rank;
  int64_t n;
  int64_t c;
  int64_t size[PPH_MAX_SPATIAL_RANK];
  int64_t stride_n;
  int64_t stride_c;
  int64_t stride[PPH_MAX_SPATIAL_RANK];
} pph_tensor_desc;
POLYPHASE_EXPORT void pph_tensor_desc_init(pph_tensor_desc* desc, size_t struct_size);

typedef struct pph_weights {
  size_t struct_size;
  const void* data;
  int32_t type; /* pph_dtype: PPH_F32, PPH_F16 or PPH_BF16 */
} pph_weights;
POLYPHASE_EXPORT void pph_weights_init(pph_weights* weights, size_t struct_size);

typedef struct pph_epilogue {
  size_t struct_size;
  int32_t activation; /* pph_activation */
  float negative_slope;
  float lower;
  float upper;
  int32_t residual; /* pph_residual */
  const float* scale;
  const float* shift;
  const float* slope;
  int64_t channels;
} pph_epilogue;
POLYPHASE_EXPORT void pph_epilogue_init(pph_epilogue* epilogue, size_t struct_size);

typedef struct pph_prologue {
  size_t struct_size;
  int32_t activation; /* pph_activation */
  float negative_slope;
} pph_prologue;
POLYPHASE_EXPORT void pph_prologue_init(pph_prologue* prologue, size_t struct_size);

typedef struct pph_operator_options {
  size_t struct_size;
  /* NULL or "": POLYPHASE_ISA, and without it the best target. A name excludes instructions that multiply bf16, unless
   * it ends with "+bf16" (AVX512_BF16) or "+amx" (AMX as well). The first operator that may use AMX asks Linux for its
   * registers on behalf of the process, whose signal frames grow by 8 KiB. */
  const char* isa;
  const pph_runtime* runtime;        /* copied */
  const pph_tensor_desc* input_hint; /* NULL: none */
  int32_t numerics;                  /* pph_numerics */
} pph_operator_options;
POLYPHASE_EXPORT void pph_operator_options_init(pph_operator_options* options, size_t struct_size);

typedef struct pph_plan_options {
  size_t struct_size;
  const pph_tensor_desc* output; /* NULL: dense, in the input's layout */
  int64_t output_size[PPH_MAX_SPATIAL_RANK];
  int32_t algorithm; /* pph_algorithm */
  size_t num_threads;
  const pph_tensor_desc* residual; /* NULL: like the output */
  const pph_tensor_desc* indices;  /* NULL: PPH_I64, dense, in the layout of the pooled tensor */
  const pph_tensor_desc* mask;     /* NULL: dense, in the input's layout */
} pph_plan_options;
POLYPHASE_EXPORT void pph_plan_options_init(pph_plan_options* options, size_t struct_size);

typedef struct pph_run_options {
  size_t struct_size;
  void* workspace; /* pph_plan_workspace_bytes(), aligned to PPH_WORKSPACE_ALIGNMENT; NULL: the runtime allocates it */
  size_t workspace_bytes;
  const pph_runtime* runtime; /* NULL: the operator's */
  const void* residual;
  const void* input_indices; /* max_unpool */
  void* output_indices;      /* max_pool */
  const void* mask;          /* convex_upsample */
} pph_run_options;
POLYPHASE_EXPORT void pph_run_options_init(pph_run_options* options, size_t struct_size);

typedef struct pph_conv_transpose_attributes {
  size_t struct_size;
  int32_t spatial_rank;
  int64_t input_channels;
  int64_t output_channels;
  int64_t groups;
  int64_t kernel[PPH_MAX_SPATIAL_RANK];
  int64_t stride[PPH_MAX_SPATIAL_RANK];
  int64_t padding_begin[PPH_MAX_SPATIAL_RANK];
  int64_t padding_end[PPH_MAX_SPATIAL_RANK];
  int64_t output_padding[PPH_MAX_SPATIAL_RANK];
  int64_t dilation[PPH_MAX_SPATIAL_RANK];
  int32_t auto_pad; /* pph_auto_pad */
  int64_t output_shape[PPH_MAX_SPATIAL_RANK];
  const pph_prologue* prologue; /* NULL: none */
  const pph_epilogue* epilogue; /* NULL: none */
} pph_conv_transpose_attributes;
POLYPHASE_EXPORT void pph_conv_transpose_attributes_init(pph_conv_transpose_attributes* attributes, size_t struct_size);

typedef struct pph_conv_attributes {
  size_t struct_size;
  int32_t spatial_rank;
  int64_t input_channels;
  int64_t output_channels;
  int64_t groups;
  int64_t kernel[PPH_MAX_SPATIAL_RANK];
  int64_t padding_begin[PPH_MAX_SPATIAL_RANK];
  int64_t padding_end[PPH_MAX_SPATIAL_RANK];
  int64_t dilation[PPH_MAX_SPATIAL_RANK];
  int32_t padding_mode; /* pph_padding_mode */
  int32_t auto_pad;     /* pph_auto_pad */
  int64_t upsample[PPH_MAX_SPATIAL_RANK];
  int64_t shuffle[PPH_MAX_SPATIAL_RANK];
  int32_t channel_order;        /* pph_channel_order */
  const pph_prologue* prologue; /* NULL: none */
  const pph_epilogue* epilogue; /* NULL: none */
} pph_conv_attributes;
POLYPHASE_EXPORT void pph_conv_attributes_init(pph_conv_attributes* attributes, size_t struct_size);

/* A 1x1 convolution of the resized tensor, which is computed before the resize. See Pointwise in resize.h. */
typedef struct pph_pointwise {
  size_t struct_size;
  const pph_weights* weights; /* [output_channels][input_channels] */
  const float* bias;          /* [output_channels]; NULL: 0 */
  int64_t input_channels;
  int64_t output_channels;
} pph_pointwise;
POLYPHASE_EXPORT void pph_pointwise_init(pph_pointwise* pointwise, size_t struct_size);

typedef struct pph_resize_attributes {
  size_t struct_size;
  int32_t spatial_rank;
  int32_t mode;                      /* pph_resize_mode */
  int32_t coordinate_transformation; /* pph_coordinate_transformation */
  int32_t coordinate_precision;      /* pph_coordinate_precision */
  int32_t nearest_mode;              /* pph_nearest_mode */
  float cubic_coeff_a;
  int32_t antialias;           /* pph_antialias */
  int32_t exclude_outside;     /* 0 or 1 */
  int32_t copy_unchanged_axes; /* 0 or 1 */
  int64_t size[PPH_MAX_SPATIAL_RANK];
  double scale[PPH_MAX_SPATIAL_RANK];
  int32_t output_size_rule;         /* pph_output_size_rule */
  int32_t keep_aspect_ratio_policy; /* pph_keep_aspect_ratio_policy */
  int32_t recompute_scale_factor;   /* 0 or 1 */
  double roi_begin[PPH_MAX_SPATIAL_RANK];
  double roi_end[PPH_MAX_SPATIAL_RANK];
  float extrapolation_value;
  int32_t u8_rounding; /* pph_u8_rounding */
  int64_t n;
  int64_t c;
  const pph_epilogue* epilogue;   /* NULL: none */
  const pph_pointwise* pointwise; /* NULL: none */
  int32_t pass_order;             /* pph_pass_order */
} pph_resize_attributes;
POLYPHASE_EXPORT void pph_resize_attributes_init(pph_resize_attributes* attributes, size_t struct_size);

/* A node of ONNX Resize with its constant inputs. The arrays are read during the call and may be NULL if their count is
 * 0. Axes count as in ONNX: 0 is N, 1 is C; a tensor of rank 2 has H and W alone. */
typedef struct pph_onnx_resize {
  size_t struct_size;
  int32_t rank;                      /* of the tensor, 2 to 5 */
  int32_t mode;                      /* pph_resize_mode */
  int32_t coordinate_transformation; /* pph_coordinate_transformation */
  int32_t nearest_mode;              /* pph_nearest_mode */
  float cubic_coeff_a;
  int32_t exclude_outside; /* 0 or 1 */
  int32_t antialias;       /* 0 or 1 */
  float extrapolation_value;
  int32_t keep_aspect_ratio_policy; /* pph_keep_aspect_ratio_policy */
  int32_t output_size_rule;         /* pph_output_size_rule */
  const int64_t* axes;
  size_t axes_count;
  const float* scales;
  size_t scales_count;
  const int64_t* sizes;
  size_t sizes_count;
  const float* roi;
  size_t roi_count;
} pph_onnx_resize;
POLYPHASE_EXPORT void pph_onnx_resize_init(pph_onnx_resize* node, size_t struct_size);

typedef struct pph_pixel_shuffle_attributes {
  size_t struct_size;
  int32_t spatial_rank;
  int64_t factor[PPH_MAX_SPATIAL_RANK];
  int32_t direction;     /* pph_shuffle_direction */
  int32_t channel_order; /* pph_channel_order */
} pph_pixel_shuffle_attributes;
POLYPHASE_EXPORT void pph_pixel_shuffle_attributes_init(pph_pixel_shuffle_attributes* attributes, size_t struct_size);

/* The fields of the C++ structs' `window` are fields of the four pooling structs themselves. */
typedef struct pph_max_pool_attributes {
  size_t struct_size;
  int32_t spatial_rank;
  int64_t kernel[PPH_MAX_SPATIAL_RANK];
  int64_t stride[PPH_MAX_SPATIAL_RANK];
  int64_t padding_begin[PPH_MAX_SPATIAL_RANK];
  int64_t padding_end[PPH_MAX_SPATIAL_RANK];
  int64_t dilation[PPH_MAX_SPATIAL_RANK];
  int32_t ceil_mode;        /* 0 or 1 */
  int32_t auto_pad;         /* pph_auto_pad */
  int32_t index_convention; /* pph_index_convention */
  int32_t column_major;     /* 0 or 1 */
} pph_max_pool_attributes;
POLYPHASE_EXPORT void pph_max_pool_attributes_init(pph_max_pool_attributes* attributes, size_t struct_size);

typedef struct pph_max_unpool_attributes {
  size_t struct_size;
  int32_t spatial_rank;
  int64_t kernel[PPH_MAX_SPATIAL_RANK];
  int64_t stride[PPH_MAX_SPATIAL_RANK];
  int64_t padding_begin[PPH_MAX_SPATIAL_RANK];
  int64_t padding_end[PPH_MAX_SPATIAL_RANK];
  int64_t dilation[PPH_MAX_SPATIAL_RANK];
  int32_t ceil_mode;               /* 0 or 1 */
  int32_t auto_pad;                /* pph_auto_pad */
  int32_t index_convention;        /* pph_index_convention */
  int32_t indices_in_default_size; /* 0 or 1 */
} pph_max_unpool_attributes;
POLYPHASE_EXPORT void pph_max_unpool_attributes_init(pph_max_unpool_attributes* attributes, size_t struct_size);

typedef struct pph_avg_pool_attributes {
  size_t struct_size;
  int32_t spatial_rank;
  int64_t kernel[PPH_MAX_SPATIAL_RANK];
  int64_t stride[PPH_MAX_SPATIAL_RANK];
  int64_t padding_begin[PPH_MAX_SPATIAL_RANK];
  int64_t padding_end[PPH_MAX_SPATIAL_RANK];
  int64_t dilation[PPH_MAX_SPATIAL_RANK];
  int32_t ceil_mode;         /* 0 or 1 */
  int32_t auto_pad;          /* pph_auto_pad */
  int32_t count_include_pad; /* 0 or 1 */
  int64_t divisor_override;
} pph_avg_pool_attributes;
POLYPHASE_EXPORT void pph_avg_pool_attributes_init(pph_avg_pool_attributes* attributes, size_t struct_size);

typedef struct pph_avg_unpool_attributes {
  size_t struct_size;
  int32_t spatial_rank;
  int64_t kernel[PPH_MAX_SPATIAL_RANK];
  int64_t stride[PPH_MAX_SPATIAL_RANK];
  int64_t padding_begin[PPH_MAX_SPATIAL_RANK];
  int64_t padding_end[PPH_MAX_SPATIAL_RANK];
  int64_t dilation[PPH_MAX_SPATIAL_RANK];
  int32_t ceil_mode;         /* 0 or 1 */
  int32_t auto_pad;          /* pph_auto_pad */
  int32_t mode;              /* pph_avg_unpool_mode */
  int32_t count_include_pad; /* 0 or 1 */
  int64_t divisor_override;
} pph_avg_unpool_attributes;
POLYPHASE_EXPORT void pph_avg_unpool_attributes_init(pph_avg_unpool_attributes* attributes, size_t struct_size);

/* See ConvexUpsampleAttributes in convex_upsample.h. */
typedef struct pph_convex_upsample_attributes {
  size_t struct_size;
  int64_t factor;
  float scale; /* 0: the factor */
  float mask_scale;
} pph_convex_upsample_attributes;
POLYPHASE_EXPORT void pph_convex_upsample_attributes_init(pph_convex_upsample_attributes* attributes,
                                                          size_t struct_size);

typedef struct pph_operator pph_operator;
typedef struct pph_plan pph_plan;

/* ---- Create. *op is set on PPH_OK and NULL otherwise; options may be NULL. bias is [output_channels]; NULL: 0. */
POLYPHASE_EXPORT pph_status pph_create_conv_transpose(const pph_conv_transpose_attributes* attributes,
                                                      const pph_weights* weights, const float* bias,
                                                      const pph_operator_options* options, pph_operator** op);
POLYPHASE_EXPORT pph_status pph_create_conv(const pph_conv_attributes* attributes, const pph_weights* weights,
                                            const float* bias, const pph_operator_options* options, pph_operator** op);
POLYPHASE_EXPORT pph_status pph_create_resize(const pph_resize_attributes* attributes,
                                              const pph_operator_options* options, pph_operator** op);
POLYPHASE_EXPORT pph_status pph_create_pixel_shuffle(const pph_pixel_shuffle_attributes* attributes,
                                                     const pph_operator_options* options, pph_operator** op);
POLYPHASE_EXPORT pph_status pph_create_max_pool(const pph_max_pool_attributes* attributes,
                                                const pph_operator_options* options, pph_operator** op);
POLYPHASE_EXPORT pph_status pph_create_max_unpool(const pph_max_unpool_attributes* attributes,
                                                  const pph_operator_options* options, pph_operator** op);
POLYPHASE_EXPORT pph_status pph_create_avg_pool(const pph_avg_pool_attributes* attributes,
                                                const pph_operator_options* options, pph_operator** op);
POLYPHASE_EXPORT pph_status pph_create_avg_unpool(const pph_avg_unpool_attributes* attributes,
                                                  const pph_operator_options* options, pph_operator** op);
POLYPHASE_EXPORT pph_status pph_create_convex_upsample(const pph_convex_upsample_attributes* attributes,
                                                       const pph_operator_options* options, pph_operator** op);
POLYPHASE_EXPORT pph_status pph_create_convert(const pph_operator_options* options, pph_operator** op);

/* Presets for resize. They overwrite all fields of attributes, which pph_resize_attributes_init must have filled
 * before. The first two leave size and scale to the caller, and pass_order is set after pph_resize_pillow.
 * align_corners and antialias are 0 or 1. See ResizeAttributes in resize.h. */
POLYPHASE_EXPORT pph_status pph_resize_pytorch(int32_t pytorch_mode, int32_t align_corners, int32_t antialias,
                                               pph_resize_attributes* attributes);
POLYPHASE_EXPORT pph_status pph_resize_pillow(int32_t resize_mode, pph_resize_attributes* attributes);
POLYPHASE_EXPORT pph_status pph_resize_onnx(const pph_onnx_resize* node, pph_resize_attributes* attributes);
/* See FoldBatchNorm in epilogue.h. */
POLYPHASE_EXPORT pph_status pph_fold_batch_norm(const float* gamma, const float* beta, const float* mean,
                                                const float* variance, double epsilon, int64_t channels, float* scale,
                                                float* shift);

POLYPHASE_EXPORT void pph_operator_destroy(pph_operator* op); /* op may be NULL */
/* Writes the zero-terminated description, cut to `capacity` bytes, and returns the length of the whole of it. */
POLYPHASE_EXPORT size_t pph_operator_describe(const pph_operator* op, char* buffer, size_t capacity);

/* ---- Plan. *plan is set on PPH_OK and NULL otherwise; options may be NULL. */
POLYPHASE_EXPORT pph_status pph_make_plan(const pph_operator* op, const pph_tensor_desc* input,
                                          const pph_plan_options* options, pph_plan** plan);
POLYPHASE_EXPORT void pph_plan_destroy(pph_plan* plan); /* plan may be NULL */
/* These overwrite all fields of desc, which pph_tensor_desc_init must have filled before. Sizes and strides are
 * complete. */
POLYPHASE_EXPORT pph_status pph_plan_input(const pph_plan* plan, pph_tensor_desc* desc);
POLYPHASE_EXPORT pph_status pph_plan_output(const pph_plan* plan, pph_tensor_desc* desc);
/* These return PPH_INVALID_ARGUMENT if the op has no such tensor. */
POLYPHASE_EXPORT pph_status pph_plan_residual(const pph_plan* plan, pph_tensor_desc* desc);
POLYPHASE_EXPORT pph_status pph_plan_indices(const pph_plan* plan, pph_tensor_desc* desc);
POLYPHASE_EXPORT pph_status pph_plan_mask(const pph_plan* plan, pph_tensor_desc* desc);
POLYPHASE_EXPORT size_t pph_plan_workspace_bytes(const pph_plan* plan);
POLYPHASE_EXPORT const char* pph_plan_describe(const pph_plan* plan); /* valid as long as the plan */

/* ---- Run. options may be NULL. */
POLYPHASE_EXPORT pph_status pph_run(const pph_plan* plan, const void* input, void* output,
                                    const pph_run_options* options);

/* The message of the calling thread's last call that did not return PPH_OK; "" if there was none. */
POLYPHASE_EXPORT const char* pph_last_error(void);
/* The version of the library; POLYPHASE_VERSION in version.h is that of the headers. */
POLYPHASE_EXPORT const char* pph_version(void);
/* The index-th compiled SIMD target, best first; NULL past the end. Either flag may be NULL. The name is valid as long
 * as the calling thread lives. */
POLYPHASE_EXPORT const char* pph_target(size_t index, int32_t* supported, int32_t* chosen);
/* The instruction that multiplies bf16 numbers in operators without an isa, "tdpbf16ps" (AMX) or "vdpbf16ps"
 * (AVX512_BF16); "" if there is none. */
POLYPHASE_EXPORT const char* pph_bf16_instruction(void);

/* Data cache sizes of one core in bytes; l3 is the whole shared cache. Unknown sizes are 0. Any pointer may be NULL. */
POLYPHASE_EXPORT void pph_caches(size_t* l1, size_t* l2, size_t* l3);
/* The default threads: "tbb" (oneTBB in the calling thread's arena, serial inside of a TBB task), "std" (a pool of the
 * library's own, of as many threads as the process may use CPUs) or "none" (the calling thread alone). The CMake option
 * POLYPHASE_THREADS chose when the library was built; DefaultThreadPool() in runtime.h says what each promises. */
POLYPHASE_EXPORT const char* pph_default_thread_pool(void);
/* The number of threads that the default runtime uses when the calling thread makes or runs a plan. */
POLYPHASE_EXPORT size_t pph_default_threads(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* POLYPHASE_POLYPHASE_C_H_ */
