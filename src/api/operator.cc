// The three verbs: Create, MakePlan, Run; the same for every op.
#include "polyphase/operator.h"

#include <algorithm>
#include <cinttypes>
#include <new>
#include <utility>

#include "api/impl.h"
#include "base/aligned_buffer.h"
#include "base/checked_math.h"
#include "base/format.h"
#include "exec/exec.h"
#include "geometry/tensor.h"
#include "geometry/weights.h"
#include "polyphase/convert.h"
#include "polyphase/pool.h"

namespace polyphase {
namespace internal {

// Makes handles of implementations that exist.
struct HandleAccess {
  template <class Handle, class Impl>
  static Handle Make(std::shared_ptr<Impl> impl) {
    return Handle(std::move(impl));
  }
};

namespace {

// More than any machine has; keeps an absurd num_threads from overflowing anything.
constexpr size_t kMaxThreads = 4096;

Status OutOfMemory() { return Status::Make(StatusCode::kOutOfMemory, "out of memory"); }

Status CheckRuntime(const Runtime& runtime) {
  if (runtime.struct_size != sizeof(pph_runtime)) {
    return Status::InvalidArgument("runtime struct_size = %zu: must be %zu", runtime.struct_size, sizeof(pph_runtime));
  }
  if ((runtime.allocate == nullptr) != (runtime.deallocate == nullptr)) {
    return Status::InvalidArgument("runtime %s = null: allocate and deallocate must be given both or neither",
                                   runtime.allocate == nullptr ? "allocate" : "deallocate");
  }
  return Status();
}

// Runs create(&op), whose result becomes an Operator. Makes the hinted plan once, so that its weights are packed.
template <class Op, class Create>
StatusOr<Operator> MakeOperator(const OperatorOptions& options, const Create& create) {
  try {
    if (Status status = CheckRuntime(options.runtime); !status.ok()) return status;
    if (Status status = CheckNumerics(options.numerics); !status.ok()) return status;
    std::shared_ptr<const Op> op;
    if (Status status = create(&op); !status.ok()) return status;
    auto impl = std::make_shared<OperatorImpl>();
    impl->op = std::move(op);
    impl->runtime = options.runtime;
    Operator result = HandleAccess::Make<Operator>(std::move(impl));
    if (options.input_hint) {
      if (auto plan = result.MakePlan(*options.input_hint); !plan.ok()) return plan.status();
    }
    return result;
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

size_t Threads(const Runtime& runtime, size_t requested) {
  size_t threads = requested != 0 ? requested : runtime.num_threads;
  if (threads == 0) threads = runtime.parallel_for != nullptr ? 1 : DefaultThreads();
  return std::min(threads, kMaxThreads);
}

// What the ops' plans have to say in PlanImpl's terms.
size_t WorkerBytes(const PhaseConvPlan& plan) {
  int64_t most = plan.worker_floats();
  for (const PhaseConvPlan& other : plan.others) most = std::max(most, other.worker_floats());
  return static_cast<size_t>(most) * sizeof(float);
}
size_t WorkerBytes(const ResizePlan& plan) { return static_cast<size_t>(plan.worker_floats()) * sizeof(float); }
size_t WorkerBytes(const RearrangePlan&) { return 0; }
size_t WorkerBytes(const PoolPlan& plan) { return static_cast<size_t>(plan.worker_bytes); }
size_t WorkerBytes(const MaxUnpoolPlan& plan) { return static_cast<size_t>(plan.worker_bytes()); }

std::string DescribeChoice(const PhaseConvPlan& plan) {
  const ConvTileKernels& kernels = plan.op->kernels.conv;
  const char* form = plan.depthwise ? " depthwise" : plan.is_joined() ? ", phases in lanes" : "";
  return Format("%s %s%s%s, tiles %dx%d along %s", plan.op->name,
                plan.algorithm == Algorithm::kSubpixel ? "subpixel" : "gemm_col2im", form,
                plan.op->DescribeSaving().c_str(), kernels.max_pixels,
                plan.depthwise ? kStripBlock : kernels.max_vectors * kernels.lanes, plan.batched ? "the batch" : "x");
}
std::string DescribeChoice(const ResizePlan& plan) { return plan.Choice(); }
std::string DescribeChoice(const RearrangePlan& plan) {
  if (!plan.op->shuffle) return "convert";
  return Format("pixel_shuffle %s, %s x%" PRId64, ShufflePathName(plan.path),
                plan.to_space ? "depth to space" : "space to depth", plan.factor[kColumn]);
}
std::string DescribeChoice(const PoolPlan& plan) {
  return Format("%s, tiles of %" PRId64 " columns", plan.op->name(), plan.tile);
}
std::string DescribeChoice(const MaxUnpoolPlan& plan) {
  return Format("max_unpool %s, %s", plan.disjoint ? "by comparison" : "scatter",
                plan.width == 1 ? "planes" : "blocks of channels");
}

Status Execute(const PhaseConvPlan& plan, const RunContext& context) {
  plan.algorithm == Algorithm::kSubpixel ? RunSubpixel(plan, context) : RunGemmCol2im(plan, context);
  return Status();
}
Status Execute(const ResizePlan& plan, const RunContext& context) {
  RunResize(plan, context);
  return Status();
}
Status Execute(const RearrangePlan& plan, const RunContext& context) {
  RunRearrange(plan, context);
  return Status();
}
Status Execute(const PoolPlan& plan, const RunContext& context) {
  RunPool(plan, context);
  return Status();
}
Status Execute(const MaxUnpoolPlan& plan, const RunContext& context) { return RunMaxUnpool(plan, context); }

Status MakeOpPlan(const std::shared_ptr<const PhaseConvOperator>& op, const TensorDesc& input,
                  const PlanOptions& options, size_t threads, PlanImpl* impl, std::string* reason) {
  return MakePhaseConvPlan(op, input, options, threads, &impl->plan.emplace<PhaseConvPlan>(), reason);
}
Status MakeOpPlan(const std::shared_ptr<const ResizeOperator>& op, const TensorDesc& input, const PlanOptions& options,
                  size_t threads, PlanImpl* impl, std::string* reason) {
  return MakeResizePlan(op, input, options, threads, &impl->plan.emplace<ResizePlan>(), reason);
}
Status MakeOpPlan(const std::shared_ptr<const RearrangeOperator>& op, const TensorDesc& input,
                  const PlanOptions& options, size_t threads, PlanImpl* impl, std::string* reason) {
  return MakeRearrangePlan(op, input, options, threads, &impl->plan.emplace<RearrangePlan>(), reason);
}
Status MakeOpPlan(const std::shared_ptr<const PoolOperator>& op, const TensorDesc& input, const PlanOptions& options,
                  size_t threads, PlanImpl* impl, std::string* reason) {
  return MakePoolPlan(op, input, options, threads, &impl->plan.emplace<PoolPlan>(), reason);
}
Status MakeOpPlan(const std::shared_ptr<const MaxUnpoolOperator>& op, const TensorDesc& input,
                  const PlanOptions& options, size_t threads, PlanImpl* impl, std::string* reason) {
  impl->indices_are_input = true;
  return MakeMaxUnpoolPlan(op, input, options, threads, &impl->plan.emplace<MaxUnpoolPlan>(), reason);
}

// Options that an op does not have are an error, not ignored.
Status CheckPlanOptions(const OperatorImpl& op, const PlanOptions& options) {
  const auto* const pool = std::get_if<std::shared_ptr<const PoolOperator>>(&op.op);
  const auto* const conv = std::get_if<std::shared_ptr<const PhaseConvOperator>>(&op.op);
  const bool transposed = conv != nullptr && (*conv)->gemm;
  const bool resize = std::holds_alternative<std::shared_ptr<const ResizeOperator>>(op.op);
  const bool max_unpool = std::holds_alternative<std::shared_ptr<const MaxUnpoolOperator>>(op.op);
  const bool max_pool = pool != nullptr && (*pool)->kind == PoolKind::kMax;
  const bool avg_unpool = pool != nullptr && (*pool)->kind == PoolKind::kAverageUnpool;
  if (options.algorithm != Algorithm::kAuto && conv == nullptr) {
    return Status::InvalidArgument("algorithm = %d: only the convolutions have algorithms, must be kAuto",
                                   static_cast<int>(options.algorithm));
  }
  if (options.algorithm == Algorithm::kGemmCol2im && !transposed) {
    return Status::InvalidArgument("algorithm = %d: only conv_transpose has kGemmCol2im, must be kAuto or kSubpixel",
                                   static_cast<int>(options.algorithm));
  }
  for (const int64_t size : options.output_size) {
    if (size == 0 || transposed || max_unpool || avg_unpool) continue;
    return Status::InvalidArgument(
        "output_size = %" PRId64 ": only conv_transpose, max_unpool and avg_unpool take it, must be 0", size);
  }
  if (options.indices && !max_pool && !max_unpool) {
    return Status::InvalidArgument("indices: only max_pool and max_unpool have them, must be unset");
  }
  if (options.residual && conv == nullptr && !resize) {
    return Status::InvalidArgument("residual: only ops with an epilogue have one, must be unset");
  }
  return Status();
}

Status CheckPointer(const char* name, const void* pointer, const TensorDesc& desc) {
  if (pointer == nullptr) return Status::InvalidArgument("%s = null: must point to the tensor", name);
  if (reinterpret_cast<uintptr_t>(pointer) % ElementSize(desc.dtype) != 0) {
    return Status::InvalidArgument("%s = %p: must be aligned to the element size, %zu bytes", name, pointer,
                                   ElementSize(desc.dtype));
  }
  return Status();
}

struct ByteRange {
  uintptr_t begin, end;
  ByteRange(const void* pointer, size_t bytes) : begin(reinterpret_cast<uintptr_t>(pointer)), end(begin + bytes) {}
  bool Overlaps(const ByteRange& other) const { return begin < other.end && other.begin < end; }
};

// A buffer of a run.
struct Buffer {
  const char* name;
  const void* pointer;
  const TensorDesc* desc;  // in the plan's normalized form
  bool written;

  ByteRange range() const { return {pointer, static_cast<size_t>(ExtentElements(*desc)) * ElementSize(desc->dtype)}; }
};

// At most: input, output, residual, indices.
class BufferList {
 public:
  void Add(const Buffer& buffer) { buffers_[count_++] = buffer; }
  const Buffer* begin() const { return buffers_; }
  const Buffer* end() const { return buffers_ + count_; }

 private:
  Buffer buffers_[4] = {};
  int count_ = 0;
};

// No buffer that is written may overlap another. The residual may be the output itself: each element is read before it
// is written, by the same thread.
Status CheckBuffers(const BufferList& buffers, const TensorDesc* residual_in_place) {
  for (const Buffer& buffer : buffers) {
    if (Status status = CheckPointer(buffer.name, buffer.pointer, *buffer.desc); !status.ok()) return status;
  }
  for (const Buffer& a : buffers) {
    for (const Buffer* b = buffers.begin(); b != &a; ++b) {
      if (!(a.written || b->written) || !a.range().Overlaps(b->range())) continue;
      if (a.desc == residual_in_place && b->written) continue;
      return Status::InvalidArgument("%s = %p: must not overlap the %s at %p", a.name, a.pointer, b->name, b->pointer);
    }
  }
  return Status();
}

bool SameView(const TensorDesc& a, const TensorDesc& b) {
  return a.layout == b.layout && a.channel_block == b.channel_block && a.stride_n == b.stride_n &&
         a.stride_c == b.stride_c && a.stride == b.stride;
}

}  // namespace
}  // namespace internal

using internal::OperatorImpl;
using internal::PlanImpl;

StatusOr<Operator> CreateConvTranspose(const ConvTransposeAttributes& attributes, const Weights& weights,
                                       const float* bias, const OperatorOptions& options) {
  return internal::MakeOperator<internal::PhaseConvOperator>(
      options, [&](auto* op) { return internal::CreateConvTransposeOperator(attributes, weights, bias, options, op); });
}

StatusOr<Operator> CreateConv(const ConvAttributes& attributes, const Weights& weights, const float* bias,
                              const OperatorOptions& options) {
  return internal::MakeOperator<internal::PhaseConvOperator>(
      options, [&](auto* op) { return internal::CreateConvOperator(attributes, weights, bias, options, op); });
}

StatusOr<Operator> CreateResize(const ResizeAttributes& attributes, const OperatorOptions& options) {
  return internal::MakeOperator<internal::ResizeOperator>(
      options, [&](auto* op) { return internal::CreateResizeOperator(attributes, options, op); });
}

StatusOr<Operator> CreatePixelShuffle(const PixelShuffleAttributes& attributes, const OperatorOptions& options) {
  return internal::MakeOperator<internal::RearrangeOperator>(
      options, [&](auto* op) { return internal::CreateRearrangeOperator(&attributes, options, op); });
}

StatusOr<Operator> CreateMaxPool(const MaxPoolAttributes& attributes, const OperatorOptions& options) {
  return internal::MakeOperator<internal::PoolOperator>(
      options, [&](auto* op) { return internal::CreateMaxPoolOperator(attributes, options, op); });
}

StatusOr<Operator> CreateMaxUnpool(const MaxUnpoolAttributes& attributes, const OperatorOptions& options) {
  return internal::MakeOperator<internal::MaxUnpoolOperator>(
      options, [&](auto* op) { return internal::CreateMaxUnpoolOperator(attributes, options, op); });
}

StatusOr<Operator> CreateAvgPool(const AvgPoolAttributes& attributes, const OperatorOptions& options) {
  return internal::MakeOperator<internal::PoolOperator>(
      options, [&](auto* op) { return internal::CreateAvgPoolOperator(attributes, options, op); });
}

StatusOr<Operator> CreateAvgUnpool(const AvgUnpoolAttributes& attributes, const OperatorOptions& options) {
  return internal::MakeOperator<internal::PoolOperator>(
      options, [&](auto* op) { return internal::CreateAvgUnpoolOperator(attributes, options, op); });
}

StatusOr<Operator> CreateConvert(const OperatorOptions& options) {
  return internal::MakeOperator<internal::RearrangeOperator>(
      options, [&](auto* op) { return internal::CreateRearrangeOperator(nullptr, options, op); });
}

Operator::Operator(std::shared_ptr<const OperatorImpl> impl) : impl_(std::move(impl)) {}
Operator::Operator(const Operator&) noexcept = default;
Operator& Operator::operator=(const Operator&) noexcept = default;
Operator::~Operator() = default;

std::string Operator::Describe() const {
  return std::visit([](const auto& op) { return op->Describe(); }, impl_->op);
}

StatusOr<Plan> Operator::MakePlan(const TensorDesc& input, const PlanOptions& options) const {
  try {
    TensorDesc normalized = input;
    if (Status status = internal::NormalizeTensor("input", &normalized); !status.ok()) return status;
    if (Status status = internal::CheckPlanOptions(*impl_, options); !status.ok()) return status;
    auto plan = std::make_shared<PlanImpl>();
    plan->runtime = impl_->runtime;
    const size_t threads = internal::Threads(impl_->runtime, options.num_threads);
    std::string reason;
    Status status = std::visit(
        [&](const auto& op) { return internal::MakeOpPlan(op, normalized, options, threads, plan.get(), &reason); },
        impl_->op);
    if (!status.ok()) return status;
    plan->description = std::visit(
        [&](const auto& op_plan) {
          plan->input = internal::Collapse(op_plan.input);
          plan->output = internal::Collapse(op_plan.output);
          if (op_plan.residual) plan->residual = internal::Collapse(*op_plan.residual);
          if (op_plan.indices) plan->indices = internal::Collapse(*op_plan.indices);
          plan->workers = std::max<size_t>(1, std::min(threads, static_cast<size_t>(op_plan.tasks())));
          plan->workspace_bytes = plan->workers * internal::WorkerBytes(op_plan);
          return internal::Format("%s (%s), target %s, %" PRId64 " tasks on %zu threads, workspace %zu bytes",
                                  internal::DescribeChoice(op_plan).c_str(), reason.c_str(),
                                  op_plan.op->kernels.target.name, op_plan.tasks(), plan->workers,
                                  plan->workspace_bytes);
        },
        plan->plan);
    return internal::HandleAccess::Make<Plan>(std::move(plan));
  } catch (const std::bad_alloc&) {
    return internal::OutOfMemory();
  }
}

Plan::Plan(std::shared_ptr<const PlanImpl> impl) : impl_(std::move(impl)) {}
Plan::Plan(const Plan&) noexcept = default;
Plan& Plan::operator=(const Plan&) noexcept = default;
Plan::~Plan() = default;

const TensorDesc& Plan::input() const noexcept { return impl_->input; }
const TensorDesc& Plan::output() const noexcept { return impl_->output; }
const TensorDesc* Plan::residual() const noexcept { return impl_->residual ? &*impl_->residual : nullptr; }
const TensorDesc* Plan::indices() const noexcept { return impl_->indices ? &*impl_->indices : nullptr; }
size_t Plan::workspace_bytes() const noexcept { return impl_->workspace_bytes; }
const std::string& Plan::Describe() const noexcept { return impl_->description; }

Status Plan::Run(const void* input, void* output, const RunOptions& options) const noexcept {
  const PlanImpl& plan = *impl_;
  const internal::PlanTensors& tensors =
      std::visit([](const auto& op_plan) -> const internal::PlanTensors& { return op_plan; }, plan.plan);
  if (internal::IsEmpty(tensors.output)) return Status();
  const Runtime& runtime = options.runtime ? *options.runtime : plan.runtime;
  if (Status status = internal::CheckRuntime(runtime); !status.ok()) return status;
  internal::BufferList buffers;
  buffers.Add({"input", input, &tensors.input, false});
  buffers.Add({"output", output, &tensors.output, true});
  if (tensors.residual) buffers.Add({"residual", options.residual, &*tensors.residual, false});
  if (tensors.indices && plan.indices_are_input) {
    buffers.Add({"input_indices", options.input_indices, &*tensors.indices, false});
  } else if (tensors.indices && options.output_indices != nullptr) {
    buffers.Add({"output_indices", options.output_indices, &*tensors.indices, true});
  }
  const bool in_place =
      tensors.residual && options.residual == output && internal::SameView(*tensors.residual, tensors.output);
  if (Status status = internal::CheckBuffers(buffers, in_place ? &*tensors.residual : nullptr); !status.ok())
    return status;

  const size_t bytes = plan.workspace_bytes;
  if (options.workspace != nullptr && bytes > 0) {
    if (options.workspace_bytes < bytes) {
      return Status::InvalidArgument("workspace_bytes = %zu: must be at least %zu", options.workspace_bytes, bytes);
    }
    if (reinterpret_cast<uintptr_t>(options.workspace) % kWorkspaceAlignment != 0) {
      return Status::InvalidArgument("workspace = %p: must be aligned to %zu bytes", options.workspace,
                                     kWorkspaceAlignment);
    }
    const internal::ByteRange workspace(options.workspace, bytes);
    for (const internal::Buffer& buffer : buffers) {
      if (!workspace.Overlaps(buffer.range())) continue;
      return Status::InvalidArgument("workspace = %p: must not overlap the %s", options.workspace, buffer.name);
    }
  }
  const internal::AlignedBuffer own(runtime, options.workspace == nullptr ? bytes : 0);
  if (!own.ok()) {
    return Status::Make(StatusCode::kOutOfMemory, "workspace: the allocator returned null for %zu bytes", bytes);
  }
  void* workspace = options.workspace != nullptr ? options.workspace : own.as<void>();
  const internal::RunContext context{
      input, output, options.residual, options.input_indices, options.output_indices, workspace, plan.workers, runtime};
  try {
    return std::visit([&](const auto& op_plan) { return internal::Execute(op_plan, context); }, plan.plan);
  } catch (...) {
    // Nothing of ours throws; a runner may, when it finds no memory for its own tasks.
    return Status::Make(StatusCode::kOutOfMemory, "parallel_for threw an exception: the output is incomplete");
  }
}

}  // namespace polyphase
