// The golden answers: see golden_file.h.
#include "tests/golden/golden_file.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "tests/ref/element.h"

namespace polyphase::testing {
namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool StartsAsNumber(const std::string& text) {
  return !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) != 0 || text[0] == '-');
}

int64_t ParseInt(const std::string& text) {
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  if (!StartsAsNumber(text) || *end != '\0' || text.size() > 18) throw Malformed("'" + text + "' is no whole number");
  return value;
}

double ParseDouble(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (!StartsAsNumber(text) || *end != '\0' || !std::isfinite(value)) throw Malformed("'" + text + "' is no number");
  return value;
}

template <typename Parse>
auto ParseList(const std::string& text, char separator, const Parse& parse) {
  std::vector<decltype(parse(text))> values;
  for (const std::string& part : Split(text, separator)) values.push_back(parse(part));
  return values;
}

Shape ParseShape(const std::string& text) {
  const std::vector<int64_t> sizes = ParseList(text, 'x', ParseInt);
  if (sizes.size() < 3 || sizes.size() > 5) throw Malformed("shape " + text + ": 3 to 5 sizes");
  if (std::any_of(sizes.begin(), sizes.end(), [](int64_t size) { return size < 0 || size > 4096; })) {
    throw Malformed("shape " + text + ": sizes of 0 to 4096");
  }
  Shape shape{sizes[0], sizes[1], {}, static_cast<int>(sizes.size()) - 2};
  std::copy(sizes.begin() + 2, sizes.end(), shape.size.begin());
  return shape;
}

// One value for each axis.
template <typename Values, typename Array>
Array OfRank(const std::string& key, const Values& values, int rank, Array array) {
  if (values.size() != static_cast<size_t>(rank)) {
    throw Malformed("attribute '" + key + "' does not have " + std::to_string(rank) + " values");
  }
  std::copy(values.begin(), values.end(), array.begin());
  return array;
}

// The number of a state that a fill makes, which f32, f16 and bf16 all have.
double NumberOf(uint32_t state, const std::string& fill) {
  const int32_t number = static_cast<int32_t>(state >> 23) - 256;
  const int32_t eighth = number & 7;
  if (fill == "uniform") return number / 256.0;
  if (fill == "wide") return number / 16.0;
  if (fill == "ties") return std::floor(number / 128.0);
  if (fill == "nan") return eighth == 0 ? std::nan("") : number / 64.0;
  const double infinity = std::numeric_limits<double>::infinity();
  if (fill == "special") return eighth == 0 ? std::nan("") : eighth <= 3 ? -infinity : std::floor(number / 128.0);
  if (fill == "neginf") return -infinity;
  throw Malformed("fill=" + fill + " is unknown");
}

void MustHave(DataType dtype, double number) {
  if (!std::isnan(number) && ref::RoundTo(dtype, number) != number)
    throw Malformed("a value that its type does not have");
}

}  // namespace

int64_t Shape::count() const {
  int64_t count = n * c;
  for (int axis = 0; axis < rank; ++axis) count *= size[static_cast<size_t>(axis)];
  return count;
}

Attributes::Attributes(const std::string& text) {
  if (text == "-") return;
  for (const std::string& pair : Split(text, ' ')) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) throw Malformed("attribute '" + pair + "': key=value");
    if (!values_.emplace(pair.substr(0, equals), pair.substr(equals + 1)).second) {
      throw Malformed("attribute '" + pair + "' is there twice");
    }
  }
}

std::optional<std::string> Attributes::Take(const std::string& key) {
  const auto node = values_.extract(key);
  return node ? std::optional(node.mapped()) : std::nullopt;
}

int64_t Attributes::Int(const std::string& key, int64_t otherwise) {
  const std::optional<std::string> value = Take(key);
  return value ? ParseInt(*value) : otherwise;
}

bool Attributes::Bool(const std::string& key, bool otherwise) {
  const int64_t value = Int(key, otherwise ? 1 : 0);
  if (value != 0 && value != 1) throw Malformed(key + " is neither 0 nor 1");
  return value == 1;
}

double Attributes::Double(const std::string& key, double otherwise) {
  const std::optional<std::string> value = Take(key);
  return value ? ParseDouble(*value) : otherwise;
}

SpatialSizes Attributes::Sizes(const std::string& key, int rank, const SpatialSizes& otherwise) {
  const std::optional<std::string> value = Take(key);
  return value ? OfRank(key, ParseList(*value, ',', ParseInt), rank, otherwise) : otherwise;
}

std::array<double, kMaxSpatialRank> Attributes::Doubles(const std::string& key, int rank) {
  const std::optional<std::string> value = Take(key);
  const std::array<double, kMaxSpatialRank> none{};
  return value ? OfRank(key, ParseList(*value, ',', ParseDouble), rank, none) : none;
}

