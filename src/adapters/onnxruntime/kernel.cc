#include "adapters/onnxruntime/kernel.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

namespace polyphase::ort {
namespace {

// Plans that a kernel keeps: enough for a model that is run at a few resolutions, or on tiles and their remainders.
constexpr size_t kMaxPlans = 16;
constexpr std::align_val_t kAlignment{PPH_WORKSPACE_ALIGNMENT};

int Find(const std::vector<Value>& values, const std::string& name) {
  if (name.empty()) return -1;
  const auto it = std::find_if(values.begin(), values.end(), [&name](const Value& v) { return v.name() == name; });
  if (it == values.end()) throw std::runtime_error("Polyphase: the fused node does not have the value " + name);
  return static_cast<int>(it - values.begin());
}

// A run's threads are those of its session.
struct SessionThreads {
  const OrtKernelContext* context;
  OrtStatus* status = nullptr;

  static void ParallelFor(void* self, size_t count, pph_task task, void* task_context) {
    auto* threads = static_cast<SessionThreads*>(self);
    threads->status = api->KernelContext_ParallelFor(threads->context, task, count, 0, task_context);
  }
};

}  // namespace

// ---- Workspaces

void Workspaces::Free::operator()(std::byte* data) const { ::operator delete(data, kAlignment); }

Workspaces::Block Workspaces::Take(size_t bytes) {
  Block block;
  if (bytes == 0) return block;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    // The smallest one that suffices, or else the largest, which is replaced.
    const auto better = [bytes](const Block& a, const Block& b) {
      const bool a_fits = a.bytes >= bytes, b_fits = b.bytes >= bytes;
      return a_fits != b_fits ? a_fits : a_fits == (a.bytes < b.bytes);
    };
    const auto best = std::min_element(free_.begin(), free_.end(), better);
    if (best != free_.end()) {
      block = std::move(*best);
      *best = std::move(free_.back());
      free_.pop_back();
    }
  }
  if (block.bytes < bytes) {
    block = Block();
    block.data.reset(static_cast<std::byte*>(::operator new(bytes, kAlignment)));
    block.bytes = bytes;
  }
  return block;
}

void Workspaces::Return(Block block) {
  if (block.bytes == 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  free_.push_back(std::move(block));
}

// ---- Kernel

Kernel::Kernel(Layer layer, const Node& fused, size_t threads, std::shared_ptr<Workspaces> workspaces)
    : layer_(std::move(layer)),
      rank_(static_cast<size_t>(layer_.spatial_rank) + 2),
      threads_(threads),
      workspaces_(std::move(workspaces)),
      input_(Find(fused.inputs(), layer_.input)),
      input_indices_(Find(fused.inputs(), layer_.input_indices)),
      residual_(Find(fused.inputs(), layer_.residual)),
      output_(Find(fused.outputs(), layer_.output)),
      output_indices_(Find(fused.outputs(), layer_.output_indices)) {
  plans_.reserve(kMaxPlans);
}

void Kernel::Compute(OrtKernelContext* context) {
  const Dims dims = DimsOf(context, input_);
  const std::shared_ptr<const Plan> plan = PlanFor(dims);

  SessionThreads threads = {context};
  pph_runtime runtime = Defaults(pph_runtime_init);
  runtime.context = &threads;
  runtime.num_threads = threads_;
  runtime.parallel_for = SessionThreads::ParallelFor;
  pph_run_options options = Defaults(pph_run_options_init);
  options.runtime = &runtime;
  if (input_indices_ >= 0) options.input_indices = Read(context, input_indices_, dims, "indices");
  if (residual_ >= 0) options.residual = Read(context, residual_, plan->output, "summand");
  const void* input = Read(context, input_, dims, "input");
  void* output = Write(context, output_, plan->output);
  if (output_indices_ >= 0) options.output_indices = Write(context, output_indices_, plan->output);

  Workspaces::Block block = workspaces_->Take(plan->workspace_bytes);
  options.workspace = block.data.get();
  options.workspace_bytes = block.bytes;
  const pph_status status = pph_run(plan->handle.get(), input, output, &options);
  workspaces_->Return(std::move(block));
  Check(threads.status);
  if (status != PPH_OK) throw std::runtime_error(layer_.name + ": " + pph_last_error());
}

std::shared_ptr<const Kernel::Plan> Kernel::PlanFor(const Dims& dims) {
  const auto find = [this, &dims]() -> std::shared_ptr<const Plan> {
    for (Entry& entry : plans_) {
      if (entry.plan->input != dims) continue;
      entry.last_use = ++uses_;
      return entry.plan;
    }
    return nullptr;
  };
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (auto plan = find()) return plan;
  }
  // Other shapes are not kept waiting.
  auto plan = std::make_shared<Plan>();
  plan->handle = MakePlan(layer_, dims.data(), threads_);
  pph_tensor_desc output = Defaults(pph_tensor_desc_init);
  pph_plan_output(plan->handle.get(), &output);
  plan->input = dims;
  plan->output = {output.n, output.c};
  std::copy_n(output.size, layer_.spatial_rank, plan->output.begin() + 2);
  plan->workspace_bytes = pph_plan_workspace_bytes(plan->handle.get());

  const std::lock_guard<std::mutex> lock(mutex_);
  if (auto other = find()) return other;
  const Entry entry = {plan, ++uses_};
  if (plans_.size() < kMaxPlans) {
    plans_.push_back(entry);
  } else {
    *std::min_element(plans_.begin(), plans_.end(),
                      [](const Entry& a, const Entry& b) { return a.last_use < b.last_use; }) = entry;
  }
  return plan;
}

// ---- Tensors

Kernel::Dims Kernel::DimsOf(const OrtKernelContext* context, int index) const {
  const OrtValue* value = nullptr;
  Check(api->KernelContext_GetInput(context, static_cast<size_t>(index), &value));
  OrtTensorTypeAndShapeInfo* info = nullptr;
  Check(api->GetTensorTypeAndShape(value, &info));
  const std::unique_ptr<OrtTensorTypeAndShapeInfo, void (*)(OrtTensorTypeAndShapeInfo*)> owner(
      info, api->ReleaseTensorTypeAndShapeInfo);
  size_t rank = 0;
  Check(api->GetDimensionsCount(info, &rank));
  if (rank != rank_) throw std::runtime_error(layer_.name + ": a tensor has another number of axes than in the model");
  Dims dims = {};
  Check(api->GetDimensions(info, dims.data(), rank));
  return dims;
}

const void* Kernel::Read(const OrtKernelContext* context, int index, const Dims& dims, const char* what) const {
  if (index != input_ && DimsOf(context, index) != dims) {
    throw std::runtime_error(layer_.name + ": its " + what + " has another shape than the model promises");
  }
  const OrtValue* value = nullptr;
  Check(api->KernelContext_GetInput(context, static_cast<size_t>(index), &value));
  const void* data = nullptr;
  Check(api->GetTensorData(value, &data));
  return data;
}

void* Kernel::Write(OrtKernelContext* context, int index, const Dims& dims) const {
  OrtValue* value = nullptr;
  Check(api->KernelContext_GetOutput(context, static_cast<size_t>(index), dims.data(), rank_, &value));
  void* data = nullptr;
  Check(api->GetTensorMutableData(value, &data));
  return data;
}

}  // namespace polyphase::ort
