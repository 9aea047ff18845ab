// Validation of epilogues and prologues, for all ops that have one.
#ifndef POLYPHASE_SRC_GEOMETRY_EPILOGUE_H_
#define POLYPHASE_SRC_GEOMETRY_EPILOGUE_H_

#include <cstdint>

#include "polyphase/epilogue.h"
#include "polyphase/status.h"

namespace polyphase::internal {

// `channels`: of the output; 0: not known yet, the op compares epilogue.channels with it later.
Status ValidateEpilogue(const char* op, const Epilogue& epilogue, int64_t channels);
Status ValidatePrologue(const char* op, const Prologue& prologue);

// Whether the output is the op's own value.
bool IsTrivial(const Epilogue& epilogue);
bool HasConstants(const Epilogue& epilogue);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_GEOMETRY_EPILOGUE_H_
