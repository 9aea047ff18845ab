// Operator and Plan: the three verbs of every op, Create -> MakePlan -> Run.
#ifndef POLYPHASE_OPERATOR_H_
#define POLYPHASE_OPERATOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "polyphase/export.h"
#include "polyphase/polyphase_c.h"
#include "polyphase/runtime.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"
#include "polyphase/weights.h"

namespace polyphase {

namespace internal {
class OperatorImpl;
class PlanImpl;
struct HandleAccess;
}  // namespace internal

enum class Algorithm : int32_t {
  kAuto = PPH_AUTO,               // the library decides; Plan::Describe() gives the reason
  kSubpixel = PPH_SUBPIXEL,       // conv_transpose, conv: one ordinary convolution per output phase
  kGemmCol2im = PPH_GEMM_COL2IM,  // conv_transpose: one GEMM into columns, then a gather per output row
  // conv_transpose, conv: Winograd's F(m, r) inside the phases, which multiplies 1.3 to 5 times less. Phases have 2 to
  // 5 taps along an axis, or 1, and no dilation; groups have 16 input channels and, in all phases together, 8 output
  // channels or more. Not with kStrict.
  kWinograd = PPH_WINOGRAD,
  // conv_transpose, conv: as kSubpixel, with pixels instead of channels in vectors. Groups have at most 12 output
  // channels, and the taps of the phases span at most 64 inputs along an axis.
  kPlanar = PPH_PLANAR,
  // conv_transpose, conv: as kSubpixel, out of products of bf16 numbers that are summed in f32: 6 with
  // Numerics::kDefault, 3 with kFast, 1 with kBf16. Not with kStrict, and not depthwise. AMX multiplies bf16 16
  // times as fast as f32, and AVX512_BF16 twice; elsewhere, and where OperatorOptions::isa excludes them, this is
  // slower than kSubpixel and has the bits of AVX512_BF16.
  kMatrix = PPH_MATRIX,
};

// Options of the Create functions.
struct OperatorOptions {
  // The name of the best SIMD target that may be used, as Targets() has it ("avx2"). The operator takes the best
  // supported target that is not better. Empty: the environment variable POLYPHASE_ISA says so, and if it is not set,
  // the best supported target is taken. A name excludes instructions that multiply bf16, unless it ends with "+bf16"
  // ("avx3+bf16": AVX512_BF16) or "+amx" (AMX as well); an empty one does not. The first operator that may use AMX asks
  // Linux for its registers on behalf of the process, whose signal frames grow by 8 KiB.
  std::string isa;
  // Threads and memory of this operator and its plans. The objects that it points to must outlive them.
  Runtime runtime;
  // The expected input. Create plans it once and thereby packs the form of the weights that it needs. Unset: if there
  // are several forms, the first plan that needs one packs it.
  std::optional<TensorDesc> input_hint;
  // How exactly the operator computes.
  Numerics numerics = Numerics::kDefault;
};

// Options of Operator::MakePlan. Each op takes those that are named for it or for all ops; a value other than the
// default in any other is kInvalidArgument.
struct PlanOptions {
  // All ops. The output tensor: n, c and size of 0 are inferred and must otherwise be what the op yields; strides of 0
  // are dense. Unset: dense, in the input's layout.
  std::optional<TensorDesc> output;
  // conv_transpose, max_unpool, avg_unpool: PyTorch's output_size. For conv_transpose it replaces output_padding. All
  // 0: not given.
  SpatialSizes output_size{};
  // conv, conv_transpose, resize, if Epilogue::residual is not kNone: the tensor that is added. It has the output's
  // type and shape (n, c and size of 0 are inferred), and any layout. Unset: like the output.
  std::optional<TensorDesc> residual;
  // max_pool: the second output. max_unpool: the second input. It is kI32 or kI64, of the pooled tensor's shape (n, c
  // and size of 0 are inferred), in any layout. Unset: kI64, dense, in the layout of the pooled tensor.
  std::optional<TensorDesc> indices;
  // convex_upsample: the second input. It has the input's type, n and sizes, 9 * factor^2 channels (n, c and size of 0
  // are inferred), and any layout. Unset: dense, in the input's layout.
  std::optional<TensorDesc> mask;
  // conv: any but kGemmCol2im. conv_transpose: any. Each only where its rule holds, see Algorithm. Other ops: kAuto.
  Algorithm algorithm = Algorithm::kAuto;
  // All ops. The most tasks that may run at once, which also bounds the workspace; values above 4096 count as 4096. 0:
  // Runtime::num_threads, and if that is 0, DefaultThreads().
  size_t num_threads = 0;
};

// Options of Plan::Run. Ops ignore the tensors that they do not have.
struct RunOptions {
  // At least Plan::workspace_bytes() bytes, aligned to kWorkspaceAlignment, that no other Run uses at the same time.
  // Null: the runtime's allocator provides them for the length of the call.
  void* workspace = nullptr;
  size_t workspace_bytes = 0;
  // Replaces the operator's runtime for this call. Unset: the operator's.
  std::optional<Runtime> runtime;
  // The tensor of Epilogue::residual, required if the plan has one. It may be the output itself, with the same layout
  // and strides; otherwise it must not overlap the output.
  const void* residual = nullptr;
  const void* input_indices = nullptr;  // max_unpool, required
  void* output_indices = nullptr;       // max_pool; null: no indices are written
  const void* mask = nullptr;           // convex_upsample, required
};

// Everything that Run needs for one input shape: output shape, algorithm, tiles, workspace. A plan is immutable, and
// copies are cheap because they share its state, which keeps the operator's weights alive. Any number of threads may
// run one plan at once, each with its own workspace. Results have the same bits for every number of threads, every
// position in a batch and every run.
class POLYPHASE_EXPORT Plan {
 public:
  // Reads `input` as input() describes it, writes all of `output` as output() describes it, and touches nothing else in
  // either buffer. It does not allocate (given a workspace), lock or throw. Each thread computes with rounding to
  // nearest, masked floating-point exceptions and denormals as Numerics says, whatever the caller has set, and has its
  // own settings (MXCSR, FPCR) again afterwards; so do Create and MakePlan. For n == 0 it succeeds and touches nothing.
  // Errors: null or misaligned pointers, buffers whose extents (first to last element of the views) overlap, a
  // workspace that is too small or misaligned, kOutOfMemory. After an error nothing has been written, with two
  // exceptions that leave the output incomplete: an injected parallel_for that threw, which it may do when all that it
  // called has returned, and a max_unpool index that was outside the output.
  Status Run(const void* input, void* output, const RunOptions& options = {}) const noexcept;

