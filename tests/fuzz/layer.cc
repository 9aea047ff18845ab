#include "tests/fuzz/layer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <vector>

#include "api/c_structs.h"
#include "polyphase/polyphase.h"
#include "tests/fuzz/heap.h"
#include "tests/ref/tensor.h"

namespace polyphase::fuzz {
namespace {

using internal::Pair;

// What is larger than this is planned and not run.
constexpr int64_t kMostElements = 1 << 13;
constexpr double kMostWork = 1 << 18;
// No allocation of more bytes succeeds, so that sizes beyond all bounds find no memory soon.
constexpr size_t kMostBytes = 4 << 20;

// ---- Calls, which are counted

struct Calls {
  uint64_t made = 0, ok = 0, runs = 0;
  ~Calls() {
    std::fprintf(stderr, "calls of the C API: %llu; %llu were PPH_OK, %llu of these pph_run\n",
                 static_cast<unsigned long long>(made), static_cast<unsigned long long>(ok),
                 static_cast<unsigned long long>(runs));
  }
} calls;

// Takes the status of a call: an error has a message.
pph_status Called(pph_status status) {
  ++calls.made;
  if (status == PPH_OK) ++calls.ok;
  Expect(status >= PPH_OK && status <= PPH_OUT_OF_MEMORY, "a status is none of pph_status");
  if (status != PPH_OK) Expect(pph_last_error()[0] != 0, "an error has no message");
  return status;
}

// ---- Memory: blocks of exactly the size that a call may touch, so that the sanitizer sees each byte too many

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Bytes = std::unique_ptr<uint8_t, Free>;

Bytes Allocate(size_t bytes, size_t alignment = 16) {
  void* memory = nullptr;
  Expect(posix_memalign(&memory, alignment, bytes) == 0, "the fuzzer itself has no memory");
  return Bytes(static_cast<uint8_t*>(memory));
}

uint32_t Next(uint32_t* state) {  // xorshift
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}

// A caller's struct of as many bytes as it says, or as many of them as it may say.
template <class C>
class Struct {
 public:
  explicit Struct(const C& c, bool dirty = false) {
    const size_t bytes = std::clamp(c.struct_size, sizeof(size_t), size_t{4096});
    memory_ = Allocate(bytes);
    std::memset(memory_.get(), 0, bytes);
    std::memcpy(memory_.get(), &c, std::min(bytes, sizeof(C)));
    if (dirty && bytes > sizeof(C)) memory_.get()[bytes - 1] = 1;
  }
  const C* get() const { return reinterpret_cast<const C*>(memory_.get()); }

