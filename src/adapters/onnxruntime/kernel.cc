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
// Tensors of fewer channels would be mostly padding in blocks of 16.
constexpr int64_t kBlockedChannels = 12;

size_t Aligned(size_t bytes) {
  constexpr size_t kBytes = PPH_WORKSPACE_ALIGNMENT;
  return (bytes + kBytes - 1) / kBytes * kBytes;
}

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

Kernel::Kernel(Chain chain, const Node& fused, size_t threads, std::shared_ptr<Workspaces> workspaces)
    : stages_(MakeStages(std::move(chain), fused)),
      rank_(static_cast<size_t>(stages_[0].layer.spatial_rank) + 2),
      threads_(threads),
      workspaces_(std::move(workspaces)) {
  plans_.reserve(kMaxPlans);
}

std::vector<Kernel::Stage> Kernel::MakeStages(Chain chain, const Node& fused) {
  const std::string none;
  std::vector<Stage> stages;
  for (Layer& layer : chain) {
    const bool is_first = &layer == &chain.front(), is_last = &layer == &chain.back();
    const int input = Find(fused.inputs(), is_first ? layer.input : none);
    const int input_indices = Find(fused.inputs(), layer.input_indices);
    const int residual = Find(fused.inputs(), layer.residual);
    const int output = Find(fused.outputs(), is_last ? layer.output : none);
    const int output_indices = Find(fused.outputs(), layer.output_indices);
    stages.push_back({std::move(layer), input, input_indices, residual, output, output_indices});
  }
  return stages;
}

void Kernel::Compute(OrtKernelContext* context) {
  const Dims dims = DimsOf(context, stages_[0].input);
  const std::shared_ptr<const Plan> plan = PlanFor(dims);

  SessionThreads threads = {context};
  pph_runtime runtime = Defaults(pph_runtime_init);
  runtime.context = &threads;
  runtime.num_threads = threads_;
  runtime.parallel_for = SessionThreads::ParallelFor;
  pph_run_options options = Defaults(pph_run_options_init);
  options.runtime = &runtime;

  Workspaces::Block block = workspaces_->Take(plan->block_bytes);
  options.workspace = block.data.get();
  options.workspace_bytes = plan->workspace_bytes;
  const void* input = Data(context, stages_[0].input);
  for (size_t i = 0; i < stages_.size(); ++i) {
    const Stage& stage = stages_[i];
    const StagePlan& made = plan->stages[i];
    options.input_indices = stage.input_indices < 0 ? nullptr : Read(context, stage.input_indices, dims, "indices");
    options.residual = stage.residual < 0 ? nullptr : Read(context, stage.residual, made.output, "summand");
    void* output = stage.output < 0 ? block.data.get() + made.output_offset : Write(context, stage.output, made.output);
    options.output_indices = stage.output_indices < 0 ? nullptr : Write(context, stage.output_indices, made.output);
    const pph_status status = pph_run(made.handle.get(), input, output, &options);
    Check(threads.status);
    if (status != PPH_OK) throw std::runtime_error(stage.layer.name + ": " + pph_last_error());
    input = output;
  }
  workspaces_->Return(std::move(block));
}

// Tensors between stages that have the channels for it are blocked. Two places are enough for all: a stage reads
// what the one before it wrote, and no other.
std::shared_ptr<Kernel::Plan> Kernel::MakePlans(const Dims& dims) const {
  auto plan = std::make_shared<Plan>();
  plan->input = dims;
  plan->workspace_bytes = 0;
  size_t place_bytes[2] = {0, 0};
  Dims input = dims;
  Layouts layouts;
  for (size_t i = 0; i < stages_.size(); ++i) {
    const Layer& layer = stages_[i].layer;
    const bool is_last = i + 1 == stages_.size();
    layouts.output = !is_last && layer.output_channels >= kBlockedChannels ? PPH_NCHWC : PPH_NCHW;
    PlanHandle handle = MakePlan(layer, input.data(), layouts, threads_);
    pph_tensor_desc output = Defaults(pph_tensor_desc_init);
    pph_plan_output(handle.get(), &output);
    input = {output.n, output.c};
    std::copy_n(output.size, layer.spatial_rank, input.begin() + 2);
    layouts.input = layouts.output;
    plan->workspace_bytes = std::max(plan->workspace_bytes, Aligned(pph_plan_workspace_bytes(handle.get())));
    if (!is_last) {
      const size_t bytes = static_cast<size_t>(output.n * output.stride_n) * sizeof(float);
      place_bytes[i % 2] = std::max(place_bytes[i % 2], Aligned(bytes));
    }
    plan->stages.push_back({std::move(handle), input, 0});
  }
  for (size_t i = 0; i + 1 < stages_.size(); ++i) {
    plan->stages[i].output_offset = plan->workspace_bytes + (i % 2) * place_bytes[0];
  }
  plan->block_bytes = plan->workspace_bytes + place_bytes[0] + place_bytes[1];
  return plan;
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
  std::shared_ptr<const Plan> plan = MakePlans(dims);
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
  if (rank != rank_) {
    throw std::runtime_error(stages_[0].layer.name + ": a tensor has another number of axes than in the model");
  }
  Dims dims = {};
  Check(api->GetDimensions(info, dims.data(), rank));
  return dims;
}

const void* Kernel::Read(const OrtKernelContext* context, int index, const Dims& dims, const char* what) const {
  if (DimsOf(context, index) != dims) {
    throw std::runtime_error(stages_[0].layer.name + ": its " + what + " has another shape than the model promises");
  }
  return Data(context, index);
}

const void* Kernel::Data(const OrtKernelContext* context, int index) {
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
