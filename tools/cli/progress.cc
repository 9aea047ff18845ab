// Progress: see progress.h.
#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace polyphase::cli {

namespace {

constexpr std::chrono::milliseconds kFirstDraw{400};  // shorter work shows no bar at all
constexpr std::chrono::milliseconds kRedraw{80};
constexpr int kBarWidth = 40;

}  // namespace

Progress::Progress() : terminal_(isatty(STDERR_FILENO) != 0), next_draw_(Clock::now() + kFirstDraw) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::Begin(const char* name, double cost) {
  finished_cost_ += phase_cost_;
  phases_.emplace_back(name, Clock::now());
  phase_cost_ = cost;
  Step(0, 1);
}

void Progress::Step(int64_t done, int64_t count) {
  if (!terminal_) return;
  const Clock::time_point now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kRedraw;
  drawn_ = true;
  const double phase_part = static_cast<double>(done) / static_cast<double>(count);
  const double part = std::clamp((finished_cost_ + phase_cost_ * phase_part) / total_cost_, 0.0, 1.0);
  std::string bar(kBarWidth, '.');
  std::fill_n(bar.begin(), static_cast<int>(part * kBarWidth), '#');
  std::fprintf(stderr, "\r\033[K[%s] %3d%% %s", bar.c_str(), static_cast<int>(part * 100.0), phases_.back().first);
}

void Progress::PrintSeconds() const {
  const Clock::time_point now = Clock::now();
  for (size_t i = 0; i < phases_.size(); ++i) {
    const bool last = i + 1 == phases_.size();
    const std::chrono::duration<double> seconds = (last ? now : phases_[i + 1].second) - phases_[i].second;
    std::printf("%s %.3f s%s", phases_[i].first, seconds.count(), last ? "\n" : ", ");
  }
}

}  // namespace polyphase::cli
