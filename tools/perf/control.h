// Control kernels: work that is the same in every revision, so that a change of its time is the machine's.
#ifndef POLYPHASE_TOOLS_PERF_CONTROL_H_
#define POLYPHASE_TOOLS_PERF_CONTROL_H_

namespace polyphase::perf {

// Multiply-adds in registers: about half a millisecond of one core.
void ControlCompute();

// Reads and writes memory that the second-level cache does not hold: about half a millisecond of one core.
void ControlMemory();

}  // namespace polyphase::perf

#endif  // POLYPHASE_TOOLS_PERF_CONTROL_H_
