// Options of polyphase_bench: what is measured, and how.
#ifndef POLYPHASE_BENCH_OPTIONS_H_
#define POLYPHASE_BENCH_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/case.h"

namespace polyphase::bench {

// Says what is timed of a case.
enum class Mode {
  kWarm,    // runs, one after another
  kCold,    // a run after the caches were filled with something else, packed weights included
  kPlan,    // MakePlan
  kCreate,  // creation of the operator, which packs the weights
};

struct Options {
  bool demo = false;
  std::string demo_record;  // a file for what the demo finds; empty: none
  bool smoke = false;
  bool verify = false;
  std::string workloads = POLYPHASE_WORKLOADS_TSV;
  std::vector<LayoutName> layouts;
  std::vector<std::string> targets;
  std::vector<size_t> threads;
  std::vector<int64_t> growth;  // factors of the work
  std::vector<Mode> modes;
  std::vector<std::string> numerics;  // names
  bool only_targets = false;          // --isa names them
  Algorithm algorithm = Algorithm::kAuto;
  std::vector<std::string> rest;  // Google Benchmark's own options
};

// Returns "/cold" for kCold and so on; it is empty for kWarm.
std::string SuffixOf(Mode mode);

// Throws std::runtime_error whose message names the option, the value and the rule. Prints the help and leaves the
// program if it is asked for.
Options ParseOptions(int argc, char** argv);

}  // namespace polyphase::bench

#endif  // POLYPHASE_BENCH_OPTIONS_H_
