// EnumName: values of the public enums as messages show them, by name and, for callers in C, by number: "kU8 (3)".
#ifndef POLYPHASE_SRC_GEOMETRY_ENUM_NAMES_H_
#define POLYPHASE_SRC_GEOMETRY_ENUM_NAMES_H_

#include <string>

#include "polyphase/auto_pad.h"
#include "polyphase/epilogue.h"
#include "polyphase/operator.h"
#include "polyphase/resize.h"
#include "polyphase/tensor.h"

namespace polyphase::internal {

// A value that the enum does not have is shown as its number alone.
std::string EnumName(DataType value);
std::string EnumName(Algorithm value);
std::string EnumName(AutoPad value);
std::string EnumName(Activation value);
std::string EnumName(ResizeMode value);
std::string EnumName(CoordinateTransformation value);
std::string EnumName(Antialias value);
std::string EnumName(OutputSizeRule value);
std::string EnumName(KeepAspectRatioPolicy value);
std::string EnumName(U8Rounding value);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_ENUM_NAMES_H_
