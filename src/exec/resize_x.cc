// Runs the passes along x.
#include "exec/resize_x.h"

#include <cassert>

namespace polyphase::internal {
namespace {

// Writes a pixel of `width` floats over and over. One call of memmove per float took as long as everything else for
// rows of 20 pixels.
void Repeat(const float* pixel, int64_t width, float* begin, float* end) {
  if (width == 1) return std::fill(begin, end, *pixel);
  for (; begin < end; begin += width) std::copy_n(pixel, width, begin);
}

}  // namespace

void ResizeX::Row(int64_t z, int64_t y, float* row) {
  switch (plan_.pass) {
    case RowPass::kCopy: return Copy(z, y, row);
    case RowPass::kPermute:
    case RowPass::kPermutePerTap:
    case RowPass::kGather:
    case RowPass::kShortPixels:
    case RowPass::kPixels: return Taps(z, y, row);
    case RowPass::kWindows: return Windows(z, y, row);
    case RowPass::kNone:
    case RowPass::kInPlace:
    case RowPass::kBatchedWindows: break;
  }
  assert(false);
}

void ResizeX::Copy(int64_t z, int64_t y, float* row) {
  ForEachStep(part_.columns, [&](IndexRange outputs) {
    source_.Read(z, y, outputs, row + (outputs.begin - part_.columns.begin) * plan_.width, plan_.row_floats);
  });
}

// Columns whose sources are whole and f32 read them where they are; the others pack them.
void ResizeX::Taps(int64_t z, int64_t y, float* row) {
  const IndexRange direct{std::clamp(plan_.taps_x.direct.begin, part_.columns.begin, part_.columns.end),
                          std::clamp(plan_.taps_x.direct.end, part_.columns.begin, part_.columns.end)};
  const auto pack = [&](IndexRange outputs) { PackedTaps(z, y, outputs, row); };
  ForEachStep({part_.columns.begin, direct.begin}, pack);
  if (direct.begin < direct.end) CallTaps(source_.InPlace(z, y), direct, row);
  ForEachStep({direct.end, part_.columns.end}, pack);
}

void ResizeX::PackedTaps(int64_t z, int64_t y, IndexRange outputs, float* row) {
  const int64_t width = plan_.width;
  const IndexRange sources = Sources(outputs);
  // At least one pixel is packed, whose copies stand for the pixels outside.
  const IndexRange inside{std::clamp<int64_t>(sources.begin, 0, plan_.x.in - 1),
                          std::clamp<int64_t>(sources.end, 1, plan_.x.in)};
  const int64_t plane_floats = sources.count() * width;
  const int64_t before = std::clamp<int64_t>(inside.begin - sources.begin, 0, sources.count() - 1) * width;
  assert(before + inside.count() * width <= plane_floats && part_.planes.count() * plane_floats <= plan_.source_floats);
  source_.Read(z, y, inside, scratch_.source + before, plane_floats);
  for (int64_t plane = 0; plane < part_.planes.count(); ++plane) {
    float* const begin = scratch_.source + plane * plane_floats;
    float* const end = begin + plane_floats;
    float* const inside_begin = begin + before;
    float* const inside_end = inside_begin + inside.count() * width;
    Repeat(inside_begin, width, begin, inside_begin);
    Repeat(inside_end - width, width, inside_end, end);
    CallTaps(begin - sources.begin * width, outputs, row + plane * plan_.row_floats);
  }
}

void ResizeX::CallTaps(const float* source, IndexRange outputs, float* row) {
  const RowTaps& taps = plan_.taps_x;
  taps_args_.source = source;
  taps_args_.row = row - part_.columns.begin * plan_.width;
  taps_args_.begin = outputs.begin * taps.unit;
  taps_args_.end = outputs.end * taps.unit;
  taps.resize(taps_args_);
}

void ResizeX::Windows(int64_t z, int64_t y, float* row) {
  ForEachStep(part_.columns, [&](IndexRange outputs) {
    const IndexRange sources = Sources(outputs);
    const int64_t plane_floats = sources.count() * plan_.width;
    assert(part_.planes.count() * plane_floats <= plan_.source_floats);
    source_.Read(z, y, sources, scratch_.source, plane_floats);
    for (int64_t plane = 0; plane < part_.planes.count(); ++plane) {
      CallWindows(scratch_.source + plane * plane_floats, sources.begin, 1, outputs,
                  row + plane * plan_.row_floats - part_.columns.begin * plan_.width);
    }
  });
}

void ResizeX::Batch(int64_t z, int64_t y, int64_t rows, const RowRing& ring) {
  const int64_t width = plan_.width;
  const UnpackFn unpack = plan_.op.kernels.panel.unpack[Log2Size(sizeof(float))];
  ForEachStep(part_.columns, [&](IndexRange outputs) {
    const IndexRange sources = Sources(outputs);
    source_.ReadBatch(z, y, rows, sources, scratch_.source);
    CallWindows(scratch_.source, sources.begin, width, outputs, scratch_.batch - outputs.begin * width * kLineLanes);
    for (int64_t done = 0; done < rows;) {
      const int64_t piece = std::min(rows - done, ring.Neighbours(y + done));
      unpack({{1, plan_.row_floats}, 0, piece, outputs.count() * width, 1}, scratch_.batch + done, kLineLanes, kNoFill,
             ring.Row(ring.Slot(z, y + done)) + (outputs.begin - part_.columns.begin) * width);
      done += piece;
    }
  });
}

// Computes windows of pixels of `vectors` lines; `source` has the pixels from `first` on.
void ResizeX::CallWindows(const float* source, int64_t first, int64_t vectors, IndexRange outputs, float* row) {
  const ResizeAxis& x = plan_.x;
  const bool fixed = plan_.lane == ResizeLane::kFixed;
  const void* weights = fixed ? static_cast<const void*>(x.fixed_weights.data()) : x.weights.data();
  plan_.op.kernels.resize.window_x[static_cast<int>(plan_.lane)]({source - first * vectors * kLineLanes, vectors,
                                                                  x.first.data(), x.count.data(), weights, x.stride,
                                                                  x.precision, row, outputs.begin, outputs.end});
}

}  // namespace polyphase::internal
