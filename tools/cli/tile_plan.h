// TilePlan: runs a network on tiles of one shape.
#ifndef POLYPHASE_TOOLS_CLI_TILE_PLAN_H_
#define POLYPHASE_TOOLS_CLI_TILE_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "network.h"
#include "polyphase/polyphase.h"

namespace polyphase::cli {

// Along one axis: the pixels that are upscaled, and the pixels before and after them that are only looked at. The
// latter are Network::context() pixels, or fewer where the picture ends with Border::kZeros.
struct TileAxis {
  int64_t before;
  int64_t size;
  int64_t after;

  int64_t total() const { return before + size + after; }
  bool operator==(const TileAxis& other) const {
    return before == other.before && size == other.size && after == other.after;
  }
};

// Memory for tensors and workspaces that is kept from tile to tile, and grows.
class TileBuffer {
 public:
  void Reserve(size_t bytes);
  float* data() const { return data_.get(); }

 private:
  struct Delete {
    void operator()(float* data) const;
  };
  std::unique_ptr<float, Delete> data_;
  size_t bytes_ = 0;
};

struct TileBuffers {
  TileBuffer input, output, workspace;
  TileBuffer maps[2];  // a layer reads one of them and writes the other
};

// The result of a pixel does not depend on the tile that it is in, but for its rounding if the network is not strict:
// each layer reads what it needs for the pixels that the rest of the network needs, as a view of the result of the
// layer before it. Results for which zeros were read in place of pixels of the picture are not in that view.
class TilePlan {
 public:
  // `network` must outlive it. Throws std::runtime_error.
  TilePlan(const Network& network, const TileAxis& rows, const TileAxis& columns);

  // Call this before Run for these buffers.
  void Reserve(TileBuffers* buffers) const;
  // Goes from buffers->input, which is filled as input() says, to buffers->output. Throws std::runtime_error.
  void Run(TileBuffers* buffers) const;

  // Returns the most that the tensors take for tiles of this size, context included. Workspaces come on top.
  static double Bytes(const Network& network, double height, double width);

  const TileAxis& rows() const { return rows_; }
  const TileAxis& columns() const { return columns_; }
  // Dense NCHW planes, context included.
  const TensorDesc& input() const { return steps_.front().plan.input(); }
  // NCHW planes without the context. They begin output_offset() elements after the beginning of the buffer.
  const TensorDesc& output() const { return output_; }
  int64_t output_offset() const { return output_offset_; }

 private:
  struct Step {
    Plan plan;
    int64_t offset;  // offset of its input in the buffer
  };

  TileAxis rows_, columns_;
  std::vector<Step> steps_;
  std::optional<Step> base_;
  TensorDesc output_;
  int64_t output_offset_ = 0;
};

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_TILE_PLAN_H_
