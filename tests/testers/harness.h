// All testers share this: targets, layouts, guarded memory with views, and one run of a plan with everything checked
// that does not depend on the op.
#ifndef POLYPHASE_TESTS_TESTERS_HARNESS_H_
#define POLYPHASE_TESTS_TESTERS_HARNESS_H_

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase.h"
#include "tests/ref/tensor.h"
#include "tests/testers/sanitizers.h"

namespace polyphase::testing {

// ---- Names

inline bool ContainsWord(const std::string& text, const std::string& word) {
  const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !in_word(text[at - 1])) && (end == text.size() || !in_word(text[end]))) return true;
  }
  return false;
}

struct Format {
  Layout layout;
  int32_t block = 1;
};

inline std::string Name(const Format& format) {
  switch (format.layout) {
    case Layout::kNchw: return "nchw";
    case Layout::kNhwc: return "nhwc";
    case Layout::kNchwc: return "nchw" + std::to_string(format.block) + "c";
  }
  return "?";
}

constexpr Format kFormats[] = {
    {Layout::kNchw, 1}, {Layout::kNhwc, 1}, {Layout::kNchwc, 4}, {Layout::kNchwc, 8}, {Layout::kNchwc, 16}};

using FormatPair = std::pair<Format, Format>;  // of input and output

inline std::vector<FormatPair> AllFormatPairs() {
  std::vector<FormatPair> pairs;
  for (const Format& in : kFormats) {
    for (const Format& out : kFormats) pairs.emplace_back(in, out);
  }
  return pairs;
}

// Returns all of `pairs`, or a random one in sanitized builds.
inline std::vector<FormatPair> Chosen(std::vector<FormatPair> pairs, std::mt19937& rng) {
  if (kSanitized) {
    const FormatPair any = pairs[rng() % pairs.size()];
    pairs.assign(1, any);
  }
  return pairs;
}

// Returns the five pairs of equal layouts and `mixed` random ones; in sanitized builds, one and one.
inline std::vector<FormatPair> SomeFormatPairs(int mixed, std::mt19937& rng) {
  std::vector<FormatPair> pairs;
  const size_t any = rng() % 5;
  for (size_t i = 0; i < 5; ++i) {
    if (!kSanitized || i == any) pairs.emplace_back(kFormats[i], kFormats[i]);
  }
  for (int i = 0; i < (kSanitized ? 1 : mixed); ++i) pairs.emplace_back(kFormats[rng() % 5], kFormats[rng() % 5]);
  return pairs;
}

// Returns the compiled targets that this CPU has, best first. Under TSan, where the target does not matter, it is only
// the best one. Every test that loops over them fails when there is none.
inline std::vector<std::string> SupportedTargets() {
  std::vector<std::string> names;
  for (const TargetInfo& target : Targets()) {
    if (target.supported && !(kTsan && !names.empty())) names.push_back(target.name);
  }
  EXPECT_FALSE(names.empty()) << "no compiled target is supported: nothing would be tested";
  return names;
}

// Returns the number of failures so far in the test that is running.
inline int FailureCount() {
  return ::testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
}

inline OperatorOptions OptionsFor(const std::string& isa) {
  OperatorOptions options;
  options.isa = isa;
  return options;
}

// ---- Memory

enum class View {
  kDense,       // dense, aligned to 64 bytes
  kMisaligned,  // dense, one element after such an address
  kRows,        // rows, channels (or channel blocks) and images have gaps between them
  kConcat,      // a channel range of a larger tensor
};
constexpr View kViews[] = {View::kDense, View::kMisaligned, View::kRows, View::kConcat};

inline const char* Name(View view) {
  constexpr const char* kNames[] = {"dense", "misaligned", "rows", "concat"};
  return kNames[static_cast<int>(view)];
}

inline TensorDesc MakeDesc(DataType dtype, const Format& format, int64_t n, int64_t c, const ref::Size3& size,
                           int32_t spatial_rank) {
  TensorDesc desc;
  desc.dtype = dtype;
  desc.layout = format.layout;
  desc.channel_block = format.block;
  desc.spatial_rank = spatial_rank;
  desc.n = n;
  desc.c = c;
  desc.size = ref::FromSize3(size, spatial_rank);
  return desc;
}

inline TensorDesc MakeDesc(DataType dtype, const Format& format, int64_t n, int64_t c, int64_t h, int64_t w) {
  return MakeDesc(dtype, format, n, c, ref::Size3{1, h, w}, 2);
}

