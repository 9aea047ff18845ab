// Compares the values of a run with what the oracles of tests/ref compute in double.
#ifndef POLYPHASE_TESTS_FUZZ_ORACLE_H_
#define POLYPHASE_TESTS_FUZZ_ORACLE_H_

#include <cstdint>

#include "polyphase/polyphase.h"
#include "tests/fuzz/layer.h"

namespace polyphase::fuzz {

// A tensor of a run; desc is null where there is none.
struct View {
  const TensorDesc* desc = nullptr;
  const uint8_t* data = nullptr;
};

// What an operator was made with.
struct Constants {
  const float* weights = nullptr;
  const float* bias = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;
  const float* slope = nullptr;
};

struct Values {
  View input, residual, indices, mask;  // before the run
  View output;                          // after it
  View output_indices;                  // of max_pool, if they were asked for
  const char* plan = "";                // its description
};

// Returns false where the oracle has nothing to say, for instance of numbers that are not finite. Ends the process if a
// value is wrong.
bool CompareWithOracle(const Layer& made, const Constants& constants, const Values& values);

}  // namespace polyphase::fuzz

#endif  // POLYPHASE_TESTS_FUZZ_ORACLE_H_