 private:
  Bytes memory_;
};

// The structs and arrays of a layer, which live as long as its calls.
class Memory {
 public:
  template <class C>
  const C* Add(const C& c, bool dirty = false) {
    auto block = std::make_shared<Struct<C>>(c, dirty);
    const C* const pointer = block->get();
    kept_.push_back(std::move(block));
    return pointer;
  }
  template <class C>
  const C* Add(const std::optional<C>& c) {
    return c ? Add(*c) : nullptr;
  }
  // As many floats, of which large counts share zeros; null for so many that they would not fit into memory.
  const float* Floats(int64_t count, uint32_t seed, size_t misalignment = 0) {
    constexpr int64_t kShared = 1 << 24;
    static const void* const zeros =
        mmap(nullptr, kShared * sizeof(float), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (count > kShared) return nullptr;
    if (count > kMostElements) return static_cast<const float*>(zeros);
    const size_t bytes = static_cast<size_t>(std::max<int64_t>(count, 0)) * sizeof(float);
    std::shared_ptr<uint8_t> block(Allocate(bytes + misalignment).release(), Free());
    for (size_t i = 0; i < bytes / sizeof(float); ++i) {
      const float value = static_cast<float>(Next(&seed) % 17) / 8 - 1;
      std::memcpy(block.get() + misalignment + i * sizeof(float), &value, sizeof(value));
    }
    const auto* const floats = reinterpret_cast<const float*>(block.get() + misalignment);
    kept_.push_back(std::move(block));
    return floats;
  }

 private:
  std::vector<std::shared_ptr<void>> kept_;
};

// A product that stays at the largest number.
int64_t Product(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (factor <= 0) return 0;
    if (__builtin_mul_overflow(product, factor, &product)) product = INT64_MAX;
  }
  return product;
}

int64_t Kernel(const int64_t (&kernel)[PPH_MAX_SPATIAL_RANK], int32_t rank) {
  return Product({kernel[0], rank > 1 ? kernel[1] : 1, rank > 2 ? kernel[2] : 1});
}

// ---- Threads and memory that are injected

struct RuntimeState {
  size_t schedule = 0;
  int64_t successes = -1;
  int64_t live = 0;
  bool failed = false;
};

enum Schedule : size_t { kNoParallelFor, kInOrder, kReversed, kNothing, kEven, kThrows, kSchedules };

void ParallelFor(void* context, size_t count, pph_task task, void* task_context) {
  const auto schedule = static_cast<RuntimeState*>(context)->schedule;
  Expect(count <= 4096, "parallel_for has more tasks than threads");
  for (size_t i = 0; i < count; ++i) {
    if (schedule == kInOrder || schedule == kThrows || (schedule == kEven && i % 2 == 0)) task(task_context, i);
    if (schedule == kReversed) task(task_context, count - 1 - i);
  }
  if (schedule == kThrows) {
    static_cast<RuntimeState*>(context)->failed = true;
    throw std::runtime_error("parallel_for");
  }
}

void* RuntimeAllocate(void* context, size_t bytes, size_t alignment) {
  auto* const state = static_cast<RuntimeState*>(context);
  void* memory = nullptr;
  if (bytes > kMostBytes || (state->successes >= 0 && state->successes-- == 0)) {
    state->successes = -1;
    state->failed = true;
    return nullptr;
  }
  if (posix_memalign(&memory, alignment, bytes) != 0) return nullptr;
  ++state->live;
  return memory;
}

void RuntimeDeallocate(void* context, void* pointer, size_t, size_t) {
  --static_cast<RuntimeState*>(context)->live;
  std::free(pointer);
}

// ---- Tensors of a run

class Tensor {
 public:
  explicit Tensor(const pph_tensor_desc& c, size_t misalignment = 0) : misalignment_(misalignment) {
    Expect(internal::FromC("desc", &c, &desc_).ok(), "a descriptor of a plan is refused");
    // The last element, in double first: strides may be anything that fits 63 bits.
    const auto reach = [](int64_t size, int64_t stride) {
      return static_cast<double>(size) * static_cast<double>(stride);
    };
    elements_ = reach(desc_.n, desc_.stride_n) + reach(desc_.c, desc_.stride_c);
    for (int axis = 0; axis < desc_.spatial_rank; ++axis) elements_ += reach(desc_.size[axis], desc_.stride[axis]);
    if (elements_ > 16 * kMostElements) return;
    elements_ = static_cast<double>(ref::Extent(desc_));
    bytes_ = static_cast<size_t>(elements_) * ElementSize(desc_.dtype);
  }

  const TensorDesc& desc() const { return desc_; }
  // How many its memory has, gaps included; more than kMostElements may be an estimate.
  double elements() const { return elements_; }

