// polyphase_bench: rows of the workload table as Google Benchmark cases, and the demo.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/case.h"
#include "bench/demo.h"
#include "bench/roofline.h"
#include "bench/workloads.h"
#include "benchmark/benchmark.h"
#include "polyphase/runtime.h"

#ifndef POLYPHASE_WORKLOADS_TSV
#define POLYPHASE_WORKLOADS_TSV "bench/workloads.tsv"  // when run from the top of the checkout
#endif

namespace polyphase::bench {
namespace {

constexpr char kUsage[] =
    R"(polyphase_bench: times the library on the rows of the workload table.

  --demo                a table of well-known layers, checked, with the fraction of the machine's peak; takes a minute
  --workloads FILE      the table (default )" POLYPHASE_WORKLOADS_TSV R"()
  --layouts LIST        of nchw, nhwc, nchwc4, nchwc8, nchwc16 (default nchw,nhwc,nchwc16)
  --isa LIST            SIMD targets by name, as 'polyphase info' lists them, or 'all' (default: the best)
  --threads LIST        thread counts (default 1)
  --algorithm NAME      of conv_transpose: auto, subpixel, gemm_col2im (default auto)
  --verify              check every case against the naive reference in double before it is timed
  --benchmark_...       Google Benchmark's own options; the most useful:
  --benchmark_filter=REGEX       --benchmark_repetitions=N        --benchmark_min_time=SECONDS
  --benchmark_list_tests         --benchmark_out=FILE             --benchmark_out_format=json|csv

Cases are named op/workload_id/layout/target/threads. Counters: ms (median), GFLOP/s, GB/s, roofline_fraction (of the
peaks that were measured right before), peak_GFLOP/s, peak_GB/s, workspace_bytes; the label says what the plan chose.
)";

struct Options {
  bool demo = false;
  bool verify = false;
  std::string workloads = POLYPHASE_WORKLOADS_TSV;
  std::vector<LayoutName> layouts = {LayoutName("nchw"), LayoutName("nhwc"), LayoutName("nchwc16")};
  std::vector<std::string> targets;
  std::vector<size_t> threads = {1};
  Algorithm algorithm = Algorithm::kAuto;
};

std::vector<std::string> SplitList(const std::string& list) {
  std::vector<std::string> items;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    items.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return items;
}

std::vector<std::string> TargetsOf(const std::string& list) {
  std::vector<std::string> supported;
  std::string chosen;
  for (const TargetInfo& target : Targets()) {
    if (target.supported) supported.push_back(target.name);
    if (target.chosen) chosen = target.name;
  }
  if (list.empty()) return {chosen};
  if (list == "all") return supported;
  std::vector<std::string> names = SplitList(list);
  for (const std::string& name : names) {
    if (std::find(supported.begin(), supported.end(), name) != supported.end()) continue;
    std::string known;
    for (const std::string& one : supported) known += " " + one;
    throw std::runtime_error("--isa '" + name + "' is not a target that this CPU runs; those are:" + known);
  }
  return names;
}

size_t ThreadsOf(const std::string& text) {
  char* end = nullptr;
  const long threads = std::strtol(text.c_str(), &end, 10);
  const auto most = static_cast<long>(DefaultThreads());
  if (text.empty() || *end != '\0' || threads < 1 || threads > most) {
    throw std::runtime_error("--threads '" + text + "' is not a number from 1 to " + std::to_string(most) +
                             ", the threads of the default runtime");
  }
  return static_cast<size_t>(threads);
}

// Takes our options out of the arguments and leaves Google Benchmark's in `rest`.
Options ParseOptions(int argc, char** argv, std::vector<char*>& rest) {
  Options options;
  std::string isa;
  rest = {argv[0]};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--benchmark", 0) == 0) {
      rest.push_back(argv[i]);
      continue;
    }
    const size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    if (argument == "--demo") {
      options.demo = true;
      continue;
    }
    if (argument == "--verify") {
      options.verify = true;
      continue;
    }
    if (argument == "--help" || argument == "-h") {
      std::fputs(kUsage, stdout);
      std::exit(0);
    }
    static constexpr const char* kWithValue[] = {"--workloads", "--layouts", "--isa", "--threads", "--algorithm"};
    if (std::find(std::begin(kWithValue), std::end(kWithValue), name) == std::end(kWithValue)) {
      throw std::runtime_error("unknown option '" + argument + "'; --help lists them");
    }
    if (equals == std::string::npos && i + 1 == argc) throw std::runtime_error(name + " needs a value");
    const std::string value = equals == std::string::npos ? argv[++i] : argument.substr(equals + 1);
    if (name == "--workloads") {
      options.workloads = value;
    } else if (name == "--layouts") {
      options.layouts.clear();
      for (const std::string& layout : SplitList(value)) options.layouts.emplace_back(layout);
    } else if (name == "--isa") {
      isa = value;
    } else if (name == "--threads") {
      options.threads.clear();
      for (const std::string& threads : SplitList(value)) options.threads.push_back(ThreadsOf(threads));
    } else {
      options.algorithm = AlgorithmOf(value);
    }
  }
  options.targets = TargetsOf(isa);
  return options;
}

