// Computes a phase convolution by Winograd's F(m, r) along each axis whose phases have more than one tap: tiles of
// inputs are transformed, all phases multiply the same components, and their products are transformed into tiles of
// outputs.
#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <vector>

#include "base/checked_math.h"
#include "base/format.h"
#include "phase_conv/algorithm.h"
#include "phase_conv/task.h"

namespace polyphase::internal {
namespace {

// Fewer channels than these do not pay for the transforms. Output channels are those of all phases.
constexpr int64_t kMinInputChannels = 16, kMinOutputChannels = 8;

// ---- Format

// Sums of 6 and more inputs are cut into chunks of this many channels, which are added up at the end, because the
// rounding errors of a sum of c channels grow with sqrt(c), and the inverse transform amplifies them. In 2-D, relative
// to the norm of the output, 64 channels have an error of 7e-7 to 9e-7 with 6 inputs and of 3.3e-6 with 8, whatever the
// number of chunks; a single sum of 1024 channels had 2.9e-6 and 1.3e-5. With 4 inputs it is that of the direct form or
// less: 3e-7 for 64 channels, 9e-7 for 1024 (AVX2, normal inputs and weights).
constexpr int64_t kChunk = 64;

// Returns whether the error keeps the promise of the numerics, 1e-6 of the norm in kDefault and 1e-5 in kFast. A third
// axis multiplies it once more.
template <int kN>
bool IsAccurate(Numerics numerics, int axes) {
  switch (numerics) {
    case Numerics::kStrict: return false;
    case Numerics::kDefault: return kN == 4 || (kN == 6 && axes <= 2);
    case Numerics::kFast:
    case Numerics::kBf16: break;
  }
  return kN <= 6 || axes <= 2;
}

template <int kN>
bool Applies(const PhaseConvOperator& op, const PhaseLayer& layer) {
  if (layer.ic < kMinInputChannels) return false;
  int axes = 0;
  int64_t output_channels = layer.oc;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const std::optional<AxisPhases>& window = layer.windows[axis];
    if (!window || window->slots > std::min(kMaxWinogradTaps, kN - 1)) return false;
    if (window->slots > 1 && window->offset_step != 1) return false;
    if (window->slots > 1) ++axes;
    output_channels *= layer.phases[axis].stride;
  }
  return axes > 0 && output_channels >= kMinOutputChannels && IsAccurate<kN>(op.numerics, axes);
}

// Every axis whose window is longer than one input has kN inputs per tile.
template <int kN>
WeightFormat ReadFormat(const PhaseConvOperator& op, const PhaseLayer& layer) {
  const JoinedPhases* const joined = layer.winograd_joined.any() ? &layer.winograd_joined : nullptr;
  WeightFormat format{WeightFormat::Order::kWinograd, joined, &op.kernels.conv.dense};
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const auto r = static_cast<int>(layer.windows[axis]->slots);
    if (r > 1) format.transform[axis] = {kN, r};
  }
  return format;
}

// ---- Geometry

// An axis as tiles. Tile t has m positions of each phase, whose outputs are neighbours, and reads the n inputs from
// input + t * m on.
struct TileAxis {
  int64_t n = 1, m = 1;
  int64_t input = 0;
  int64_t lead = 0;    // outputs of tile 0 before the part
  int64_t stride = 1;  // phases
  int64_t count = 0;
  // Components whose weights are all zeros, because their taps are missing in a phase: [phase][component].
  std::vector<char> zeros;
  int64_t products = 0;  // of all phases: the others

  bool IsZero(int64_t slot) const { return zeros[static_cast<size_t>(slot)] != 0; }
  int64_t outputs() const { return m * stride; }  // of a tile
  IndexRange Inputs(const IndexRange& tiles) const {
    return {input + tiles.begin * m, input + (tiles.end - 1) * m + n};
  }
};
using TileAxes = std::array<TileAxis, kMaxSpatialRank>;

