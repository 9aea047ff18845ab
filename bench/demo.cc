// Demo: chooses the layers, times them and prints the table.
#include "bench/demo.h"

#include <algorithm>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <exception>
#include <fstream>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/case.h"
#include "polyphase/runtime.h"

namespace polyphase::bench {
namespace {

struct Section {
  const char* op;
  const char* layout;
  bool avx2_too;
  std::vector<std::string> ids;
};

const std::vector<Section>& Sections() {
  static const std::vector<Section> kSections = {
      {"conv_transpose2d",
       "nchwc16",
       true,
       {"unet.up1", "unet.up2", "unet.up3", "unet.up4", "centernet.resdcn.up1", "centernet.resdcn.up2",
        "centernet.resdcn.up3", "centernet.dla.ida2", "dcgan.g2", "dcgan.g3", "dcgan.g4", "dcgan.g5"}},
      {"nearest_conv3x3", "nchwc16", true, {"yolov5s-seg.proto", "realesrgan.up1", "biggan.b5"}},
      {"conv_pixel_shuffle", "nchwc16", true, {"rcan.x3", "nafnet.up1"}},
      {"pixel_shuffle", "nchw", false, {"espcn.x3.ps", "rife46.b3.ps"}},
      {"resize", "nchw", false, {"unet.bilinear.up4", "sr.bicubic.4k"}},
  };
  return kSections;
}

std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string Format(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

// Returns "AMD EPYC 9B14", where the system says it.
std::string CpuName() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "an unnamed CPU";
}

const Workload& Find(const std::vector<Workload>& workloads, const std::string& id) {
  const auto row = std::find_if(workloads.begin(), workloads.end(), [&id](const Workload& w) { return w.id == id; });
  if (row == workloads.end()) throw std::runtime_error("the table has no row '" + id + "', which the demo shows");
  return *row;
}

// Returns "64x512x4x4 -> 256x8x8", channels x height x width, with the batch in front where there is one.
std::string ShapeOf(const Workload& w) {
  const std::array<int64_t, 3> output = OutputSize(w);
  const std::string batch = w.n == 1 ? "" : std::to_string(w.n) + "x";
  return Format("%s%lldx%lldx%lld -> %lldx%lldx%lld", batch.c_str(), static_cast<long long>(w.input_channels),
                static_cast<long long>(w.input[0]), static_cast<long long>(w.input[1]),
                static_cast<long long>(w.output_channels), static_cast<long long>(output[0]),
                static_cast<long long>(output[1]));
}

// Returns "4x4 s2", "bicubic x2" or "3x3 x2": what tells one layer of an op from another besides the shape.
std::string KindOf(const Workload& w) {
  if (w.op == "nearest_conv3x3" || w.op == "conv_pixel_shuffle") {
    return Format("%lldx%lld x%lld", static_cast<long long>(w.kernel[0]), static_cast<long long>(w.kernel[1]),
                  static_cast<long long>(w.factor));
  }
  if (w.op != "conv_transpose2d") return w.mode + (w.mode.empty() ? "x" : " x") + std::to_string(w.factor);
  return Format("%lldx%lld s%lld%s", static_cast<long long>(w.kernel[0]), static_cast<long long>(w.kernel[1]),
                static_cast<long long>(w.stride[0]), w.groups == w.input_channels ? " dw" : "");
}

// Returns how the plan computes: the first clause of Describe() after the name of the op, without its F(m, r).
std::string AlgorithmOf(const Plan& plan) {
  const std::string& text = plan.Describe();
  const size_t begin = text.find(' ') + 1;
  return text.substr(begin, std::min({text.find_first_of(",(", begin), text.find(" F(", begin)}) - begin);
}

struct Result {
  std::string algorithm;
  double seconds;
  double fraction;  // of the roofline
  Peaks peaks;
};

// Checks a case, measures the peaks, and takes the median of its times right after.
Result Measure(const Problem& problem, const Variant& variant, const Roofline& roofline) {
  using Clock = std::chrono::steady_clock;
  Case timed(problem, variant);
  timed.Verify();
  Result result;
  result.algorithm = AlgorithmOf(timed.plan());
  const Peaks before = roofline.Now(variant.target, variant.threads);
  timed.Run();  // warm again
  std::vector<double> seconds;
  const Clock::time_point begin = Clock::now();
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  while (seconds.size() < 15 || (seconds.size() < 1000 && since(begin) < 0.2)) {
    const Clock::time_point start = Clock::now();
    timed.Run();
    seconds.push_back(since(start));
  }
  result.seconds = Median(std::move(seconds));
  // A neighbour that came or went while one of the two was measured would make the fraction nonsense.
  const Peaks after = roofline.Now(variant.target, variant.threads);
  result.peaks = {std::max(before.flops, after.flops), std::max(before.bytes_per_second, after.bytes_per_second)};
  const Cost cost = CostOf(problem.workload());
  result.fraction = result.peaks.Seconds(cost.flop, cost.bytes) / result.seconds;
  return result;
}

// Returns GFLOP/s or GB/s, whichever limits the layer on this machine.
std::string RateOf(const Workload& workload, const Result& result) {
  const Cost cost = CostOf(workload);
  if (cost.flop / result.peaks.flops > cost.bytes / result.peaks.bytes_per_second) {
    return Format("%.1f GFLOP/s", cost.flop / result.seconds * 1e-9);
  }
  return Format("%.1f GB/s   ", cost.bytes / result.seconds * 1e-9);
}

std::string ThreadsOf(size_t threads) { return Format("%zu thread%s", threads, threads == 1 ? "" : "s"); }

void PrintPeaks(const Roofline& roofline, const std::vector<std::string>& targets, const std::vector<size_t>& threads,
                std::ostream& record) {
  std::printf("%-44s", "Peaks of this machine, measured now");
  for (const size_t count : threads) std::printf("%18s", ThreadsOf(count).c_str());
  double scaling = 0;
  for (const std::string& target : targets) {
    std::printf("\n  %-42s", Format("%s multiply-adds in registers", target.c_str()).c_str());
    std::vector<double> flops;
    for (const size_t count : threads) {
      flops.push_back(roofline.FmaFlops(target, count, 40));
      std::printf("%10.1f GFLOP/s", flops.back() * 1e-9);
      record << "peak\t" << target << '\t' << count << '\t' << flops.back() << '\n';
    }
    scaling = std::max(scaling, flops.back() / flops.front());
  }
  std::printf("\n  %-42s", "memory, best of reading, filling, copying");
  for (const size_t count : threads) {
    const double bytes = roofline.Streaming(targets[0], count, roofline.footprint(), 8).Best();
    std::printf("%10.1f GB/s   ", bytes * 1e-9);
    record << "memory\t" << count << '\t' << bytes << '\n';
  }
  std::printf("\n");
  if (scaling < 0.8 * static_cast<double>(threads.back())) {
    std::printf("  %zu threads are only %.1f times as fast as one: they share cores, or other programs run.\n",
                threads.back(), scaling);
  }
}

// Prints the left part of a line, whatever is in it.
void PrintLeft(const std::string& layer, const std::string& shape, const std::string& kind, const std::string& target) {
  std::printf("%-21s%-27s%-12s%-5s", layer.c_str(), shape.c_str(), kind.c_str(), target.c_str());
  std::fflush(stdout);  // the rest takes a moment
}

void PrintHead(const Section& section, const std::vector<size_t>& threads) {
  std::printf("\n%-84s%23s", Format("%s, f32, layout %s", section.op, section.layout).c_str(), ThreadsOf(1).c_str());
  if (threads.size() > 1) std::printf("%26s", ThreadsOf(threads[1]).c_str());
  std::printf("\n");
  PrintLeft("layer", "shape, [Nx]CxHxW", "", "ISA");
  std::printf("%-19s%9s%14s%9s", "algorithm", "ms", "rate", "roofline");
  if (threads.size() > 1) std::printf("%9s%9s%9s", "ms", "roofline", "speed-up");
  std::printf("\n");
}

}  // namespace

bool RunDemo(const std::vector<Workload>& workloads, const Roofline& roofline, const std::string& record_path) {
  std::ofstream record;  // without a file it takes nothing
  if (!record_path.empty()) record.open(record_path);
  std::vector<std::string> targets;  // the chosen one, and AVX2 where it is not that
  for (const TargetInfo& target : Targets()) {
    if (target.chosen) targets.insert(targets.begin(), target.name);
    if (!target.chosen && target.supported && target.name == "avx2") targets.push_back(target.name);
  }
  std::vector<size_t> threads = {1};
  if (DefaultThreads() > 1) threads.push_back(DefaultThreads());

  std::printf("Polyphase %s on %s\n\n", Version(), CpuName().c_str());
  record << "machine\t" << Version() << '\t' << CpuName() << '\n';
  PrintPeaks(roofline, targets, threads, record);

  bool good = true;
  int results = 0;
  for (const Section& section : Sections()) {
    PrintHead(section, threads);
    for (const std::string& id : section.ids) {
      const Workload& workload = Find(workloads, id);
      const Problem problem(workload);
      for (size_t t = 0; t < (section.avx2_too ? targets.size() : 1); ++t) {
        const bool first = t == 0;
        PrintLeft(first ? id : "", first ? ShapeOf(workload) : "", first ? KindOf(workload) : "", targets[t]);
        try {
          const LayoutName layout(section.layout);
          const auto write = [&](const Result& result, size_t count) {
            const std::string rate = RateOf(workload, result);
            for (const std::string& text : {std::string("layer"), std::string(section.op), std::string(section.layout),
                                            id, workload.network, ShapeOf(workload), KindOf(workload), targets[t],
                                            result.algorithm, rate.substr(0, rate.find_last_not_of(' ') + 1)}) {
              record << text << '\t';
            }
            record << count << '\t' << result.seconds << '\t' << result.fraction << '\n';
          };
          const Result one = Measure(problem, {layout, targets[t], 1}, roofline);
          write(one, 1);
          std::printf("%-19s%9.3f%14s%8.0f%%", one.algorithm.c_str(), one.seconds * 1e3, RateOf(workload, one).c_str(),
                      one.fraction * 100);
          ++results;
          if (threads.size() > 1) {
            std::fflush(stdout);
            const Result all = Measure(problem, {layout, targets[t], threads[1]}, roofline);
            write(all, threads[1]);
            std::printf("%9.3f%8.0f%%%8.2fx", all.seconds * 1e3, all.fraction * 100, one.seconds / all.seconds);
            ++results;
          }
          std::printf("\n");
        } catch (const std::exception& error) {
          std::printf("FAILED: %s\n", error.what());
          good = false;
        }
      }
    }
  }
  if (!record_path.empty() && !record.flush()) throw std::runtime_error("cannot write " + record_path);
  if (good) {
    std::printf("\nAll %d results agree with the naive double-precision reference.\n", results);
  } else {
    std::printf("\nResults are wrong, or layers could not be run: see FAILED above.\n");
  }
  std::printf(
      "\nroofline: the least time that the machine allows, as a share of the time taken. It allows the layer's useful\n"
      "multiply-adds at the peak of the ISA and the threads, and every tensor read or written once at memory speed,\n"
      "whichever takes longer. The peaks are measured again before and after each layer. A layer whose tensors stay in "
      "the\n"
      "cache can exceed 100%%.\n");
  return good;
}

}  // namespace polyphase::bench
