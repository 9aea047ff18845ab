// An algorithm for phase convolutions: one value, defined in a file of its own, and one row of kPhaseAlgorithms.
#ifndef POLYPHASE_SRC_PHASE_CONV_ALGORITHM_H_
#define POLYPHASE_SRC_PHASE_CONV_ALGORITHM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/arena.h"
#include "phase_conv/problem.h"

namespace polyphase::internal {

// A scheduled part of the output. Its tasks write disjoint outputs, in any order.
class PhasePart {
 public:
  virtual ~PhasePart() = default;
  // Computes one task. `arena` has worker_bytes. It neither allocates nor locks nor fails.
  virtual void Run(int64_t task, Arena arena, const RunContext& context) const = 0;

  // The constructor sets all of these. `status` is an error if the workspace is beyond any memory.
  Status status;
  PackedWeights weights;  // set when the part is chosen, in the algorithm's format
  int64_t tasks = 0;
  int64_t worker_bytes = 0;
  std::string form, tiles;  // for Describe: ", phases in lanes", "tiles 14x32 along x"
};

struct PhaseAlgorithm {
  Algorithm id;
  const char* name;
  const char* rule;  // what `applies` asks for, as errors say it
  // `layer` is one of the op, whose kernels and numerics are known.
  bool (*applies)(const PhaseConvOperator& op, const PhaseLayer& layer);
  // Returns the format of the weights that it reads; `layout` is that of this format.
  WeightFormat (*format)(const PhaseConvOperator& op, const PhaseLayer& layer);
  // Estimates the time in vector multiply-adds at full rate.
  double (*cost)(const PhaseProblem& problem, const WeightLayout& layout);
  // Chooses tiles, tasks and workspace; `threads` >= 1. The part refers to the op and the tensors of the problem.
  std::unique_ptr<PhasePart> (*schedule)(const PhaseProblem& problem, const WeightLayout& layout, size_t threads);
  // Returns whether kAuto may take it; null: always. Otherwise it runs where it is asked for.
  bool (*automatic)(const PhaseConvOperator& op) = nullptr;

  bool IsAutomatic(const PhaseConvOperator& op) const { return automatic == nullptr || automatic(op); }
};

template <class Part>
std::unique_ptr<PhasePart> MakePart(const PhaseProblem& problem, const WeightLayout& layout, size_t threads) {
  return std::make_unique<Part>(problem, layout, threads);
}

// Each algorithm is defined in the file of its name. The variants of one share its id.
extern const PhaseAlgorithm kDirect, kMatrix, kPlanar, kGemmCol2im, kWinograd4, kWinograd6, kWinograd8;
inline constexpr const PhaseAlgorithm* kPhaseAlgorithms[] = {&kDirect,    &kMatrix,    &kPlanar,   &kGemmCol2im,
                                                             &kWinograd4, &kWinograd6, &kWinograd8};

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PHASE_CONV_ALGORITHM_H_
