// Lowers ops to phase convolutions. Each op has one file, lower_<op>.cc.
#ifndef POLYPHASE_SRC_PHASE_CONV_LOWER_H_
#define POLYPHASE_SRC_PHASE_CONV_LOWER_H_

#include <memory>

#include "plan/operator.h"
#include "polyphase/conv.h"
#include "polyphase/conv_transpose.h"
#include "polyphase/weights.h"

namespace polyphase::internal {

Status CreateConvTransposeOperator(const ConvTransposeAttributes& attributes, const Weights& weights, const float* bias,
                                   const OperatorOptions& options, std::shared_ptr<OperatorImpl>* op);
Status CreateConvOperator(const ConvAttributes& attributes, const Weights& weights, const float* bias,
                          const OperatorOptions& options, std::shared_ptr<OperatorImpl>* op);

}  // namespace polyphase::internal

#endif  // POLYPHASE_SRC_PHASE_CONV_LOWER_H_
