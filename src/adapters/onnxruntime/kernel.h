// Running a layer: plans for the shapes that come, workspaces, and the session's threads.
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
  // `fused` is the node that stands for the layer's nodes; its inputs and outputs are those of Compute.
  Kernel(Layer layer, const Node& fused, size_t threads, std::shared_ptr<Workspaces> workspaces);

  // Any number of threads at once. Once a shape has been planned, nothing is allocated here.
  void Compute(OrtKernelContext* context);

 private:
  using Dims = std::array<int64_t, PPH_MAX_SPATIAL_RANK + 2>;  // of which the layer's rank + 2 count

  struct Plan {
    Dims input, output;
    PlanHandle handle;
    size_t workspace_bytes;
  };
  struct Entry {
    std::shared_ptr<const Plan> plan;
    uint64_t last_use;
  };

  std::shared_ptr<const Plan> PlanFor(const Dims& dims);
  // The data of an input that must have `dims`.
  const void* Read(const OrtKernelContext* context, int index, const Dims& dims, const char* what) const;
  Dims DimsOf(const OrtKernelContext* context, int index) const;
  void* Write(OrtKernelContext* context, int index, const Dims& dims) const;

  const Layer layer_;
  const size_t rank_;  // of the tensors
  const size_t threads_;
  const std::shared_ptr<Workspaces> workspaces_;
  // Positions among the inputs and the outputs of the fused node; -1: none.
  int input_, input_indices_, residual_, output_, output_indices_;

  std::mutex mutex_;  // of the plans
  std::vector<Entry> plans_;
  uint64_t uses_ = 0;
};

}  // namespace polyphase::ort

#endif  // POLYPHASE_ADAPTERS_ONNXRUNTIME_KERNEL_H_
