// Options: parses the command line and the names in its lists.
#include "bench/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "polyphase/runtime.h"

namespace polyphase::bench {
namespace {

constexpr char kFooter[] = R"(
Google Benchmark's own options are passed on; the most useful:
  --benchmark_filter=REGEX (a leading '-' excludes)   --benchmark_repetitions=N    --benchmark_min_time=SECONDS
  --benchmark_list_tests    --benchmark_format=json   --benchmark_out=FILE         --benchmark_out_format=json|csv

Cases are named op/workload_id/layout/target/threads, then /xFACTOR where --sizes grows the row, and /cold, /plan or
/create where --modes asks for that. These are what filters look at; in the output, /iterations:15 follows cold ones.

Counters: ms (median), GFLOP/s (useful), GB/s (compulsory), roofline_fraction (of the peaks measured right before:
peak_GFLOP/s, peak_GB/s), workspace_bytes, ns_per_output, and speed_up against one thread where that was measured
before. The label is the plan's description: algorithm, reason, tiles, tasks. The roofline itself is printed on the
error stream and stands in the JSON context.

Exit status: 0; 1 when a case failed, a row cannot be run, or nothing matches; 2 for wrong options or a wrong table.
)";

constexpr std::pair<const char*, Mode> kModes[] = {
    {"warm", Mode::kWarm}, {"cold", Mode::kCold}, {"plan", Mode::kPlan}, {"create", Mode::kCreate}};

// Removes repetitions.
template <class T>
std::vector<T> Once(const std::vector<T>& all) {
  std::vector<T> once;
  for (const T& one : all) {
    if (std::find(once.begin(), once.end(), one) == once.end()) once.push_back(one);
  }
  return once;
}

std::vector<std::string> TargetsOf(const std::vector<std::string>& names) {
  std::vector<std::string> supported;
  std::string chosen;
  for (const TargetInfo& target : Targets()) {
    if (target.supported) supported.push_back(target.name);
    if (target.chosen) chosen = target.name;
  }
  if (names.empty()) return {chosen};
  if (names == std::vector<std::string>{"all"}) return supported;
  for (const std::string& name : names) {
    if (std::find(supported.begin(), supported.end(), name) != supported.end()) continue;
    std::string known;
    for (const std::string& one : supported) known += " " + one;
    throw std::runtime_error("--isa '" + name + "' is not a target that this CPU runs; those are:" + known);
  }
  return names;
}

// Returns the whole number that `text` is, from 1 to `most`.
size_t NumberOf(const std::string& option, const std::string& text, size_t most, const std::string& meaning) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text.c_str(), &end, 10);
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || *end != '\0' || value < 1 || value > most) {
    throw std::runtime_error(option + " '" + text + "' is not a whole number from 1 to " + std::to_string(most) +
                             meaning);
  }
  return value;
}

std::vector<size_t> ThreadsOf(const std::vector<std::string>& names) {
  const size_t most = DefaultThreads();
  std::vector<size_t> threads;
  for (const std::string& name : names) {
    if (name == "all") {
      for (size_t count = 1; count < most; count *= 2) threads.push_back(count);
      threads.push_back(most);
    } else {
      threads.push_back(NumberOf("--threads", name, most, ", the threads of the default runtime, nor 'all'"));
    }
  }
  return threads;
}

std::vector<int64_t> GrowthOf(const std::vector<std::string>& names) {
  std::vector<int64_t> growth;
  for (const std::string& name : names) {
    const size_t factor = NumberOf("--sizes", name, 1 << 20, "");
    size_t power = factor;
    while (power % 4 == 0) power /= 4;
    if (power != 1) throw std::runtime_error("--sizes '" + name + "' is not a power of 4, such as 1, 4 or 16");
    growth.push_back(static_cast<int64_t>(factor));
  }
  return growth;
}

std::vector<Mode> ModesOf(const std::vector<std::string>& names) {
  std::vector<Mode> modes;
  for (const std::string& name : names) {
    const auto* const known =
        std::find_if(std::begin(kModes), std::end(kModes), [&](const auto& mode) { return name == mode.first; });
    if (known == std::end(kModes)) {
      throw std::runtime_error("--modes '" + name + "' is not one of warm, cold, plan, create");
    }
    modes.push_back(known->second);
  }
  return modes;
}

}  // namespace

std::string SuffixOf(Mode mode) {
  for (const auto& [name, known] : kModes) {
    if (known == mode && mode != Mode::kWarm) return std::string("/") + name;
  }
  return "";
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  std::vector<std::string> layouts = {"nchw", "nhwc", "nchwc16"};
  std::vector<std::string> targets, threads = {"1"}, growth = {"1"}, modes = {"warm"}, numerics = {"default"};
  std::string algorithm = "auto";
  CLI::App app("Times the library on the rows of the workload table.", "polyphase_bench");
  app.allow_extras();
  app.footer(kFooter);
  app.add_flag("--demo", options.demo,
               "a table of well-known layers, checked, with the fraction of the machine's peak; takes a minute");
  app.add_option("--demo-record", options.demo_record, "what --demo finds, as a file of tab-separated values")
      ->type_name("FILE")
      ->needs("--demo");
  app.add_flag("--smoke", options.smoke, "run every case once, checked, without a look at the clock");
  app.add_flag("--verify", options.verify, "check every case against the naive reference in double before it is timed");
  app.add_option("--workloads", options.workloads, "the table, a file with the columns of bench/workloads.tsv")
      ->type_name("FILE")
      ->capture_default_str();
  const auto list = [&app](const std::string& name, std::vector<std::string>& names, const std::string& text) {
    app.add_option(name, names, text)->delimiter(',')->type_name("LIST")->expected(1)->take_all();
  };
  list("--layouts", layouts, "of nchw, nhwc, nchwc4, nchwc8, nchwc16 (default nchw,nhwc,nchwc16)");
  list("--isa", targets,
       "SIMD targets by name, as 'polyphase info' lists them, or 'all', without AVX512_BF16 and AMX (default: the "
       "best)");
  list("--threads", threads, "thread counts; 'all': 1, 2, 4, ... and all (default 1)");
  list("--sizes", growth,
       "times the row's work, powers of 4: rows with larger maps, to see ns_per_output stay (default 1)");
  list("--modes", modes, "of warm, cold (caches), plan (MakePlan), create (and packing of weights) (default warm)");
  list("--numerics", numerics, "of strict, default, fast, bf16: how exactly sums are computed (default default)");
  app.add_option("--algorithm", algorithm,
                 "of convolutions: auto, subpixel, planar, winograd, gemm_col2im, matrix (default auto)")
      ->type_name("NAME");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    std::exit(app.exit(help));
  } catch (const CLI::ParseError& error) {
    throw std::runtime_error(error.what());
  }
  for (const std::string& extra : app.remaining()) {
    if (extra.rfind("--benchmark", 0) != 0 && extra.rfind("--v=", 0) != 0) {
      throw std::runtime_error("unknown option '" + extra + "'; --help lists them");
    }
    options.rest.push_back(extra);
  }
  for (const std::string& layout : Once(layouts)) options.layouts.emplace_back(layout);
  options.targets = Once(TargetsOf(targets));
  options.only_targets = !targets.empty();
  options.threads = Once(ThreadsOf(threads));
  options.growth = Once(GrowthOf(growth));
  options.modes = Once(ModesOf(modes));
  options.algorithm = AlgorithmOf(algorithm);
  options.numerics = Once(numerics);
  for (const std::string& name : numerics) NumericsOf(name);  // throws
  options.verify = options.verify || options.smoke;
  return options;
}

}  // namespace polyphase::bench