// Returns a descriptor of the shape of `tensor`.
template <typename T>
TensorDesc DescOf(DataType dtype, const Format& format, const ref::Tensor<T>& tensor, int32_t spatial_rank) {
  return MakeDesc(dtype, format, tensor.n, tensor.c, tensor.size(), spatial_rank);
}

// Returns a bit pattern that marks memory. As an f32, f16 or bf16 it is a NaN, so that reading it shows in the result.
template <typename T>
T Marker() {
  constexpr uint32_t kBits[] = {0xFFC5FFC5u, 0xFFF8A5C3u};
  T marker;
  std::memcpy(&marker, kBits, sizeof(T));
  return marker;
}

template <typename T>
bool SameBits(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// The memory of one tensor, as a view of a buffer that is full of markers.
template <typename T>
class Memory {
 public:
  // `dense` has no strides; `view` gives it some.
  Memory(const TensorDesc& dense, View view) : desc_(dense) {
    int64_t first = 0;
    int64_t behind = 0;
    SetView(view, first, behind);
    // AddressSanitizer sees what is next to a block; without it, guard zones do.
    const int64_t guard = kAsan ? 0 : static_cast<int64_t>(256 / sizeof(T));
    const int64_t total = guard + first + ref::Extent(desc_) + behind + guard;
    buffer_.resize(static_cast<size_t>(total));
    origin_ = guard + first;
    buffer_.assign(buffer_.size(), Marker<T>());
  }

  const TensorDesc& desc() const { return desc_; }
  T* data() { return buffer_.data() + origin_; }
  const T* data() const { return buffer_.data() + origin_; }

  // Elements that are not the tensor's keep their marker, and so do tail lanes.
  void Write(const ref::Tensor<T>& tensor) { ref::Pack(tensor, desc_, data(), Marker<T>()); }
  ref::Tensor<T> Read() const { return ref::Unpack(desc_, data()); }

  bool operator==(const Memory& other) const {
    return buffer_.size() == other.buffer_.size() &&
           (buffer_.empty() || std::memcmp(buffer_.data(), other.buffer_.data(), buffer_.size() * sizeof(T)) == 0);
  }

  ::testing::AssertionResult Untouched() const {
    for (size_t i = 0; i < buffer_.size(); ++i) {
      if (!SameBits(buffer_[i], Marker<T>())) {
        return ::testing::AssertionFailure() << "output was written at element " << static_cast<int64_t>(i) - origin_;
      }
    }
    return ::testing::AssertionSuccess();
  }

  // Checks what a Run must leave: markers in everything that is not the tensor's, and zeros in its tail lanes.
  ::testing::AssertionResult OnlyOwnElementsWritten() const {
    std::vector<bool> own(buffer_.size(), false);
    ::testing::AssertionResult result = ::testing::AssertionSuccess();
    ref::ForEachElement(desc_, [&](int64_t offset, int64_t n, int64_t c, int64_t z, int64_t y, int64_t x) {
      own[static_cast<size_t>(origin_ + offset)] = true;
      if (c >= desc_.c && !SameBits(data()[offset], T{}) && result) {
        result = ::testing::AssertionFailure() << "tail lane of channel " << c << " at n " << n << " z " << z << " y "
                                               << y << " x " << x << " is not zero";
      }
    });
    for (size_t i = 0; i < buffer_.size() && result; ++i) {
      if (!own[i] && !SameBits(buffer_[i], Marker<T>())) {
        result = ::testing::AssertionFailure() << "element " << static_cast<int64_t>(i) - origin_
                                               << " from the first one is not the tensor's, but was"
                                               << " written";
      }
    }
    return result;
  }

 private:
  // Aligns to 64 bytes and allocates the exact size, so that ASan sees one element too many.
  struct Allocator {
    using value_type = T;
    template <typename U>
    struct rebind {  // NOLINT(readability-identifier-naming): the standard's name
      using other = Allocator;
    };
    T* allocate(size_t count) { return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{64})); }
    void deallocate(T* p, size_t) { ::operator delete (p, std::align_val_t{64}); }
    bool operator==(const Allocator&) const { return true; }
    bool operator!=(const Allocator&) const { return false; }
  };

  void SetView(View view, int64_t& first, int64_t& behind) {
    // The dense strides come first, then those that the view changes, from the inside out.
    const TensorDesc dense = ref::WithStrides(desc_);
    const int64_t plane = dense.size[0] * dense.stride[0];  // all pixels of a channel (block), or of an image
    switch (view) {
      case View::kDense: return;
      case View::kMisaligned: first = 1; return;
      case View::kRows:
        // A row begins a few elements after the end of the one before it, and so does each larger part.
        if (desc_.spatial_rank > 1) {
          const int row = desc_.spatial_rank - 2;
          desc_.stride[row] = dense.stride[row] + 3;
        }
        if (desc_.layout != Layout::kNhwc) {
          desc_.stride_c = ref::WithStrides(desc_).stride_c + 5;
        }
        desc_.stride_n = ref::WithStrides(desc_).stride_n + 7;
        return;
      case View::kConcat:
        if (desc_.layout == Layout::kNhwc) {
          desc_.stride[desc_.spatial_rank - 1] = desc_.c + 5;
          first = 3;
          behind = 2;
          return;
        }
        desc_.stride_n = dense.stride_n + 3 * plane;
        first = 2 * plane;
        behind = plane;
        return;
    }
  }

  TensorDesc desc_;
  std::vector<T, Allocator> buffer_;
  int64_t origin_ = 0;
};

