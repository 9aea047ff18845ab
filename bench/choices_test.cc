// Test of the choices of plans: every row of bench/workloads.tsv is planned as bench/choices.tsv says, so that a
// change of a cost or of a rule shows which layers it moves. Where that is meant, POLYPHASE_WRITE_CHOICES=1 makes this
// test write the table anew; its diff belongs in the commit.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "bench/case.h"
#include "bench/workloads.h"
#include "gtest/gtest.h"
#include "polyphase/operator.h"
#include "polyphase/runtime.h"

namespace polyphase::bench {
namespace {

constexpr char kTable[] = "bench/choices.tsv";
constexpr const char* kLayouts[] = {"nchw", "nhwc", "nchwc16"};
// Targets that every x86 machine of the last ten years has.
constexpr const char* kTargets[] = {"sse4", "avx2"};

// The choice by row, layout and target, separated by tabs as the columns of the table are.
using Choices = std::map<std::string, std::string>;

bool HasTarget(const std::string& name) {
  const std::vector<TargetInfo> targets = Targets();
  return std::any_of(targets.begin(), targets.end(),
                     [&](const TargetInfo& target) { return target.name == name && target.supported; });
}

// Returns what Describe says before the reason, which contains the estimates: the op, the algorithm and its form.
std::string ChoiceOf(const Plan& plan) {
  const std::string& text = plan.Describe();
  return text.substr(0, text.find(" ("));
}

Choices Planned() {
  const std::vector<Workload> rows = ReadWorkloadsFile(POLYPHASE_WORKLOADS_TSV);
  int64_t most = 1;
  for (const Workload& w : rows) most = std::max({most, WeightCount(w), w.output_channels * w.factor * w.factor});
  const std::vector<float> zeros(static_cast<size_t>(most), 0.0f);  // no choice depends on the values of weights
  Choices choices;
  for (const Workload& w : rows) {
    for (const char* target : kTargets) {
      OperatorOptions options;
      options.isa = target;
      const Operator op = CreateOperator(w, zeros.data(), w.bias ? zeros.data() : nullptr, options);
      for (const char* layout : kLayouts) {
        const Plan plan = PlanFor(op, w, Variant{LayoutName(layout), target, 1});
        choices[w.id + "\t" + layout + "\t" + target] = ChoiceOf(plan);
      }
    }
  }
  return choices;
}

Choices Read() {
  std::ifstream file(kTable);
  Choices choices;
  std::string id, layout, target, choice;
  std::getline(file, id);  // the names of the columns
  while (std::getline(file, id, '\t') && std::getline(file, layout, '\t') && std::getline(file, target, '\t') &&
         std::getline(file, choice)) {
    choices[id + "\t" + layout + "\t" + target] = choice;
  }
  return choices;
}

void Write(const Choices& choices) {
  std::ofstream file(kTable);
  file << "id\tlayout\ttarget\tchoice\n";
  for (const auto& [key, choice] : choices) file << key << "\t" << choice << "\n";
}

TEST(PlanChoices, AreThoseOfTheTable) {
  for (const char* target : kTargets) {
    if (!HasTarget(target)) GTEST_SKIP() << "this build or this machine does not have " << target;
  }
  const Choices planned = Planned();
  if (std::getenv("POLYPHASE_WRITE_CHOICES") != nullptr) Write(planned);
  const Choices expected = Read();
  std::ostringstream changes;
  for (const auto& [key, choice] : planned) {
    const auto row = expected.find(key);
    if (row == expected.end()) {
      changes << "\n  " << key << ": is not in the table, is planned as\n    + " << choice;
    } else if (row->second != choice) {
      changes << "\n  " << key << ":\n    - " << row->second << "\n    + " << choice;
    }
  }
  for (const auto& [key, choice] : expected) {
    if (planned.count(key) == 0) changes << "\n  " << key << ": is in the table, but no row of the workloads";
  }
  EXPECT_TRUE(changes.str().empty()) << "Plans differ from " << kTable << changes.str()
                                     << "\nWhere this is meant, POLYPHASE_WRITE_CHOICES=1 writes the table anew.";
}

}  // namespace
}  // namespace polyphase::bench
