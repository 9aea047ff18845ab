/* Planes resized by zimg behind a C ABI, for peer_zimg.py. Functions that can fail return null or a number that is not
 * 0, and polyphase_zimg_error() tells why. (zimg itself has the prefix zimg_.) */
#ifndef POLYPHASE_BENCH_PEERS_ZIMG_H_
#define POLYPHASE_BENCH_PEERS_ZIMG_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZIMG_PEER_EXPORT __attribute__((visibility("default")))

typedef struct polyphase_zimg polyphase_zimg;

typedef struct polyphase_zimg_row {
  const char* filter; /* point, bilinear or bicubic (Keys's, a = -0.75) */
  int align_corners;  /* else half a pixel */
  size_t planes, height, width, output_height, output_width;
  const float* input; /* dense planes, copied */
} polyphase_zimg_row;

ZIMG_PEER_EXPORT const char* polyphase_zimg_error(void); /* the calling thread's last */
ZIMG_PEER_EXPORT const char* polyphase_zimg_version(void);
ZIMG_PEER_EXPORT polyphase_zimg* polyphase_zimg_open(const polyphase_zimg_row* row);
ZIMG_PEER_EXPORT void polyphase_zimg_close(polyphase_zimg* c); /* null is fine */
ZIMG_PEER_EXPORT int polyphase_zimg_run(polyphase_zimg* c);
ZIMG_PEER_EXPORT void polyphase_zimg_get_output(const polyphase_zimg* c, float* planes); /* dense */

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* POLYPHASE_BENCH_PEERS_ZIMG_H_ */
