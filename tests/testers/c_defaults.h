// A struct of the C API in one expression.
#ifndef POLYPHASE_TESTS_TESTERS_C_DEFAULTS_H_
#define POLYPHASE_TESTS_TESTERS_C_DEFAULTS_H_

#include <cstddef>

namespace polyphase::testing {

// A struct as its function makes it: Defaults(pph_tensor_desc_init).
template <class C>
C Defaults(void (*init)(C*, size_t)) {
  C c;
  init(&c, sizeof(c));
  return c;
}

}  // namespace polyphase::testing

#endif  // POLYPHASE_TESTS_TESTERS_C_DEFAULTS_H_