// Runs the registered cases. Google Benchmark calls one several times in a row while it looks for the number of
// iterations, so that the problem and the case of the last call are kept.
class Runner {
 public:
  Runner(const Roofline& roofline, bool verify) : roofline_(roofline), verify_(verify) {}

  bool failed() const { return failed_; }

  void Run(benchmark::State& state, const Workload& workload, const Variant& variant, const std::string& name) {
    try {
      Prepare(workload, variant, name);
      Time(state);
    } catch (const std::exception& error) {
      failed_ = true;
      state.SkipWithError(error.what());
    }
  }

 private:
  void Prepare(const Workload& workload, const Variant& variant, const std::string& name) {
    if (name == name_) return;
    name_.clear();
    case_.reset();
    if (problem_ == nullptr || problem_->workload().id != workload.id) {
      problem_.reset();  // before the next one's memory is taken
      problem_ = std::make_unique<Problem>(workload);
    }
    case_ = std::make_unique<Case>(*problem_, variant);
    if (verify_) case_->Verify();
    name_ = name;
  }

  void Time(benchmark::State& state) {
    using Clock = std::chrono::steady_clock;
    case_->Run();  // warm
    const Peaks peaks = roofline_.Now(case_->variant().target, case_->variant().threads);
    case_->Run();
    std::vector<double> seconds;
    seconds.reserve(static_cast<size_t>(state.max_iterations));
    for (auto _ : state) {
      const Clock::time_point start = Clock::now();
      case_->Run();
      seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    }
    const double median = Median(std::move(seconds));
    const Cost cost = CostOf(problem_->workload());
    state.counters["ms"] = median * 1e3;
    state.counters["GFLOP/s"] = cost.flop / median * 1e-9;
    state.counters["GB/s"] = cost.bytes / median * 1e-9;
    state.counters["roofline_fraction"] = peaks.Seconds(cost.flop, cost.bytes) / median;
    state.counters["peak_GFLOP/s"] = peaks.flops * 1e-9;
    state.counters["peak_GB/s"] = peaks.bytes_per_second * 1e-9;
    state.counters["workspace_bytes"] = static_cast<double>(case_->plan().workspace_bytes());
    state.SetLabel(case_->plan().Describe());
  }

  const Roofline& roofline_;
  const bool verify_;
  bool failed_ = false;
  std::string name_;
  std::unique_ptr<Problem> problem_;
  std::unique_ptr<Case> case_;
};

int Main(int argc, char** argv) {
  std::vector<char*> rest;
  const Options options = ParseOptions(argc, argv, rest);
  const std::vector<Workload> workloads = ReadWorkloadsFile(options.workloads);
  const Roofline roofline;
  if (options.demo) {
    if (rest.size() > 1) throw std::runtime_error(std::string("--demo does not take ") + rest[1]);
    return RunDemo(workloads, roofline) ? 0 : 1;
  }

  Runner runner(roofline, options.verify);
  for (const Workload& workload : workloads) {
    if (!Problem::Supports(workload)) continue;
    for (const LayoutName& layout : options.layouts) {
      for (const std::string& target : options.targets) {
        for (const size_t threads : options.threads) {
          const std::string name =
              workload.op + "/" + workload.id + "/" + layout.name + "/" + target + "/" + std::to_string(threads);
          const bool choice = workload.op.rfind("conv_transpose", 0) == 0;  // the others have one algorithm
          const Variant variant{layout, target, threads, choice ? options.algorithm : Algorithm::kAuto};
          benchmark::RegisterBenchmark(name.c_str(), [&runner, &workload, variant, name](benchmark::State& state) {
            runner.Run(state, workload, variant, name);
          })->Unit(benchmark::kMillisecond);
        }
      }
    }
  }
  int count = static_cast<int>(rest.size());
  rest.push_back(nullptr);
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 2;
  benchmark::AddCustomContext("polyphase_version", Version());
  benchmark::AddCustomContext("workloads", options.workloads);
  if (benchmark::RunSpecifiedBenchmarks() == 0) {
    std::fprintf(stderr, "polyphase_bench: no case matches\n");
    return 1;
  }
  benchmark::Shutdown();
  return runner.failed() ? 1 : 0;
}

}  // namespace
}  // namespace polyphase::bench

int main(int argc, char** argv) {
  try {
    return polyphase::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "polyphase_bench: %s\n", error.what());
    return 2;
  }
}
