// Decides the tables and tasks of u8 resizing on bytes.
#include "plan/resize_fixed.h"

#include <algorithm>
#include <cinttypes>
#include <limits>

#include "base/checked_math.h"
#include "base/format.h"

namespace polyphase::internal {
namespace {

// Fewer output bytes than this (about 10 microseconds) are not worth a task of their own.
constexpr double kTaskBytes = 65536;
// The most memory of a worker. No picture comes near it.
constexpr int64_t kMostBytes = int64_t{1} << 28;
// Output bytes of a block.
constexpr int64_t kFixedLanes = kByteLanes / 4;

// Returns in how many parts int16 holds the weights.
int Parts(const std::vector<int32_t>& weights) {
  const auto fits = [](int32_t w) { return w == static_cast<int16_t>(w); };
  return std::all_of(weights.begin(), weights.end(), fits) ? 1 : kMaxFixedParts;
}

int16_t Part(int32_t weight, int parts, int part) {
  if (parts == 1) return static_cast<int16_t>(weight);
  constexpr int32_t kOne = 1 << kFixedShift, kHalf = kOne / 2;
  const int32_t low = ((weight + kHalf) & (kOne - 1)) - kHalf;
  return static_cast<int16_t>(part == 0 ? low : (weight - low) / kOne);
}

FixedRows MakeRows(const ResizeAxis& axis) {
  FixedRows rows;
  rows.parts = Parts(axis.fixed_weights);
  rows.stride = DivCeil(axis.taps, 2) * rows.parts;
  rows.weights.resize(static_cast<size_t>(axis.out * rows.stride));
  for (int64_t o = 0; o < axis.out; ++o) {
    const int32_t* const weights = &axis.fixed_weights[o * axis.stride];
    int32_t* pair = &rows.weights[o * rows.stride];
    for (int64_t k = 0; k < axis.count[o]; k += 2) {
      const int32_t partner = k + 1 < axis.count[o] ? weights[k + 1] : 0;
      for (int part = 0; part < rows.parts; ++part, ++pair) {
        const auto first = static_cast<uint16_t>(Part(weights[k], rows.parts, part));
        const auto second = static_cast<uint16_t>(Part(partner, rows.parts, part));
        *pair = static_cast<int32_t>(first | static_cast<uint32_t>(second) << 16);
      }
    }
  }
  return rows;
}

// A lane of a block: its window, which may begin with taps of weight 0.
struct Lane {
  Lane() = default;
  Lane(const ResizeAxis& axis, int64_t pixel, int64_t element)
      : source(axis.first[element / pixel] * pixel + element % pixel),
        end(axis.count[element / pixel]),
        weights(&axis.fixed_weights[element / pixel * axis.stride]) {}

  int32_t Weight(int64_t k) const { return k >= begin && k < end ? weights[k - begin] : 0; }