  // Small numbers, or any bits.
  void Fill(uint32_t seed) {
    memory_ = Allocate(bytes_ + misalignment_);
    const bool bits = seed % 8 == 0;
    const size_t size = ElementSize(desc_.dtype);
    seed |= 1;
    for (size_t at = 0; at < bytes_; at += size) {
      const uint64_t word = uint64_t{Next(&seed)} << 32 | Next(&seed);
      const float value = static_cast<float>(word % 33) / 4 - 4;
      if (!bits && desc_.dtype == DataType::kF32) {
        std::memcpy(data() + at, &value, size);
      } else {
        std::memcpy(data() + at, &word, size);
      }
    }
    before_.assign(data(), data() + bytes_);
  }
  // Indices below `count`, now and then another.
  void FillIndices(int64_t count, uint32_t seed) {
    Fill(seed);
    const bool hostile = seed % 4 == 3;
    const size_t size = ElementSize(desc_.dtype);
    for (size_t at = 0; at < bytes_; at += size) {
      int64_t index = static_cast<int64_t>(Next(&seed)) % std::max<int64_t>(count, 1);
      if (hostile && seed % 16 == 0) index = seed % 32 == 0 ? -1 : count;
      std::memcpy(data() + at, &index, size);
    }
    before_.assign(data(), data() + bytes_);
  }

  uint8_t* data() { return memory_.get() + misalignment_; }
  void Restore() { std::copy(before_.begin(), before_.end(), data()); }
  bool Unchanged() { return std::equal(before_.begin(), before_.end(), data()); }
  std::vector<uint8_t> Content() { return std::vector<uint8_t>(data(), data() + bytes_); }
  // Whether all that is not the view's has what it had before.
  bool OnlyOwnElementsChanged() {
    const size_t size = ElementSize(desc_.dtype);
    std::vector<uint8_t> expected = before_;
    ref::ForEachElement(desc_, [&](int64_t offset, int64_t, int64_t, int64_t, int64_t, int64_t) {
      const size_t at = static_cast<size_t>(offset) * size;
      std::memcpy(&expected[at], data() + at, size);
    });
    return std::equal(expected.begin(), expected.end(), data());
  }

 private:
  TensorDesc desc_;
  size_t misalignment_;
  double elements_ = 0;
  size_t bytes_ = 0;
  Bytes memory_;
  std::vector<uint8_t> before_;
};

// ---- One layer

class LayerCalls {
 public:
  explicit LayerCalls(const Layer& layer) : layer_(layer) {
    state_.schedule = layer.schedule % kSchedules;
    state_.successes = layer.successes;
  }

  void Make() {
    if (!Create()) return Expect(op_ == nullptr, "Create failed and gave an operator");
    char text[24];
    const size_t length = pph_operator_describe(op_, text, layer_.seed % sizeof(text));
    const Bytes whole = Allocate(length + 1);
    Expect(pph_operator_describe(op_, reinterpret_cast<char*>(whole.get()), length + 1) == length &&
               std::strlen(reinterpret_cast<char*>(whole.get())) == length,
           "a description has another length than it says");
    if (Plan()) {
      if (layer_.seed % 2 == 0) pph_operator_destroy(std::exchange(op_, nullptr));
      Run();
    } else {
      Expect(plan_ == nullptr, "MakePlan failed and gave a plan");
    }
    pph_plan_destroy(plan_);
    pph_operator_destroy(op_);
    Expect(state_.live == 0, "the runtime's allocator has not got back all of its memory");
  }

 private:
  bool Create() {
    std::optional<pph_operator_options> options = layer_.operator_options;
    if (options) {
      constexpr const char* kIsas[] = {nullptr, "", "scalar", "avx2", "AVX3", "nonsense", "\xff\n", "sse2"};
      options->isa = kIsas[layer_.isa % std::size(kIsas)];
      options->input_hint = memory_.Add(layer_.hint);
      options->runtime = memory_.Add(Runtime(layer_.runtime));
    }
    const pph_operator_options* const o = memory_.Add(options);
    pph_operator** const result = layer_.misuse == Misuse::kNullResult ? nullptr : &op_;
    const pph_status status =
        std::visit([&](const auto& a) { return Called(Create(a, o, result)); }, layer_.attributes);
    if (layer_.misuse == Misuse::kNullResult) Expect(status == PPH_INVALID_ARGUMENT, "a result has nowhere to go");
    return status == PPH_OK;
  }

