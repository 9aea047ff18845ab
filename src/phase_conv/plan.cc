// Plans phase convolutions: cuts the output into parts and takes the cheapest algorithm for each.
#include <algorithm>
#include <cinttypes>
#include <limits>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/status.h"
#include "exec/runner.h"
#include "geometry/enum_names.h"
#include "geometry/weights.h"
#include "phase_conv/algorithm.h"

namespace polyphase::internal {
namespace {

// kAuto avoids algorithms that need more workspace than this for one worker, as the column buffers of kernels that are
// long compared with their stride would.
constexpr int64_t kMaxWorkerBytes = 5 << 20;

class PhaseConvPlan final : public PlanImpl {
 public:
  Status Run(const RunContext& context) const override {
    RunTasks(context, tasks, worker_bytes, [&](int64_t task, Arena arena) {
      auto part = parts.begin();
      while (task >= (*part)->tasks) task -= (*part++)->tasks;
      (*part)->Run(task, arena, context);
    });
    return Status();
  }

  std::vector<std::unique_ptr<const PhasePart>> parts;
};

using Box = std::array<IndexRange, kMaxSpatialRank>;

// An algorithm, the weights that it reads, and its estimated cost in vector multiply-adds.
struct Candidate {
  const PhaseAlgorithm* algorithm;
  WeightLayout layout;
  double cost;
};

// The choice of a 1-D operator stands for lengths at which nothing else costs this many times less. Chunks of a few
// pixels through many channels, whose weights come from memory, took 2 to 8 times as long as the direct form with
// Winograd, which has up to three times its weights (Zen 4, AVX-512).
constexpr double kMostFixedCost = 1.25;

// Returns the algorithms that apply and that wanted(algorithm) accepts, the cheapest first.
template <class Wanted>
std::vector<Candidate> Candidates(const PhaseProblem& problem, const Wanted& wanted) {
  std::vector<Candidate> candidates;
  for (const PhaseAlgorithm* algorithm : kPhaseAlgorithms) {
    if (!wanted(*algorithm) || !algorithm->applies(problem.op, problem.layer)) continue;
    const WeightLayout layout = problem.layer.weights.Layout(algorithm->format(problem.op, problem.layer));
    candidates.push_back({algorithm, layout, algorithm->cost(problem, layout)});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
  return candidates;
}

std::vector<Candidate> AutomaticCandidates(const PhaseProblem& problem) {
  return Candidates(problem, [&problem](const PhaseAlgorithm& algorithm) { return algorithm.IsAutomatic(problem.op); });
}

// Returns the cheapest candidate whose workspace is bearable, or else the one with the smallest workspace.
const Candidate& Choose(const PhaseProblem& problem, const std::vector<Candidate>& candidates, size_t threads,
                        std::unique_ptr<PhasePart>* scheduled, std::string* reason) {
  const Candidate* chosen = nullptr;
  const auto bytes = [](const PhasePart& part) {
    return part.status.ok() ? part.worker_bytes : std::numeric_limits<int64_t>::max();
  };
  for (const Candidate& candidate : candidates) {
    // The choice must not depend on the number of threads, on which no bit of a result may depend.
    std::unique_ptr<PhasePart> part = candidate.algorithm->schedule(problem, candidate.layout, 1);
    if (chosen != nullptr && bytes(*part) >= bytes(**scheduled)) continue;
    *scheduled = std::move(part);
    chosen = &candidate;
    if (bytes(**scheduled) <= kMaxWorkerBytes) break;
  }
  if (threads > 1) *scheduled = chosen->algorithm->schedule(problem, chosen->layout, threads);
  const auto other = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    return candidate.algorithm->id != chosen->algorithm->id;
  });
  if (other == candidates.end()) {
    *reason = "the only one";
  } else if (chosen == &candidates[0]) {
    *reason = Format("estimated %.3g against %.3g of %s in 10^6 vector operations", chosen->cost * 1e-6,
                     other->cost * 1e-6, other->algorithm->name);
  } else {
    *reason = Format("the workspace of %s would be too large", candidates[0].algorithm->name);
  }
  return *chosen;
}

// Fails if the algorithm that was asked for does not apply to the layer of the op.
Status CheckAlgorithm(const PhaseConvOperator& op, Algorithm id) {
  if (id == Algorithm::kAuto) return Status();
  std::string names;
  const char* rule = nullptr;
  for (const PhaseAlgorithm* algorithm : kPhaseAlgorithms) {
    const bool applies = algorithm->applies(op, op.layer);
    if (algorithm->id == id) {
      if (applies) return Status();
      rule = algorithm->rule;
    }
    // Variants share a name.
    if (applies && names.find(algorithm->name) == std::string::npos) names += std::string(", ") + algorithm->name;
  }
  const std::string needs = rule == nullptr ? "" : Format("; %s needs %s", EnumName(id).c_str(), rule);
  return Status::InvalidArgument("algorithm = %s: must be one that this %s has: auto%s%s", EnumName(id).c_str(),
                                 op.name, names.c_str(), needs.c_str());
}

class Planner {
 public:
  // `requested`: the algorithm of all parts to which it applies; kAuto for the cheapest of each.
  Planner(const PhaseConvOperator& op, size_t threads, Algorithm requested, PhaseConvPlan* plan)
      : op_(op), threads_(threads), requested_(requested), plan_(plan) {}

