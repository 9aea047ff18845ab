// TilePlan: see tile_plan.h.
#include "tile_plan.h"

#include <algorithm>
#include <new>

#include "errors.h"

namespace polyphase::cli {

namespace {

constexpr int32_t kBlock = 16;  // channels that lie side by side between the layers

// Returns the part of a tile that layers with `context` pixels of context in all need.
TileAxis Needed(const TileAxis& axis, int64_t context) {
  return {std::min(axis.before, context), axis.size, std::min(axis.after, context)};
}

// Returns the bytes of a tensor of one image.
size_t BytesOf(const TensorDesc& dense) { return sizeof(float) * static_cast<size_t>(dense.stride_n); }

}  // namespace

void TileBuffer::Reserve(size_t bytes) {
  if (bytes <= bytes_) return;
  data_.reset();
  bytes_ = 0;
  data_.reset(static_cast<float*>(::operator new (bytes, std::align_val_t{kWorkspaceAlignment})));
  bytes_ = bytes;
}

void TileBuffer::Delete::operator()(float* data) const {
  ::operator delete (data, std::align_val_t{kWorkspaceAlignment});
}

TilePlan::TilePlan(const Network& network, const TileAxis& rows, const TileAxis& columns)
    : rows_(rows), columns_(columns) {
  TensorDesc view = TensorDesc::Nchw(1, 3, rows.total(), columns.total());
  int64_t offset = 0;
  TileAxis y = rows;  // what the view shows
  TileAxis x = columns;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Network::Layer& layer = network.layers[i];
    const bool last = i + 1 == network.layers.size();
    PlanOptions options;
    options.output = last ? TensorDesc::Nchw(0, 0, 0, 0) : TensorDesc::Nchwc(kBlock, 0, 0, 0, 0);
    if (network.strict) options.algorithm = Algorithm::kSubpixel;
    steps_.push_back({ValueOrThrow(layer.op.MakePlan(view, options)), offset});
    options.algorithm = Algorithm::kAuto;
    if (last && network.base) {
      TensorDesc seen = input();
      seen.size = {y.total(), x.total()};
      const int64_t seen_offset = (rows.before - y.before) * seen.stride[0] + columns.before - x.before;
      base_ = Step{ValueOrThrow(network.base->MakePlan(seen, options)), seen_offset};
    }
    const int64_t context = network.context() - 1 - static_cast<int64_t>(i);
    const TileAxis needed_y = Needed(y, context);
    const TileAxis needed_x = Needed(x, context);
    const int64_t cut_y = layer.padding == 0 ? 0 : y.before - needed_y.before;
    const int64_t cut_x = layer.padding == 0 ? 0 : x.before - needed_x.before;
    const int64_t scale = last ? network.scale : 1;
    view = steps_.back().plan.output();
    view.size = {needed_y.total() * scale, needed_x.total() * scale};
    offset = (cut_y * view.stride[0] + cut_x * view.stride[1]) * scale;
    y = needed_y;
    x = needed_x;
  }
  output_ = view;
  output_offset_ = offset;
}

void TilePlan::Reserve(TileBuffers* buffers) const {
  buffers->input.Reserve(BytesOf(input()));
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Plan& plan = steps_[i].plan;
    const bool last = i + 1 == steps_.size();
    (last ? buffers->output : buffers->maps[i % 2]).Reserve(BytesOf(plan.output()));
    buffers->workspace.Reserve(plan.workspace_bytes());
  }
  if (base_) buffers->workspace.Reserve(base_->plan.workspace_bytes());
}

void TilePlan::Run(TileBuffers* buffers) const {
  const auto run = [&](const Step& step, const float* input, float* output, const float* residual) {
    RunOptions options;
    options.workspace = buffers->workspace.data();
    options.workspace_bytes = step.plan.workspace_bytes();
    options.residual = residual;
    ThrowIfError(step.plan.Run(input + step.offset, output, options));
  };
  const float* input = buffers->input.data();
  float* output = buffers->output.data();
  for (size_t i = 0; i + 1 < steps_.size(); ++i) {
    float* map = buffers->maps[i % 2].data();
    run(steps_[i], input, map, nullptr);
    input = map;
  }
  if (base_) run(*base_, buffers->input.data(), output, nullptr);  // the last layer adds to it in place
  run(steps_.back(), input, output, base_ ? output : nullptr);
}

double TilePlan::Bytes(const Network& network, double height, double width) {
  const auto scale = static_cast<double>(network.scale);
  return sizeof(float) * height * width *
         (3.0 + 2.0 * static_cast<double>(network.most_channels) + 3.0 * scale * scale);
}

}  // namespace polyphase::cli
