/* Polyphase, the C API: Create -> Plan -> Run with opaque handles and status codes.
 *
 * Every struct that a function takes begins with struct_size, which must be the struct's size; set it with the matching
 * PPH_..._INIT initializer. Every function is thread-safe; handles may be shared between threads and are destroyed once.
 * Destroying an operator leaves its plans valid. Enums are stored as int32_t, of a fixed size in every compiler. The
 * meaning of each field is that of the C++ headers' field of the same name.
 */
#ifndef POLYPHASE_POLYPHASE_C_H_
#define POLYPHASE_POLYPHASE_C_H_

#include <stddef.h>
#include <stdint.h>

#include "polyphase/export.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PPH_MAX_SPATIAL_RANK 3
/* Alignment in bytes of a workspace. */
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

typedef enum pph_algorithm { PPH_AUTO = 0, PPH_SUBPIXEL = 1, PPH_GEMM_COL2IM = 2 } pph_algorithm;

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

typedef void (*pph_task)(void* task_context, size_t index);

/* Threads and memory. A function that is NULL is the default one: oneTBB in the calling thread's arena (serial inside
 * somebody's TBB task), aligned operator new. allocate and deallocate are given both or neither. */
typedef struct pph_runtime {
  size_t struct_size;
  void* context; /* passed to the functions below */
  /* How many tasks parallel_for can have at work at once; 0: the default (with a parallel_for of your own: 1). */
  size_t num_threads;
  /* Calls task(task_context, i) once for every i in [0, count), from any threads, and returns when all have returned.
   * count is at most the plan's number of threads. Not called for a single task. */
  void (*parallel_for)(void* context, size_t count, pph_task task, void* task_context);
  /* NULL on failure. alignment is a power of two. */
  void* (*allocate)(void* context, size_t bytes, size_t alignment);
  void (*deallocate)(void* context, void* pointer, size_t bytes, size_t alignment);
} pph_runtime;
#define PPH_RUNTIME_INIT \
  { sizeof(pph_runtime), NULL, 0, NULL, NULL, NULL }

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
#define PPH_TENSOR_DESC_INIT                                                             \
  {                                                                                      \
    sizeof(pph_tensor_desc), PPH_F32, PPH_NCHW, 1, 2, 0, 0, {0, 0, 0}, 0, 0, { 0, 0, 0 } \
  }

typedef struct pph_epilogue {
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
#define PPH_EPILOGUE_INIT \
  { PPH_ACTIVATION_NONE, 0.01f, 0.0f, 6.0f, PPH_RESIDUAL_NONE, NULL, NULL, NULL, 0 }

typedef struct pph_prologue {
  int32_t activation; /* pph_activation */
  float negative_slope;
} pph_prologue;
#define PPH_PROLOGUE_INIT \
  { PPH_ACTIVATION_NONE, 0.01f }

typedef struct pph_operator_options {
  size_t struct_size;
  const char* isa;                   /* NULL or "": POLYPHASE_ISA, else the best */
  const pph_runtime* runtime;        /* NULL: the default; copied */
  const pph_tensor_desc* input_hint; /* NULL: none */
} pph_operator_options;
#define PPH_OPERATOR_OPTIONS_INIT \
  { sizeof(pph_operator_options), NULL, NULL, NULL }

typedef struct pph_plan_options {
  size_t struct_size;
  const pph_tensor_desc* output; /* NULL: dense, in the input's layout */
  int64_t output_size[PPH_MAX_SPATIAL_RANK];
  int32_t algorithm; /* pph_algorithm */
  size_t num_threads;
  const pph_tensor_desc* residual; /* NULL: like the output */
  const pph_tensor_desc* indices;  /* NULL: PPH_I64, dense, in the layout of the pooled tensor */
} pph_plan_options;
#define PPH_PLAN_OPTIONS_INIT \
  { sizeof(pph_plan_options), NULL, {0, 0, 0}, PPH_AUTO, 0, NULL, NULL }

typedef struct pph_run_options {
  size_t struct_size;
  void* workspace; /* pph_plan_workspace_bytes(), aligned to PPH_WORKSPACE_ALIGNMENT; NULL: allocated by the runtime */
  size_t workspace_bytes;
  const pph_runtime* runtime; /* NULL: the operator's */
  const void* residual;
  const void* input_indices; /* max_unpool */
  void* output_indices;      /* max_pool */
} pph_run_options;
#define PPH_RUN_OPTIONS_INIT \
  { sizeof(pph_run_options), NULL, 0, NULL, NULL, NULL, NULL }

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
  pph_prologue prologue;
  pph_epilogue epilogue;
} pph_conv_transpose_attributes;
#define PPH_CONV_TRANSPOSE_ATTRIBUTES_INIT                                                                    \
  {                                                                                                           \
    sizeof(pph_conv_transpose_attributes), 2, 0, 0, 1, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, \
        {1, 1, 1}, PPH_PAD_NOT_SET, {0, 0, 0}, PPH_PROLOGUE_INIT, PPH_EPILOGUE_INIT                           \
  }

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
  int32_t channel_order; /* pph_channel_order */
  pph_prologue prologue;
  pph_epilogue epilogue;
} pph_conv_attributes;
#define PPH_CONV_ATTRIBUTES_INIT                                                                        \
  {                                                                                                     \
    sizeof(pph_conv_attributes), 2, 0, 0, 1, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, PPH_PAD_ZEROS, \
        PPH_PAD_NOT_SET, {1, 1, 1}, {1, 1, 1}, PPH_CRD, PPH_PROLOGUE_INIT, PPH_EPILOGUE_INIT            \
  }