  // Adds all parts of the output. The layer computes what is between the borders.
  Status AddAll(const PhaseShape& shape) {
    Box rest, inner;
    bool empty = false;
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      rest[axis] = {0, shape.size[axis]};
      inner[axis] = {op_.border_begin[axis], shape.size[axis] - op_.border_end[axis]};
      empty = empty || inner[axis].count() <= 0;
    }
    if (empty) return Add(*op_.border, shape.origin, rest);
    POLYPHASE_RETURN_IF_ERROR(Add(op_.layer, shape.origin, inner));
    // Axis by axis, slabs cover the outputs that read beyond the input. Each axis leaves what is between its slabs to
    // the next one.
    for (int axis = 0; axis < kMaxSpatialRank; ++axis) {
      for (const IndexRange& slab : {IndexRange{0, inner[axis].begin}, IndexRange{inner[axis].end, rest[axis].end}}) {
        if (slab.count() == 0) continue;
        Box outside = rest;
        outside[axis] = slab;
        POLYPHASE_RETURN_IF_ERROR(Add(*op_.border, shape.origin, outside));
      }
      rest[axis] = inner[axis];
    }
    return Status();
  }

 private:
  // Adds the part of the output that `layer` computes.
  Status Add(const PhaseLayer& layer, const SpatialSizes& origin, const Box& part) {
    const PhaseProblem problem(op_, layer, *plan_, origin, part);
    std::vector<Candidate> candidates = Candidates(problem, [this](const PhaseAlgorithm& algorithm) {
      return requested_ == Algorithm::kAuto ? algorithm.IsAutomatic(op_) : algorithm.id == requested_;
    });
    if (candidates.empty()) candidates = AutomaticCandidates(problem);  // for a border
    const auto fixed = std::find_if(candidates.begin(), candidates.end(), [this](const Candidate& candidate) {
      return candidate.algorithm == op_.fixed && requested_ == Algorithm::kAuto;
    });
    const bool keeps = fixed != candidates.end() && fixed->cost <= kMostFixedCost * candidates.front().cost;
    if (keeps) candidates = {*fixed};
    std::unique_ptr<PhasePart> scheduled;
    std::string reason;
    const Candidate& chosen = Choose(problem, candidates, threads_, &scheduled, &reason);
    if (keeps) reason = "decided at Create";
    if (requested_ != Algorithm::kAuto) reason = "as requested";
    if (!scheduled->status.ok()) return scheduled->status;
    POLYPHASE_RETURN_IF_ERROR(layer.weights.Get(chosen.layout.format, &scheduled->weights));
    const std::string form = chosen.algorithm->name + scheduled->form;
    if (plan_->parts.empty()) {
      plan_->choice =
          Format("%s %s%s, %s", op_.name, form.c_str(), op_.DescribeSaving().c_str(), scheduled->tiles.c_str());
      plan_->reason = reason;
    } else if (plan_->choice.find(form) == std::string::npos) {
      plan_->choice += ", borders " + form;
    }
    plan_->tasks += scheduled->tasks;
    plan_->worker_bytes = std::max(plan_->worker_bytes, scheduled->worker_bytes);
    plan_->parts.push_back(std::move(scheduled));
    return Status();
  }

