// Polyphase, the C++ API: all public headers.
#ifndef POLYPHASE_POLYPHASE_H_
#define POLYPHASE_POLYPHASE_H_

#include "polyphase/auto_pad.h"
#include "polyphase/conv.h"
#include "polyphase/conv_transpose.h"
#include "polyphase/convert.h"
#include "polyphase/convex_upsample.h"
#include "polyphase/epilogue.h"
#include "polyphase/export.h"
#include "polyphase/operator.h"
#include "polyphase/pixel_shuffle.h"
#include "polyphase/pool.h"
#include "polyphase/resize.h"
#include "polyphase/runtime.h"
#include "polyphase/status.h"
#include "polyphase/tensor.h"
#include "polyphase/version.h"
#include "polyphase/weights.h"

#endif  // POLYPHASE_POLYPHASE_H_