/* A 1x1 convolution of the resized tensor, computed before the resize; see Pointwise in resize.h. */
typedef struct pph_pointwise {
  const float* weights; /* [output_channels][input_channels] */
  const float* bias;    /* [output_channels]; NULL: 0 */
  int64_t input_channels;
  int64_t output_channels;
} pph_pointwise;
#define PPH_POINTWISE_INIT \
  { NULL, NULL, 0, 0 }

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
  pph_epilogue epilogue;
  pph_pointwise pointwise; /* as initialized: none */
} pph_resize_attributes;
#define PPH_RESIZE_ATTRIBUTES_INIT                                                                                    \
  {                                                                                                                   \
    sizeof(pph_resize_attributes), 2, PPH_LINEAR, PPH_HALF_PIXEL, PPH_COORDINATES_F32, PPH_FLOOR, -0.75f,             \
        PPH_ANTIALIAS_NONE, 0, 1, {0, 0, 0}, {0, 0, 0}, PPH_SIZE_PYTORCH, PPH_STRETCH, 0, {0, 0, 0}, {1, 1, 1}, 0.0f, \
        PPH_HALF_EVEN, 0, 0, PPH_EPILOGUE_INIT, PPH_POINTWISE_INIT                                                    \
  }

/* A node of ONNX Resize with its constant inputs; the arrays are read during the call and may be NULL where their count
 * is 0. Axes count as in ONNX: 0 is N, 1 is C. */
typedef struct pph_onnx_resize {
  size_t struct_size;
  int32_t rank;                      /* of the tensor, 3 to 5 */
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
#define PPH_ONNX_RESIZE_INIT                                                                                          \
  {                                                                                                                   \
    sizeof(pph_onnx_resize), 4, PPH_NEAREST, PPH_HALF_PIXEL, PPH_ROUND_PREFER_FLOOR, -0.75f, 0, 0, 0.0f, PPH_STRETCH, \
        PPH_SIZE_ONNX, NULL, 0, NULL, 0, NULL, 0, NULL, 0                                                             \
  }

typedef struct pph_pixel_shuffle_attributes {
  size_t struct_size;
  int32_t spatial_rank;
  int64_t factor[PPH_MAX_SPATIAL_RANK];
  int32_t direction;     /* pph_shuffle_direction */
  int32_t channel_order; /* pph_channel_order */
} pph_pixel_shuffle_attributes;
#define PPH_PIXEL_SHUFFLE_ATTRIBUTES_INIT \
  { sizeof(pph_pixel_shuffle_attributes), 2, {2, 2, 2}, PPH_DEPTH_TO_SPACE, PPH_CRD }

typedef struct pph_pool_window {
  int32_t spatial_rank;
  int64_t kernel[PPH_MAX_SPATIAL_RANK];
  int64_t stride[PPH_MAX_SPATIAL_RANK];
  int64_t padding_begin[PPH_MAX_SPATIAL_RANK];
  int64_t padding_end[PPH_MAX_SPATIAL_RANK];
  int64_t dilation[PPH_MAX_SPATIAL_RANK];
  int32_t ceil_mode; /* 0 or 1 */
  int32_t auto_pad;  /* pph_auto_pad */
} pph_pool_window;
#define PPH_POOL_WINDOW_INIT \
  { 2, {2, 2, 2}, {2, 2, 2}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}, 0, PPH_PAD_NOT_SET }

typedef struct pph_max_pool_attributes {
  size_t struct_size;
  pph_pool_window window;
  int32_t index_convention; /* pph_index_convention */
  int32_t column_major;     /* 0 or 1 */
} pph_max_pool_attributes;
#define PPH_MAX_POOL_ATTRIBUTES_INIT \
  { sizeof(pph_max_pool_attributes), PPH_POOL_WINDOW_INIT, PPH_INDEX_PLANE, 0 }

typedef struct pph_max_unpool_attributes {
  size_t struct_size;
  pph_pool_window window;
  int32_t index_convention;        /* pph_index_convention */
  int32_t indices_in_default_size; /* 0 or 1 */
} pph_max_unpool_attributes;
#define PPH_MAX_UNPOOL_ATTRIBUTES_INIT \
  { sizeof(pph_max_unpool_attributes), PPH_POOL_WINDOW_INIT, PPH_INDEX_PLANE, 0 }

