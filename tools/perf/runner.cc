// Runner: one launch of a comparison. Loads two rows modules into this process, gives both the same memory, and times
// them in turn as the schedule on the standard input wants it; a line of JSON per line of the schedule goes to the
// standard output. measure.py writes the schedule and reads the answers.
//
//   peaks ISA THREADS
//     the roofline, measured by the head's module
//   row ID LAYOUT ISA THREADS FIRST CONTROL SAMPLE SECONDS ORDERS
//     opens the row in both modules, first in FIRST (A: base, B: head), and runs the rounds ORDERS (ABBA,BAAB,... or
//     -): the control kernel CONTROL (compute or memory), a run that warms up, and a sample of at least SAMPLE seconds
//     per letter. Begins no round after SECONDS, but always runs some. What another process has interrupted is
//     repeated, and rounds in which this did not help are left out unless nearly all are so. ISA may be "best".
#include <dlfcn.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <new>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/rows.h"
#include "control.h"

namespace polyphase::perf {
namespace {

constexpr std::align_val_t kAlignment{4096};
constexpr size_t kFewestRounds = 3;
constexpr int kTries = 4;
constexpr size_t kPadding = 64 * 1024;  // less than malloc takes from a mapping of its own
// Two outputs may differ by this, relative to the largest value: more than any order of summation does, less than a
// wrong kernel does.
constexpr float kTolerance = 1e-3f;

// A rows module: the functions of rows.h that are needed here.
class Module {
 public:
  explicit Module(const char* path) {
    void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    Load(library, "rows_error", error);
    Load(library, "rows_open", open);
    Load(library, "rows_close", close);
    Load(library, "rows_run_on", run_on);
    Load(library, "rows_get_buffers", get_buffers);
    Load(library, "rows_describe", describe);
    Load(library, "rows_cost", cost);
    Load(library, "rows_peaks", peaks);
  }

  decltype(&rows_error) error;
  decltype(&rows_open) open;
  decltype(&rows_close) close;
  decltype(&rows_run_on) run_on;
  decltype(&rows_get_buffers) get_buffers;
  decltype(&rows_describe) describe;
  decltype(&rows_cost) cost;
  decltype(&rows_peaks) peaks;

 private:
  template <class Function>
  static void Load(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) throw std::runtime_error(dlerror());
  }
};

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return quoted + '"';
}

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Returns how often the threads of this process have lost their CPU to somebody else.
int64_t Interruptions() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nivcsw;
}

// Returns what `sample` returns the first time that nobody interrupts it; else the last, and sets `disturbed`.
template <class Sample>
double Undisturbed(const Sample& sample, bool& disturbed) {
  double result = 0;
  for (int i = 0; i < kTries; ++i) {
    const int64_t interruptions = Interruptions();
    result = sample();
    if (Interruptions() == interruptions) return result;
  }
  disturbed = true;
  return result;
}

const char* TargetOf(const std::string& isa) { return isa == "best" ? nullptr : isa.c_str(); }

template <class Body>
double Timed(const Body& body) {
  const double start = Seconds();
  body();
  return Seconds() - start;
}

struct Free {
  void operator()(void* memory) const { ::operator delete(memory, kAlignment); }
};

// The memory that both modules use. It is as large as the larger of what they ask for.
class Shared {
 public:
  Shared(const rows_buffer& a, const rows_buffer& b) : bytes_(std::max(a.bytes, b.bytes)) {
    if (bytes_ == 0) return;
    memory_.reset(::operator new(bytes_, kAlignment));
    std::memset(memory_.get(), 0, bytes_);
    if (a.bytes > 0) std::memcpy(memory_.get(), a.data, a.bytes);
  }

  rows_buffer buffer() const { return {memory_.get(), bytes_}; }

 private:
  size_t bytes_;
  std::unique_ptr<void, Free> memory_;
};

// A row in one of the modules.
class Side {
 public:
  Side(const char* name, const Module& module, const rows_options& options)
      : name_(name), module_(module), case_(module.open(&options)) {
    if (case_ == nullptr) Fail();
  }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;
  ~Side() { module_.close(case_); }

  void Run(const rows_buffers& buffers) {
    if (module_.run_on(case_, &buffers) != 0) Fail();
  }
  // Returns the seconds per run.
  double Sample(const rows_buffers& buffers, int64_t runs) {
    return Timed([&] {
             for (int64_t i = 0; i < runs; ++i) Run(buffers);
           }) /
           static_cast<double>(runs);
  }

  rows_buffers buffers() const {
    rows_buffers buffers;
    module_.get_buffers(case_, &buffers);
    return buffers;
  }
  std::string Describe() const { return module_.describe(case_); }
  // Returns ,"flop":...,"bytes":...
  std::string Cost() const {
    double flop = 0;
    double bytes = 0;
    module_.cost(case_, &flop, &bytes);
    return ",\"flop\":" + Number(flop) + ",\"bytes\":" + Number(bytes);
  }

 private:
  [[noreturn]] void Fail() const { throw std::runtime_error(std::string(name_) + ": " + module_.error()); }

  const char* name_;
  const Module& module_;
  rows_case* case_;
};

void CompareOutputs(const rows_buffer& base, const rows_buffer& head) {
  const auto* a = static_cast<const float*>(base.data);
  const auto* b = static_cast<const float*>(head.data);
  float largest = 0;
  float difference = 0;
  for (size_t i = 0; i < base.bytes / sizeof(float); ++i) {
    largest = std::max(largest, std::fabs(a[i]));
    const float d = std::fabs(a[i] - b[i]);
    if (std::isnan(difference)) break;
    if (!(d <= difference)) difference = d;  // also a NaN
  }
  if (!(difference <= kTolerance * largest)) {
    throw std::runtime_error("both: the outputs differ by " + Number(difference) + " where the largest value is " +
                             Number(largest));
  }
}

