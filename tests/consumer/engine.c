/* An inference engine in small: three layers whose tensors between them are NCHWc16, on threads and in memory of the
 * engine's own. Once the network is loaded, a run allocates nothing. */
#include <math.h>
#include <polyphase/polyphase_c.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { kThreads = 2, kLayers = 3, kSize = 24, kOutputs = 3 * 6 * kSize * 6 * kSize };

typedef struct Network {
  pph_plan* plans[kLayers];
  float* outputs[kLayers];
  void* workspace; /* one for all layers, which run one after the other */
  size_t workspace_bytes;
  size_t allocations;
} Network;

static void Check(pph_status status) {
  if (status == PPH_OK) return;
  fprintf(stderr, "engine: %s\n", pph_last_error());
  exit(1);
}

static void* Allocate(void* network, size_t bytes, size_t alignment) {
  ++((Network*)network)->allocations;
  return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static void Deallocate(void* network, void* pointer, size_t bytes, size_t alignment) {
  (void)network, (void)bytes, (void)alignment;
  free(pointer);
}

typedef struct Call {
  pph_task task;
  void* context;
  size_t index;
} Call;

static void* RunCall(void* call) {
  const Call* c = call;
  c->task(c->context, c->index);
  return NULL;
}

/* Real engines have threads that wait for work. count is at most the runtime's num_threads. */
static void ParallelFor(void* network, size_t count, pph_task task, void* context) {
  (void)network;
  pthread_t threads[kThreads];
  Call calls[kThreads];
  for (size_t i = 0; i < count; ++i) {
    calls[i] = (Call){task, context, i};
    if (i > 0 && pthread_create(&threads[i], NULL, RunCall, &calls[i]) != 0) abort();
  }
  RunCall(&calls[0]);
  for (size_t i = 1; i < count; ++i) pthread_join(threads[i], NULL);
}

/* A 3x3 convolution before a pixel shuffle; a shuffle of 1 is none. */
static pph_operator* Conv(const pph_operator_options* options, const pph_weights* weights, int64_t input_channels,
                          int64_t output_channels, int64_t shuffle) {
  pph_conv_attributes conv;
  pph_conv_attributes_init(&conv, sizeof(conv));
  conv.input_channels = input_channels;
  conv.output_channels = output_channels;
  for (int axis = 0; axis < 2; ++axis) {
    conv.kernel[axis] = 3;
    conv.padding_begin[axis] = conv.padding_end[axis] = 1;
    conv.shuffle[axis] = shuffle;
  }
  pph_operator* op = NULL;
  Check(pph_create_conv(&conv, weights, NULL, options, &op));
  return op;
}

/* A 4x4 transposed convolution of stride 2, then a ReLU. */
static pph_operator* Upsampling(const pph_operator_options* options, const pph_weights* weights, int64_t channels) {
  pph_epilogue relu;
  pph_epilogue_init(&relu, sizeof(relu));
  relu.activation = PPH_RELU;
  pph_conv_transpose_attributes conv;
  pph_conv_transpose_attributes_init(&conv, sizeof(conv));
  conv.input_channels = conv.output_channels = channels;
  conv.epilogue = &relu;
  for (int axis = 0; axis < 2; ++axis) {
    conv.kernel[axis] = 4;
    conv.stride[axis] = 2;
    conv.padding_begin[axis] = conv.padding_end[axis] = 1;
  }
  pph_operator* op = NULL;
  Check(pph_create_conv_transpose(&conv, weights, NULL, options, &op));
  return op;
}

/* Makes the plans of all layers for an input of 3 x kSize x kSize, and all memory that a run needs. */
static void Load(Network* network, const pph_weights* weights, int32_t layout_between, size_t num_threads) {
  pph_runtime runtime;
  pph_runtime_init(&runtime, sizeof(runtime));
  runtime.context = network;
  runtime.num_threads = num_threads;
  runtime.parallel_for = ParallelFor;
  runtime.allocate = Allocate;
  runtime.deallocate = Deallocate;
  pph_operator_options options;
  pph_operator_options_init(&options, sizeof(options));
  options.runtime = &runtime;
  pph_operator* const ops[kLayers] = {Conv(&options, weights, 3, 32, 1), Upsampling(&options, weights, 32),
                                      Conv(&options, weights, 32, 27, 3)};
  pph_tensor_desc tensor;
  pph_tensor_desc_init(&tensor, sizeof(tensor));
  tensor.n = 1;
  tensor.c = 3;
  tensor.size[0] = tensor.size[1] = kSize;
  for (int i = 0; i < kLayers; ++i) {
    pph_tensor_desc output; /* sizes and strides follow from the layer */
    pph_tensor_desc_init(&output, sizeof(output));
    output.layout = i + 1 < kLayers ? layout_between : PPH_NCHW;
    output.channel_block = output.layout == PPH_NCHWC ? 16 : 1;
    pph_plan_options plan;
    pph_plan_options_init(&plan, sizeof(plan));
    plan.output = &output;
    Check(pph_make_plan(ops[i], &tensor, &plan, &network->plans[i]));
    pph_operator_destroy(ops[i]);
    printf("%s\n", pph_plan_describe(network->plans[i]));
    Check(pph_plan_output(network->plans[i], &tensor)); /* which is the next layer's input */
    network->outputs[i] = Allocate(network, (size_t)(tensor.n * tensor.stride_n) * sizeof(float), 64);
    const size_t bytes = pph_plan_workspace_bytes(network->plans[i]);
    if (bytes > network->workspace_bytes) network->workspace_bytes = bytes;
  }
  network->workspace = Allocate(network, network->workspace_bytes, PPH_WORKSPACE_ALIGNMENT);
}

static const float* Run(const Network* network, const float* input) {
  pph_run_options options;
  pph_run_options_init(&options, sizeof(options));
  options.workspace = network->workspace;
  options.workspace_bytes = network->workspace_bytes;
  for (int i = 0; i < kLayers; ++i) {
    Check(pph_run(network->plans[i], input, network->outputs[i], &options));
    input = network->outputs[i];
  }
  return input;
}

static void Unload(Network* network) {
  free(network->workspace);
  for (int i = 0; i < kLayers; ++i) {
    pph_plan_destroy(network->plans[i]);
    free(network->outputs[i]);
  }
}

int main(void) {
  static float values[32 * 32 * 4 * 4], input[3 * kSize * kSize];
  for (int i = 0; i < 32 * 32 * 4 * 4; ++i) values[i] = (float)(i * 7919 % 97 - 40) / 1000;
  for (int i = 0; i < 3 * kSize * kSize; ++i) input[i] = (float)(i * 31 % 256) / 256;
  pph_weights weights;
  pph_weights_init(&weights, sizeof(weights));
  weights.data = values;

  Network blocked = {0}, plain = {0};
  Load(&blocked, &weights, PPH_NCHWC, kThreads);
  Load(&plain, &weights, PPH_NCHW, 1);
  const size_t allocations = blocked.allocations;
  for (int frame = 0; frame < 3; ++frame) Run(&blocked, input);
  if (blocked.allocations != allocations) return fprintf(stderr, "engine: a run allocated memory\n"), 1;

  const float *a = Run(&blocked, input), *b = Run(&plain, input);
  double error = 0, norm = 0;
  for (int i = 0; i < kOutputs; ++i) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    norm += b[i] * b[i];
  }
  printf("NCHWc16 on %d threads and NCHW on one differ by %.1e of the norm\n", kThreads, sqrt(error / norm));
  Unload(&blocked);
  Unload(&plain);
  return norm > 0 && error <= 1e-12 * norm ? 0 : 1;
}