  int64_t source = 0;          // of tap 0
  int64_t begin = 0, end = 0;  // the taps that have weights
  const int32_t* weights = nullptr;
};

// Adds the block of `elements` bytes from output byte `begin` on. Fails where its sources are not among 16 bytes.
bool AddBlock(const ResizeAxis& axis, int64_t pixel, int64_t begin, int64_t elements, FixedColumns* columns) {
  Lane lanes[kFixedLanes];
  FixedBlock block;
  int64_t least = std::numeric_limits<int64_t>::max(), pairs = 0;
  for (int64_t i = 0; i < elements; ++i) {
    lanes[i] = Lane(axis, pixel, begin + i);
    least = std::min(least, lanes[i].source);
    pairs = std::max(pairs, DivCeil(lanes[i].end, 2));
  }
  // Nothing is read past the end of the row: the block begins earlier there, and so do windows that are cut off.
  least = std::min(least, axis.in * pixel - kByteLanes - 2 * pixel * (pairs - 1));
  if (least < 0) return false;
  for (int64_t i = 0; i < elements; ++i) {
    Lane& lane = lanes[i];
    for (; lane.source + pixel - least >= kByteLanes && lane.end < 2 * pairs; ++lane.begin, ++lane.end) {
      lane.source -= pixel;
    }
    if (lane.source + pixel - least >= kByteLanes) return false;
  }
  block.source = static_cast<int32_t>(least);
  block.output = static_cast<int32_t>(begin);
  block.pairs = static_cast<int32_t>(pairs);
  block.weights = static_cast<int32_t>(columns->weights.size());
  std::fill_n(block.index, kByteLanes, uint8_t{255});
  for (int64_t i = 0; i < elements; ++i) {
    block.index[4 * i] = static_cast<uint8_t>(lanes[i].source - least);
    block.index[4 * i + 2] = static_cast<uint8_t>(lanes[i].source - least + pixel);
  }
  for (int64_t p = 0; p < pairs; ++p) {
    for (int part = 0; part < columns->parts; ++part) {
      for (int64_t i = 0; i < (columns->one_weight ? 1 : kFixedLanes); ++i) {
        for (int64_t k = 2 * p; k < 2 * p + 2; ++k) {
          const int32_t weight = i < elements ? lanes[i].Weight(k) : 0;
          columns->weights.push_back(Part(weight, columns->parts, part));
        }
      }
    }
  }
  columns->blocks.push_back(block);
  return true;
}

bool MakeColumns(const ResizeAxis& axis, int64_t pixel, FixedColumns* columns) {
  columns->parts = Parts(axis.fixed_weights);
  columns->one_weight = pixel >= 3;  // blocks then are inside of a pixel
  const int64_t bytes = axis.out * pixel;
  if (!columns->one_weight) {
    for (int64_t e = 0; e < bytes; e += kFixedLanes) {
      if (!AddBlock(axis, pixel, std::min(e, bytes - kFixedLanes), kFixedLanes, columns)) return false;
    }
    return true;
  }
  for (int64_t o = 0; o < axis.out; ++o) {
    for (int64_t c = 0; c < pixel; c += kFixedLanes) {
      const int64_t first = std::min(c, std::max<int64_t>(pixel - kFixedLanes, 0));
      if (!AddBlock(axis, pixel, o * pixel + first, std::min(kFixedLanes, pixel), columns)) return false;
    }
  }
  return true;
}

// Returns whether the axis copies, or has weights that the kernels can take.
bool IsUsual(const ResizeAxis& axis) {
  return axis.identity || (axis.precision > 0 && !axis.flipped() && axis.in > 1 && axis.inside.begin == 0 &&
                           axis.inside.end == axis.out);
}

}  // namespace

ResizeFixedScratch::ResizeFixedScratch(const ResizeFixedPlan& plan, Arena& arena)
    // Blocks of three channels write a fourth byte.
    : row_bytes(plan.x.out * plan.pixel + 1) {
  ring = arena.Take<uint8_t>("ring", {plan.ring_rows, row_bytes});
  held = arena.Take<int64_t>("held rows", {plan.ring_rows});
  sums = arena.Take<uint8_t>("summed rows", {plan.rows_first ? kFixedRows : 0, plan.x.in * plan.pixel});
  tap_rows = arena.Take<const uint8_t*>("tap rows", {RoundUp(plan.y.taps, 2)});
}

std::unique_ptr<ResizeFixedPlan> MakeResizeFixedPlan(const ResizePlan& plan, size_t threads) {
  const ResizeAxis& y = plan.first_y ? *plan.first_y : plan.y;
  const ResizeAxis& x = plan.x;
  const int64_t in_bytes = x.in * plan.width, out_bytes = x.out * plan.width;
  if (plan.op.kernels.resize_bytes.permute == nullptr || plan.lane != ResizeLane::kFixed || !plan.contiguous ||
      !plan.z.identity || (y.identity && x.identity) || !IsUsual(y) || !IsUsual(x) ||
      std::min(in_bytes, out_bytes) < kByteLanes || std::max(in_bytes, out_bytes) > kMostBytes) {
    return nullptr;
  }
  auto owned = std::make_unique<ResizeFixedPlan>(plan.op);
  ResizeFixedPlan& fixed = *owned;
  static_cast<PlanTensors&>(fixed) = plan;
  fixed.pixel = plan.width;
  fixed.planes = DivCeil(plan.output.c, plan.width);
  if (!x.identity && !MakeColumns(x, fixed.pixel, &fixed.columns_x)) return nullptr;
  if (!y.identity) fixed.rows_y = MakeRows(y);
  fixed.y = y;
  fixed.x = x;
  fixed.rows_first = plan.first_y.has_value();
  fixed.ring_rows = x.identity ? 0 : fixed.rows_first ? kFixedRows : y.taps + kFixedRows - 1;

  const int64_t rows = plan.z.out * y.out;
  const int64_t others = plan.input.n * fixed.planes;
  const double bytes = static_cast<double>(others) * static_cast<double>(rows) * static_cast<double>(out_bytes);
  fixed.rows =
      CutForTasks(rows, WantedTasks(threads, bytes / kTaskBytes), others, fixed.rows_first ? 1 : LeastRows(y, rows));
  fixed.tasks = others * fixed.rows.count;

  Arena arena;
  ResizeFixedScratch(fixed, arena);
  fixed.worker_bytes = arena.bytes();
  if (!arena.Check(plan.op.name).ok() || arena.bytes() > kMostBytes) return nullptr;
  fixed.choice = Format("%s bytes, %" PRId64 "x%" PRId64 "x%" PRId64 " taps%s, u8 %s", plan.op.FilterName().c_str(),
                        plan.z.taps, y.taps, x.taps, fixed.rows_first ? " y first" : "",
                        plan.op.attributes.u8_rounding == U8Rounding::kFixed16 ? "fixed16" : "fixed22");
  fixed.reason = plan.reason;
  return owned;
}

}  // namespace polyphase::internal
