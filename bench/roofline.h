// Roofline: measures the most that this process can reach, the FMA rate of each SIMD target and the streaming speed of
// memory.
#ifndef POLYPHASE_BENCH_ROOFLINE_H_
#define POLYPHASE_BENCH_ROOFLINE_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace polyphase::bench {

// Bytes per second. A copy counts the bytes read and the bytes written. "nt" stands for non-temporal stores, which do
// not read the line that they overwrite.
struct StreamingSpeeds {
  double read = 0;
  double fill = 0;
  double fill_nt = 0;
  double copy = 0;
  double copy_nt = 0;

  // Returns the fastest of all. In memory, it is the streaming speed of the roofline.
  double Best() const;
};

// The two limits of a computation at one moment.
struct Peaks {
  double flops = 0;             // FLOP per second
  double bytes_per_second = 0;  // StreamingSpeeds::Best()

  double Seconds(double flop, double bytes) const { return std::max(flop / flops, bytes / bytes_per_second); }
};

// All rates are the best of `repetitions` short runs, because on a shared machine the neighbours make all the others
// slow. With several threads a run lasts from the first start to the last end.
class Roofline {
 public:
  // Keeps enough memory for the streaming runs that the caches hold next to nothing of it: four times the last-level
  // cache, at least 256 MiB.
  Roofline();

  // Returns the targets that were compiled and that this CPU runs, best first, named as polyphase::Targets() names
  // them.
  static std::vector<std::string> Targets();

  // Returns the single-precision FLOP per second of independent multiply-adds in registers (2 FLOP per lane; on a
  // target without FMA instructions, a multiplication and an addition). Throws std::runtime_error if `target` is not in
  // Targets().
  double FmaFlops(const std::string& target, size_t threads, int repetitions) const;

  // Measures speeds where `bytes` per thread of a tensor, or of the two tensors of a copy, are passed over again and
  // again. `bytes` is rounded to pages and cut to footprint(). Throws as FmaFlops does.
  StreamingSpeeds Streaming(const std::string& target, size_t threads, size_t bytes, int repetitions) const;

  // Returns the number of bytes of which the caches hold next to nothing.
  size_t footprint() const { return floats_ * sizeof(float); }

  // Measures the FMA rate and memory's speed in about a tenth of a second. It is called right before what is compared
  // with them.
  Peaks Now(const std::string& target, size_t threads) const;

  // Has this many threads write the whole footprint, after which the caches of their cores hold nothing else.
  void EvictCaches(size_t threads) const;

 private:
  size_t floats_;  // of the footprint
  std::unique_ptr<float[], void (*)(float*)> memory_;
};

}  // namespace polyphase::bench

#endif  // POLYPHASE_BENCH_ROOFLINE_H_
