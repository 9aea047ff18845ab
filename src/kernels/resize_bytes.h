// Resizes rows of bytes: nearest of any type, and u8 in fixed point.
#ifndef POLYPHASE_SRC_KERNELS_RESIZE_BYTES_H_
#define POLYPHASE_SRC_KERNELS_RESIZE_BYTES_H_

#include <cstddef>
#include <cstdint>

namespace polyphase::internal {

constexpr int64_t kByteLanes = 16;

// output[i] = source[index[i]] for the 16 bytes of a block; both pointers are offsets into a row.
struct ByteBlock {
  int32_t source, output;
  uint8_t index[kByteLanes];
};
struct PermuteBytesArgs {
  const uint8_t* source;
  uint8_t* output;
  const ByteBlock* blocks;
  int64_t count;
};
using PermuteBytesFn = void (*)(const PermuteBytesArgs& args);

// Weights are whole numbers, in int16 where these hold them, else as two parts, low + 2^kFixedShift * high. A sum is
// rounded by (+ 2^(precision - 1)) >> precision and clamped to 0..255; `precision` is at least 1. Taps go in pairs,
// whose products are one instruction. The last tap of an odd number has a partner of weight 0.
constexpr int kFixedShift = 15, kMaxFixedParts = 2;

// Four neighbouring output bytes in 32-bit lanes. The sources of tap pair p are among the 16 bytes from source +
// 2 * p * pixel on, in the order of `index`: (tap, next tap) of each lane, 255 for none. The pair's weights are in the
// same order, those of the high part after those of the low one; weights[] of the arguments has them from `weights` on.
struct FixedBlock {
  int32_t source, output;
  int32_t pairs, weights;
  uint8_t index[kByteLanes];
};

// Resizes kFixedRows rows along x. All four bytes of each block are written, so blocks are in the order of `output`.
constexpr int kFixedRows = 4;
struct FixedXArgs {
  const uint8_t* sources[kFixedRows];
  uint8_t* outputs[kFixedRows];
  int64_t pixel;  // bytes from tap to tap
  const FixedBlock* blocks;
  int64_t count;
  const int16_t* weights;
  int precision;
};
using FixedXFn = void (*)(const FixedXArgs& args);

// output[i] = the sum over 2 * pairs rows, for i in [0, count), count >= kByteLanes. The weights of a pair are two
// int16 in an int32, [pair][part].
struct FixedYArgs {
  const uint8_t* const* rows;
  const int32_t* weights;
  int64_t pairs;
  int precision;
  uint8_t* output;
  int64_t count;
};
using FixedYFn = void (*)(const FixedYArgs& args);

// All are null for Highway's scalar target, which has no blocks of 16 bytes.
struct ResizeBytesKernels {
  PermuteBytesFn permute;
  FixedXFn fixed_x[2][kMaxFixedParts];  // [whether a pair has one weight for all lanes, an int32][parts - 1]
  FixedYFn fixed_y[kMaxFixedParts];     // [parts - 1]
};

ResizeBytesKernels GetResizeBytesKernels(int64_t target);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_KERNELS_RESIZE_BYTES_H_
