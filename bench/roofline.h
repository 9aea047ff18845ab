// Roofline: measures what this process can reach at most, FMA rate per SIMD target and streaming speed of memory.
#ifndef POLYPHASE_BENCH_ROOFLINE_H_
#define POLYPHASE_BENCH_ROOFLINE_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace polyphase::bench {

// Bytes per second; a copy counts the bytes read and those written. "nt": with non-temporal stores, which do not read
// the line that they overwrite.
struct StreamingSpeeds {
  double read = 0;
  double fill = 0;
  double fill_nt = 0;
  double copy = 0;
  double copy_nt = 0;

  // The fastest of all; in memory, the streaming speed of the roofline.
  double Best() const;
};

// The two limits of a computation at one moment.
struct Peaks {
  double flops = 0;             // FLOP per second
  double bytes_per_second = 0;  // StreamingSpeeds::Best()

  double Seconds(double flop, double bytes) const { return std::max(flop / flops, bytes / bytes_per_second); }
};

// All rates are the best of `repetitions` short runs, because on a shared machine everything but the best is the
// neighbours' doing. With several threads a run lasts from the first start to the last end.
class Roofline {
 public:
  // Keeps so much memory for the streaming runs that the caches hold next to nothing of it: four times the last-level
  // cache, at least 256 MiB.
  Roofline();

  // The targets that were compiled and that this CPU runs, best first, named as polyphase::Targets() names them.
  static std::vector<std::string> Targets();

  // Single-precision FLOP per second of independent multiply-adds in registers (2 FLOP per lane; on a target without
  // FMA instructions, a multiplication and an addition). Throws std::runtime_error if `target` is not in Targets().
  double FmaFlops(const std::string& target, size_t threads, int repetitions) const;

  // Where `bytes` per thread of a tensor, or of a copy's two, are passed over again and again; they are rounded to
  // pages and cut to footprint(). Throws as FmaFlops.
  StreamingSpeeds Streaming(const std::string& target, size_t threads, size_t bytes, int repetitions) const;

  // Bytes of which the caches hold next to nothing.
  size_t footprint() const { return floats_ * sizeof(float); }

  // FMA rate and memory's speed in about a tenth of a second, to be called right before what is compared with them.
  Peaks Now(const std::string& target, size_t threads) const;

  // Has so many threads write the whole footprint, after which the caches of their cores hold nothing else.
  void EvictCaches(size_t threads) const;

 private:
  size_t floats_;  // of the footprint
  std::unique_ptr<float[], void (*)(float*)> memory_;
};

}  // namespace polyphase::bench

#endif  // POLYPHASE_BENCH_ROOFLINE_H_