// Returns whether a component has weights in a phase that lacks some taps of the window. A phase of one of two taps
// thus has m products, as in the direct form: kernels of 3 at stride 2 take 0.78 to 0.89 of the time (Zen 1, AVX2).
bool HasWeights(const AxisPhases& phases, const AxisPhases& window, const WinogradAxis& transform, int64_t phase,
                int component) {
  for (int k = 0; k < transform.r; ++k) {
    if (WinogradReads(transform.n, transform.r, component, k) && SlotOfInput(phases, window, phase, k) >= 0) {
      return true;
    }
  }
  return false;
}

TileAxes TilesOf(const PhaseView& view, const PhaseLayer& layer, const WeightFormat& format) {
  TileAxes tiles;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const PhaseAxis& a = view.axes[axis];
    const AxisPhases& window = *layer.windows[axis];
    TileAxis& tile = tiles[axis];
    tile.n = format.transform[axis].n;
    tile.m = format.transform[axis].m();
    tile.input = a.position(0) + window.first_read;
    tile.lead = a.residue(0);
    tile.stride = a.phases->stride;
    tile.count = DivCeil(a.out + tile.lead, tile.outputs());
    const bool joined = view.join[axis] > 1;
    for (int64_t phase = 0; phase < tile.stride; ++phase) {
      for (int component = 0; component < tile.n; ++component) {
        const bool zero = !joined && !HasWeights(layer.phases[axis], window, format.transform[axis], phase, component);
        tile.zeros.push_back(zero);
        if (!zero) ++tile.products;
      }
    }
  }
  return tiles;
}

template <class Member>
int64_t Product(const TileAxes& tiles, Member member) {
  return tiles[0].*member * (tiles[1].*member) * (tiles[2].*member);
}

int64_t ChunkOf(const TileAxes& tiles, const PhaseView& view) {
  return tiles[0].n <= 4 && tiles[1].n <= 4 && tiles[2].n <= 4 ? view.ic : std::min(view.ic, kChunk);
}

// The tiles that are transformed and multiplied together.
struct Block {
  SpatialSizes tiles{1, 1, 1};
  int64_t images = 1;

  int64_t pixels() const { return tiles[0] * tiles[1] * tiles[2] * images; }
};

// Returns the bytes of the components and products of one tile.
int64_t TileBytes(const TileAxes& tiles, const PhaseView& view, const WeightLayout& layout) {
  return Product(tiles, &TileAxis::n) *
         (DivCeil(view.ic, kLineLanes) * kLineBytes + layout.tiles.width(0) * int64_t{sizeof(float)});
}

// The components and products of a block stay in L2, and images come together where the map of one has few tiles.
// Blocks of twice the bytes took up to 25 % more time. But all weights are read once for each block: layers of many
// channels took 0.92 to 1.5 times as long with 12 instead of 24 tiles, most of them 1.02 to 1.2, and 0.90 to 1.28 times
// with 48 (medians of two runs, Zen 1, AVX2, 512 KiB of L2).
constexpr int64_t kBlockBytes = 384 * 1024;
Block ChooseBlock(const TileAxes& tiles, const PhaseView& view, const WeightLayout& layout) {
  constexpr int64_t kFewestTiles = 24;
  int64_t most = std::max(kFewestTiles, kBlockBytes / TileBytes(tiles, view, layout));
  Block block;
  for (int axis = kColumn; axis >= 0; --axis) {
    block.tiles[axis] = BalancedTile(tiles[axis].count, std::max<int64_t>(1, most));
    most /= block.tiles[axis];
  }
  const bool whole = Product(tiles, &TileAxis::count) == block.pixels();
  if (whole) block.images = BalancedTile(view.images, std::max<int64_t>(1, most));
  return block;
}

// ---- Cost

// Weights that are larger than this come from memory (a share of L3: 8 MiB on Zen 1).
constexpr double kSharedBytes = 8 << 20;

