// Reader and Writer: values as bytes that a fuzzer can change with sense. One list of values, a template over the two,
// serves both: the fuzz target reads them, the program that makes seeds writes them.
//
// A number is a byte, and few are followed by more. Half of the bytes are small numbers, each several times, since most
// attributes are small; others stand for numbers that are hard to bear. What has no bytes left keeps its default.
#ifndef POLYPHASE_TESTS_FUZZ_CODER_H_
#define POLYPHASE_TESTS_FUZZ_CODER_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

#include "api/c_structs.h"
#include "tests/fuzz/calls.h"

namespace polyphase::fuzz {

// The bytes of a number: from kMedium on 16, 17, ..., from kHard on the table of hard ones, then a raw value.
constexpr uint8_t kMedium = 128, kHard = 224, kWide = 253, kFull = 254, kDefault = 255;
constexpr int kRepeated = 8;  // small numbers have so many bytes each

constexpr int64_t kHardIntegers[] = {-1,
                                     -2,
                                     -1000,
                                     int64_t{1} << 7,
                                     4096,
                                     4097,
                                     65535,
                                     65536,
                                     int64_t{1} << 20,
                                     int64_t{1} << 24,
                                     PPH_MAX_RESIZE_SIZE,
                                     PPH_MAX_RESIZE_SIZE + 1,
                                     INT32_MAX,
                                     INT32_MIN,
                                     int64_t{1} << 31,
                                     UINT32_MAX,
                                     int64_t{1} << 32,
                                     3037000500,  // its square exceeds 63 bits
                                     int64_t{1} << 40,
                                     int64_t{1} << 48,
                                     int64_t{1} << 60,
                                     int64_t{1} << 61,
                                     int64_t{1} << 62,
                                     INT64_MAX - 1,
                                     INT64_MAX,
                                     INT64_MIN + 1,
                                     INT64_MIN};
constexpr double kHardReals[] = {std::numeric_limits<double>::quiet_NaN(),
                                 std::numeric_limits<double>::infinity(),
                                 -std::numeric_limits<double>::infinity(),
                                 -0.0,
                                 -1.0,
                                 1e-41,
                                 5e-324,
                                 1e-10,
                                 1e-3,
                                 0.333333343267440796,
                                 0.999999940395355225,
                                 1.00000011920928955,
                                 1.999999,
                                 2.3,
                                 1000.0,
                                 0x1p31,
                                 -0x1p31,
                                 0x1p63,
                                 3.4028234663852886e38,
                                 1e39,
                                 1.7976931348623157e308};

class Reader {
 public:
  static constexpr bool kReads = true;

  Reader(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  template <class Int>
  void Integer(Int* value) {
    const uint8_t code = Byte();
    if (code < kMedium) {
      *value = static_cast<Int>(code / kRepeated);
    } else if (code < kHard) {
      *value = static_cast<Int>(code - kMedium + kMedium / kRepeated);
    } else if (code < kHard + std::size(kHardIntegers)) {
      *value = static_cast<Int>(kHardIntegers[code - kHard]);
    } else if (code == kWide) {
      *value = static_cast<Int>(Raw<int32_t>());
    } else if (code == kFull) {
      *value = static_cast<Int>(Raw<int64_t>());
    }
  }
  template <class Float>
  void Real(Float* value) {
    const uint8_t code = Byte();
    if (code < kMedium) {
      *value = static_cast<Float>(code / kRepeated);
    } else if (code < kHard) {
      *value = static_cast<Float>(code - kMedium) / 16 - 2;
    } else if (code < kHard + std::size(kHardReals)) {
      *value = ToFloat<Float>(kHardReals[code - kHard]);
    } else if (code == kWide) {
      *value = static_cast<Float>(Raw<float>());
    } else if (code == kFull) {
      *value = ToFloat<Float>(Raw<double>());
    }
  }
  bool Flag(bool) { return (Byte(0) & 1) != 0; }
  // A number below `count`.
  size_t Choice(size_t count, size_t) { return Byte(0) % count; }
  // What is left.
  const uint8_t* rest() const { return at_; }
  size_t rest_size() const { return static_cast<size_t>(end_ - at_); }

 private:
  uint8_t Byte(uint8_t otherwise = kDefault) { return at_ < end_ ? *at_++ : otherwise; }
  template <class T>
  T Raw() {
    T value{};
    std::memcpy(&value, at_, std::min(sizeof(T), rest_size()));
    at_ += std::min(sizeof(T), rest_size());
    return value;
  }
  // A double that a float cannot hold becomes what IEEE 754 says, though C++ leaves it undefined.
  template <class Float>
  static Float ToFloat(double value) {
    if (std::fabs(value) > static_cast<double>(std::numeric_limits<Float>::max())) {
      return std::copysign(std::numeric_limits<Float>::infinity(), static_cast<Float>(value < 0 ? -1 : 1));
    }
    return static_cast<Float>(value);
  }

  const uint8_t* at_;
  const uint8_t* end_;
};

class Writer {
 public:
  static constexpr bool kReads = false;