  std::optional<pph_runtime> Runtime(std::optional<pph_runtime> runtime) {
    if (!runtime) return runtime;
    runtime->context = &state_;
    if (state_.schedule != kNoParallelFor) runtime->parallel_for = ParallelFor;
    if (layer_.seed % 16 != 1) runtime->allocate = RuntimeAllocate;
    if (layer_.seed % 16 != 2) runtime->deallocate = RuntimeDeallocate;
    return runtime;
  }

  // The attributes in memory; null or dirty where that is the misuse.
  template <class C>
  const C* Given(C a) {
    const bool dirty = layer_.misuse == Misuse::kDirtyStruct;
    if (dirty) a.struct_size = sizeof(C) + 8;
    return layer_.misuse == Misuse::kNullAttributes ? nullptr : memory_.Add(a, dirty);
  }

  const pph_epilogue* GivenEpilogue() {
    std::optional<pph_epilogue> epilogue = layer_.epilogue;
    if (!epilogue) return nullptr;
    const size_t misalignment = layer_.misuse == Misuse::kMisalignedConstants ? 1 : 0;
    const float** const pointers[] = {&epilogue->scale, &epilogue->shift, &epilogue->slope};
    for (size_t i = 0; i < std::size(pointers); ++i) {
      if (layer_.constants[i]) *pointers[i] = memory_.Floats(epilogue->channels, layer_.seed + 2, misalignment);
    }
    return memory_.Add(epilogue);
  }

  const pph_weights* GivenWeights(int64_t count) {
    if (layer_.misuse == Misuse::kNullWeights) return nullptr;
    pph_weights weights = Defaults<pph_weights>();
    weights.data = memory_.Floats(count, layer_.seed | 1, layer_.misuse == Misuse::kMisalignedWeights ? 1 : 0);
    weights.type = layer_.weights_type;
    return memory_.Add(weights);
  }

  const float* GivenBias(int64_t count) {
    if (!layer_.bias) return nullptr;
    return memory_.Floats(count, layer_.seed + 1, layer_.misuse == Misuse::kMisalignedConstants ? 1 : 0);
  }

  template <class C>
  pph_status CreateConvolution(C a, int64_t count,
                               pph_status (*create)(const C*, const pph_weights*, const float*,
                                                    const pph_operator_options*, pph_operator**),
                               const pph_operator_options* options, pph_operator** op) {
    a.prologue = memory_.Add(layer_.prologue);
    a.epilogue = GivenEpilogue();
    return create(Given(a), GivenWeights(count), GivenBias(a.output_channels), options, op);
  }
  pph_status Create(const pph_conv_transpose_attributes& a, const pph_operator_options* options, pph_operator** op) {
    const int64_t count =
        Product({a.input_channels, a.groups > 0 ? a.output_channels / a.groups : 0, Kernel(a.kernel, a.spatial_rank)});
    macs_per_input_ = static_cast<double>(count) / static_cast<double>(std::max<int64_t>(a.input_channels, 1));
    return CreateConvolution(a, count, pph_create_conv_transpose, options, op);
  }
  pph_status Create(const pph_conv_attributes& a, const pph_operator_options* options, pph_operator** op) {
    const int64_t count =
        Product({a.output_channels, a.groups > 0 ? a.input_channels / a.groups : 0, Kernel(a.kernel, a.spatial_rank)});
    macs_per_output_ = static_cast<double>(count) / static_cast<double>(std::max<int64_t>(a.output_channels, 1));
    return CreateConvolution(a, count, pph_create_conv, options, op);
  }
  pph_status Create(pph_resize_attributes a, const pph_operator_options* options, pph_operator** op) {
    a.epilogue = GivenEpilogue();
    if (layer_.pointwise) {
      pph_pointwise pointwise = *layer_.pointwise;
      pointwise.weights = GivenWeights(Product({pointwise.input_channels, pointwise.output_channels}));
      pointwise.bias = GivenBias(pointwise.output_channels);
      a.pointwise = memory_.Add(pointwise);
      macs_per_input_ = static_cast<double>(pointwise.output_channels);
    }
    return pph_create_resize(Given(a), options, op);
  }
#define PPH_FUZZ_CREATE(Op)                                                                                   \
  pph_status Create(const pph_##Op##_attributes& a, const pph_operator_options* options, pph_operator** op) { \
    return pph_create_##Op(Given(a), options, op);                                                            \
  }
  PPH_FUZZ_CREATE(pixel_shuffle)
  PPH_FUZZ_CREATE(max_pool)
  PPH_FUZZ_CREATE(max_unpool)
  PPH_FUZZ_CREATE(avg_pool)
  PPH_FUZZ_CREATE(avg_unpool)
  PPH_FUZZ_CREATE(convex_upsample)
#undef PPH_FUZZ_CREATE
  pph_status Create(const NoAttributes&, const pph_operator_options* options, pph_operator** op) {
    return pph_create_convert(options, op);
  }

