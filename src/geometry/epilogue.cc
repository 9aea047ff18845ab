// Validation of epilogues and prologues, and the constants of a batch normalisation.
#include "geometry/epilogue.h"

#include <cinttypes>
#include <cmath>
#include <utility>

#include "geometry/enum_names.h"
#include "geometry/weights.h"

namespace polyphase {

Status FoldBatchNorm(const float* gamma, const float* beta, const float* mean, const float* variance, double epsilon,
                     int64_t channels, float* scale, float* shift) {
  const struct {
    const char* name;
    const float* pointer;
    bool required;
  } arrays[] = {{"gamma", gamma, false},      {"beta", beta, false},  {"mean", mean, true},
                {"variance", variance, true}, {"scale", scale, true}, {"shift", shift, true}};
  for (const auto& [name, pointer, required] : arrays) {
    if (required && pointer == nullptr) return Status::InvalidArgument("batch norm %s = null: must not be null", name);
    if (Status status = internal::CheckFloats("batch norm", name, pointer); !status.ok()) return status;
  }
  if (channels < 1) {
    return Status::InvalidArgument("batch norm channels = %" PRId64 ": must be at least 1", channels);
  }
  for (int64_t c = 0; c < channels; ++c) {
    if (!(static_cast<double>(variance[c]) + epsilon > 0)) {
      return Status::InvalidArgument("batch norm variance[%" PRId64 "] = %g, epsilon = %g: their sum must be positive",
                                     c, static_cast<double>(variance[c]), epsilon);
    }
  }
  for (int64_t c = 0; c < channels; ++c) {
    const double factor = (gamma == nullptr ? 1.0 : static_cast<double>(gamma[c])) /
                          std::sqrt(static_cast<double>(variance[c]) + epsilon);
    const double offset =
        (beta == nullptr ? 0.0 : static_cast<double>(beta[c])) - static_cast<double>(mean[c]) * factor;
    scale[c] = static_cast<float>(factor);
    shift[c] = static_cast<float>(offset);
  }
  return Status();
}

}  // namespace polyphase

namespace polyphase::internal {

bool HasConstants(const Epilogue& epilogue) {
  return epilogue.scale != nullptr || epilogue.shift != nullptr || epilogue.slope != nullptr;
}

bool IsTrivial(const Epilogue& epilogue) {
  return epilogue.activation == Activation::kNone && epilogue.residual == Residual::kNone &&
         epilogue.scale == nullptr && epilogue.shift == nullptr;
}

Status ValidateEpilogue(const char* op, const Epilogue& e, int64_t channels) {
  if (HasConstants(e) && (e.channels < 1 || (channels != 0 && e.channels != channels))) {
    return channels == 0
               ? Status::InvalidArgument("%s epilogue channels = %" PRId64 ": must be at least 1", op, e.channels)
               : Status::InvalidArgument("%s epilogue channels = %" PRId64 ": must be the output's, %" PRId64, op,
                                         e.channels, channels);
  }
  for (const auto& [name, values] : {std::pair("epilogue scale", e.scale), std::pair("epilogue shift", e.shift),
                                     std::pair("epilogue slope", e.slope)}) {
    if (Status status = CheckFloats(op, name, values); !status.ok()) return status;
  }
  if (e.residual != Residual::kNone && e.residual != Residual::kBeforeActivation &&
      e.residual != Residual::kAfterActivation) {
    return Status::InvalidArgument("%s epilogue residual = %d: not a Residual", op, static_cast<int>(e.residual));
  }
  switch (e.activation) {
    case Activation::kNone:
    case Activation::kRelu:
    case Activation::kSigmoid:
    case Activation::kTanh:
    case Activation::kSilu:
    case Activation::kGelu:
    case Activation::kGeluTanh:
    case Activation::kHardSwish: return Status();
    case Activation::kLeakyRelu:
      if (!std::isnan(e.negative_slope)) return Status();
      return Status::InvalidArgument("%s epilogue negative_slope = NaN: must be a number", op);
    case Activation::kClamp:
      if (e.lower <= e.upper) return Status();
      return Status::InvalidArgument("%s epilogue lower = %g, upper = %g: lower must not exceed upper, neither be NaN",
                                     op, static_cast<double>(e.lower), static_cast<double>(e.upper));
    case Activation::kPRelu:
      if (e.slope != nullptr) return Status();
      return Status::InvalidArgument("%s epilogue slope = null: kPRelu needs a slope per channel", op);
  }
  return Status::InvalidArgument("%s epilogue activation = %d: not an Activation", op, static_cast<int>(e.activation));
}

Status ValidatePrologue(const char* op, const Prologue& prologue) {
  switch (prologue.activation) {
    case Activation::kNone:
    case Activation::kRelu: return Status();
    case Activation::kLeakyRelu:
      if (!std::isnan(prologue.negative_slope)) return Status();
      return Status::InvalidArgument("%s prologue negative_slope = NaN: must be a number", op);
    default:
      return Status::InvalidArgument("%s prologue activation = %s: must be kNone, kRelu or kLeakyRelu", op,
                                     EnumName(prologue.activation).c_str());
  }
}

}  // namespace polyphase::internal
