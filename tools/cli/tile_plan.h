// TilePlan: what a network does for tiles of one shape, and the run of it.
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

// Along one axis: the pixels that are upscaled, and those before and after them that are only looked at. These are
// Network::context() pixels; with Border::kZeros fewer where the picture ends, and nowhere else.
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

// What is computed for a pixel does not depend on the tile that it is in: each layer reads what it needs for the pixels
// that the rest of the network needs, as a view of what the layer before it made. Where zeros were read in place of
// pixels that are in the picture, the result is not in that view.
class TilePlan {
 public:
  // `network` must outlive it. Throws std::runtime_error.
  TilePlan(const Network& network, const TileAxis& rows, const TileAxis& columns);

  // Must precede Run for these buffers.
  void Reserve(TileBuffers* buffers) const;
  // From buffers->input, which is filled as input() says, to buffers->output. Throws std::runtime_error.
  void Run(TileBuffers* buffers) const;

  // What the tensors take at most for tiles of this size, context included; workspaces come on top.
  static double Bytes(const Network& network, double height, double width);

  const TileAxis& rows() const { return rows_; }
  const TileAxis& columns() const { return columns_; }
  // Dense NCHW planes, context included.
  const TensorDesc& input() const { return steps_.front().plan.input(); }
  // NCHW planes without the context; they begin output_offset() elements behind the begin of the buffer.
  const TensorDesc& output() const { return output_; }
  int64_t output_offset() const { return output_offset_; }

 private:
  struct Step {
    Plan plan;
    int64_t offset;  // of its input in the buffer
  };

  TileAxis rows_, columns_;
  std::vector<Step> steps_;
  std::optional<Step> base_;
  TensorDesc output_;
  int64_t output_offset_ = 0;
};

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_TILE_PLAN_H_