  // The tensors with all sizes and strides filled in; residual, indices and mask are null if the op has no such tensor.
  const TensorDesc& input() const noexcept;
  const TensorDesc& output() const noexcept;
  const TensorDesc* residual() const noexcept;
  const TensorDesc* indices() const noexcept;
  const TensorDesc* mask() const noexcept;
  size_t workspace_bytes() const noexcept;
  // One line with the op, the algorithm and the reason for it, the target, the tile, tasks, threads and workspace.
  const std::string& Describe() const noexcept;

  // Moving copies, so that there is no empty plan.
  Plan(const Plan&) noexcept;
  Plan& operator=(const Plan&) noexcept;
  ~Plan();

 private:
  friend struct internal::HandleAccess;
  explicit Plan(std::shared_ptr<const internal::PlanImpl> impl);

  std::shared_ptr<const internal::PlanImpl> impl_;
};

// Validated attributes and packed weights. Copies are cheap because they share their state. All methods are
// thread-safe.
class POLYPHASE_EXPORT Operator {
 public:
  // Takes microseconds, unless the plan needs a form of the weights that has not been packed yet. A resize also makes
  // its tables, in time and memory proportional to the sizes of the axes and, where it shrinks, of the windows.
  // Errors: an input that breaks a rule of the op, an option that the op does not take, a wrong layout or stride, sizes
  // beyond 2^63 bytes.
  StatusOr<Plan> MakePlan(const TensorDesc& input, const PlanOptions& options = {}) const;

  // One line with the op, its attributes, the target and the bytes of packed weights that it holds. Throws
  // std::bad_alloc where there is no memory for it.
  std::string Describe() const;

  // Moving copies, so that there is no empty operator.
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
