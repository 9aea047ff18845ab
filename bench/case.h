// Problem and Case: a row of the workload table with data and the reference's answer, and one way to run it.
#ifndef POLYPHASE_BENCH_CASE_H_
#define POLYPHASE_BENCH_CASE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/workloads.h"
#include "polyphase/conv.h"
#include "polyphase/conv_transpose.h"
#include "polyphase/operator.h"
#include "polyphase/pixel_shuffle.h"
#include "polyphase/pool.h"
#include "polyphase/resize.h"
#include "polyphase/runtime.h"
#include "polyphase/tensor.h"
#include "tests/ref/tensor.h"

namespace polyphase::bench {

// "nchw", "nhwc", "nchwc4", "nchwc8" or "nchwc16".
struct LayoutName {
  explicit LayoutName(const std::string& name);  // throws std::runtime_error

  std::string name;
  Layout layout;
  int32_t channel_block;
};

// Returns the algorithm named "auto", "subpixel", "planar", "winograd", "gemm_col2im" or "matrix"; throws
// std::runtime_error.
Algorithm AlgorithmOf(const std::string& name);
// Returns those named "strict", "default", "fast" or "bf16"; throws std::runtime_error.
Numerics NumericsOf(const std::string& name);

// Says how a problem is run.
struct Variant {
  LayoutName layout;
  std::string target;
  size_t threads;
  Algorithm algorithm = Algorithm::kAuto;
  Numerics numerics = Numerics::kDefault;
  bool only_target = false;  // without instructions that no target implies, as for OperatorOptions::isa
};

// The attributes of a row of the op; those of convex_upsample are its factor.
ConvTransposeAttributes ConvTransposeOf(const Workload& workload);
ConvAttributes ConvOf(const Workload& workload);
ResizeAttributes ResizeOf(const Workload& workload);
PixelShuffleAttributes PixelShuffleOf(const Workload& workload);
MaxUnpoolAttributes MaxUnpoolOf(const Workload& workload);

// These take a row without its data. Whatever can go wrong is a std::runtime_error whose message names the row.
int64_t WeightCount(const Workload& workload);
// `weights` and `bias` are as the attributes of the op want them; ops without weights do not use them.
Operator CreateOperator(const Workload& workload, const float* weights, const float* bias,
                        const OperatorOptions& options);
TensorDesc InputOf(const Workload& workload, const LayoutName& layout);
// Returns the mask of a convex_upsample, and null for other ops and for revisions of the library that do not have it.
const TensorDesc* MaskOf(const Plan& plan);
Plan PlanFor(const Operator& op, const Workload& workload, const Variant& variant);

// A row with random data. Whatever can go wrong from here on is a std::runtime_error whose message names the row.
class Problem {
 public:
  explicit Problem(const Workload& workload);

  const Workload& workload() const { return workload_; }
  const ref::Tensor<float>& input() const { return input_; }
  const ref::Tensor<float>& residual() const { return residual_; }  // empty but for resize_add
  const ref::Tensor<int32_t>& indices() const { return indices_; }  // empty but for max_unpool
  const ref::Tensor<float>& mask() const { return mask_; }          // empty but for convex_upsample
  // These are as the attributes of the op want them, and empty where it has none.
  const std::vector<float>& weights() const { return weights_; }
  const std::vector<float>& bias() const { return bias_; }
  Operator Create(const OperatorOptions& options) const;

  // Compares an output of the plan with the naive reference in double. It compares all of it or, where the reference
  // would take more than a fraction of a second, as many of the planes (n, c) as the reference can do: the first, the
  // last and random ones between them. Throws if a value is farther off than the arithmetic of the plan explains, in
  // any order.
  void Check(const Plan& plan, const float* output) const;

 private:
  struct Plane {
    int64_t n;
    int64_t c;
    std::vector<float> value;
    std::vector<float> bound;    // bound of the error; empty if none is allowed
    std::vector<int64_t> terms;  // products of convolutions, for each value
  };

  Plane Reference(int64_t n, int64_t c) const;
  ref::Tensor<float> InputChannels(int64_t n, int64_t first, int64_t count) const;
  [[noreturn]] void Fail(const std::string& what) const;

  Workload workload_;
  ref::Tensor<float> input_;
  std::vector<float> weights_;
  std::vector<float> bias_;
  ref::Tensor<float> residual_;
  ref::Tensor<int32_t> indices_;
  ref::Tensor<float> mask_;
  mutable std::vector<Plane> planes_;  // made by the first Check
};

// What a run reads and writes. Pointers are null where the op has no such tensor.
struct Buffers {
  const float* input;
  float* output;
  const float* residual;
  const int32_t* indices;
  const float* mask;
  void* workspace;
};

// A problem that is ready to be timed: planned, its weights packed, and all memory allocated and touched.
class Case {
 public:
  Case(const Problem& problem, const Variant& variant);

  void Run() { RunOn(buffers()); }
  // Does the same on memory of the caller, as large as that of this case.
  void RunOn(const Buffers& buffers);
  // Runs into an output full of NaN and passes it to Problem::Check.
  void Verify();

  // These make anew and drop what comes before a run: the operator, with its weights packed as the shape of the row
  // wants them, and a plan of the operator that this case has.
  void CreateOperator() const;
  void MakePlan() const;

  const Problem& problem() const { return problem_; }
  const Variant& variant() const { return variant_; }
  const Operator& op() const { return op_; }
  const Plan& plan() const { return plan_; }
  Buffers buffers() const {
    return {input_.get(), output_.get(), residual_.get(), indices_.get(), mask_.get(), workspace_.get()};
  }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  template <typename T>
  using Memory = std::unique_ptr<T[], Free>;
  template <typename T>
  static Memory<T> Allocate(size_t count);

  const Problem& problem_;
  Variant variant_;
  Operator op_;
  Plan plan_;
  size_t output_floats_;
  Memory<float> input_;
  Memory<float> output_;
  Memory<float> residual_;
  Memory<int32_t> indices_;
  Memory<float> mask_;
  Memory<unsigned char> workspace_;
};

// Returns the median of the times of a case, which a neighbour's burst does not move. `values` is not empty.
double Median(std::vector<double> values);

}  // namespace polyphase::bench

#endif  // POLYPHASE_BENCH_CASE_H_
