// Validation of epilogues, for all ops that have one.
#ifndef POLYPHASE_SRC_GEOMETRY_EPILOGUE_H_
#define POLYPHASE_SRC_GEOMETRY_EPILOGUE_H_

#include "polyphase/epilogue.h"
#include "polyphase/status.h"

namespace polyphase::internal {

inline Status ValidateEpilogue(const char* op, const Epilogue& epilogue) {
  switch (epilogue.activation) {
    case Activation::kNone:
    case Activation::kRelu: return Status();
    case Activation::kLeakyRelu:
      if (epilogue.negative_slope == epilogue.negative_slope) return Status();
      return Status::InvalidArgument("%s epilogue negative_slope = NaN: must be a number", op);
    case Activation::kClamp:
      if (epilogue.lower <= epilogue.upper) return Status();
      return Status::InvalidArgument("%s epilogue lower = %g, upper = %g: lower must not exceed upper, neither be NaN",
                                     op, static_cast<double>(epilogue.lower), static_cast<double>(epilogue.upper));
  }
  return Status::InvalidArgument("%s epilogue activation = %d: not an Activation", op,
                                 static_cast<int>(epilogue.activation));
}

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_EPILOGUE_H_
