// POLYPHASE_VERBOSE=1 prints one line on stderr for each plan and each run.
#ifndef POLYPHASE_SRC_API_VERBOSE_H_
#define POLYPHASE_SRC_API_VERBOSE_H_

#include <chrono>

#include "plan/operator.h"

namespace polyphase::internal {

// Reads the environment at the first call. Thread-safe.
bool IsVerbose();

class Stopwatch {
 public:
  Stopwatch() : start_(IsVerbose() ? Clock::now() : Clock::time_point()) {}
  double Microseconds() const { return std::chrono::duration<double, std::micro>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_;
};

// Prints polyphase,plan,<Describe()>,<microseconds>
void PrintPlan(const PlanImpl& plan, const Stopwatch& stopwatch);
// Prints polyphase,run,<op> <input> -> <output>,<threads>,<microseconds>
void PrintRun(const PlanImpl& plan, const Stopwatch& stopwatch);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_API_VERBOSE_H_
