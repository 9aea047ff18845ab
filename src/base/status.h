// POLYPHASE_RETURN_IF_ERROR: hands an error on to the caller.
#ifndef POLYPHASE_SRC_BASE_STATUS_H_
#define POLYPHASE_SRC_BASE_STATUS_H_

#include "polyphase/status.h"

// Evaluates an expression that is a Status, and returns it from the calling function if it is an error.
#define POLYPHASE_RETURN_IF_ERROR(...)                                              \
  do {                                                                              \
    if (::polyphase::Status status_ = (__VA_ARGS__); !status_.ok()) return status_; \
  } while (false)

#endif  // POLYPHASE_SRC_BASE_STATUS_H_