// ---- One run

// Everything that one run may vary besides the layer itself.
struct RunChoice {
  View input_view = View::kDense;
  View output_view = View::kDense;
  size_t threads = 1;
  bool own_workspace = true;  // false: from the runtime's allocator
};

inline RunChoice RandomChoice(std::mt19937& rng) {
  constexpr size_t kThreads[] = {1, 2, 3, 7};
  return {kViews[rng() % 4], kViews[rng() % 4], kThreads[rng() % 4], rng() % 2 == 0};
}

inline std::string Name(const RunChoice& choice) {
  return std::string(Name(choice.input_view)) + " -> " + Name(choice.output_view) + ", " +
         std::to_string(choice.threads) + " threads, " + (choice.own_workspace ? "own" : "allocated") + " workspace";
}

// A workspace of exactly the plan's size, full of markers, with a guard zone after it.
class Workspace {
 public:
  explicit Workspace(size_t bytes)
      : bytes_(bytes),
        memory_(static_cast<unsigned char*>(::operator new (bytes + kGuard, std::align_val_t{kWorkspaceAlignment}))) {
    std::memset(memory_.get(), 0xFF, bytes + kGuard);
  }
  void* data() { return memory_.get(); }
  size_t bytes() const { return bytes_; }
  bool guard_intact() const {
    return std::all_of(memory_.get() + bytes_, memory_.get() + bytes_ + kGuard,
                       [](unsigned char b) { return b == 0xFF; });
  }

 private:
  static constexpr size_t kGuard = kAsan ? 0 : 256;
  struct Delete {
    void operator()(unsigned char* p) const { ::operator delete (p, std::align_val_t{kWorkspaceAlignment}); }
  };
  size_t bytes_;
  std::unique_ptr<unsigned char, Delete> memory_;
};

// The residual of an epilogue. If it is in place, it is the output, which has its values before the run.
template <typename T>
struct ResidualInput {
  const ref::Tensor<T>* tensor = nullptr;  // null if there is none
  TensorDesc dense;
  View view = View::kDense;
  bool in_place = false;
};

