// OwnedEpilogue: the epilogue of an operator, with its own copy of the constants.
#ifndef POLYPHASE_SRC_PLAN_EPILOGUE_H_
#define POLYPHASE_SRC_PLAN_EPILOGUE_H_

#include <cstdint>

#include "base/aligned_buffer.h"
#include "polyphase/epilogue.h"
#include "polyphase/runtime.h"
#include "polyphase/status.h"

namespace polyphase::internal {

class OwnedEpilogue {
 public:
  // `epilogue` must be valid. Fails with kOutOfMemory only.
  Status Init(const char* op, const Epilogue& epilogue, const Runtime& runtime);

  // The pointers of the result are the copies.
  const Epilogue& get() const { return epilogue_; }

 private:
  Epilogue epilogue_;
  AlignedBuffer constants_;
};

// Returns what the scale and shift of channel c make of bias[b] (null means 0). It is computed in double and rounded
// once.
float FoldedBias(const Epilogue& epilogue, int64_t c, const float* bias, int64_t b);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PLAN_EPILOGUE_H_
