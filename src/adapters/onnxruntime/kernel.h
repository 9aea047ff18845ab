// Running a chain of layers: plans for the shapes that come, workspaces, and the session's threads.
#ifndef POLYPHASE_ADAPTERS_ONNXRUNTIME_KERNEL_H_
#define POLYPHASE_ADAPTERS_ONNXRUNTIME_KERNEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "adapters/onnxruntime/layer.h"
#include "adapters/onnxruntime/ort_api.h"

namespace polyphase::ort {

// Workspaces of all kernels of a session: as many as kernels run at once, each as large as the largest that was needed.
class Workspaces {
 public:
  struct Free {
    void operator()(std::byte* data) const;
  };
  struct Block {
    std::unique_ptr<std::byte, Free> data;
    size_t bytes = 0;
  };

  // A free block of at least `bytes`; allocates only if there is none.
  Block Take(size_t bytes);
  void Return(Block block);

 private:
  std::mutex mutex_;
  std::vector<Block> free_;
};

class Kernel {
 public:
  // `fused` is the node that stands for the chain's nodes; its inputs and outputs are those of Compute.
  Kernel(Chain chain, const Node& fused, size_t threads, std::shared_ptr<Workspaces> workspaces);

  // Any number of threads at once. Once a shape has been planned, nothing is allocated here.
  void Compute(OrtKernelContext* context);

 private:
  using Dims = std::array<int64_t, PPH_MAX_SPATIAL_RANK + 2>;  // of which the layers' rank + 2 count

  // A layer, and where among the inputs and outputs of the fused node its own are; -1: it has none, or it is the
  // tensor between two layers.
  struct Stage {
    Layer layer;
    int input, input_indices, residual, output, output_indices;
  };
  struct StagePlan {
    PlanHandle handle;
    Dims output;
    size_t output_offset;  // in the block of the run, if the output is not one of the fused node's
  };
  struct Plan {
    Dims input;
    std::vector<StagePlan> stages;
    size_t workspace_bytes;  // of the stage that needs most
    size_t block_bytes;      // of the run: the workspace, then the tensors between the stages
  };
  struct Entry {
    std::shared_ptr<const Plan> plan;
    uint64_t last_use;
  };

  static std::vector<Stage> MakeStages(Chain chain, const Node& fused);
  std::shared_ptr<const Plan> PlanFor(const Dims& dims);
  std::shared_ptr<Plan> MakePlans(const Dims& dims) const;
  // The data of an input that must have `dims`.
  const void* Read(const OrtKernelContext* context, int index, const Dims& dims, const char* what) const;
  static const void* Data(const OrtKernelContext* context, int index);
  Dims DimsOf(const OrtKernelContext* context, int index) const;
  void* Write(OrtKernelContext* context, int index, const Dims& dims) const;

  const std::vector<Stage> stages_;
  const size_t rank_;  // of the tensors
  const size_t threads_;
  const std::shared_ptr<Workspaces> workspaces_;

  std::mutex mutex_;  // of the plans
  std::vector<Entry> plans_;
  uint64_t uses_ = 0;
};

}  // namespace polyphase::ort

#endif  // POLYPHASE_ADAPTERS_ONNXRUNTIME_KERNEL_H_
