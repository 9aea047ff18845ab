// Validation of epilogues and prologues, for all ops that have one.
#ifndef POLYPHASE_SRC_GEOMETRY_EPILOGUE_H_
#define POLYPHASE_SRC_GEOMETRY_EPILOGUE_H_

#include <cstdint>

#include "polyphase/epilogue.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// `channels` is the number of output channels, or 0 where it is not known yet: the op then compares epilogue.channels
// with it later.
Status ValidateEpilogue(const char* op, const Epilogue& epilogue, int64_t channels);
Status ValidatePrologue(const char* op, const Prologue& prologue);

// Returns whether the epilogue leaves the op's own values as they are.
bool IsTrivial(const Epilogue& epilogue);
bool HasConstants(const Epilogue& epilogue);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_EPILOGUE_H_