double Cost(const PhaseProblem& problem, const WeightLayout& layout) {
  const ConvTile& kernel = problem.op.kernels.conv.dense;
  const PhaseView view(problem, layout.format);
  const TileAxes tiles = TilesOf(view, problem.layer, layout.format);
  const Block block = ChooseBlock(tiles, view, layout);
  const double lanes = kernel.lanes;
  const double ic = static_cast<double>(view.ic);
  const double out_vectors = static_cast<double>(layout.tiles.padded()) / lanes;
  const double all_tiles = static_cast<double>(Product(tiles, &TileAxis::count));
  const double phases = static_cast<double>(Product(tiles, &TileAxis::stride));
  const double components = static_cast<double>(Product(tiles, &TileAxis::n));
  const double products = static_cast<double>(Product(tiles, &TileAxis::products));
  // A block reads all weights once, and multiplies each vector of them with its tiles. A vector of 8 floats takes as
  // long to come as so many multiplications (Zen 1, AVX2), and so does one of 16 where lines come twice as fast (600
  // layers). With AMX in the CPU, weights of more than kSharedBytes cost twice as much, and all a tenth
  // more (132 layers, Granite Rapids).
  const double block_pixels = static_cast<double>(block.pixels());
  const double weight_bytes = products * ic * static_cast<double>(layout.tiles.padded() * layout.element_bytes);
  const bool mesh = problem.op.kernels.matrix.tiles[0].granule > 1;
  const double vector_cost = (weight_bytes <= kStripBytes    ? 4
                              : weight_bytes <= kSharedBytes ? 7
                              : mesh                         ? 25
                                                             : 12) *
                             std::min(1.0, lanes / 8);
  const int64_t tile_pixels = BalancedTile(block.pixels(), kernel.mr);
  const double rate = TileRate(block.pixels(), kernel, layout.tiles, 0) * std::min(1.0, block_pixels / vector_cost);
  const double chunks = static_cast<double>(DivCeil(view.ic, ChunkOf(tiles, view)));
  const double call = kCallCost / static_cast<double>(layout.tiles.vectors(0) * tile_pixels);
  // Components that do not stay in L2 come back for each tile of columns.
  const double block_bytes = block_pixels * static_cast<double>(TileBytes(tiles, view, layout));
  const double lines = static_cast<double>(DivCeil(view.ic, kLineLanes));
  const double line_cost = block_bytes <= 2 * kBlockBytes ? 0 : block_bytes <= 8 * kBlockBytes ? 3.5 : 14;
  const double reload = line_cost * lines * static_cast<double>(layout.tiles.count());
  // One element costs a load, a store, and some additions. A forward pass makes n of n elements of an axis, and an
  // inverse pass leaves m of them.
  double forward = 0, inverse = 0, left = components;
  for (const TileAxis& tile : tiles) {
    const double n = static_cast<double>(tile.n);
    left *= static_cast<double>(tile.m) / n;
    forward += tile.n == 1 ? 0 : components * (3 + 0.5 * n);
    inverse += 0.8 * left * (tile.n == 1 ? 2 : 3 + n);
  }
  const double in_pixels = view.Product(&PhaseAxis::in);
  const double outputs = view.Product(&PhaseAxis::out);
  return (mesh ? 1.1 : 1) * static_cast<double>(view.images * view.groups) *
         (all_tiles * (products * ((ic / rate + chunks * call + 7 * (chunks - 1)) * out_vectors + reload) +
                       forward * lines * kLineLanes / lanes + phases * inverse * out_vectors) +
          in_pixels * ic * (MoveCost(problem.tensors.input, lanes) + WaitCost(problem.tensors.input)) +
          outputs * out_vectors * lanes * MoveCost(problem.tensors.output, lanes));
}

// ---- Schedule

class WinogradPart final : public PhasePart {
 public:
  WinogradPart(const PhaseProblem& problem, const WeightLayout& layout, size_t threads);
  void Run(int64_t task, Arena arena, const RunContext& context) const override;

  bool IsJoined() const { return tasks_.layout.format.joined != nullptr; }
  IndexRange TaskTiles(const PhaseTask& task, int axis) const {
    const IndexRange& out = task.out[axis];
    const TileAxis& tile = axes_[axis];
    return {(out.begin + tile.lead) / tile.outputs(), DivCeil(out.end + tile.lead, tile.outputs())};
  }

