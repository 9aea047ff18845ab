// Copies the constants of an epilogue.
#include "plan/epilogue.h"

#include <algorithm>
#include <cinttypes>

#include "base/checked_math.h"
#include "geometry/epilogue.h"

namespace polyphase::internal {

Status OwnedEpilogue::Init(const char* op, const Epilogue& epilogue, const Runtime& runtime) {
  epilogue_ = epilogue;
  if (!HasConstants(epilogue)) return Status();
  const float** const arrays[] = {&epilogue_.scale, &epilogue_.shift, &epilogue_.slope};
  int64_t floats = 0;
  const bool fits = CheckedMul(epilogue.channels, 3 * sizeof(float), &floats);
  constants_ = fits ? AlignedBuffer(runtime, static_cast<size_t>(floats)) : AlignedBuffer();
  if (!fits || !constants_.ok()) {
    return Status::Make(StatusCode::kOutOfMemory,
                        "%s epilogue: the allocator returned null for the constants of %" PRId64 " channels", op,
                        epilogue.channels);
  }
  float* copy = constants_.as<float>();
  for (const float** array : arrays) {
    if (*array == nullptr) continue;
    *array = std::copy_n(*array, epilogue.channels, copy) - epilogue.channels;
    copy += epilogue.channels;
  }
  return Status();
}

float FoldedBias(const Epilogue& epilogue, int64_t c, const float* bias, int64_t b) {
  double value = bias == nullptr ? 0.0 : static_cast<double>(bias[b]);
  if (epilogue.scale != nullptr) value *= static_cast<double>(epilogue.scale[c]);
  if (epilogue.shift != nullptr) value += static_cast<double>(epilogue.shift[c]);
  return static_cast<float>(value);
}

}  // namespace polyphase::internal