struct Row {
  std::string id, layout, isa, first, control, orders;
  size_t threads = 0;
  double sample = 0;
  double seconds = 0;
};

std::istream& operator>>(std::istream& line, Row& row) {
  return line >> row.id >> row.layout >> row.isa >> row.threads >> row.first >> row.control >> row.sample >>
         row.seconds >> row.orders;
}

std::string Measure(const Module (&modules)[2], const Row& row) {
  const rows_options options = {nullptr, row.id.c_str(), row.layout.c_str(), TargetOf(row.isa), nullptr, row.threads};
  std::unique_ptr<Side> sides[2];  // base, head
  const int first = row.first == "A" ? 0 : 1;
  // The place of tables and packed weights is luck that is worth percents. Different luck in every launch makes it
  // noise instead of a verdict.
  std::vector<char> padding[2];
  std::random_device random;
  for (const int i : {first, 1 - first}) {
    padding[i].resize(random() % kPadding);
    sides[i] = std::make_unique<Side>(i == 0 ? "base" : "head", modules[i], options);
  }
  Side& base = *sides[0];
  Side& head = *sides[1];

  const rows_buffers a = base.buffers();
  const rows_buffers b = head.buffers();
  const Shared input(a.input, b.input), output(a.output, b.output), other_output(a.output, b.output),
      residual(a.residual, b.residual), indices(a.indices, b.indices), mask(a.mask, b.mask),
      workspace(a.workspace, b.workspace);
  rows_buffers buffers = {input.buffer(),   other_output.buffer(), residual.buffer(),
                          indices.buffer(), mask.buffer(),         workspace.buffer()};
  base.Run(buffers);
  buffers.output = output.buffer();
  head.Run(buffers);
  CompareOutputs(other_output.buffer(), output.buffer());

  double fastest = base.Sample(buffers, 1);
  for (int i = 0; i < 3; ++i) fastest = std::min({fastest, head.Sample(buffers, 1), base.Sample(buffers, 1)});
  const auto runs = static_cast<int64_t>(std::max(1.0, std::ceil(row.sample / fastest)));
  std::string result = "\"runs\":" + std::to_string(runs) + ",\"seconds\":" + Number(fastest) + head.Cost() +
                       ",\"base_algorithm\":" + Quoted(base.Describe()) + ",\"algorithm\":" + Quoted(head.Describe()) +
                       ",\"rounds\":[";

  const double start = Seconds();
  std::istringstream orders(row.orders == "-" ? "" : row.orders);
  std::vector<std::string> all, undisturbed;
  for (std::string order; std::getline(orders, order, ',');) {
    if (all.size() >= kFewestRounds && Seconds() - start > row.seconds) break;
    bool disturbed = false;
    const double control = Undisturbed(
        [&] { return Timed([&] { row.control == "compute" ? ControlCompute() : ControlMemory(); }); }, disturbed);
    for (const char letter : {order[1], order[0]}) {  // what the control kernel has displaced comes back
      sides[letter - 'A']->Run(buffers);
    }
    std::string times[2];
    for (const char letter : order) {
      std::string& list = times[letter - 'A'];
      const double time = Undisturbed([&] { return sides[letter - 'A']->Sample(buffers, runs); }, disturbed);
      list += (list.empty() ? "" : ",") + Number(time);
    }
    all.push_back("{\"base\":[" + times[0] + "],\"head\":[" + times[1] + "],\"control\":[" + Number(control) + "]}");
    if (!disturbed) undisturbed.push_back(all.back());
  }
  for (const std::string& round : undisturbed.size() < kFewestRounds ? all : undisturbed) {
    result += (result.back() == '[' ? "" : ",") + round;
  }
  return result + "]";
}

std::string Peaks(const Module& head, const std::string& isa, size_t threads) {
  double flops = 0;
  double bytes_per_second = 0;
  if (head.peaks(TargetOf(isa), threads, &flops, &bytes_per_second) != 0) throw std::runtime_error(head.error());
  return "\"flops\":" + Number(flops) + ",\"bytes_per_second\":" + Number(bytes_per_second);
}

std::string Answer(const Module (&modules)[2], const std::string& text) {
  std::istringstream line(text);
  std::string verb;
  line >> verb;
  if (verb == "peaks") {
    std::string isa;
    size_t threads = 0;
    if (line >> isa >> threads) return Peaks(modules[1], isa, threads);
  } else if (verb == "row") {
    Row row;
    if (line >> row) return Measure(modules, row);
  }
  throw std::runtime_error("not a line of a schedule: " + text);
}

int Main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: runner BASE_ROWS_MODULE HEAD_ROWS_MODULE < schedule\n";
    return 2;
  }
  const Module modules[2] = {Module(argv[1]), Module(argv[2])};
  for (int i = 0; i < 3; ++i) {  // the first runs touch memory and wake the clock
    ControlCompute();
    ControlMemory();
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    std::string answer;
    try {
      answer = Answer(modules, line);
    } catch (const std::exception& error) {
      answer = "\"error\":" + Quoted(error.what());
    }
    std::cout << '{' << answer << '}' << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace polyphase::perf

int main(int argc, char** argv) {
  try {
    return polyphase::perf::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "runner: " << error.what() << '\n';
    return 2;
  }
}