// Plans and runs `op` on `input`, writes the result to `output`, and checks all but the values. Describe() of the plan
// must name `target`. Indices come with both options, and the caller checks them. Input, output and residual may have
// elements of different types.
template <typename T, typename Out, typename Added = Out>
::testing::AssertionResult RunOnce(const Operator& op, const std::string& target, PlanOptions plan_options,
                                   const RunChoice& choice, const ref::Tensor<T>& input, const TensorDesc& input_dense,
                                   const TensorDesc& output_dense, ref::Tensor<Out>& output,
                                   const ResidualInput<Added>& residual = {}, RunOptions run_options = {}) {
  Memory<T> in(input_dense, choice.input_view);
  Memory<Out> out(output_dense, choice.output_view);
  in.Write(input);
  const Memory<T> in_before = in;
  Memory<Added> added(residual.tensor != nullptr ? residual.dense : TensorDesc(), residual.view);
  if (residual.tensor != nullptr && !residual.in_place) added.Write(*residual.tensor);
  if constexpr (std::is_same_v<Out, Added>) {
    if (residual.tensor != nullptr && residual.in_place) out.Write(*residual.tensor);
  }

  plan_options.output = out.desc();
  if (residual.tensor != nullptr) plan_options.residual = residual.in_place ? out.desc() : added.desc();
  plan_options.num_threads = choice.threads;
  const StatusOr<Plan> plan = op.MakePlan(in.desc(), plan_options);
  if (!plan.ok()) return ::testing::AssertionFailure() << "MakePlan: " << plan.status().message();
  if (!ContainsWord(plan->Describe(), target)) {
    return ::testing::AssertionFailure() << "plan did not use " << target << ": " << plan->Describe();
  }
  Workspace workspace(plan->workspace_bytes());
  if (choice.own_workspace) {
    run_options.workspace = workspace.data();
    run_options.workspace_bytes = workspace.bytes();
  }
  const void* const residual_data = residual.in_place ? static_cast<const void*>(out.data()) : added.data();
  if (residual.tensor != nullptr) run_options.residual = residual_data;
  const Status status = plan->Run(in.data(), out.data(), run_options);
  if (!status.ok()) return ::testing::AssertionFailure() << "Run: " << status.message();
  if (!workspace.guard_intact()) {
    return ::testing::AssertionFailure() << "written behind the workspace: " << plan->Describe();
  }
  if (!(in == in_before)) return ::testing::AssertionFailure() << "input was written: " << plan->Describe();
  ::testing::AssertionResult own = out.OnlyOwnElementsWritten();
  if (!own) return own << ": " << plan->Describe();
  output = out.Read();
  return ::testing::AssertionSuccess();
}

template <typename T, typename E>
bool SameShape(const ref::Tensor<T>& a, const ref::Tensor<E>& b) {
  return a.n == b.n && a.c == b.c && a.size() == b.size();
}

template <typename T>
std::string ShapeName(const ref::Tensor<T>& t) {
  std::string name = std::to_string(t.n) + "x" + std::to_string(t.c);
  for (const int64_t size : t.size()) name += "x" + std::to_string(size);
  return name;
}

// Compares element by element with `same(i)`, where i is an index of data. Names the first difference and how many
// there are.
template <typename T, typename E, typename Same>
::testing::AssertionResult CompareTensors(const ref::Tensor<T>& actual, const ref::Tensor<E>& expected,
                                          const Same& same) {
  if (!SameShape(actual, expected)) {
    return ::testing::AssertionFailure() << "shape " << ShapeName(actual) << ", expected " << ShapeName(expected);
  }
  size_t wrong = 0;
  ::testing::AssertionResult result = ::testing::AssertionSuccess();
  for (size_t i = 0; i < expected.data.size(); ++i) {
    if (same(i) || wrong++ > 0) continue;
    const auto index = static_cast<int64_t>(i);
    const int64_t pixel = index % expected.plane();
    const int64_t channel = index / expected.plane();
    result = ::testing::AssertionFailure()
             << "at n " << channel / expected.c << " c " << channel % expected.c << " z "
             << pixel / (expected.h * expected.w) << " y " << pixel / expected.w % expected.h << " x "
             << pixel % expected.w << ": " << +actual.data[i] << ", expected " << +expected.data[i];
  }
  if (wrong > 0) result << "; " << wrong << " of " << expected.data.size() << " differ";
  return result;
}

template <typename T>
::testing::AssertionResult BitwiseEqual(const ref::Tensor<T>& actual, const ref::Tensor<T>& expected) {
  return CompareTensors(actual, expected, [&](size_t i) { return SameBits(actual.data[i], expected.data[i]); });
}

// Checks that every image equals the first one, bit for bit.
template <typename T>
::testing::AssertionResult ImagesEqual(const ref::Tensor<T>& tensor) {
  const size_t image = static_cast<size_t>(tensor.c * tensor.plane());
  return CompareTensors(tensor, tensor, [&](size_t i) { return SameBits(tensor.data[i], tensor.data[i % image]); });
}

// Fills in whole numbers from -limit to limit. Sums of their products are exact in f32 as long as they stay below 2^24.
inline void FillIntegers(std::vector<float>& values, int limit, std::mt19937& rng) {
  std::uniform_int_distribution<int> distribution(-limit, limit);
  for (float& v : values) v = static_cast<float>(distribution(rng));
}

inline void FillUniform(std::vector<float>& values, std::mt19937& rng) {
  std::uniform_real_distribution<float> distribution(-1.0f, 1.0f);
  for (float& v : values) v = distribution(rng);
}

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_HARNESS_H_