  PhaseTasks tasks_;
  TileAxes axes_;
  Block block_;
  int64_t chunk_ = 0;        // channels that are summed up at once
  int64_t panel_width_ = 0;  // columns of one tile or, where phases are joined, of all tiles
};

struct Scratch {
  Scratch(const WinogradPart& part, Arena& arena) {
    const PhaseTasks& tasks = part.tasks_;
    const TileAxes& axes = part.axes_;
    const SpatialSizes& block = part.block_.tiles;
    const int64_t images = part.block_.images;
    SpatialSizes in, n, m;
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      n[axis] = axes[axis].n;
      m[axis] = axes[axis].m;
      in[axis] = DivCeil(tasks.boxes[axis].length, axes[axis].outputs()) * m[axis] + n[axis] - m[axis];
    }
    const int64_t width = tasks.layout.tiles.width(0);
    const int64_t pixels = part.block_.pixels();
    const int64_t lines = DivCeil(tasks.view.ic, kLineLanes);
    const auto inputs = [&](int axis) { return (block[axis] - 1) * m[axis] + n[axis]; };
    strip = TakeStrip({in[0], in[1], lines, in[2], images}, arena);
    const auto take = [&](const char* what, std::initializer_list<int64_t> counts) {
      return reinterpret_cast<float*>(arena.Take<Line>(what, counts));
    };
    components = take("components", {n[0], n[1], n[2], lines, pixels});
    if (n[2] > 1 && (n[1] > 1 || n[0] > 1)) columns = take("columns", {inputs(0), inputs(1), n[2], block[2], images});
    if (n[0] > 1) planes = take("planes", {inputs(0), n[1], n[2], block[1], block[2], images});
    products = arena.Take<float>("products", {n[0], n[1], n[2], pixels, width});
    if (part.chunk_ < tasks.view.ic) chunk = arena.Take<float>("chunk", {pixels, width});
    if (n[0] > 1) outputs_z = arena.Take<float>("outputs of z", {m[0], n[1], n[2], pixels, width});
    if (n[1] > 1) outputs_y = arena.Take<float>("outputs of y", {m[0], m[1], n[2], pixels, width});
    row_pixels = block[2] * axes[kColumn].outputs();
    const auto panel_of = [&](const char* what, int64_t rows) {
      return arena.Take<float>(what, {rows, row_pixels, part.panel_width_});
    };
    panel = panel_of("panel", images * block[0] * m[0] * block[1] * m[1]);
    if (part.IsJoined()) joined = panel_of("joined phases", 1);
    if (tasks.tensors.residual) residual = panel_of("residual", 1);
  }

  Strip strip;
  float* components = nullptr;  // [z][y][x component][line of channels][pixel], pixels are [z][y][x tile][image]
  float* columns = nullptr;     // after x, of one line of channels: [z][y input][x component][x tile][image]
  float* planes = nullptr;      // after y: [z input][y][x component][y][x tile][image]
  float* products = nullptr;    // [z][y][x component][pixel][column]
  float* chunk = nullptr;       // products of one component: [pixel][column]
  float* outputs_z = nullptr;   // [z output][y][x component][pixel][column]
  float* outputs_y = nullptr;   // [z][y output][x component][pixel][column]
  float* panel = nullptr;       // [image][z tile][output][y tile][output][x][column]
  float* joined = nullptr;      // a row of joined phases: [x][phase of x][channel]
  float* residual = nullptr;
  int64_t row_pixels = 0;  // of the panel
};

