// Structs of the C API compared with their C++ counterparts, and filled with values of their own.
#ifndef POLYPHASE_TESTS_TESTERS_C_STRUCT_H_
#define POLYPHASE_TESTS_TESTERS_C_STRUCT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "api/c_structs.h"
#include "gtest/gtest.h"
#include "tests/testers/c_defaults.h"

namespace polyphase::testing {

template <class T>
constexpr bool kIsOptional = false;
template <class T>
constexpr bool kIsOptional<std::optional<T>> = true;

// Expects every field of `c` to say what that of `cpp` says. This looks at the lists of fields, but converts nothing.
template <class C>
void ExpectSame(const C& c, const typename internal::Pair<C>::Cpp& cpp);

template <class C, class Cpp>
void ExpectSameField(const internal::Field<const C, const Cpp>& field) {
  SCOPED_TRACE(field.name);
  if constexpr (std::is_same_v<C, Cpp>) {
    EXPECT_EQ(field.c, field.cpp);
  } else if constexpr (std::is_array_v<C>) {
    for (size_t i = 0; i < std::extent_v<C>; ++i) EXPECT_EQ(field.c[i], field.cpp[i]);
  } else if constexpr (std::is_same_v<Cpp, std::string>) {
    EXPECT_EQ(field.c == nullptr ? "" : field.c, field.cpp);
  } else if constexpr (!std::is_pointer_v<C>) {
    EXPECT_EQ(field.c, static_cast<int32_t>(field.cpp));
  } else if constexpr (kIsOptional<Cpp>) {
    ASSERT_EQ(field.c != nullptr, field.cpp.has_value());
    if (field.c != nullptr) ExpectSame(*field.c, *field.cpp);
  } else {
    using Struct = std::remove_const_t<std::remove_pointer_t<C>>;
    ExpectSame(field.c != nullptr ? *field.c : Defaults<Struct>(internal::Pair<Struct>::kInit), field.cpp);
  }
}

template <class C, class Count, class Cpp>
void ExpectSameField(const internal::ArrayField<C, Count, Cpp>& field) {
  SCOPED_TRACE(field.name);
  EXPECT_EQ(Cpp(field.c, field.c + field.count), field.cpp);
}

template <class C>
void ExpectSame(const C& c, const typename internal::Pair<C>::Cpp& cpp) {
  EXPECT_EQ(c.struct_size, sizeof(c));
  internal::ForEachField(internal::Pair<C>::Fields(c, cpp), [](const auto& field) { ExpectSameField(field); });
}

// Gives all fields of structs values of their own, which are neither their defaults nor those of other fields.
class DistinctValues {
 public:
  template <class C>
  void Fill(C* c) {
    internal::Pair<C>::kInit(c, sizeof(C));
    const typename internal::Pair<C>::Cpp cpp{};
    internal::ForEachField(internal::Pair<C>::Fields(*c, cpp), [&](const auto& field) { FillField(field); });
  }

 private:
  template <class C, class Cpp>
  void FillField(const internal::Field<C, Cpp>& field) {
    if constexpr (std::is_same_v<Cpp, const bool>) {
      field.c = 1 - field.c;
    } else if constexpr (std::is_arithmetic_v<C>) {
      field.c = static_cast<C>(++last_);
    } else if constexpr (std::is_array_v<C>) {
      for (auto& value : field.c) value = static_cast<std::decay_t<decltype(value)>>(++last_);
    } else if constexpr (std::is_same_v<Cpp, const std::string>) {
      field.c = Keep(std::to_string(++last_))->c_str();
    } else if constexpr (std::is_same_v<const C, Cpp>) {
      field.c = reinterpret_cast<C>(++last_);  // an address, which nothing follows
    } else {
      auto* const nested = Keep(std::remove_const_t<std::remove_pointer_t<C>>());
      Fill(nested);
      field.c = nested;
    }
  }
  template <class C, class Count, class Cpp>
  void FillField(const internal::ArrayField<C, Count, Cpp>& field) {
    using Vector = std::remove_const_t<Cpp>;
    Vector values;
    while (values.size() < 3) values.push_back(static_cast<typename Vector::value_type>(++last_));
    field.count = values.size();
    field.c = Keep(std::move(values))->data();
  }

  template <class T>
  T* Keep(T value) {
    auto owner = std::make_shared<T>(std::move(value));
    T* const pointer = owner.get();
    kept_.push_back(std::move(owner));
    return pointer;
  }

  intptr_t last_ = 1000;
  std::vector<std::shared_ptr<void>> kept_;
};

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_C_STRUCT_H_
