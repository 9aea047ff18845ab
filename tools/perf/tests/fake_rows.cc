// A rows module without a library, for the tests of the runner and of compare: any row can be opened in any layout, and
// a run copies a value and takes a known time. What differs between the base and the head (FAKE_HEAD) depends on the
// row's id:
//   fpn.p5p4         the head takes twice as long
//   hrnet.fuse.x8    the head takes half as long
//   espcn.x3.ps      the head cannot open it
//   yolov5.focus     the head computes something else
//   rife46.b3.ps     the head computes a NaN, in front of right values
//   raft.convex      neither can open it
//   srvgg.x4.ps      the head's run aborts
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>

#include "bench/rows.h"

struct rows_case {
  std::string id;
  alignas(64) float input[16] = {1};
  alignas(64) float output[16] = {};
};

namespace {

#ifdef FAKE_HEAD
constexpr bool kHead = true;
#else
constexpr bool kHead = false;
#endif

std::string last_error;

}  // namespace

extern "C" {

const char* rows_error() { return last_error.c_str(); }

rows_case* rows_open(const rows_options* options) {
  const std::string id = options->id;
  if (id == "raft.convex" || (kHead && id == "espcn.x3.ps")) {
    last_error = "row '" + id + "': \"quoted\"";
    return nullptr;
  }
  return new rows_case{id};
}

void rows_close(rows_case* c) { delete c; }

int rows_run_on(rows_case* c, const rows_buffers* buffers) {
  if (kHead && c->id == "srvgg.x4.ps") std::abort();
  const auto* const input = static_cast<const float*>(buffers->input.data);
  auto* const output = static_cast<float*>(buffers->output.data);
  output[0] = kHead && c->id == "yolov5.focus" ? 2 * input[0] : input[0];
  if (kHead && c->id == "rife46.b3.ps") output[0] = NAN;
  int microseconds = 200;
  if (kHead && c->id == "fpn.p5p4") microseconds *= 2;
  if (kHead && c->id == "hrnet.fuse.x8") microseconds /= 2;
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
  while (std::chrono::steady_clock::now() < end) {
  }
  return 0;
}

void rows_get_buffers(const rows_case* c, rows_buffers* buffers) {
  *buffers = {};
  buffers->input = {const_cast<float*>(c->input), sizeof c->input};
  buffers->output = {const_cast<float*>(c->output), sizeof c->output};
}

const char* rows_describe(const rows_case*) { return "fake, target avx2, 1 tasks"; }

void rows_cost(const rows_case*, double* flop, double* bytes) {
  *flop = 1e6;
  *bytes = 1e3;
}

int rows_peaks(const char*, size_t, double* flops, double* bytes_per_second) {
  *flops = 1e10;
  *bytes_per_second = 1e10;
  return 0;
}

}  // extern "C"
