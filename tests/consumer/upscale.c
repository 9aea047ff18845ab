/* The C API in one page: doubles a 2x2 image bilinearly, then spreads it with a transposed convolution. */
#include <math.h>
#include <polyphase/polyphase_c.h>
#include <polyphase/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void Check(pph_status status) {
  if (status == PPH_OK) return;
  fprintf(stderr, "upscale: %s\n", pph_last_error());
  exit(1);
}

/* Plans `op` for the 2x2 input and runs it into the 4x4 output, with a workspace of our own. Destroys `op`. */
static void Apply(pph_operator* op, const float* input, const float* expected) {
  pph_tensor_desc shape;
  pph_tensor_desc_init(&shape, sizeof(shape));
  shape.n = 1;
  shape.c = 1;
  shape.size[0] = 2;
  shape.size[1] = 2;
  pph_plan* plan = NULL;
  Check(pph_make_plan(op, &shape, NULL, &plan));
  pph_operator_destroy(op);
  printf("%s\n", pph_plan_describe(plan));

  pph_run_options options;
  pph_run_options_init(&options, sizeof(options));
  options.workspace_bytes = pph_plan_workspace_bytes(plan);
  // aligned_alloc takes whole multiples of the alignment.
  const size_t blocks = options.workspace_bytes / PPH_WORKSPACE_ALIGNMENT + 1;
  options.workspace = aligned_alloc(PPH_WORKSPACE_ALIGNMENT, blocks * PPH_WORKSPACE_ALIGNMENT);
  float output[16];
  Check(pph_run(plan, input, output, &options));
  free(options.workspace);
  pph_plan_destroy(plan);

  for (int i = 0; i < 16; ++i) {
    if (fabsf(output[i] - expected[i]) > 1e-5f) {
      fprintf(stderr, "upscale: output[%d] is %g and should be %g\n", i, output[i], expected[i]);
      exit(1);
    }
  }
}

int main(void) {
  if (strcmp(pph_version(), POLYPHASE_VERSION) != 0) return 1;
  const float image[] = {0, 4, 8, 12};
  pph_operator* op = NULL;

  pph_resize_attributes resize;
  pph_resize_attributes_init(&resize, sizeof(resize));
  resize.scale[0] = 2;
  resize.scale[1] = 2;
  const float doubled[] = {0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12};
  Check(pph_create_resize(&resize, NULL, &op));
  Apply(op, image, doubled);

  pph_conv_transpose_attributes conv;
  pph_conv_transpose_attributes_init(&conv, sizeof(conv));
  conv.input_channels = 1;
  conv.output_channels = 1;
  conv.kernel[0] = conv.kernel[1] = 2;
  conv.stride[0] = conv.stride[1] = 2;
  const float values[] = {1, 2, 3, 4};
  pph_weights weights;
  pph_weights_init(&weights, sizeof(weights));
  weights.data = values;
  const float bias[] = {0.5f};
  const float spread[] = {0.5f, 0.5f,  4.5f,  8.5f,  0.5f,  0.5f,  12.5f, 16.5f,
                          8.5f, 16.5f, 12.5f, 24.5f, 24.5f, 32.5f, 36.5f, 48.5f};
  Check(pph_create_conv_transpose(&conv, &weights, bias, NULL, &op));
  Apply(op, image, spread);

  conv.stride[0] = 0;
  if (pph_create_conv_transpose(&conv, &weights, bias, NULL, &op) != PPH_INVALID_ARGUMENT ||
      strstr(pph_last_error(), "stride") == NULL) {
    fprintf(stderr, "upscale: a stride of 0 was accepted\n");
    return 1;
  }
  return 0;
}
