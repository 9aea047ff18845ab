// The golden answers, tests/golden/pytorch.tsv: its lines, the attributes of a case, and the numbers that are generated
// here as they were there. tools/golden/answers.py describes the format.
#ifndef POLYPHASE_TESTS_GOLDEN_GOLDEN_FILE_H_
#define POLYPHASE_TESTS_GOLDEN_GOLDEN_FILE_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "polyphase/tensor.h"

namespace polyphase::testing {

constexpr char kGoldenPath[] = "tests/golden/pytorch.tsv";

// Every op of the file.
constexpr const char* kGoldenOps[] = {
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "interpolate", "pillow_resize",   "pixel_shuffle",
    "pixel_unshuffle",  "max_pool1d",       "max_pool2d",       "max_pool3d",  "max_unpool1d",    "max_unpool2d",
    "max_unpool3d",     "avg_pool1d",       "avg_pool2d",       "avg_pool3d",  "avg_unpool1d",    "avg_unpool2d",
    "avg_unpool3d",     "conv1d",           "conv2d",           "conv3d",      "convex_upsample",
};

// Thrown for whatever the file says that its reader does not understand.
class Malformed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A tensor's elements in the order N, C, spatial axes: u8 as it is, a number of another type as the bits of its f32.
using Elements = std::vector<uint32_t>;

struct Shape {
  int64_t n = 0, c = 0;
  SpatialSizes size{};
  int rank = 0;

  int64_t count() const;
};

// key=value pairs, each of which must be taken once.
class Attributes {
 public:
  explicit Attributes(const std::string& text);

  std::optional<std::string> Take(const std::string& key);
  std::string Text(const std::string& key, const std::string& otherwise) { return Take(key).value_or(otherwise); }
  int64_t Int(const std::string& key, int64_t otherwise);
  bool Bool(const std::string& key, bool otherwise);
  double Double(const std::string& key, double otherwise);
  float Float(const std::string& key, float otherwise) { return static_cast<float>(Double(key, otherwise)); }
  SpatialSizes Sizes(const std::string& key, int rank, const SpatialSizes& otherwise);
  std::array<double, kMaxSpatialRank> Doubles(const std::string& key, int rank);
  // Returns what `names` has for the value.
  template <typename T>
  T Named(const std::string& key, const std::string& otherwise,
          std::initializer_list<std::pair<const char*, T>> names) {
    const std::string value = Text(key, otherwise);
    for (const auto& [name, named] : names) {
      if (value == name) return named;
    }
    throw Malformed(key + "=" + value + " is unknown");
  }
  DataType Type();
  void MustBeEmpty() const;

 private:
  std::map<std::string, std::string> values_;
};

// One line.
struct Case {
  std::string op;
  std::string attributes;
  Shape input, output;
  std::string values;
  std::optional<std::vector<int64_t>> indices;

  // Returns the name of the op without the rank at its end, which must be that of the input.
  std::string OpWithoutRank() const;
  // The outputs, of type `dtype`.
  Elements Expected(DataType dtype) const;
};

Case ParseCase(const std::string& line);

struct GoldenLine {
  int number;
  std::string text;

  std::string Where() const;  // for messages: the place and the case, without its outputs
};

// All cases of the file. Throws Malformed for a missing or wrong end, or no file.
std::vector<GoldenLine> ReadGoldenFile();

// Who reads generated numbers: the seed of answers.py.
enum Role : uint32_t { kInput = 1, kWeights, kBias, kResidual, kSlope, kGamma, kBeta, kMean, kVariance, kMask = 11 };

Elements Generated(Role role, int64_t count, const std::string& fill, DataType dtype);
std::vector<float> GeneratedFloats(Role role, int64_t count);

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_GOLDEN_GOLDEN_FILE_H_