  const PhaseConvOperator& op_;
  const size_t threads_;
  const Algorithm requested_;
  PhaseConvPlan* const plan_;
};

}  // namespace

Status FinishOperator(const Epilogue& epilogue, const Runtime& runtime, PhaseConvOperator* op) {
  op->denormals = DenormalsOf(op->numerics);
  Epilogue rest = epilogue;
  rest.scale = rest.shift = nullptr;
  POLYPHASE_RETURN_IF_ERROR(op->epilogue.Init(op->name, rest, runtime));
  if (op->spatial_rank > 1 || !op->layer.weights.HasChoice()) return Status();
  // A second of speech has about this length.
  PlanTensors tensors;
  tensors.input = TensorDesc::Make(1, op->input_channels, {1024});
  PhaseShape shape{};
  Status status = NormalizeTensor("input", &tensors.input);
  if (status.ok()) status = op->resolve(tensors.input.size, {}, &shape);
  if (status.ok()) status = InferOutput(tensors.input, nullptr, op->output_channels, shape.size, &tensors.output);
  if (!status.ok()) return Status();  // the layer has no output of this length
  Box whole;
  for (int axis = 0; axis < kMaxSpatialRank; ++axis) whole[axis] = {0, shape.size[axis]};
  std::unique_ptr<PhasePart> unused;
  std::string reason;
  const PhaseProblem problem(*op, op->layer, tensors, shape.origin, whole);
  const std::vector<Candidate> candidates = AutomaticCandidates(problem);
  const Candidate& chosen = Choose(problem, candidates, 1, &unused, &reason);
  op->fixed = chosen.algorithm;
  PackedWeights packed;
  return op->layer.weights.Get(chosen.layout.format, &packed);
}

Status PhaseConvOperator::MakePlan(const TensorDesc& input, const PlanOptions& options, size_t threads,
                                   std::unique_ptr<PlanImpl>* result) const {
  if (!IsFloat(input.dtype)) {
    return Status::Unsupported("%s input dtype = %s: must be kF32, kF16 or kBF16", name, EnumName(input.dtype).c_str());
  }
  POLYPHASE_RETURN_IF_ERROR(CheckInputRank(name, spatial_rank, input));
  if (input.c != input_channels) {
    return Status::InvalidArgument("%s input c = %" PRId64 ": must be input_channels = %" PRId64, name, input.c,
                                   input_channels);
  }
  POLYPHASE_RETURN_IF_ERROR(CheckAlgorithm(*this, options.algorithm));
  PhaseShape shape{};
  POLYPHASE_RETURN_IF_ERROR(resolve(input.size, ExpandOutputSize(options.output_size, spatial_rank), &shape));
  auto plan = std::make_unique<PhaseConvPlan>();
  plan->input = input;
  POLYPHASE_RETURN_IF_ERROR(InferOutput(input, options.output ? &*options.output : nullptr, output_channels, shape.size,
                                        &plan->output, TypeRule::kAnyFloats));
  POLYPHASE_RETURN_IF_ERROR(InferResidual(name, epilogue.get(), options.residual, plan.get(), TypeRule::kAnyFloats));
  plan->choice = name;
  plan->reason = "nothing to do for n = 0";
  if (input.n > 0) POLYPHASE_RETURN_IF_ERROR(Planner(*this, threads, options.algorithm, plan.get()).AddAll(shape));
  *result = std::move(plan);
  return Status();
}

}  // namespace polyphase::internal
