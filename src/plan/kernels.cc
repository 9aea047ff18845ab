// Chooses the SIMD target and collects its kernel tables.
#include "plan/kernels.h"

#include <strings.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/status.h"

namespace polyphase::internal {

Status SelectTarget(const std::string& isa, Target* target, Bf16Unit* unit) {
  const char* variable = std::getenv("POLYPHASE_ISA");
  const bool from_variable = isa.empty() && variable != nullptr;
  const std::string wanted = from_variable ? variable : isa;
  std::string cap = wanted;
  *unit = cap.empty() ? Bf16Unit::kTiles : Bf16Unit::kNone;
  for (const auto& [suffix, named] : {std::pair("+bf16", Bf16Unit::kVectors), std::pair("+amx", Bf16Unit::kTiles)}) {
    const size_t size = wanted.size() - std::min(wanted.size(), std::strlen(suffix));
    if (strcasecmp(wanted.c_str() + size, suffix) != 0) continue;
    cap.resize(size);
    *unit = named;
  }
  const TargetList list = CompiledTargets();
  bool allowed = cap.empty();
  std::string names;
  for (int i = 0; i < list.count; ++i) {
    const Target& candidate = list.targets[i];
    names += names.empty() ? candidate.name : std::string(", ") + candidate.name;
    allowed = allowed || strcasecmp(candidate.name, cap.c_str()) == 0;
    if (allowed && candidate.supported) {
      *target = candidate;
      return Status();
    }
  }
  return Status::InvalidArgument("%s = \"%.32s\": must be one of the compiled targets: %s",
                                 from_variable ? "POLYPHASE_ISA" : "isa", wanted.c_str(), names.c_str());
}

Status SelectKernels(const std::string& isa, Kernels* kernels) {
  Bf16Unit unit;
  POLYPHASE_RETURN_IF_ERROR(SelectTarget(isa, &kernels->target, &unit));
  const int64_t bit = kernels->target.bit;
  kernels->conv = GetConvTileKernels(bit);
  kernels->matrix = GetMatrixTiles(bit, unit);
  kernels->planar = GetPlanarTile(bit);
  kernels->panel = GetPanelKernels(bit);
  kernels->epilogue = GetEpilogueKernels(bit);
  kernels->resize = GetResizeRowKernels(bit);
  kernels->resize_bytes = GetResizeBytesKernels(bit);
  kernels->pool = GetPoolKernels(bit);
  kernels->max_unpool = GetMaxUnpoolKernels(bit);
  kernels->convex_upsample = GetConvexUpsampleKernels(bit);
  kernels->winograd = GetWinogradKernels(bit);
  return Status();
}

}  // namespace polyphase::internal
