/* A row of the workload table on oneDNN behind a C ABI, for peer_onednn.py. Functions that can fail return null or a
 * number that is not 0, and onednn_error() tells why. */
#ifndef POLYPHASE_BENCH_PEERS_ONEDNN_H_
#define POLYPHASE_BENCH_PEERS_ONEDNN_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ONEDNN_EXPORT __attribute__((visibility("default")))

typedef struct onednn_case onednn_case;

/* Arrays have one value per spatial axis in the order D, H, W, `rank` of them; sizes and paddings as oneDNN has
 * them. */
typedef struct onednn_row {
  const char* op;     /* deconvolution, resampling, upsample_convolution, convolution_shuffle, shuffle, unshuffle */
  const char* layout; /* of input and output: any (convolutions' choice), nchw, nhwc, nchwc16 or nchwc8 */
  int32_t linear;     /* resampling: linear, not nearest */
  int32_t focus;      /* unshuffle: blocks of channels, columns before rows */
  int64_t rank, n, c_in, c_out, groups; /* c_out: of the output */
  int64_t size[3], output[3], kernel[3], stride[3], dilation[3], padding_begin[3], padding_end[3];
  int64_t factor[3]; /* of an upsampling or a shuffle */
  /* Dense, as rows_data of bench/rows.h has them; null where there is none. Weights and bias are copied. */
  const float* input;
  const float* weights;
  const float* bias;
  const float* residual;
} onednn_row;

ONEDNN_EXPORT const char* onednn_error(void); /* the calling thread's last */
ONEDNN_EXPORT const char* onednn_version(void);
ONEDNN_EXPORT void onednn_set_threads(int32_t threads); /* of the calling thread's runs */

/* Makes primitives and memory, and reorders input and weights into the layouts that they want. */
ONEDNN_EXPORT onednn_case* onednn_open(const onednn_row* row);
ONEDNN_EXPORT void onednn_close(onednn_case* c); /* null is fine */
ONEDNN_EXPORT int onednn_run(onednn_case* c);
ONEDNN_EXPORT int onednn_get_output(onednn_case* c, float* nchw); /* dense */
ONEDNN_EXPORT const char* onednn_describe(const onednn_case* c);  /* oneDNN's names of what it chose */

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* POLYPHASE_BENCH_PEERS_ONEDNN_H_ */