WinogradPart::WinogradPart(const PhaseProblem& problem, const WeightLayout& layout, size_t threads)
    : tasks_(problem, layout), axes_(TilesOf(tasks_.view, problem.layer, layout.format)) {
  const PhaseView& view = tasks_.view;
  block_ = ChooseBlock(axes_, view, layout);
  chunk_ = ChunkOf(axes_, view);
  panel_width_ = IsJoined() ? layout.tiles.padded() : layout.tiles.width(0);
  const double lines = static_cast<double>(DivCeil(view.ic, kLineLanes) * block_.images);
  SpatialSizes smallest;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    tasks_.lead[axis] = axes_[axis].lead;
    smallest[axis] = axes_[axis].outputs();
  }
  smallest[kColumn] *= std::min<int64_t>(axes_[kColumn].count, layout.format.tile->mr);
  tasks_.images = CutEvery(view.images, block_.images);
  SplitTasks({threads, view.UsefulMacs(), lines * kLineBytes, smallest, !IsJoined()}, &tasks_);
  Arena arena;
  Scratch(*this, arena);
  tasks = tasks_.count();
  worker_bytes = arena.bytes();
  status = arena.Check(problem.op.name);
  SpatialSizes m, r;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    m[axis] = axes_[axis].m;
    r[axis] = layout.format.transform[axis].r;
  }
  const int32_t rank = problem.op.spatial_rank;
  const double products =
      static_cast<double>(Product(axes_, &TileAxis::count)) * static_cast<double>(Product(axes_, &TileAxis::products));
  form = Format(" F(%s, %s)%s, %.3g times fewer multiplications than direct", SizesText(m, rank).c_str(),
                SizesText(r, rank).c_str(), IsJoined() ? ", phases in lanes" : "", view.Pairs() / products);
  tiles = Format("blocks of %" PRId64 " tiles", block_.pixels());
}

// ---- Loop nest

