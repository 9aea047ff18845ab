/* Rows of the workload table behind a C ABI: libpolyphase_rows.so is the library together with what runs a row on it.
 *
 * tools/perf loads two of them, built from two revisions, into one process and gives both the same buffers; bench/peers
 * loads one into Python beside other libraries. Functions that can fail return null or a number that is not 0, and
 * rows_error() tells why. A case is used by one thread at a time. This is no API to be kept: both sides are always
 * compiled from one checkout. */
#ifndef POLYPHASE_BENCH_ROWS_H_
#define POLYPHASE_BENCH_ROWS_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROWS_EXPORT __attribute__((visibility("default")))

typedef struct rows_case rows_case;

typedef struct rows_options {
  const char* table;     /* path; NULL: bench/workloads.tsv of the checkout that this was built from */
  const char* id;        /* of the row */
  const char* layout;    /* nchw, nhwc, nchwc4, nchwc8 or nchwc16, of input and output */
  const char* isa;       /* a SIMD target by name, without AMX; NULL: the best that this CPU runs */
  const char* algorithm; /* auto, subpixel, planar, winograd, gemm_col2im or matrix; NULL: auto */
  size_t threads;        /* 1: everything happens in the calling thread */
} rows_options;

typedef struct rows_buffer {
  void* data; /* aligned to 64; NULL where the row has no such tensor */
  size_t bytes;
} rows_buffer;

/* What a run reads and writes, in the case's layout. */
typedef struct rows_buffers {
  rows_buffer input;     /* f32 */
  rows_buffer output;    /* f32 */
  rows_buffer residual;  /* f32, resize_add */
  rows_buffer indices;   /* int32, max_unpool */
  rows_buffer mask;      /* f32, convex_upsample */
  rows_buffer workspace; /* bytes */
} rows_buffers;

/* The row's data, dense and in PyTorch's order: tensors NC(D)HW; weights of conv_transpose
 * [Cin][Cout / groups][kernel], of the other convolutions [channels before the shuffle][Cin / groups][kernel]; bias
 * [channels before the shuffle]. */
typedef struct rows_data {
  rows_buffer input;
  rows_buffer weights;
  rows_buffer bias;
  rows_buffer residual;
  rows_buffer indices;
  rows_buffer mask;
} rows_data;

/* The calling thread's last error; "" if there was none. */
ROWS_EXPORT const char* rows_error(void);

/* Makes the data (the same in every build), packs the weights, plans, and allocates and touches all memory. */
ROWS_EXPORT rows_case* rows_open(const rows_options* options);
ROWS_EXPORT void rows_close(rows_case* c); /* NULL is fine */

ROWS_EXPORT int rows_run(rows_case* c);
/* The same on memory of the caller's, whose sizes are at least those of rows_get_buffers. */
ROWS_EXPORT int rows_run_on(rows_case* c, const rows_buffers* buffers);
/* Runs and compares with the naive reference in double: all of a small row, random planes of a large one. */
ROWS_EXPORT int rows_verify(rows_case* c);

/* The case's own memory; valid until it is closed. */
ROWS_EXPORT void rows_get_buffers(const rows_case* c, rows_buffers* buffers);
ROWS_EXPORT void rows_get_data(const rows_case* c, rows_data* data);
/* Unpacks the case's own output into `nchw`, dense. */
ROWS_EXPORT void rows_get_output(const rows_case* c, float* nchw);
ROWS_EXPORT const char* rows_describe(const rows_case* c); /* what the plan chose */
/* Useful FLOP and compulsory bytes; see CostOf in workloads.h. */
ROWS_EXPORT void rows_cost(const rows_case* c, double* flop, double* bytes);

/* The roofline now, in FLOP and bytes per second; see roofline.h. Takes a tenth of a second and keeps 256 MiB. */
ROWS_EXPORT int rows_peaks(const char* isa, size_t threads, double* flops, double* bytes_per_second);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* POLYPHASE_BENCH_ROWS_H_ */
