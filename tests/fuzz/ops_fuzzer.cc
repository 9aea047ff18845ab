// Create, MakePlan and Run of every op.
#include "tests/fuzz/layer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  polyphase::fuzz::Reader reader(data, size);
  polyphase::fuzz::Layer layer;
  polyphase::fuzz::CodeLayer(reader, &layer);
  polyphase::fuzz::CallLayer(layer, reader);
  return 0;
}
