// Suite: registers the cases, times each in its mode, and reports the counters.
#include "bench/suite.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/case.h"
#include "benchmark/benchmark.h"
#include "polyphase/runtime.h"

namespace polyphase::bench {
namespace {

// A cold run costs an eviction of all caches, which takes some hundred times as long as the run of a small row.
constexpr int kColdRuns = 15;

struct Entry {
  Workload workload;
  Variant variant;
  Mode mode;
  std::string base;  // op/workload_id/layout/target
  std::string rest;  // size, numerics and mode

  std::string name() const { return base + "/" + std::to_string(variant.threads) + rest; }
};

// The peaks of each target and number of threads, which are printed, put into the context, and kept for --smoke.
class MeasuredRoofline {
 public:
  MeasuredRoofline(const Roofline& roofline, const Options& options) : roofline_(roofline), again_(!options.smoke) {
    for (const std::string& target : options.targets) {
      for (const size_t threads : options.threads) Measure(target, threads, options.smoke ? 1 : 8);
    }
  }

  // Measures them right before a row, unless nobody looks at the result.
  Peaks Now(const Variant& variant) const {
    return again_ ? roofline_.Now(variant.target, variant.threads) : peaks_.at({variant.target, variant.threads});
  }

 private:
  void Measure(const std::string& target, size_t threads, int repetitions) {
    const std::string key = "roofline/" + target + "/" + std::to_string(threads) + "/";
    const double flops = roofline_.FmaFlops(target, threads, 5 * repetitions);
    std::fprintf(stderr, "Roofline of %s, %zu thread%s: %.1f GFLOP/s of multiply-adds in registers\n", target.c_str(),
                 threads, threads == 1 ? "" : "s", flops * 1e-9);
    benchmark::AddCustomContext(key + "fma_GFLOP/s", std::to_string(flops * 1e-9));
    std::fprintf(stderr, "  %-26s%10s%10s%10s%10s%10s\n", "GB/s, bytes per thread", "read", "fill", "fill nt", "copy",
                 "copy nt");
    const CacheSizes caches = Caches();
    const std::pair<const char*, size_t> levels[] = {{"L1", caches.l1 / 2},
                                                     {"L2", caches.l2 / 2},
                                                     {"L3", caches.l3 / 2 / threads},
                                                     {"memory", roofline_.footprint() / threads}};
    StreamingSpeeds speeds;
    for (const auto& [level, bytes] : levels) {
      if (bytes == 0) continue;  // a cache that the system does not tell
      speeds = roofline_.Streaming(target, threads, bytes, repetitions);
      const std::string where = std::string(level) + ", " + std::to_string(bytes >> 10) + " KiB";
      std::fprintf(stderr, "  %-26s%10.1f%10.1f%10.1f%10.1f%10.1f\n", where.c_str(), speeds.read * 1e-9,
                   speeds.fill * 1e-9, speeds.fill_nt * 1e-9, speeds.copy * 1e-9, speeds.copy_nt * 1e-9);
      const std::pair<const char*, double> values[] = {{"read", speeds.read},
                                                       {"fill", speeds.fill},
                                                       {"fill_nt", speeds.fill_nt},
                                                       {"copy", speeds.copy},
                                                       {"copy_nt", speeds.copy_nt}};
      for (const auto& [what, value] : values) {
        benchmark::AddCustomContext(key + level + "/" + what + "_GB/s", std::to_string(value * 1e-9));
      }
    }
    peaks_[{target, threads}] = {flops, speeds.Best()};
  }

  const Roofline& roofline_;
  const bool again_;
  std::map<std::pair<std::string, size_t>, Peaks> peaks_;
};

// Runs the registered cases. Google Benchmark calls one several times in a row while it looks for the number of
// iterations, so the problem and the case of the last call are kept.
class Runner {
 public:
  Runner(const Roofline& roofline, const MeasuredRoofline& measured, bool verify)
      : roofline_(roofline), measured_(measured), verify_(verify) {}

  bool failed() const { return failed_; }

  void Run(benchmark::State& state, const Entry& entry) {
    try {
      Prepare(entry);
      Time(state, entry);
    } catch (const std::exception& error) {
      failed_ = true;
      state.SkipWithError(error.what());
    }
  }

 private:
  void Prepare(const Entry& entry) {
    const std::string name = entry.name();
    if (name == name_) return;
    name_.clear();
    case_.reset();
    if (problem_ == nullptr || problem_->workload().id != entry.workload.id ||
        problem_->workload().input != entry.workload.input) {
      problem_.reset();  // before the next one's memory is taken
      problem_ = std::make_unique<Problem>(entry.workload);
    }
    case_ = std::make_unique<Case>(*problem_, entry.variant);
    if (verify_) case_->Verify();
    name_ = name;
  }