  template <class Int>
  void Integer(const Int* pointer) {
    const auto value = static_cast<int64_t>(*pointer);
    constexpr int64_t kSmall = kMedium / kRepeated;
    if (value >= 0 && value < kSmall) {
      Byte(value * kRepeated);
    } else if (value >= 0 && value < kSmall + kHard - kMedium) {
      Byte(value - kSmall + kMedium);
    } else {
      Byte(kFull);
      Raw(value);
    }
  }
  template <class Float>
  void Real(const Float* pointer) {
    const auto value = static_cast<double>(*pointer);
    const double small = value * kRepeated;
    if (small >= 0 && small < kMedium && std::floor(value) == value) {
      Byte(static_cast<int64_t>(small));
    } else {
      Byte(kFull);
      Raw(value);
    }
  }
  bool Flag(bool value) { return Byte(value ? 1 : 0), value; }
  size_t Choice(size_t, size_t value) { return Byte(static_cast<int64_t>(value)), value; }

  const std::string& bytes() const { return bytes_; }

 private:
  void Byte(int64_t value) { bytes_ += static_cast<char>(static_cast<uint8_t>(value)); }
  template <class T>
  void Raw(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }

  std::string bytes_;
};

// Codes a number or an array of them; pointers are the caller's matter.
template <class Io, class T>
void Code(Io& io, T* value) {
  if constexpr (std::is_array_v<T>) {
    for (auto& element : *value) Code(io, &element);
  } else if constexpr (std::is_integral_v<T>) {
    io.Integer(value);
  } else if constexpr (std::is_floating_point_v<T>) {
    io.Real(value);
  }
}

// Codes all fields of a struct of the C API, as the library's own list of them has it.
template <class Io, class C>
void CodeStruct(Io& io, C* c) {
  Code(io, &c->struct_size);
  typename internal::Pair<C>::Cpp cpp{};
  internal::ForEachField(internal::Pair<C>::Fields(*c, cpp), [&](const auto& field) { Code(io, &field.c); });
}

// Returns the struct with its defaults.
template <class C>
C Defaults() {
  C c;
  ++calls.init;
  internal::Pair<C>::kInit(&c, sizeof(C));
  return c;
}

// Reads one field of a struct anew, or its size. Fields that are pointers stay.
template <class C>
void ChangeField(Reader& io, C* c) {
  typename internal::Pair<C>::Cpp cpp{};
  const auto fields = internal::Pair<C>::Fields(*c, cpp);
  size_t choice = io.Choice(1 + internal::kScalars<std::decay_t<decltype(fields)>>, 0);
  if (choice-- == 0) return Code(io, &c->struct_size);
  const auto take = [&](auto* value) {
    if (choice-- == 0) Code(io, value);
  };
  internal::ForEachField(fields, [&](const auto& field) {
    if constexpr (std::is_array_v<std::remove_reference_t<decltype(field.c)>>) {
      for (auto& element : field.c) take(&element);
    } else {
      take(&field.c);
    }
  });
}

// Changes a field of a struct that may be left out, or whether it is.
template <class C>
void ChangeField(Reader& io, std::optional<C>* c) {
  if (!c->has_value()) {
    *c = Defaults<C>();
  } else if (io.Choice(16, 0) == 15) {
    return c->reset();
  }
  ChangeField(io, &**c);
}

// Codes a struct that may be left out.
template <class Io, class C>
void CodeOptional(Io& io, std::optional<C>* c) {
  if (!io.Flag(c->has_value())) {
    c->reset();
    return;
  }
  if (!c->has_value()) *c = Defaults<C>();
  CodeStruct(io, &**c);
}

}  // namespace polyphase::fuzz

#endif  // POLYPHASE_TESTS_FUZZ_CODER_H_
