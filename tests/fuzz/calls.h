// Counts the calls of the C API that a target makes, by what they are for.
#ifndef POLYPHASE_TESTS_FUZZ_CALLS_H_
#define POLYPHASE_TESTS_FUZZ_CALLS_H_

#include <cstdint>

namespace polyphase::fuzz {

struct Calls {
  uint64_t create = 0, plan = 0, run = 0, destroy = 0;
  uint64_t query = 0;                // of an operator, a plan, the library or the last error
  uint64_t preset = 0;               // pph_resize_... and pph_fold_batch_norm
  uint64_t init = 0;                 // pph_..._init
  uint64_t refused = 0, values = 0;  // calls that returned an error; runs whose values were compared with the oracle

  uint64_t all() const { return create + plan + run + destroy + query + preset + init; }
};
inline Calls calls;

}  // namespace polyphase::fuzz

#endif  // POLYPHASE_TESTS_FUZZ_CALLS_H_
