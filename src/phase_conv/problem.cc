// Joins phases, and shows a problem as formats of weights see it.
#include "phase_conv/problem.h"

#include <algorithm>
#include <cinttypes>
#include <forward_list>
#include <optional>

#include "base/checked_math.h"
#include "base/format.h"
#include "phase_conv/algorithm.h"

namespace polyphase::internal {
namespace {

// Joined phases have at most this many columns, so that their panel stays in L1.
constexpr int64_t kMaxJoinedColumns = 512;

// Returns the taps of all phases of an axis.
int64_t TapsOfPhases(const AxisPhases& phases) {
  if (phases.table.empty()) return phases.slots;
  int64_t taps = 0;
  for (const AxisPhase& phase : phases.table) taps += phase.taps;
  return taps;
}

// Joins the phases of x, of y and x, or of all axes where that is cheaper: outputs of few channels leave lanes empty,
// which those of other phases fill. phase_taps(axis) counts those of phases that are not joined. tap_cost(columns) is
// the time of a tap that so many columns share, in vector multiplications. A gain of less than 10 % does not pay for
// taking the phases apart again.
template <class Taps, class TapCost>
JoinedPhases ChooseJoin(const PhaseLayer& layer, int64_t most_columns, const Taps& phase_taps,
                        const TapCost& tap_cost) {
  JoinedPhases best;
  double best_cost = 0;
  for (int first = kMaxSpatialRank; first >= 0; --first) {  // axes from this one on are joined
    JoinedPhases join;
    double taps = 1;
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      if (axis < first) {
        taps *= static_cast<double>(phase_taps(axis));
        continue;
      }
      const std::optional<AxisPhases>& joined = layer.windows[axis];
      join.count[axis] = layer.phases[axis].stride;
      if (!joined || join.all() * layer.oc > most_columns) return best;
      join.phases[axis] = *joined;
      taps *= static_cast<double>(joined->slots);
    }
    const double cost = taps * tap_cost(join.all() * layer.oc);
    if (first < kMaxSpatialRank && cost > 0.9 * best_cost) continue;
    best_cost = cost;
    best = std::move(join);
  }
  return best;
}

}  // namespace

std::string SizesText(const SpatialSizes& sizes, int32_t rank) {
  std::string text;
  for (int axis = kMaxSpatialRank - rank; axis < kMaxSpatialRank; ++axis) {
    text += (text.empty() ? "" : "x") + std::to_string(sizes[axis]);
  }
  return text;
}

std::string PhaseConvOperator::Describe() const {
  const size_t bytes = layer.weights.bytes() + (border != nullptr ? border->weights.bytes() : 0);
  return Format("%s %s, %" PRId64 " -> %" PRId64 " channels, groups %" PRId64
                "%s; target %s; %zu bytes of weights held",
                name, layer_text.c_str(), input_channels, output_channels, groups, DescribeSaving().c_str(),
                kernels.target.name, bytes);
}

std::string PhaseConvOperator::DescribeSaving() const {
  if (flop_ratio == 1) return "";
  return flop_ratio > 1 ? Format(", %.3g times fewer multiplications than unfused", flop_ratio)
                        : Format(", %.3g times more multiplications than unfused", 1 / flop_ratio);
}

Status FinishLayer(const PhaseConvOperator& op, WeightSource source, const Runtime& runtime, PhaseLayer* layer) {
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const AxisPhases& phases = layer->phases[axis];
    if (phases.stride <= kMaxJoinedColumns) layer->windows[axis] = JoinPhases(phases);
  }
  if (layer->ic > 1 || layer->groups == 1) {
    const auto taps = [layer](int axis) { return TapsOfPhases(layer->phases[axis]); };
    // Winograd's phases are as long as the window.
    const auto window_taps = [layer](int axis) {
      const std::optional<AxisPhases>& window = layer->windows[axis];
      return window ? layer->phases[axis].stride * window->slots : 1;
    };
    const auto vectors = [&op](int64_t columns) {
      return static_cast<double>(DivCeil(columns, op.kernels.conv.dense.lanes));
    };
    layer->joined = ChooseJoin(*layer, kMaxJoinedColumns, taps, vectors);
    layer->winograd_joined = ChooseJoin(*layer, kMaxJoinedColumns, window_taps, vectors);
    layer->planar_joined = ChooseJoin(*layer, kMaxPlanarColumns, taps,
                                      [&op](int64_t columns) { return op.kernels.planar.TapCost(columns); });
  }
  source.groups = layer->groups;
  source.ic = layer->ic;
  source.oc = layer->oc;
  source.phases = &layer->phases;
  source.windows = &layer->windows;
  std::forward_list<WeightFormat> formats;
  for (const PhaseAlgorithm* algorithm : kPhaseAlgorithms) {
    if (!algorithm->applies(op, *layer) || !algorithm->IsAutomatic(op)) continue;
    const WeightFormat format = algorithm->format(op, *layer);
    if (std::find(formats.begin(), formats.end(), format) == formats.end()) formats.push_front(format);
  }
  return layer->weights.Init(op.name, source, runtime, formats);
}

PhaseProblem::PhaseProblem(const PhaseConvOperator& op_, const PhaseLayer& layer_, const PlanTensors& tensors_,
                           const SpatialSizes& origin, const std::array<IndexRange, kMaxSpatialRank>& part_)
    : op(op_), layer(layer_), tensors(tensors_), part(part_) {
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    const AxisPhases& phases = layer.phases[axis];
    axes[axis] = {&phases, tensors.input.size[axis] * phases.repeat, part[axis].count(),
                  layer.origin[axis] + origin[axis] + part[axis].begin};
  }
}

PhaseView::PhaseView(const PhaseProblem& problem, const WeightFormat& format)
    : axes(problem.axes),
      images(problem.tensors.input.n),
      groups(problem.layer.groups),
      ic(problem.layer.ic),
      oc(problem.layer.oc) {
  if (format.joined != nullptr) {
    join = format.joined->count;
    oc *= format.joined->all();
  }
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
    if (join[axis] == 1) continue;
    const PhaseAxis all = axes[axis];
    const int64_t first = all.position(0);
    skip[axis] = all.residue(0);
    axes[axis] = {&format.joined->phases[axis], all.in, all.position(all.out - 1) - first + 1, first};
  }
  depthwise = format.order == WeightFormat::Order::kDepthwise;
  if (depthwise) {
    multiplier = oc;
    ic = oc = groups * oc;
    groups = 1;
  }
}

double PhaseView::Product(int64_t PhaseAxis::*size) const {
  double product = 1;
  for (const PhaseAxis& axis : axes) product *= static_cast<double>(axis.*size);
  return product;
}

double PhaseView::Pairs() const {
  double pairs = 1;
  for (const PhaseAxis& axis : axes) pairs *= static_cast<double>(CountPairs(axis));
  return pairs;
}

double PhaseView::UsefulMacs() const {
  const double macs = static_cast<double>(images) * static_cast<double>(oc) * Pairs();
  return depthwise ? macs : macs * static_cast<double>(groups) * static_cast<double>(ic);
}

}  // namespace polyphase::internal
