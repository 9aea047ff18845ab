// Prints the lines of POLYPHASE_VERBOSE.
#include "api/verbose.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "geometry/tensor.h"

namespace polyphase::internal {
namespace {

// There is room for any tensor: "1x64x20x30x40 nchwc16 bf16". Run must not allocate, so this is not a std::string.
struct Text {
  char chars[128];
};

Text Describe(const TensorDesc& desc) {
  Text text;
  int length = std::snprintf(text.chars, sizeof(text.chars), "%" PRId64 "x%" PRId64, desc.n, desc.c);
  const auto append = [&](const char* format, auto value) {
    length += std::snprintf(text.chars + length, sizeof(text.chars) - static_cast<size_t>(length), format, value);
  };
  for (int axis = kMaxSpatialRank - desc.spatial_rank; axis < kMaxSpatialRank; ++axis) {
    append("x%" PRId64, desc.size[axis]);
  }
  append(" %s", LayoutName(desc.layout));
  if (desc.layout == Layout::kNchwc) append("%" PRId64, desc.channel_block);
  append(" %s", TypeName(desc.dtype));
  return text;
}

}  // namespace

bool IsVerbose() {
  static const bool verbose = [] {
    const char* const value = std::getenv("POLYPHASE_VERBOSE");
    return value != nullptr && *value != '\0' && std::strcmp(value, "0") != 0;
  }();
  return verbose;
}

void PrintPlan(const PlanImpl& plan, const Stopwatch& stopwatch) {
  std::fprintf(stderr, "polyphase,plan,%s,%.1f\n", plan.description.c_str(), stopwatch.Microseconds());
}

void PrintRun(const PlanImpl& plan, const Stopwatch& stopwatch) {
  const double microseconds = stopwatch.Microseconds();
  std::fprintf(stderr, "polyphase,run,%s %s -> %s,%zu,%.1f\n", plan.owner->name, Describe(plan.input).chars,
               Describe(plan.output).chars, plan.workers, microseconds);
}

}  // namespace polyphase::internal