DataType Attributes::Type() {
  return Named<DataType>(
      "dtype", "f32",
      {{"f32", DataType::kF32}, {"f16", DataType::kF16}, {"bf16", DataType::kBF16}, {"u8", DataType::kU8}});
}

void Attributes::MustBeEmpty() const {
  if (!values_.empty()) throw Malformed("attribute '" + values_.begin()->first + "' is unknown");
}

std::string Case::OpWithoutRank() const {
  const std::string end = std::to_string(input.rank) + "d";
  if (op.size() < 2 || op.substr(op.size() - 2) != end) throw Malformed("a shape of another rank than the op's");
  return op.substr(0, op.size() - 2);
}

Elements Case::Expected(DataType dtype) const {
  const size_t digits = dtype == DataType::kU8 ? 2 : 8;
  if (values.size() != digits * static_cast<size_t>(output.count())) {
    throw Malformed("not " + std::to_string(digits) + " digits for each of " + std::to_string(output.count()) +
                    " outputs");
  }
  if (values.find_first_not_of("0123456789abcdef") != std::string::npos) throw Malformed("outputs that are not hex");
  Elements elements;
  for (size_t at = 0; at < values.size(); at += digits) {
    elements.push_back(static_cast<uint32_t>(std::stoul(values.substr(at, digits), nullptr, 16)));
    if (dtype != DataType::kU8) MustHave(dtype, ref::Decode(DataType::kF32, elements.back()));
  }
  return elements;
}

Case ParseCase(const std::string& line) {
  const std::vector<std::string> fields = Split(line, '\t');
  if (fields.size() != 5 && fields.size() != 6) throw Malformed("not 5 or 6 fields");
  Case c{fields[0], fields[1], ParseShape(fields[2]), ParseShape(fields[3]), fields[4] == "-" ? "" : fields[4], {}};
  if (std::find(std::begin(kGoldenOps), std::end(kGoldenOps), c.op) == std::end(kGoldenOps)) {
    throw Malformed("op " + c.op + " is unknown");
  }
  if (c.input.rank != c.output.rank) throw Malformed("input and output of unequal ranks");
  if (fields.size() == 6) {
    c.indices = fields[5].empty() ? std::vector<int64_t>() : ParseList(fields[5], ',', ParseInt);
  }
  return c;
}

std::string GoldenLine::Where() const {
  size_t end = 0;
  for (int field = 0; field < 4 && end != std::string::npos; ++field) end = text.find('\t', end + 1);
  return std::string(kGoldenPath) + ":" + std::to_string(number) + ": " + text.substr(0, end) + ": ";
}

std::vector<GoldenLine> ReadGoldenFile() {
  std::ifstream file(kGoldenPath);
  if (!file) throw Malformed(std::string("no file ") + kGoldenPath + " in the working directory");
  std::vector<GoldenLine> lines;
  int number = 0;
  bool ended = false;
  for (std::string text; std::getline(file, text);) {
    ++number;
    if (ended) throw Malformed("line " + std::to_string(number) + " is after the end");
    if (text[0] == '#') continue;
    if (text.find("end\t") == 0) {
      if (ParseInt(text.substr(4)) != static_cast<int64_t>(lines.size())) {
        throw Malformed(text + " after " + std::to_string(lines.size()) + " cases");
      }
      ended = true;
    } else {
      lines.push_back({number, text});
    }
  }
  if (!ended) throw Malformed("the end is missing");
  return lines;
}

Elements Generated(Role role, int64_t count, const std::string& fill, DataType dtype) {
  Elements elements(static_cast<size_t>(count));
  uint32_t state = static_cast<uint32_t>(role) * 0x9E3779B9u;
  for (uint32_t& element : elements) {
    state = state * 1664525u + 1013904223u;
    if (dtype == DataType::kU8) {
      if (fill != "uniform" && fill != "bits") throw Malformed("fill=" + fill + ": u8 has none");
      element = state >> 24;
    } else if (fill == "bits") {
      if (dtype != DataType::kF32) throw Malformed("fill=bits: f32 or u8");
      element = state;
    } else {
      element = ref::Encode<uint32_t>(DataType::kF32, NumberOf(state, fill));
      MustHave(dtype, NumberOf(state, fill));
    }
  }
  return elements;
}

std::vector<float> GeneratedFloats(Role role, int64_t count) {
  std::vector<float> values;
  for (const uint32_t element : Generated(role, count, "uniform", DataType::kF32)) {
    values.push_back(static_cast<float>(ref::Decode(DataType::kF32, element)));
  }
  return values;
}

}  // namespace polyphase::testing