typedef struct pph_avg_pool_attributes {
  size_t struct_size;
  pph_pool_window window;
  int32_t count_include_pad; /* 0 or 1 */
  int64_t divisor_override;
} pph_avg_pool_attributes;
#define PPH_AVG_POOL_ATTRIBUTES_INIT \
  { sizeof(pph_avg_pool_attributes), PPH_POOL_WINDOW_INIT, 1, 0 }

typedef struct pph_avg_unpool_attributes {
  size_t struct_size;
  pph_pool_window window;
  int32_t mode;              /* pph_avg_unpool_mode */
  int32_t count_include_pad; /* 0 or 1 */
  int64_t divisor_override;
} pph_avg_unpool_attributes;
#define PPH_AVG_UNPOOL_ATTRIBUTES_INIT \
  { sizeof(pph_avg_unpool_attributes), PPH_POOL_WINDOW_INIT, PPH_UNPOOL_ADJOINT, 1, 0 }

typedef struct pph_operator pph_operator;
typedef struct pph_plan pph_plan;

/* Create. *op is set on PPH_OK and NULL otherwise; options may be NULL. */
POLYPHASE_EXPORT pph_status pph_create_conv_transpose(const pph_conv_transpose_attributes* attributes,
                                                      const float* weights, const float* bias,
                                                      const pph_operator_options* options, pph_operator** op);
POLYPHASE_EXPORT pph_status pph_create_conv(const pph_conv_attributes* attributes, const float* weights,
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
POLYPHASE_EXPORT pph_status pph_create_convert(const pph_operator_options* options, pph_operator** op);

/* Presets: fill attributes (whose struct_size they set) with everything but the size; of pph_resize_onnx with everything.
 * align_corners and antialias are 0 or 1. See ResizeAttributes in resize.h. */
POLYPHASE_EXPORT pph_status pph_resize_pytorch(int32_t pytorch_mode, int32_t align_corners, int32_t antialias,
                                               pph_resize_attributes* attributes);
POLYPHASE_EXPORT pph_status pph_resize_pillow(int32_t resize_mode, pph_resize_attributes* attributes);
POLYPHASE_EXPORT pph_status pph_resize_onnx(const pph_onnx_resize* node, pph_resize_attributes* attributes);
/* FoldBatchNorm of epilogue.h. */
POLYPHASE_EXPORT pph_status pph_fold_batch_norm(const float* gamma, const float* beta, const float* mean,
                                                const float* variance, double epsilon, int64_t channels, float* scale,
                                                float* shift);

POLYPHASE_EXPORT void pph_operator_destroy(pph_operator* op); /* NULL is fine */
/* Writes the zero-terminated description, cut to `capacity` bytes, and returns the length that it has in full. */
POLYPHASE_EXPORT size_t pph_operator_describe(const pph_operator* op, char* buffer, size_t capacity);

/* Plan. *plan is set on PPH_OK and NULL otherwise; options may be NULL. */
POLYPHASE_EXPORT pph_status pph_make_plan(const pph_operator* op, const pph_tensor_desc* input,
                                          const pph_plan_options* options, pph_plan** plan);
POLYPHASE_EXPORT void pph_plan_destroy(pph_plan* plan); /* NULL is fine */
/* Fill the caller's descriptor, whose struct_size must be set. */
POLYPHASE_EXPORT pph_status pph_plan_input(const pph_plan* plan, pph_tensor_desc* desc);
POLYPHASE_EXPORT pph_status pph_plan_output(const pph_plan* plan, pph_tensor_desc* desc);
/* PPH_INVALID_ARGUMENT where the op has no such tensor. */
POLYPHASE_EXPORT pph_status pph_plan_residual(const pph_plan* plan, pph_tensor_desc* desc);
POLYPHASE_EXPORT pph_status pph_plan_indices(const pph_plan* plan, pph_tensor_desc* desc);
POLYPHASE_EXPORT size_t pph_plan_workspace_bytes(const pph_plan* plan);
POLYPHASE_EXPORT const char* pph_plan_describe(const pph_plan* plan); /* valid as long as the plan */

/* Run. options may be NULL. */
POLYPHASE_EXPORT pph_status pph_run(const pph_plan* plan, const void* input, void* output,
                                    const pph_run_options* options);

/* The message of the calling thread's last call that did not return PPH_OK; "" if there was none. */
POLYPHASE_EXPORT const char* pph_last_error(void);
POLYPHASE_EXPORT const char* pph_version(void);
/* The index-th compiled SIMD target, best first; NULL past the end. The flags may be NULL. */
POLYPHASE_EXPORT const char* pph_target(size_t index, int32_t* supported, int32_t* chosen);

/* Data cache sizes of one core in bytes, l3 of the whole shared cache; 0 where unknown. Each pointer may be NULL. */
POLYPHASE_EXPORT void pph_caches(size_t* l1, size_t* l2, size_t* l3);
/* Threads that the default runtime uses in the calling thread's arena. */
POLYPHASE_EXPORT size_t pph_default_threads(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* POLYPHASE_POLYPHASE_C_H_ */
