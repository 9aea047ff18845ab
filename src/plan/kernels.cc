// Chooses the SIMD target and collects its kernel tables.
#include "plan/kernels.h"

#include <strings.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/status.h"

namespace polyphase::internal {

Status SelectTarget(const std::string& isa, Target* target, bool* bf16) {
  const char* variable = std::getenv("POLYPHASE_ISA");
  const bool from_variable = isa.empty() && variable != nullptr;
  const std::string wanted = from_variable ? variable : isa;
  const size_t suffix = wanted.size() - std::min(wanted.size(), std::strlen(kBf16Suffix));
  const bool with_bf16 = strcasecmp(wanted.c_str() + suffix, kBf16Suffix) == 0;
  const std::string cap = with_bf16 ? wanted.substr(0, suffix) : wanted;
  *bf16 = with_bf16 || cap.empty();
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
  bool bf16 = false;
  POLYPHASE_RETURN_IF_ERROR(SelectTarget(isa, &kernels->target, &bf16));
  const int64_t bit = kernels->target.bit;
  kernels->conv = GetConvTileKernels(bit);
  kernels->matrix = GetMatrixTiles(bit, bf16);
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