  bool Plan() {
    std::optional<pph_plan_options> options = layer_.plan_options;
    if (!options && (layer_.output || layer_.residual || layer_.indices || layer_.mask)) {
      options = Defaults<pph_plan_options>();
    }
    if (options) {
      options->output = memory_.Add(layer_.output);
      options->residual = memory_.Add(layer_.residual);
      options->indices = memory_.Add(layer_.indices);
      options->mask = memory_.Add(layer_.mask);
    }
    return Called(pph_make_plan(op_, memory_.Add(layer_.input), memory_.Add(options), &plan_)) == PPH_OK;
  }

  std::optional<Tensor> TensorOf(pph_status (*get)(const pph_plan*, pph_tensor_desc*), size_t misalignment = 0) {
    pph_tensor_desc desc = Defaults<pph_tensor_desc>();
    if (Called(get(plan_, &desc)) != PPH_OK) return std::nullopt;
    return std::make_optional<Tensor>(desc, misalignment);
  }

  void Run() {
    Expect(std::strlen(pph_plan_describe(plan_)) > 0, "a plan has no description");
    const Misuse misuse = layer_.misuse;
    const size_t misalignment = misuse == Misuse::kMisalignedTensor ? 1 : 0;
    std::optional<Tensor> input = TensorOf(pph_plan_input), output = TensorOf(pph_plan_output, misalignment),
                          residual = TensorOf(pph_plan_residual), indices = TensorOf(pph_plan_indices),
                          mask = TensorOf(pph_plan_mask);
    Expect(input && output, "a plan has no input or no output");
    const bool pools = std::holds_alternative<pph_max_pool_attributes>(layer_.attributes);
    const bool unpools = std::holds_alternative<pph_max_unpool_attributes>(layer_.attributes);
    for (const auto* tensor : {&input, &output, &residual, &indices, &mask}) {
      if (*tensor && (*tensor)->elements() > kMostElements) return;
    }
    const size_t bytes = pph_plan_workspace_bytes(plan_);
    const double work = input->elements() * macs_per_input_ + output->elements() * macs_per_output_;
    if (bytes > kMostBytes || work > kMostWork || input->elements() * output->elements() > 64 * kMostWork) return;

    input->Fill(layer_.seed);
    output->Fill(layer_.seed + 1);
    if (residual) residual->Fill(layer_.seed + 2);
    if (mask) mask->Fill(layer_.seed + 3);
    if (indices && unpools) {
      indices->FillIndices(static_cast<int64_t>(output->elements()), layer_.seed | 1);
    } else if (indices) {
      indices->Fill(layer_.seed + 4);
    }
    // With the residual in place both have the output's view; the plan says whether they have the same.
    const bool in_place = layer_.residual_in_place && residual && SameView(residual->desc(), output->desc());

    const Bytes workspace = Allocate(bytes + (misuse == Misuse::kMisalignedWorkspace ? 64 : 0), 64);
    pph_run_options options = Defaults<pph_run_options>();
    if (layer_.own_workspace) {
      options.workspace = workspace.get() + (misuse == Misuse::kMisalignedWorkspace ? 8 : 0);
      options.workspace_bytes = bytes - (misuse == Misuse::kShortWorkspace && bytes > 0 ? 1 : 0);
    }
    if (residual) options.residual = in_place ? output->data() : residual->data();
    if (indices && unpools) options.input_indices = indices->data();
    const bool wants_indices = indices && pools && layer_.indices_wanted;
    if (wants_indices) options.output_indices = indices->data();
    if (mask) options.mask = mask->data();
    const uint8_t* source = input->data();
    if (misuse == Misuse::kNullTensor) source = nullptr;
    if (misuse == Misuse::kOverlap) source = output->data();

    const auto run = [&] {
      const pph_status status = Called(pph_run(plan_, source, output->data(), memory_.Add(options)));
      if (status == PPH_OK) ++calls.runs;
      Expect(input->Unchanged(), "Run wrote to its input");
      Expect(!mask || mask->Unchanged(), "Run wrote to its mask");
      Expect(!residual || residual->Unchanged(), "Run wrote to its residual");
      Expect(!indices || wants_indices || indices->Unchanged(), "Run wrote to indices that it reads");
      Expect(!wants_indices || indices->OnlyOwnElementsChanged(), "Run wrote beside its indices");
      Expect(output->OnlyOwnElementsChanged(), "Run wrote beside its output");
      return status;
    };
    const bool empty = output->elements() == 0;
    const bool workspace_misused = layer_.own_workspace && bytes > 0 &&
                                   (misuse == Misuse::kMisalignedWorkspace || misuse == Misuse::kShortWorkspace);
    const bool misused =
        !empty && (misuse == Misuse::kNullTensor || (misuse == Misuse::kOverlap && input->elements() > 0) ||
                   workspace_misused || (misuse == Misuse::kMisalignedTensor && ElementSize(output->desc().dtype) > 1));
    const pph_status status = run();
    if (misused) {
      Expect(status == PPH_INVALID_ARGUMENT, "Run took what it must refuse");
      return Expect(output->Unchanged() && (!indices || indices->Unchanged()), "Run failed and wrote");
    }
    if (status != PPH_OK) {
      const bool index = unpools && status == PPH_INVALID_ARGUMENT;
      const bool memory = status == PPH_OUT_OF_MEMORY && state_.failed;
      if (!index && !memory) std::fprintf(stderr, "%s\n", pph_last_error());
      return Expect(index || memory, "Run failed, and nothing was wrong");
    }
    // Again, with other threads.
    const std::vector<uint8_t> found = output->Content(), found_indices = indices ? indices->Content() : found;
    output->Restore();
    if (indices) indices->Restore();
    RuntimeState reversed;
    reversed.schedule = kReversed;
    pph_runtime runtime = Defaults<pph_runtime>();
    runtime.context = &reversed;
    runtime.parallel_for = ParallelFor;
    options.runtime = &runtime;
    Expect(run() == PPH_OK, "Run failed when it was called again");
    Expect(output->Content() == found && (!indices || indices->Content() == found_indices),
           "Run has other bits with other threads");
  }

  static bool SameView(const TensorDesc& a, const TensorDesc& b) {
    return a.layout == b.layout && a.channel_block == b.channel_block && a.stride_n == b.stride_n &&
           a.stride_c == b.stride_c && a.stride == b.stride;
  }

  const Layer& layer_;
  Memory memory_;
  RuntimeState state_;
  double macs_per_input_ = 0, macs_per_output_ = 0;
  pph_operator* op_ = nullptr;
  pph_plan* plan_ = nullptr;
};

}  // namespace

void Expect(bool holds, const char* message) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", message);
  std::abort();
}

void CallLayer(const Layer& layer) {
  const HeapLimit limit(kMostBytes);
  LayerCalls(layer).Make();
}

}  // namespace polyphase::fuzz
