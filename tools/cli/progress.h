// Progress: draws a bar on stderr for work that takes long, only if stderr is a terminal, and measures the seconds.
#ifndef POLYPHASE_TOOLS_CLI_PROGRESS_H_
#define POLYPHASE_TOOLS_CLI_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace polyphase::cli {

// The work is a sequence of phases, each with an estimated cost in a unit that they share.
class Progress {
 public:
  Progress();
  ~Progress();  // wipes the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set_total_cost(double cost) { total_cost_ = cost; }
  // Ends the current phase and begins the next. `name` must outlive this object.
  void Begin(const char* name, double cost);
  // `done` of `count` equal steps of the phase are finished.
  void Step(int64_t done, int64_t count);
  // Prints a line to stdout with the phases so far, the last of which ends now: "decode 0.012 s, encode 0.345 s".
  void PrintSeconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  bool terminal_;
  bool drawn_ = false;
  double total_cost_ = 1.0;
  double finished_cost_ = 0.0;
  double phase_cost_ = 0.0;
  std::vector<std::pair<const char*, Clock::time_point>> phases_;  // with their beginnings
  Clock::time_point next_draw_;
};

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_PROGRESS_H_