class WinogradTask {
 public:
  WinogradTask(const WinogradPart& part, PhaseTask task, const Scratch& scratch, const OutputStore& store)
      : part_(part),
        tasks_(part.tasks_),
        kernels_(part.tasks_.op.kernels.winograd),
        axes_(part.axes_),
        transform_(part.tasks_.layout.format.transform),
        task_(task),
        scratch_(scratch),
        store_(store),
        images_(task.images.count()),
        lines_(DivCeil(part.tasks_.view.ic, kLineLanes)) {
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      tiles_[axis] = part.TaskTiles(task, axis);
      task_.in[axis] = axes_[axis].Inputs(tiles_[axis]);
    }
    steps_.x = images_;
    steps_.block = task_.in[kColumn].count() * images_;
    steps_.y = lines_ * steps_.block;
    steps_.z = task_.in[kRow].count() * steps_.y;
  }

  void Run(const RunContext& context) {
    PackStrip(tasks_, task_, context, scratch_.strip, steps_, 0, tasks_.view.ic);
    ForEachBlock(kDepth, [&] {
      ForEachBlock(kRow, [&] {
        ForEachBlock(kColumn, [&] {
          pixels_ = block_[0].count() * block_[1].count() * block_[2].count() * images_;
          for (int64_t line = 0; line < lines_; ++line) TransformInputs(line);
          // The tiles that share a panel are one or, where phases are joined, all of them.
          const int64_t together = part_.IsJoined() ? task_.tiles.count() : 1;
          for (int64_t tile = task_.tiles.begin; tile < task_.tiles.end; tile += together) {
            RunTiles({tile, tile + together});
          }
        });
      });
    });
    if (tasks_.stream) tasks_.op.kernels.panel.flush();
  }

 private:
  static constexpr int64_t kLine = kLineLanes;  // floats of a line

  template <class Body>
  void ForEachBlock(int axis, const Body& body) {
    ForEachTile(tiles_[axis].count(), part_.block_.tiles[axis], [&](int64_t first, int64_t count) {
      block_[axis] = {tiles_[axis].begin + first, tiles_[axis].begin + first + count};
      body();
    });
  }

  WinogradFn Forward(int axis) const { return kernels_.forward[static_cast<size_t>(axes_[axis].n / 2)]; }
  WinogradFn Inverse(int axis) const {
    const WinogradAxis& t = transform_[static_cast<size_t>(axis)];
    return kernels_.inverse[static_cast<size_t>(t.n / 2)][static_cast<size_t>(t.r)];
  }

  // Transforms the inputs of the block along x, y and z. A pass is left out where its axis is not transformed, as long
  // as the next one, or the multiplication, can read what there is.
  void TransformInputs(int64_t line) const {
    const TileAxis &z = axes_[kDepth], &y = axes_[kRow], &x = axes_[kColumn];
    const int64_t tz = block_[kDepth].count(), ty = block_[kRow].count();
    const int64_t row = block_[kColumn].count() * images_ * kLine;  // floats of one component of a row of tiles
    const int64_t in_z = (tz - 1) * z.m + z.n, in_y = (ty - 1) * y.m + y.n;
    float* const components = scratch_.components + line * pixels_ * kLine;
    const int64_t component = lines_ * pixels_ * kLine;
    const bool pass_z = z.n > 1, pass_y = y.n > 1 || pass_z;
    // Rows of the strip, or of columns, or, without further passes, of components.
    const float* rows = reinterpret_cast<const float*>(scratch_.strip.lines) +
                        ((block_[kDepth].begin - tiles_[kDepth].begin) * z.m * steps_.z +
                         (block_[kRow].begin - tiles_[kRow].begin) * y.m * steps_.y + line * steps_.block +
                         (block_[kColumn].begin - tiles_[kColumn].begin) * x.m * steps_.x) *
                            kLine;
    int64_t step_z = steps_.z * kLine, step_y = steps_.y * kLine;
    if (x.n > 1 || !pass_y) {
      float* const to = pass_y ? scratch_.columns : components;
      const int64_t to_component = pass_y ? row : component;
      const int64_t to_y = pass_y ? x.n * row : row, to_z = in_y * to_y;
      for (int64_t iz = 0; iz < in_z; ++iz) {
        for (int64_t iy = 0; iy < in_y; ++iy) {
          Forward(kColumn)({rows + iz * step_z + iy * step_y, to + iz * to_z + iy * to_y, nullptr, images_ * kLine,
                            block_[kColumn].count(), images_ * kLine, to_component, x.m * images_ * kLine,
                            images_ * kLine});
        }
      }
      rows = to;
      step_y = to_y;
      step_z = to_z;
    }
    if (!pass_y) return;
    float* const planes = pass_z ? scratch_.planes : components;
    const int64_t plane_component = pass_z ? ty * row : component;
    const int64_t to_z = pass_z ? y.n * x.n * ty * row : ty * row;
    for (int64_t iz = 0; iz < in_z; ++iz) {
      for (int64_t t = 0; t < ty; ++t) {
        Forward(kRow)({rows + iz * step_z + t * y.m * step_y, planes + iz * to_z + t * row, nullptr, row, x.n, step_y,
                       x.n * plane_component, row, plane_component});
      }
    }
    if (!pass_z) return;
    for (int64_t t = 0; t < tz; ++t) {
      Forward(kDepth)({planes + t * z.m * to_z, components + t * ty * row, nullptr, ty * row, y.n * x.n, to_z,
                       y.n * x.n * component, ty * row, component});
    }
  }

  // Computes some tiles of output channels of the block.
  void RunTiles(const IndexRange& tiles) const {
    const ColumnTiles& columns = tasks_.layout.tiles;
    const SpatialSizes phases{axes_[0].stride, axes_[1].stride, axes_[2].stride};
    for (int64_t pz = 0; pz < phases[kDepth]; ++pz) {
      for (int64_t py = 0; py < phases[kRow]; ++py) {
        for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
          for (int64_t px = 0; px < phases[kColumn]; ++px) {
            Multiply(tile, {pz, py, px});
            TransformProducts(tile, columns.first(tile) - columns.first(tiles.begin), {pz, py, px});
          }
        }
        Store(tiles.begin, pz, py);
      }
    }
  }

  void Multiply(int64_t tile, const SpatialSizes& phase) const {
    const WeightLayout& layout = tasks_.layout;
    const ConvTile& kernel = tasks_.op.kernels.conv.dense;
    const int64_t width = layout.tiles.width(tile);
    const int64_t slot_bytes = width * layout.slot_column_bytes();
    const char* const weights =
        part_.weights.weights + task_.group * layout.group_bytes() + layout.tiles.first(tile) * layout.column_bytes();
    const auto& run = kernel.run[layout.tiles.vectors(tile) - 1];
    ConvTileArgs args{};
    args.taps_z = args.taps_y = args.taps_x = 1;
    args.bias = tasks_.op.kernels.conv.no_bias;
    args.input_step_block = pixels_ * kLineBytes;
    args.sums_step = width * int64_t{sizeof(float)};
    const float* components = scratch_.components;
    float* products = scratch_.products;
    for (int64_t cz = 0; cz < axes_[kDepth].n; ++cz) {
      for (int64_t cy = 0; cy < axes_[kRow].n; ++cy) {
        const int64_t z = phase[kDepth] * axes_[kDepth].n + cz, y = phase[kRow] * axes_[kRow].n + cy;
        const bool zero_zy = axes_[kDepth].IsZero(z) || axes_[kRow].IsZero(y);
        for (int64_t cx = 0; cx < axes_[kColumn].n; ++cx) {
          const int64_t x = phase[kColumn] * axes_[kColumn].n + cx;
          const bool zero = zero_zy || axes_[kColumn].IsZero(x);
          if (zero) std::fill_n(products, pixels_ * width, 0.0f);
          const int64_t slot = (z * layout.slots[kRow] + y) * layout.slots[kColumn] + x;
          for (int64_t c = 0; !zero && c < tasks_.view.ic; c += part_.chunk_) {
            args.channels = std::min(part_.chunk_, tasks_.view.ic - c);
            args.weights = weights + slot * slot_bytes + c * width * layout.element_bytes;
            float* const sums = c == 0 ? products : scratch_.chunk;
            ForEachTile(pixels_, kernel.mr, [&](int64_t first, int64_t count) {
              args.input = components + (c / kLine * pixels_ + first) * kLine;
              args.sums = sums + first * width;
              run[static_cast<size_t>(count - 1)](args);
            });
            // Adds it to those before it, as if these were biases.
            if (c > 0) kernels_.inverse[0][1]({sums, products, products, pixels_ * width, 1, 0, 0, 0, 0});
          }
          components += lines_ * pixels_ * kLine;
          products += pixels_ * width;
        }
      }
    }
  }

  // Transforms the products of a phase along z, y and x, adds the biases, and puts the outputs into the rows of the
  // panel, from `column` on, between those of the other phases of x.
  void TransformProducts(int64_t tile, int64_t column, const SpatialSizes& phase) const {
    const TileAxis &z = axes_[kDepth], &y = axes_[kRow], &x = axes_[kColumn];
    const WeightLayout& layout = tasks_.layout;
    const int64_t width = layout.tiles.width(tile);
    const int64_t step = part_.panel_width_;
    const int64_t component = pixels_ * width;
    const float* from = scratch_.products;
    if (z.n > 1) {
      const int64_t plane = y.n * x.n * component;
      Inverse(kDepth)({from, scratch_.outputs_z, nullptr, plane, 1, plane, plane, 0, 0});
      from = scratch_.outputs_z;
    }
    if (y.n > 1) {
      const int64_t row = x.n * component;
      Inverse(kRow)({from, scratch_.outputs_y, nullptr, row, z.m, row, row, y.n * row, y.m * row});
      from = scratch_.outputs_y;
    }
    int64_t offset = 0;  // of the biases
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      offset = offset * layout.biases[axis] + phase[axis] % layout.biases[axis];
    }
    const float* const bias = part_.weights.bias + offset * layout.bias_floats() + task_.group * layout.bias_columns +
                              layout.tiles.first(tile);
    const int64_t tiles_z = block_[kDepth].count(), tiles_y = block_[kRow].count(), tiles_x = block_[kColumn].count();
    for (int64_t iz = 0; iz < z.m; ++iz) {
      for (int64_t iy = 0; iy < y.m; ++iy, from += x.n * component) {
        for (int64_t tz = 0; tz < tiles_z; ++tz) {
          for (int64_t ty = 0; ty < tiles_y; ++ty) {
            for (int64_t image = 0; image < images_; ++image) {
              float* const row = PanelRow(image, tz * z.m + iz, ty * y.m + iy) + phase[kColumn] * step + column;
              Inverse(kColumn)({from + ((tz * tiles_y + ty) * tiles_x * images_ + image) * width, row, bias, width,
                                tiles_x, component, x.stride * step, images_ * width, x.outputs() * step});
            }
          }
        }
      }
    }
  }

  float* PanelRow(int64_t image, int64_t z, int64_t y) const {
    const int64_t rows_z = block_[kDepth].count() * axes_[kDepth].m, rows_y = block_[kRow].count() * axes_[kRow].m;
    return scratch_.panel + ((image * rows_z + z) * rows_y + y) * scratch_.row_pixels * part_.panel_width_;
  }

  // Stores the rows of the panel, whose first column is that of `tile`, without the outputs outside the task.
  void Store(int64_t tile, int64_t pz, int64_t py) const {
    const int64_t width = part_.panel_width_;
    const int64_t channel = tasks_.layout.tiles.first(tile);
    const int64_t channels = std::min(width, tasks_.view.oc - channel);
    const auto output = [&](int axis, int64_t position, int64_t phase) {
      const TileAxis& a = axes_[axis];
      return (block_[axis].begin * a.m + position) * a.stride + phase - a.lead;
    };
    const int64_t begin_x = output(kColumn, 0, 0);
    const int64_t end_x = begin_x + block_[kColumn].count() * axes_[kColumn].outputs();
    const IndexRange xs{std::max(begin_x, task_.out[kColumn].begin), std::min(end_x, task_.out[kColumn].end)};
    PhaseTask image_task = task_;
    for (int64_t image = 0; image < images_; ++image) {
      image_task.images = {task_.images.begin + image, task_.images.begin + image + 1};
      for (int64_t z = 0; z < block_[kDepth].count() * axes_[kDepth].m; ++z) {
        const int64_t oz = output(kDepth, z, pz);
        if (oz < task_.out[kDepth].begin || oz >= task_.out[kDepth].end) continue;
        for (int64_t y = 0; y < block_[kRow].count() * axes_[kRow].m; ++y) {
          const int64_t oy = output(kRow, y, py);
          if (oy < task_.out[kRow].begin || oy >= task_.out[kRow].end) continue;
          float* const row = PanelRow(image, z, y) + (xs.begin - begin_x) * width;
          if (part_.IsJoined()) {
            StoreJoined(tasks_, image_task, store_, row, scratch_.joined, width, xs.count(), oz, oy, xs.begin);
          } else {
            StoreTile(tasks_, image_task, store_, row, channel, channels, width, xs.count(), oz, oy, xs.begin);
          }
        }
      }
    }
  }

  const WinogradPart& part_;
  const PhaseTasks& tasks_;
  const WinogradKernels& kernels_;
  const TileAxes& axes_;
  const std::array<WinogradAxis, kMaxSpatialRank>& transform_;
  PhaseTask task_;
  const Scratch& scratch_;
  const OutputStore& store_;
  const int64_t images_, lines_;
  StripSteps steps_;
  std::array<IndexRange, kMaxSpatialRank> tiles_;  // of the task
  std::array<IndexRange, kMaxSpatialRank> block_;  // tiles of the block at work
  int64_t pixels_ = 0;                             // its tiles in all images
};

void WinogradPart::Run(int64_t task, Arena arena, const RunContext& context) const {
  const PhaseTask box = tasks_[task];
  const Scratch scratch(*this, arena);
  WinogradTask(*this, box, scratch, MakeStore(tasks_, context, scratch.residual)).Run(context);
}

template <int kN>
constexpr PhaseAlgorithm Winograd() {
  return {
      Algorithm::kWinograd,
      "winograd",
      "numerics other than kStrict, no dilation, phases of 1 to 5 taps along an axis, 2 or more along one, and groups "
      "of 16 input channels and, in all phases together, 8 output channels or more",
      Applies<kN>,
      ReadFormat<kN>,
      Cost,
      MakePart<WinogradPart>};
}

}  // namespace

const PhaseAlgorithm kWinograd4 = Winograd<4>();
const PhaseAlgorithm kWinograd6 = Winograd<6>();
const PhaseAlgorithm kWinograd8 = Winograd<8>();

}  // namespace polyphase::internal
