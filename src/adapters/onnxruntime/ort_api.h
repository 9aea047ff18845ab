// ONNX Runtime's C API: where it comes from, and how errors cross it.
#ifndef POLYPHASE_ADAPTERS_ONNXRUNTIME_ORT_API_H_
#define POLYPHASE_ADAPTERS_ONNXRUNTIME_ORT_API_H_

#include <onnxruntime_c_api.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>

#include "polyphase/polyphase_c.h"

namespace polyphase::ort {

// The oldest version that has all that a plugin provider needs. Its tables only grow, so that one library runs with
// every later ONNX Runtime and compiles with every later header.
constexpr uint32_t kApiVersion = 23;

inline constexpr char kProviderName[] = "PolyphaseExecutionProvider";

// Set when ONNX Runtime loads the library, before anything else is called.
inline const OrtApi* api = nullptr;
inline const OrtEpApi* ep_api = nullptr;

// Throws what a call of the API reports.
inline void Check(OrtStatus* status) {
  if (status == nullptr) return;
  const std::unique_ptr<OrtStatus, void (*)(OrtStatus*)> owner(status, api->ReleaseStatus);
  throw std::runtime_error(api->GetErrorMessage(status));
}

// Every function that ONNX Runtime calls runs its body in here: no exception leaves the library.
template <typename Body>
OrtStatus* Guard(Body body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const std::bad_alloc&) {
    return api->CreateStatus(ORT_FAIL, "Polyphase: out of memory");
  } catch (const std::exception& error) {
    return api->CreateStatus(ORT_FAIL, error.what());
  }
}

// A struct of Polyphase's C API with its defaults: Defaults(pph_tensor_desc_init).
template <typename C>
C Defaults(void (*init)(C*, size_t)) {
  C c;
  init(&c, sizeof(c));
  return c;
}

struct Destroy {
  void operator()(pph_operator* op) const { pph_operator_destroy(op); }
  void operator()(pph_plan* plan) const { pph_plan_destroy(plan); }
};
using OperatorHandle = std::unique_ptr<pph_operator, Destroy>;
using PlanHandle = std::unique_ptr<pph_plan, Destroy>;

}  // namespace polyphase::ort

#endif  // POLYPHASE_ADAPTERS_ONNXRUNTIME_ORT_API_H_
