// MakePlan and Run of any op: checks of what the caller hands in, and the memory of a run.
#include "polyphase/operator.h"

#include <algorithm>
#include <cinttypes>
#include <utility>

#include "api/impl.h"
#include "api/verbose.h"
#include "base/aligned_buffer.h"
#include "base/checked_math.h"
#include "base/format.h"
#include "base/status.h"
#include "base/try.h"
#include "geometry/enum_names.h"
#include "geometry/tensor.h"

namespace polyphase {
namespace internal {

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

namespace {

// No machine has more threads. The limit keeps an absurd num_threads from overflowing anything.
constexpr size_t kMaxThreads = 4096;

size_t Threads(const Runtime& runtime, size_t requested) {
  size_t threads = requested != 0 ? requested : runtime.num_threads;
  if (threads == 0) threads = runtime.parallel_for != nullptr ? 1 : DefaultThreads();
  return std::min(threads, kMaxThreads);
}

// Options that an op does not take are errors, they are not ignored.
Status CheckPlanOptions(const OperatorImpl& op, const PlanOptions& options) {
  const PlanOptionsTaken& takes = op.takes;
  if (options.algorithm != Algorithm::kAuto && !takes.algorithm) {
    return Status::InvalidArgument("algorithm = %s: %s has no algorithms to choose from, must be kAuto",
                                   internal::EnumName(options.algorithm).c_str(), op.name);
  }
  for (const int64_t size : options.output_size) {
    if (size == 0 || takes.output_size) continue;
    return Status::InvalidArgument("output_size = %" PRId64 ": %s does not take it, must be 0", size, op.name);
  }
  if (options.indices && !takes.input_indices && !takes.output_indices) {
    return Status::InvalidArgument("indices: %s has none, must be unset", op.name);
  }
  if (options.residual && !takes.residual) {
    return Status::InvalidArgument("residual: %s has no epilogue, must be unset", op.name);
  }
  if (options.mask && !takes.mask) return Status::InvalidArgument("mask: %s has none, must be unset", op.name);
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

// Holds at most input, output, residual, indices and mask.
class BufferList {
 public:
  void Add(const Buffer& buffer) { buffers_[count_++] = buffer; }
  const Buffer* begin() const { return buffers_; }
  const Buffer* end() const { return buffers_ + count_; }

 private:
  Buffer buffers_[5] = {};
  int count_ = 0;
};

// Checks that no buffer that is written overlaps another. The residual may be the output itself, because the same
// thread reads each element before it writes it.
Status CheckBuffers(const BufferList& buffers, const TensorDesc* residual_in_place) {
  for (const Buffer& buffer : buffers) {
    POLYPHASE_RETURN_IF_ERROR(CheckPointer(buffer.name, buffer.pointer, *buffer.desc));
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
  return a.dtype == b.dtype && a.layout == b.layout && a.channel_block == b.channel_block && a.stride_n == b.stride_n &&
         a.stride_c == b.stride_c && a.stride == b.stride;
}

}  // namespace
}  // namespace internal

using internal::OperatorImpl;
using internal::PlanImpl;

Operator::Operator(std::shared_ptr<const OperatorImpl> impl) : impl_(std::move(impl)) {}
Operator::Operator(const Operator&) noexcept = default;
Operator& Operator::operator=(const Operator&) noexcept = default;
Operator::~Operator() = default;

std::string Operator::Describe() const { return impl_->Describe(); }

StatusOr<Plan> Operator::MakePlan(const TensorDesc& input, const PlanOptions& options) const {
  const auto body = [&]() -> StatusOr<Plan> {
    TensorDesc normalized = input;
    POLYPHASE_RETURN_IF_ERROR(internal::NormalizeTensor("input", &normalized));
    POLYPHASE_RETURN_IF_ERROR(internal::CheckPlanOptions(*impl_, options));
    const internal::Stopwatch stopwatch;
    const internal::FloatMode mode(internal::Denormals::kKeep);
    const size_t threads = internal::Threads(impl_->runtime, options.num_threads);
    std::unique_ptr<PlanImpl> plan;
    POLYPHASE_RETURN_IF_ERROR(impl_->MakePlan(normalized, options, threads, &plan));
    plan->owner = impl_;
    plan->runtime = impl_->runtime;
    plan->public_input = internal::Collapse(plan->input);
    plan->public_output = internal::Collapse(plan->output);
    if (plan->residual) plan->public_residual = internal::Collapse(*plan->residual);
    if (plan->indices) plan->public_indices = internal::Collapse(*plan->indices);
    if (plan->mask) plan->public_mask = internal::Collapse(*plan->mask);
    plan->workers = std::max<size_t>(1, std::min(threads, static_cast<size_t>(plan->tasks)));
    plan->workspace_bytes = plan->workers * static_cast<size_t>(plan->worker_bytes);
    plan->description = internal::Format("%s (%s), target %s, %" PRId64 " task%s on %zu thread%s, workspace %zu bytes",
                                         plan->choice.c_str(), plan->reason.c_str(), impl_->kernels.target.name,
                                         plan->tasks, plan->tasks == 1 ? "" : "s", plan->workers,
                                         plan->workers == 1 ? "" : "s", plan->workspace_bytes);
    if (internal::IsVerbose()) internal::PrintPlan(*plan, stopwatch);
    return internal::HandleAccess::Make<Plan>(std::shared_ptr<const PlanImpl>(std::move(plan)));
  };
  return internal::Try(body, []() -> StatusOr<Plan> { return internal::OutOfMemory(); });
}

Plan::Plan(std::shared_ptr<const PlanImpl> impl) : impl_(std::move(impl)) {}
Plan::Plan(const Plan&) noexcept = default;
Plan& Plan::operator=(const Plan&) noexcept = default;
Plan::~Plan() = default;

const TensorDesc& Plan::input() const noexcept { return impl_->public_input; }
const TensorDesc& Plan::output() const noexcept { return impl_->public_output; }
const TensorDesc* Plan::residual() const noexcept {
  return impl_->public_residual ? &*impl_->public_residual : nullptr;
}
const TensorDesc* Plan::indices() const noexcept { return impl_->public_indices ? &*impl_->public_indices : nullptr; }
const TensorDesc* Plan::mask() const noexcept { return impl_->public_mask ? &*impl_->public_mask : nullptr; }
size_t Plan::workspace_bytes() const noexcept { return impl_->workspace_bytes; }
const std::string& Plan::Describe() const noexcept { return impl_->description; }

Status Plan::Run(const void* input, void* output, const RunOptions& options) const noexcept {
  const PlanImpl& plan = *impl_;
  if (internal::IsEmpty(plan.output)) return Status();
  const Runtime& runtime = options.runtime ? *options.runtime : plan.runtime;
  POLYPHASE_RETURN_IF_ERROR(internal::CheckRuntime(runtime));
  internal::BufferList buffers;
  buffers.Add({"input", input, &plan.input, false});
  buffers.Add({"output", output, &plan.output, true});
  if (plan.residual) buffers.Add({"residual", options.residual, &*plan.residual, false});
  const internal::PlanOptionsTaken& takes = plan.owner->takes;
  if (plan.indices && takes.input_indices) {
    buffers.Add({"input_indices", options.input_indices, &*plan.indices, false});
  } else if (plan.indices && options.output_indices != nullptr) {
    buffers.Add({"output_indices", options.output_indices, &*plan.indices, true});
  }
  if (plan.mask) buffers.Add({"mask", options.mask, &*plan.mask, false});
  const bool in_place = plan.residual && options.residual == output && internal::SameView(*plan.residual, plan.output);
  POLYPHASE_RETURN_IF_ERROR(internal::CheckBuffers(buffers, in_place ? &*plan.residual : nullptr));

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
  const auto body = [&]() -> Status {
    const internal::AlignedBuffer own(runtime, options.workspace == nullptr ? bytes : 0);
    if (!own.ok()) {
      return Status::Make(StatusCode::kOutOfMemory, "workspace: the allocator returned null for %zu bytes", bytes);
    }
    // A plan that needs no workspace is handed none, wherever the caller's would be.
    void* const workspace = options.workspace != nullptr && bytes > 0 ? options.workspace : own.as<void>();
    const internal::RunContext context{
        input,     output,       options.residual, options.input_indices, options.output_indices, options.mask,
        workspace, plan.workers, runtime,          plan.owner->denormals};
    if (!internal::IsVerbose()) return plan.Run(context);
    const internal::Stopwatch stopwatch;
    Status status = plan.Run(context);
    internal::PrintRun(plan, stopwatch);
    return status;
  };
  return internal::Try(body, [] {
    return Status::Make(StatusCode::kOutOfMemory,
                        "parallel_for or allocate threw an exception: the output is incomplete");
  });
}

}  // namespace polyphase