  // Takes one measurement, in seconds.
  double Once(benchmark::State& state, Mode mode) {
    using Clock = std::chrono::steady_clock;
    if (mode == Mode::kCold) {
      state.PauseTiming();
      roofline_.EvictCaches(case_->variant().threads);
      state.ResumeTiming();
    }
    const Clock::time_point start = Clock::now();
    if (mode == Mode::kPlan) {
      case_->MakePlan();
    } else if (mode == Mode::kCreate) {
      case_->CreateOperator();
    } else {
      case_->Run();
    }
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  void Time(benchmark::State& state, const Entry& entry) {
    case_->Run();  // warm
    const Peaks peaks = measured_.Now(entry.variant);
    case_->Run();
    std::vector<double> seconds;
    seconds.reserve(static_cast<size_t>(state.max_iterations));
    for (auto _ : state) seconds.push_back(Once(state, entry.mode));
    const double median = Median(std::move(seconds));
    state.counters["ms"] = median * 1e3;
    if (entry.mode == Mode::kPlan || entry.mode == Mode::kCreate) {
      state.SetLabel(entry.mode == Mode::kPlan ? case_->plan().Describe() : case_->op().Describe());
      return;
    }
    const Cost cost = CostOf(entry.workload);
    state.counters["GFLOP/s"] = cost.flop / median * 1e-9;
    state.counters["GB/s"] = cost.bytes / median * 1e-9;
    state.counters["roofline_fraction"] = peaks.Seconds(cost.flop, cost.bytes) / median;
    state.counters["peak_GFLOP/s"] = peaks.flops * 1e-9;
    state.counters["peak_GB/s"] = peaks.bytes_per_second * 1e-9;
    state.counters["workspace_bytes"] = static_cast<double>(case_->plan().workspace_bytes());
    state.counters["ns_per_output"] = median * 1e9 / OutputCount(entry.workload);
    if (entry.variant.threads == 1) {
      one_thread_[entry.base + entry.rest] = median;
    } else if (const auto one = one_thread_.find(entry.base + entry.rest); one != one_thread_.end()) {
      state.counters["speed_up"] = one->second / median;
    }
    state.SetLabel(case_->plan().Describe());
  }

  const Roofline& roofline_;
  const MeasuredRoofline& measured_;
  const bool verify_;
  bool failed_ = false;
  std::string name_;
  std::unique_ptr<Problem> problem_;
  std::unique_ptr<Case> case_;
  std::map<std::string, double> one_thread_;  // seconds by Entry::base + rest
};

std::vector<Entry> EntriesOf(const Options& options, const std::vector<Workload>& workloads) {
  std::vector<Entry> entries;
  for (const Workload& row : workloads) {
    for (const int64_t growth : options.growth) {
      const Workload workload = Grown(row, growth);
      for (const LayoutName& layout : options.layouts) {
        for (const std::string& target : options.targets) {
          for (const std::string& numerics : options.numerics) {
            for (const Mode mode : options.modes) {
              for (const size_t threads : options.threads) {
                if (threads != options.threads.front() && mode == Mode::kCreate) continue;  // Create knows no threads
                const bool transposed = workload.op.rfind("conv_transpose", 0) == 0;
                // The others have one algorithm.
                const bool choice = transposed || (IsConv(workload) && options.algorithm != Algorithm::kGemmCol2im);
                entries.push_back({workload,
                                   {layout, target, threads, choice ? options.algorithm : Algorithm::kAuto,
                                    NumericsOf(numerics), options.only_targets},
                                   mode,
                                   workload.op + "/" + workload.id + "/" + layout.name + "/" + target,
                                   (growth == 1 ? "" : "/x" + std::to_string(growth)) +
                                       (numerics == "default" ? "" : "/" + numerics) + SuffixOf(mode)});
              }
            }
          }
        }
      }
    }
  }
  return entries;
}

// Returns the entries whose names --benchmark_filter finds. Google Benchmark itself would also look at the
// "/iterations:15" that the names of cold entries end with.
std::vector<Entry> Filtered(std::vector<Entry> entries) {
  const std::string filter = benchmark::GetBenchmarkFilter();
  if (filter.empty() || filter == "all") return entries;
  const bool excludes = filter.front() == '-';
  std::regex regex;
  try {
    regex.assign(filter.substr(excludes ? 1 : 0), std::regex::extended);
  } catch (const std::regex_error& error) {
    throw std::runtime_error("--benchmark_filter '" + filter + "' is not a regular expression: " + error.what());
  }
  const auto end = std::remove_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return std::regex_search(entry.name(), regex) == excludes;
  });
  entries.erase(end, entries.end());
  return entries;
}

bool OnlyLists(const Options& options) {
  for (const std::string& option : options.rest) {
    if (option == "--benchmark_list_tests" || option == "--benchmark_list_tests=true") return true;
  }
  return false;
}

}  // namespace

int RunSuite(const Options& options, const std::vector<Workload>& workloads, const Roofline& roofline) {
  std::vector<std::string> arguments = {"polyphase_bench"};
  if (options.smoke) arguments.push_back("--benchmark_min_time=0");  // is reached by one iteration
  arguments.insert(arguments.end(), options.rest.begin(), options.rest.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  benchmark::Initialize(&argc, argv.data());
  if (benchmark::ReportUnrecognizedArguments(argc, argv.data())) return 2;

  const std::vector<Entry> entries = Filtered(EntriesOf(options, workloads));
  if (entries.empty()) {
    std::fprintf(stderr, "polyphase_bench: no case matches\n");
    return 1;
  }
  Options measured_options = options;
  if (OnlyLists(options)) measured_options.targets.clear();
  const MeasuredRoofline measured(roofline, measured_options);
  Runner runner(roofline, measured, options.verify);
  for (const Entry& entry : entries) {
    auto* const registered = benchmark::RegisterBenchmark(
        entry.name().c_str(), [&runner, &entry](benchmark::State& state) { runner.Run(state, entry); });
    registered->Unit(benchmark::kMillisecond);
    if (entry.mode == Mode::kCold && !options.smoke) registered->Iterations(kColdRuns);
  }
  benchmark::AddCustomContext("polyphase_version", Version());
  benchmark::AddCustomContext("workloads", options.workloads);
  benchmark::RunSpecifiedBenchmarks("all");
  benchmark::Shutdown();
  return runner.failed() ? 1 : 0;
}

}  // namespace polyphase::bench
