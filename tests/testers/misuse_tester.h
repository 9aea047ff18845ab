// MisuseTester: changes what is right in one thing at a time and looks at what a call says to it.
#ifndef POLYPHASE_TESTS_TESTERS_MISUSE_TESTER_H_
#define POLYPHASE_TESTS_TESTERS_MISUSE_TESTER_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"
#include "tests/testers/is_error.h"

namespace polyphase::testing {

// One row of a table: the words that the message must have, separated by blanks, and the change that asks for them.
template <typename T>
struct Misuse {
  std::string words;
  std::function<void(T&)> change;
};

// The change of one field.
template <typename T, typename Field>
std::function<void(T&)> Set(Field T::*field, const std::common_type_t<Field>& value) {
  return [=](T& t) { t.*field = value; };
}

// The change of all.
template <typename T>
std::function<void(T&)> Be(const T& value) {
  return [=](T& t) { t = value; };
}

inline Status StatusOf(const Status& status) { return status; }
template <typename T>
Status StatusOf(const StatusOr<T>& result) {
  return result.status();
}

// T is what is changed: attributes, a descriptor, options. A call that takes it must succeed with `right`.
template <typename T>
class MisuseTester {
 public:
  // `every` has words that are in all messages.
  template <typename Call>
  MisuseTester(T right, Call call, std::string every = "")
      : right_(std::move(right)), call_([call](const T& t) { return StatusOf(call(t)); }), every_(std::move(every)) {
    EXPECT_TRUE(call_(right_).ok()) << call_(right_).message();
  }

  const MisuseTester& Refuses(const std::vector<Misuse<T>>& misuses) const {
    for (const Misuse<T>& misuse : misuses) {
      EXPECT_TRUE(IsError(With(misuse.change), every_ + " " + misuse.words)) << "of '" << misuse.words << "'";
    }
    return *this;
  }

  // Each of the values of a field; the message has its name and the value.
  template <typename Field>
  const MisuseTester& Refuses(const char* name, Field T::*field, std::initializer_list<int64_t> values) const {
    for (const int64_t value : values) {
      Refuses({{name + (" " + std::to_string(value)), [=](T& t) { t.*field = static_cast<Field>(value); }}});
    }
    return *this;
  }

  // The same for every axis of a field that has a value for each; the message has the axis too.
  const MisuseTester& Refuses(const char* name, SpatialSizes T::*field, std::initializer_list<int64_t> values) const {
    for (size_t axis = 0; axis < static_cast<size_t>(right_.spatial_rank); ++axis) {
      const std::string letter(1, "DHW"[3 - static_cast<size_t>(right_.spatial_rank) + axis]);
      for (const int64_t value : values) {
        Refuses({{name + (" " + letter + " ") + std::to_string(value), [=](T& t) { (t.*field)[axis] = value; }}});
      }
    }
    return *this;
  }

  const MisuseTester& Accepts(const std::vector<std::function<void(T&)>>& changes) const {
    for (size_t i = 0; i < changes.size(); ++i) {
      const Status status = With(changes[i]);
      EXPECT_TRUE(status.ok()) << "change " << i << ": " << status.message();
    }
    return *this;
  }

 private:
  Status With(const std::function<void(T&)>& change) const {
    T changed = right_;
    change(changed);
    return call_(changed);
  }

  T right_;
  std::function<Status(const T&)> call_;
  std::string every_;
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_MISUSE_TESTER_H_
