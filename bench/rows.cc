// Rows: the C ABI over Problem and Case.
#include "bench/rows.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/case.h"
#include "bench/guard.h"
#include "bench/roofline.h"
#include "bench/workloads.h"
#include "polyphase/runtime.h"

struct rows_case {
  rows_case(const polyphase::bench::Workload& workload, const polyphase::bench::Variant& variant)
      : problem(workload), run(problem, variant) {}

  polyphase::bench::Problem problem;
  polyphase::bench::Case run;
};

namespace {

using polyphase::bench::Guard;
using polyphase::bench::Workload;

std::string TargetOf(const char* isa) {
  if (isa != nullptr) return isa;
  for (const polyphase::TargetInfo& target : polyphase::Targets()) {
    if (target.chosen) return target.name;
  }
  throw std::runtime_error("no SIMD target was chosen");
}

template <class T>
rows_buffer BufferOf(const std::vector<T>& values) {
  return {values.empty() ? nullptr : const_cast<T*>(values.data()), values.size() * sizeof(T)};
}

template <class T>
rows_buffer BufferOf(T* data, const polyphase::TensorDesc* desc) {
  if (desc == nullptr) return {nullptr, 0};
  return {const_cast<std::remove_const_t<T>*>(data), static_cast<size_t>(polyphase::ref::Extent(*desc)) * sizeof(T)};
}

}  // namespace

const char* rows_error() { return polyphase::bench::last_error.c_str(); }

rows_case* rows_open(const rows_options* options) {
  return Guard<rows_case*>(nullptr, [&] {
    const std::string table = options->table == nullptr ? POLYPHASE_WORKLOADS_TSV : options->table;
    const std::vector<Workload> workloads = polyphase::bench::ReadWorkloadsFile(table);
    const auto row = std::find_if(workloads.begin(), workloads.end(),
                                  [&](const Workload& workload) { return workload.id == options->id; });
    if (row == workloads.end()) throw std::runtime_error(table + " has no row '" + options->id + "'");
    return new rows_case(*row,
                         {polyphase::bench::LayoutName(options->layout), TargetOf(options->isa), options->threads,
                          polyphase::bench::AlgorithmOf(options->algorithm == nullptr ? "auto" : options->algorithm),
                          polyphase::Numerics::kDefault, options->isa != nullptr});
  });
}

void rows_close(rows_case* c) { delete c; }

int rows_run(rows_case* c) {
  return Guard(1, [&] {
    c->run.Run();
    return 0;
  });
}

int rows_run_on(rows_case* c, const rows_buffers* buffers) {
  return Guard(1, [&] {
    c->run.RunOn({static_cast<const float*>(buffers->input.data), static_cast<float*>(buffers->output.data),
                  static_cast<const float*>(buffers->residual.data), static_cast<const int32_t*>(buffers->indices.data),
                  static_cast<const float*>(buffers->mask.data), buffers->workspace.data});
    return 0;
  });
}

int rows_verify(rows_case* c) {
  return Guard(1, [&] {
    c->run.Verify();
    return 0;
  });
}

void rows_get_buffers(const rows_case* c, rows_buffers* buffers) {
  const polyphase::Plan& plan = c->run.plan();
  const polyphase::bench::Buffers own = c->run.buffers();
  *buffers = {BufferOf(own.input, &plan.input()),
              BufferOf(own.output, &plan.output()),
              BufferOf(own.residual, plan.residual()),
              BufferOf(own.indices, plan.indices()),
              BufferOf(own.mask, polyphase::bench::MaskOf(plan)),
              {own.workspace, plan.workspace_bytes()}};
}

void rows_get_data(const rows_case* c, rows_data* data) {
  const polyphase::bench::Problem& problem = c->problem;
  *data = {BufferOf(problem.input().data),    BufferOf(problem.weights()),      BufferOf(problem.bias()),
           BufferOf(problem.residual().data), BufferOf(problem.indices().data), BufferOf(problem.mask().data)};
}

void rows_get_output(const rows_case* c, float* nchw) {
  const auto tensor = polyphase::ref::Unpack(c->run.plan().output(), c->run.buffers().output);
  std::copy(tensor.data.begin(), tensor.data.end(), nchw);
}

const char* rows_describe(const rows_case* c) { return c->run.plan().Describe().c_str(); }

void rows_cost(const rows_case* c, double* flop, double* bytes) {
  const polyphase::bench::Cost cost = polyphase::bench::CostOf(c->problem.workload());
  *flop = cost.flop;
  *bytes = cost.bytes;
}

int rows_peaks(const char* isa, size_t threads, double* flops, double* bytes_per_second) {
  return Guard(1, [&] {
    static const polyphase::bench::Roofline roofline;
    const polyphase::bench::Peaks peaks = roofline.Now(TargetOf(isa), threads);
    *flops = peaks.flops;
    *bytes_per_second = peaks.bytes_per_second;
    return 0;
  });
}
