// Operator and Plan: the three verbs of every op, Create -> MakePlan -> Run.
#ifndef POLYPHASE_OPERATOR_H_
#define POLYPHASE_OPERATOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "polyphase/export.h"
#include "polyphase/runtime.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"

namespace polyphase {

namespace internal {
class OperatorImpl;
class PlanImpl;
struct HandleAccess;
}  // namespace internal

enum class Algorithm : int32_t {
  kAuto = 0,        // the library decides; Plan::Describe() gives the reason
  kSubpixel = 1,    // conv_transpose, conv: one ordinary convolution per output phase
  kGemmCol2im = 2,  // conv_transpose: one GEMM into columns, then a gather per output row
};

// Options of the Create functions.
struct OperatorOptions {
  // Caps the SIMD target by name ("avx2"; see Targets()): the best supported target that is not better than this one.
  // Empty: the environment variable POLYPHASE_ISA, and without it the best supported target.
  std::string isa;
  // Threads and memory of this operator and its plans. What it points to must outlive them.
  Runtime runtime;
  // The input that is expected. Create plans it once, so that the form of the weights that it needs is packed already.
  // Unset: a form of which there are several is packed by the first plan that needs it.
  std::optional<TensorDesc> input_hint;
};

// Options of Operator::MakePlan.
struct PlanOptions {
  // The output tensor. Sizes that are 0 (n, c, size) are inferred; others must be what the op yields. Strides that are
  // 0 are dense. Unset: dense, in the input's layout.
  std::optional<TensorDesc> output;
  // conv_transpose: PyTorch's forward(output_size=...), which replaces output_padding. max_unpool: its output_size.
  // All 0: not given.
  SpatialSizes output_size{};
  // With Epilogue::residual: the tensor that is added, of the output's type, shape (sizes that are 0 are inferred) and
  // any layout. Unset: like the output.
  std::optional<TensorDesc> residual;
  // max_pool's second output, max_unpool's second input: kI32 or kI64, of the pooled tensor's shape (sizes that are 0
  // are inferred), in any layout. Unset: kI64, dense, in the layout of the pooled tensor.
  std::optional<TensorDesc> indices;
  Algorithm algorithm = Algorithm::kAuto;
  // Upper bound of tasks at work at once, and with it of the workspace; more than 4096 are taken as 4096. 0:
  // Runtime::num_threads, and where that is 0, DefaultThreads().
  size_t num_threads = 0;
};

// Options of Plan::Run.
struct RunOptions {
  // Plan::workspace_bytes() bytes aligned to kWorkspaceAlignment, used by no other Run at the same time. Null: taken
  // from the runtime's allocator for the length of the call.
  void* workspace = nullptr;
  size_t workspace_bytes = 0;
  // Replaces the operator's runtime for this call. Null: the operator's.
  const Runtime* runtime = nullptr;
  // The tensor of Epilogue::residual. It may be the output itself (same view), and must not overlap it otherwise.
  const void* residual = nullptr;
  const void* input_indices = nullptr;  // max_unpool
  void* output_indices = nullptr;       // max_pool
};

// What Run does for one input shape: output shape, algorithm, tiles, workspace. Immutable; a cheap value that shares
// its state (and keeps its operator's weights alive). Any number of threads may run one plan at once, each with its own
// workspace. Results are bitwise the same for every thread count, batch position and run.
class POLYPHASE_EXPORT Plan {
 public:
  // Reads `input` as input() says and writes all of `output` as output() says; nothing else of either buffer is
  // touched. Neither allocates (given a workspace) nor locks nor throws. Errors: null or misaligned pointers, buffers
  // whose extents (first to last element of the views) overlap, a workspace that is too small or misaligned, and
  // kOutOfMemory; after an error nothing has been written, unless an injected parallel_for threw an exception or an
  // index of a max_unpool was outside of the output (the output is then incomplete).
  // n == 0 is a success that touches nothing.
  Status Run(const void* input, void* output, const RunOptions& options = {}) const noexcept;

  const TensorDesc& input() const noexcept;   // with all strides filled in
  const TensorDesc& output() const noexcept;  // with all sizes and strides filled in
  // The tensors of PlanOptions::residual and indices with all sizes and strides filled in; null for ops without them.
  const TensorDesc* residual() const noexcept;
  const TensorDesc* indices() const noexcept;
  size_t workspace_bytes() const noexcept;
  // One line: op, algorithm and the reason for it, target, tile, tasks, threads, workspace.
  const std::string& Describe() const noexcept;

  // Moving is copying, so that there is no empty plan.
  Plan(const Plan&) noexcept;
  Plan& operator=(const Plan&) noexcept;
  ~Plan();

 private:
  friend struct internal::HandleAccess;
  explicit Plan(std::shared_ptr<const internal::PlanImpl> impl);

  std::shared_ptr<const internal::PlanImpl> impl_;
};

// Validated attributes and packed weights. A cheap value that shares its state; all methods are thread-safe.
class POLYPHASE_EXPORT Operator {
 public:
  // Takes microseconds, unless the plan needs a form of the weights that was not packed yet. A resize also makes its
  // tables, in time and memory proportional to the sizes of the axes (and of the windows, where it shrinks).
  // Errors: an input that breaks a rule of the op, a wrong layout or stride, sizes beyond 2^63 bytes.
  StatusOr<Plan> MakePlan(const TensorDesc& input, const PlanOptions& options = {}) const;

  // One line: op, attributes, target, bytes of packed weights that are held.
  std::string Describe() const;

  // Moving is copying, so that there is no empty operator.
  Operator(const Operator&) noexcept;
  Operator& operator=(const Operator&) noexcept;
  ~Operator();

 private:
  friend struct internal::HandleAccess;
  explicit Operator(std::shared_ptr<const internal::OperatorImpl> impl);

  std::shared_ptr<const internal::OperatorImpl> impl_;
};

}  // namespace polyphase

#endif  // POLYPHASE_OPERATOR_H_
