#include "tests/fuzz/layer.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "api/c_structs.h"
#include "polyphase/polyphase.h"
#include "tests/fuzz/calls.h"
#include "tests/fuzz/guarded.h"
#include "tests/fuzz/heap.h"
#include "tests/fuzz/oracle.h"
#include "tests/ref/element.h"
#include "tests/ref/tensor.h"

namespace polyphase::fuzz {
namespace {

using internal::Pair;

// What is larger than this is planned and not run: the bugs of large tensors are those of small ones, or of sizes that
// overflow, which fail before.
constexpr int64_t kMostElements = 1 << 13;
constexpr double kMostWork = 1 << 17, kMostWorkOfOracle = 1 << 14;
// Winograd's blocks and planar strips are as large as an L2 cache.
constexpr size_t kMostWorkspace = 2 << 20;
// No allocation of more bytes succeeds, so that sizes beyond all bounds find no memory soon.
constexpr size_t kMostBytes = 3 << 20;
// How many steps one input takes, and how many operators and plans live at a time.
constexpr int kMostSteps = 64;
constexpr size_t kMostOperators = 3, kMostPlans = 4;

// tools/fuzz.sh reads this line.
struct ReportOfCalls {
  ~ReportOfCalls() {
    const auto print = [](const char* name, uint64_t count) {
      std::fprintf(stderr, "%s%llu", name, static_cast<unsigned long long>(count));
    };
    print("calls of the C API: ", calls.all());
    print("; create ", calls.create);
    print(", plan ", calls.plan);
    print(", run ", calls.run);
    print(", query ", calls.query);
    print(", destroy ", calls.destroy);
    print(", preset ", calls.preset);
    print(", init ", calls.init);
    print("; refused ", calls.refused);
    print("; runs whose values were compared ", calls.values);
    std::fprintf(stderr, "\n");
  }
} report_of_calls;

// ---- What every call must keep to

template <class C>
void AddFieldNames(std::unordered_set<std::string>* names) {
  C c{};
  typename Pair<C>::Cpp cpp{};
  internal::ForEachField(Pair<C>::Fields(c, cpp), [&](const auto& field) {
    names->insert(field.name);
    names->insert(std::string(field.name) + "_count");  // of an array
  });
}
template <class... C>
std::unordered_set<std::string> NamesOfFieldsAnd(std::unordered_set<std::string> names) {
  (AddFieldNames<C>(&names), ...);
  return names;
}

// Whether a message names something that the caller gave: a field of a struct, an argument, a tensor, memory.
bool NamesSomething(const char* message) {
  static const auto* const names = new std::unordered_set<std::string>(NamesOfFieldsAnd<PPH_STRUCTS>(
      {"attributes", "bias", "op", "plan", "input", "desc", "node", "memory", "struct_size", "gamma", "variance",
       "mean", "axis", "resize_mode", "pytorch_mode", "align_corners"}));
  std::string word;
  for (const char* at = message;; ++at) {
    if ((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_') {
      word += *at;
      continue;
    }
    if (names->count(word) > 0) return true;
    if (*at == 0) return false;
    word.clear();
  }
}

// ---- Memory of the caller

constexpr size_t kWords = 1 << 14;  // of a table at which elements may begin
constexpr size_t kTableBytes = (kWords + 2 * kMostElements) * sizeof(uint32_t);

bool IsHalf(DataType dtype) { return dtype == DataType::kF16 || dtype == DataType::kBF16; }

// Returns elements that lie ready, from any place in a table: small numbers, or any bits, which types that are no
// floats always have.
const uint8_t* Elements(DataType dtype, bool bits, uint32_t seed) {
  static const auto* const tables = [] {
    auto* const all = new std::array<std::vector<uint8_t>, 4>;
    uint32_t state = 1;
    const auto next = [&state] {  // xorshift
      state ^= state << 13;
      state ^= state >> 17;
      return state ^= state << 5;
    };
    for (std::vector<uint8_t>& table : *all) table.resize(kTableBytes);
    const auto fill = [&](size_t index, const auto& element) {
      std::vector<uint8_t>& table = (*all)[index];
      for (size_t at = 0; at < table.size();) {
        const auto value = element(next());
        std::memcpy(&table[at], &value, sizeof(value));
        at += sizeof(value);
      }
    };
    const auto small = [](uint32_t word) { return static_cast<double>(word % 33) / 8 - 2; };
    fill(0, [&](uint32_t word) { return static_cast<float>(small(word)); });
    fill(1, [&](uint32_t word) { return ref::Encode<uint16_t>(DataType::kF16, small(word)); });
    fill(2, [&](uint32_t word) { return ref::Encode<uint16_t>(DataType::kBF16, small(word)); });
    fill(3, [](uint32_t word) { return word; });
    return all;
  }();
  const size_t table = bits || !(dtype == DataType::kF32 || IsHalf(dtype)) ? 3 : static_cast<size_t>(dtype);
  return (*tables)[table].data() + seed * 2654435761u % kWords * sizeof(uint32_t);
}

// Returns the small numbers of Elements as f32.
const float* Numbers(DataType dtype, uint32_t seed) {
  const uint8_t* const elements = Elements(dtype, false, seed);
  if (!IsHalf(dtype)) return reinterpret_cast<const float*>(elements);
  static const auto* const tables = [] {
    auto* const all = new std::array<std::vector<float>, 2>;
    for (const DataType type : {DataType::kF16, DataType::kBF16}) {
      const uint8_t* const first = Elements(type, false, 0);
      for (size_t at = 0; at < kTableBytes; at += sizeof(uint16_t)) {
        uint16_t element;
        std::memcpy(&element, first + at, sizeof(element));
        (*all)[type == DataType::kBF16].push_back(static_cast<float>(ref::Decode(type, element)));
      }
    }
    return all;
  }();
  const auto place = static_cast<size_t>(elements - Elements(dtype, false, 0)) / sizeof(uint16_t);
  return (*tables)[dtype == DataType::kBF16].data() + place;
}

// Gives a call a struct of as many bytes as it says, or as many of them as it may say.
template <class C>
C* Give(const C& c, bool dirty = false) {
  const size_t bytes = std::clamp(c.struct_size, sizeof(size_t), size_t{4096});
  uint8_t* const memory = Guarded::Take(bytes);
  std::memset(memory, 0, bytes);
  std::memcpy(memory, &c, std::min(bytes, sizeof(C)));
  if (dirty && bytes > sizeof(C)) memory[bytes - 1] = 1;
  return reinterpret_cast<C*>(memory);
}
template <class C>
C* Give(const std::optional<C>& c) {
  return c ? Give(*c) : nullptr;
}

// Gives a call as many floats, of which large counts share zeros; null for so many that packing them would take long.
const void* GiveFloats(int64_t count, uint32_t seed, size_t misalignment, DataType type) {
  constexpr int64_t kShared = 1 << 16;
  static const void* const zeros =
      mmap(nullptr, kShared * sizeof(float), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (count > kShared) return nullptr;
  if (count > kMostElements) return zeros;
  const size_t element = IsHalf(type) ? sizeof(uint16_t) : sizeof(float);
  const size_t bytes = static_cast<size_t>(std::max<int64_t>(count, 0)) * element;
  uint8_t* const memory = Guarded::Take(bytes + misalignment) + misalignment;
  std::memcpy(memory, Elements(IsHalf(type) ? type : DataType::kF32, false, seed), bytes);
  return memory;
}

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

enum Schedule : size_t { kNoParallelFor, kInOrder, kReversed, kNothing, kEven, kThrows, kSchedules };

struct RuntimeState {
  size_t schedule = kNoParallelFor;
  int64_t successes = -1;
  int64_t live = 0;
  bool failed = false;
};

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
  explicit Tensor(const pph_tensor_desc& c) {
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

  // Gives it memory with small numbers or, now and then, any bits.
  void Fill(uint32_t seed, size_t misalignment = 0) {
    data_ = Guarded::Take(bytes_ + misalignment, misalignment > 0 || seed % 2 == 0 ? 64 : ElementSize(desc_.dtype)) +
            misalignment;
    std::memcpy(data_, Elements(desc_.dtype, seed % 8 == 0, seed), bytes_);
    Keep();
  }
  // Gives it the indices of an unpooling: random ones below `limit`, which of the tensor's convention count from the
  // beginning of their plane; now and then another.
  void FillIndices(int64_t limit, bool of_tensor, uint32_t seed) {
    Fill(seed);
    const bool hostile = seed % 4 == 3;
    const size_t size = ElementSize(desc_.dtype);
    limit = std::max<int64_t>(limit, 1);
    ref::ForEachElement(desc_, [&](int64_t offset, int64_t n, int64_t c, int64_t, int64_t, int64_t) {
      uint8_t* const at = data_ + static_cast<size_t>(offset) * size;
      uint32_t word = 0;
      std::memcpy(&word, at, sizeof(word));
      int64_t index = static_cast<int64_t>(word) % limit + (of_tensor ? (n * desc_.c + c) * limit : 0);
      if (hostile && word / 32 % 16 == 0) index = word % 32 == 0 ? -1 : limit;
      std::memcpy(at, &index, size);
    });
    Keep();
  }

  uint8_t* data() { return data_; }
  View Before() const { return {&desc_, before_}; }
  View Now() const { return {&desc_, data_}; }
  bool Unchanged() const { return std::memcmp(before_, data_, bytes_) == 0; }
  // Takes what it has now for another look, and puts back what it had.
  const uint8_t* Exchange() {
    uint8_t* const found = Guarded::Take(bytes_);
    std::memcpy(found, data_, bytes_);
    std::memcpy(data_, before_, bytes_);
    return found;
  }
  bool Equals(const uint8_t* found) const { return std::memcmp(found, data_, bytes_) == 0; }

  // Whether all that is not the view's has what it had before and, if it was written, the tail lanes of blocks are 0.
  bool OnlyOwnElementsChanged(bool written) {
    const size_t size = ElementSize(desc_.dtype);
    const Guarded::Scope scope;
    uint8_t* const expected = Guarded::Take(bytes_);
    std::memcpy(expected, before_, bytes_);
    bool tails_are_zero = true;
    ref::ForEachElement(desc_, [&](int64_t offset, int64_t, int64_t c, int64_t, int64_t, int64_t) {
      const size_t at = static_cast<size_t>(offset) * size;
      std::memcpy(expected + at, data_ + at, size);
      for (size_t i = 0; c >= desc_.c && i < size; ++i) tails_are_zero = tails_are_zero && data_[at + i] == 0;
    });
    return std::memcmp(expected, data_, bytes_) == 0 && (tails_are_zero || !written);
  }

 private:
  void Keep() {
    before_ = Guarded::Take(bytes_);
    std::memcpy(before_, data_, bytes_);
  }

  TensorDesc desc_;
  double elements_ = 0;
  size_t bytes_ = 0;
  uint8_t* data_ = nullptr;
  uint8_t* before_ = nullptr;
};

bool SameView(const TensorDesc& a, const TensorDesc& b) {
  return a.dtype == b.dtype && a.layout == b.layout && a.channel_block == b.channel_block && a.stride_n == b.stride_n &&
         a.stride_c == b.stride_c && a.stride == b.stride;
}

// ---- Create

struct MadeOperator {
  pph_operator* op = nullptr;
  RuntimeState* state = nullptr;
  double macs_per_input = 0, macs_per_output = 0;
  bool pools = false, unpools = false;
  // For the oracle; there is none where constants are the zeros that large counts share.
  std::shared_ptr<const Layer> layer;
  Constants constants;
};

// Calls the op's Create.
class Creation {
 public:
  Creation(const Layer& layer, MadeOperator* made) : layer_(layer), made_(made) {}

  pph_status Call() {
    const Guarded::Scope scope;
    std::optional<pph_operator_options> options = layer_.operator_options;
    if (options) {
      constexpr const char* kIsas[] = {nullptr, "", "scalar", "avx2", "AVX3", "nonsense", "\xff\n", "sse2"};
      options->isa = kIsas[layer_.isa % std::size(kIsas)];
      options->input_hint = Give(layer_.hint);
      options->runtime = Give(Runtime());
    }
    const pph_operator_options* const o = Give(options);
    made_->pools = std::holds_alternative<pph_max_pool_attributes>(layer_.attributes);
    made_->unpools = std::holds_alternative<pph_max_unpool_attributes>(layer_.attributes);
    const bool nowhere = layer_.misuse == Misuse::kNullResult;
    pph_operator** const result = nowhere ? nullptr : &made_->op;
    const pph_status status =
        Called(&calls.create, std::visit([&](const auto& a) { return Create(a, o, result); }, layer_.attributes));
    Expect(!nowhere || status == PPH_INVALID_ARGUMENT, "a result has nowhere to go");
    Expect((status == PPH_OK) == (made_->op != nullptr), "Create failed and gave an operator, or the other way");
    if (has_oracle_) made_->layer = std::make_shared<const Layer>(layer_);
    return status;
  }

 private:
  std::optional<pph_runtime> Runtime() const {
    std::optional<pph_runtime> runtime = layer_.runtime;
    if (!runtime) return runtime;
    runtime->context = made_->state;
    if (made_->state->schedule != kNoParallelFor) runtime->parallel_for = ParallelFor;
    if (layer_.seed % 16 != 1) runtime->allocate = RuntimeAllocate;
    if (layer_.seed % 16 != 2) runtime->deallocate = RuntimeDeallocate;
    return runtime;
  }

  // The attributes in memory; null or dirty where that is the misuse.
  template <class C>
  const C* Given(C a) const {
    const bool dirty = layer_.misuse == Misuse::kDirtyStruct;
    if (dirty) a.struct_size = sizeof(C) + 8;
    return layer_.misuse == Misuse::kNullAttributes ? nullptr : Give(a, dirty);
  }

  // Numbers for Create, and the same ones for the oracle.
  const void* Given(int64_t count, uint32_t seed, Misuse misaligned, const float** constant, DataType type) {
    *constant = Numbers(IsHalf(type) ? type : DataType::kF32, seed);
    has_oracle_ = has_oracle_ && count <= kMostElements;
    return GiveFloats(count, seed, layer_.misuse == misaligned ? 1 : 0, type);
  }
  const float* Given(int64_t count, uint32_t seed, Misuse misaligned, const float** constant) {
    return static_cast<const float*>(Given(count, seed, misaligned, constant, DataType::kF32));
  }

  const pph_epilogue* GivenEpilogue() {
    std::optional<pph_epilogue> epilogue = layer_.epilogue;
    if (!epilogue) return nullptr;
    Constants* const c = &made_->constants;
    const std::pair<const float**, const float**> pointers[] = {
        {&epilogue->scale, &c->scale}, {&epilogue->shift, &c->shift}, {&epilogue->slope, &c->slope}};
    for (uint32_t i = 0; i < std::size(pointers); ++i) {
      if (!layer_.constants[i]) continue;
      *pointers[i].first =
          Given(epilogue->channels, layer_.seed + 2 + i, Misuse::kMisalignedConstants, pointers[i].second);
    }
    return Give(epilogue);
  }

  const pph_weights* GivenWeights(int64_t count) {
    if (layer_.misuse == Misuse::kNullWeights) return nullptr;
    pph_weights weights = Defaults<pph_weights>();
    weights.type = layer_.weights_type;
    weights.data = Given(count, layer_.seed, Misuse::kMisalignedWeights, &made_->constants.weights,
                         static_cast<DataType>(weights.type));
    return Give(weights);
  }

  const float* GivenBias(int64_t count) {
    if (!layer_.bias) return nullptr;
    return Given(count, layer_.seed + 1, Misuse::kMisalignedConstants, &made_->constants.bias);
  }

  template <class C>
  pph_status CreateConvolution(C a, int64_t count,
                               pph_status (*create)(const C*, const pph_weights*, const float*,
                                                    const pph_operator_options*, pph_operator**),
                               const pph_operator_options* options, pph_operator** op) {
    a.prologue = Give(layer_.prologue);
    a.epilogue = GivenEpilogue();
    return create(Given(a), GivenWeights(count), GivenBias(a.output_channels), options, op);
  }
  pph_status Create(const pph_conv_transpose_attributes& a, const pph_operator_options* options, pph_operator** op) {
    const int64_t count =
        Product({a.input_channels, a.groups > 0 ? a.output_channels / a.groups : 0, Kernel(a.kernel, a.spatial_rank)});
    made_->macs_per_input = static_cast<double>(count) / static_cast<double>(std::max<int64_t>(a.input_channels, 1));
    return CreateConvolution(a, count, pph_create_conv_transpose, options, op);
  }
  pph_status Create(const pph_conv_attributes& a, const pph_operator_options* options, pph_operator** op) {
    const int64_t count =
        Product({a.output_channels, a.groups > 0 ? a.input_channels / a.groups : 0, Kernel(a.kernel, a.spatial_rank)});
    made_->macs_per_output = static_cast<double>(count) / static_cast<double>(std::max<int64_t>(a.output_channels, 1));
    return CreateConvolution(a, count, pph_create_conv, options, op);
  }
  pph_status Create(pph_resize_attributes a, const pph_operator_options* options, pph_operator** op) {
    a.epilogue = GivenEpilogue();
    if (layer_.pointwise) {
      pph_pointwise pointwise = *layer_.pointwise;
      pointwise.weights = GivenWeights(Product({pointwise.input_channels, pointwise.output_channels}));
      pointwise.bias = GivenBias(pointwise.output_channels);
      a.pointwise = Give(pointwise);
      made_->macs_per_input = static_cast<double>(pointwise.output_channels);
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

  const Layer& layer_;
  MadeOperator* made_;
  bool has_oracle_ = true;
};

// ---- Plan

struct MadePlan {
  pph_plan* plan = nullptr;
  MadeOperator of;  // whose handle may have been destroyed
  size_t workspace_bytes = 0;
  const char* description = "";
  // What it says of its tensors.
  std::optional<pph_tensor_desc> input, output, residual, indices, mask;
};

pph_status CallMakePlan(const Layer& layer, const MadeOperator& made, MadePlan* plan) {
  const Guarded::Scope scope;
  std::optional<pph_plan_options> options = layer.plan_options;
  if (!options && (layer.output || layer.residual || layer.indices || layer.mask)) {
    options = Defaults<pph_plan_options>();
  }
  if (options) {
    options->output = Give(layer.output);
    options->residual = Give(layer.residual);
    options->indices = Give(layer.indices);
    options->mask = Give(layer.mask);
  }
  plan->of = made;
  const pph_status status = Called(&calls.plan, pph_make_plan(made.op, Give(layer.input), Give(options), &plan->plan));
  Expect((status == PPH_OK) == (plan->plan != nullptr), "MakePlan failed and gave a plan, or the other way");
  return status;
}

// Asks a plan for all that it says.
void Ask(MadePlan* plan) {
  const auto tensor = [&](pph_status (*get)(const pph_plan*, pph_tensor_desc*), std::optional<pph_tensor_desc>* desc) {
    const Guarded::Scope scope;
    pph_tensor_desc* const given = Give(Defaults<pph_tensor_desc>());
    desc->reset();
    if (Called(&calls.query, get(plan->plan, given)) == PPH_OK) *desc = *given;
  };
  tensor(pph_plan_input, &plan->input);
  tensor(pph_plan_output, &plan->output);
  tensor(pph_plan_residual, &plan->residual);
  tensor(pph_plan_indices, &plan->indices);
  tensor(pph_plan_mask, &plan->mask);
  Expect(plan->input && plan->output, "a plan has no input or no output");
  plan->workspace_bytes = pph_plan_workspace_bytes(plan->plan);
  plan->description = pph_plan_describe(plan->plan);
  Expect(plan->description[0] != 0, "a plan has no description");
  calls.query += 2;
}

// ---- Run

void FillIndices(const Layer& unpool, const TensorDesc& output, uint32_t seed, Tensor* indices) {
  const auto& a = std::get<pph_max_unpool_attributes>(unpool.attributes);
  const bool in_window = a.index_convention == PPH_INDEX_WINDOW;
  const ref::Size3 size = ref::ToSize3(output.size, output.spatial_rank);
  indices->FillIndices(in_window ? Kernel(a.kernel, a.spatial_rank) : Product({size[0], size[1], size[2]}),
                       a.index_convention == PPH_INDEX_TENSOR, seed);
}

// How a run is called: with threads and memory of its own, or with those of its operator.
struct RunChoice {
  bool own_runtime = false;
  RuntimeState state;
  bool again = false, compare = false;
};

void Run(const Layer& layer, const MadePlan& plan, RunChoice choice) {
  const Misuse misuse = layer.misuse;
  Tensor input(*plan.input), output(*plan.output);
  std::optional<Tensor> residual, indices, mask;
  if (plan.residual) residual.emplace(*plan.residual);
  if (plan.indices) indices.emplace(*plan.indices);
  if (plan.mask) mask.emplace(*plan.mask);
  for (const Tensor* tensor :
       {&input, &output, residual ? &*residual : nullptr, indices ? &*indices : nullptr, mask ? &*mask : nullptr}) {
    if (tensor != nullptr && tensor->elements() > kMostElements) return;
  }
  const size_t bytes = plan.workspace_bytes;
  const double work = input.elements() * plan.of.macs_per_input + output.elements() * plan.of.macs_per_output;
  if (bytes > kMostWorkspace || work > kMostWork || input.elements() * output.elements() > 32 * kMostWork) return;

  const Guarded::Scope scope;
  input.Fill(layer.seed);
  output.Fill(layer.seed + 1, misuse == Misuse::kMisalignedTensor ? 1 : 0);
  if (residual) residual->Fill(layer.seed + 2);
  if (mask) mask->Fill(layer.seed + 3);
  if (indices && plan.of.unpools) {
    FillIndices(*plan.of.layer, output.desc(), layer.seed + 4, &*indices);
  } else if (indices) {
    indices->Fill(layer.seed + 4);
  }
  // With the residual in place both have the output's view; the plan says whether they have the same.
  const bool in_place = layer.residual_in_place && residual && SameView(residual->desc(), output.desc());

  pph_run_options options = Defaults<pph_run_options>();
  if (layer.own_workspace) {
    const size_t astray = misuse == Misuse::kMisalignedWorkspace ? 8 : 0;
    options.workspace = Guarded::Take(bytes + astray, PPH_WORKSPACE_ALIGNMENT) + astray;
    options.workspace_bytes = bytes - (misuse == Misuse::kShortWorkspace && bytes > 0 ? 1 : 0);
  }
  if (residual) options.residual = in_place ? output.data() : residual->data();
  if (indices && plan.of.unpools) options.input_indices = indices->data();
  const bool wants_indices = indices && plan.of.pools && layer.indices_wanted;
  if (wants_indices) options.output_indices = indices->data();
  if (mask) options.mask = mask->data();
  const uint8_t* source = input.data();
  if (misuse == Misuse::kNullTensor) source = nullptr;
  if (misuse == Misuse::kOverlap) source = output.data();

  RuntimeState* state = plan.of.state;
  const auto use = [&](RuntimeState* own) {
    pph_runtime runtime = Defaults<pph_runtime>();
    runtime.context = state = own;
    if (own->schedule != kNoParallelFor) runtime.parallel_for = ParallelFor;
    runtime.allocate = RuntimeAllocate;
    runtime.deallocate = RuntimeDeallocate;
    options.runtime = Give(runtime);
  };
  if (choice.own_runtime) use(&choice.state);

  const auto run = [&] {
    state->failed = false;
    const int64_t live = state->live;
    const pph_status status = Called(&calls.run, pph_run(plan.plan, source, output.data(), Give(options)));
    const bool written = status == PPH_OK;
    Expect(state->live == live, "Run kept memory of the runtime");
    Expect(input.Unchanged(), "Run wrote to its input");
    Expect(!mask || mask->Unchanged(), "Run wrote to its mask");
    Expect(!residual || residual->Unchanged(), "Run wrote to its residual");
    Expect(!indices || wants_indices || indices->Unchanged(), "Run wrote to indices that it reads");
    Expect(!wants_indices || indices->OnlyOwnElementsChanged(written), "Run wrote beside its indices");
    Expect(output.OnlyOwnElementsChanged(written), "Run wrote beside its output, or left the tails of blocks");
    return status;
  };
  const bool empty = output.elements() == 0;
  const bool workspace_misused =
      layer.own_workspace && bytes > 0 && (misuse == Misuse::kMisalignedWorkspace || misuse == Misuse::kShortWorkspace);
  const bool misused =
      !empty && (misuse == Misuse::kNullTensor || (misuse == Misuse::kOverlap && input.elements() > 0) ||
                 workspace_misused || (misuse == Misuse::kMisalignedTensor && ElementSize(output.desc().dtype) > 1));
  const pph_status status = run();
  if (misused) {
    Expect(status == PPH_INVALID_ARGUMENT, "Run took what it must refuse");
    return Expect(output.Unchanged() && (!indices || indices->Unchanged()), "Run failed and wrote");
  }
  if (status != PPH_OK) {
    const bool index = plan.of.unpools && status == PPH_INVALID_ARGUMENT;
    const bool memory = status == PPH_OUT_OF_MEMORY && state->failed;
    if (!index && !memory) std::fprintf(stderr, "%s\n", pph_last_error());
    return Expect(index || memory, "Run failed, and nothing was wrong");
  }
  if (choice.compare && plan.of.layer && work <= kMostWorkOfOracle &&
      input.elements() * output.elements() <= 4 * kMostWorkOfOracle) {
    const HeapLimit no_limit(SIZE_MAX);
    Values values;
    values.input = input.Before();
    if (residual) values.residual = in_place ? output.Before() : residual->Before();
    if (mask) values.mask = mask->Before();
    if (indices) values.indices = indices->Before();
    if (wants_indices) values.output_indices = indices->Now();
    values.output = output.Now();
    values.plan = plan.description;
    if (CompareWithOracle(*plan.of.layer, plan.of.constants, values)) ++calls.values;
  }
  if (!choice.again) return;
  // Again, with other threads.
  const uint8_t* const found = output.Exchange();
  const uint8_t* const found_indices = indices ? indices->Exchange() : nullptr;
  RuntimeState reversed;
  reversed.schedule = kReversed;
  use(&reversed);
  Expect(run() == PPH_OK, "Run failed when it was called again");
  Expect(output.Equals(found) && (!indices || indices->Equals(found_indices)), "Run has other bits with other threads");
}

// ---- Calls that belong to no layer

template <class C>
void CallInit(size_t bytes) {
  const Guarded::Scope scope;
  uint8_t* const memory = Guarded::Take(bytes);
  if (bytes >= sizeof(size_t)) std::memset(memory, 0xA5, bytes);
  Pair<C>::kInit(reinterpret_cast<C*>(memory), bytes);
  Pair<C>::kInit(nullptr, bytes);
  calls.init += 2;
  if (bytes < sizeof(size_t)) return;
  size_t size = 0;
  std::memcpy(&size, memory, sizeof(size));
  Expect(size == bytes, "a struct does not have the size that its caller said");
  for (size_t at = sizeof(C); at < bytes; ++at) Expect(memory[at] == 0, "init left bytes that it does not know");
}

template <class... C>
void CallInitOf(size_t choice, size_t bytes) {
  size_t index = 0;
  ((index++ == choice % sizeof...(C) ? CallInit<C>(bytes) : void()), ...);
}

void AskLibrary(size_t index) {
  int32_t supported = 2, chosen = 2;
  const char* const target = pph_target(index, &supported, &chosen);
  Expect(target == nullptr || ((supported | 1) == 1 && (chosen | 1) == 1), "flags of a target are none");
  pph_target(index, nullptr, nullptr);
  size_t l1 = 0;
  pph_caches(&l1, nullptr, nullptr);
  pph_caches(nullptr, nullptr, nullptr);
  Expect(pph_default_threads() > 0 && pph_version()[0] != 0 && pph_default_thread_pool()[0] != 0,
         "the library does not know itself");
  calls.query += 7;
}

// Hands null to all that takes a handle.
void CallWithNull(const Layer& layer, const pph_operator* op, const pph_plan* plan) {
  const Guarded::Scope scope;
  pph_tensor_desc* const desc = Give(Defaults<pph_tensor_desc>());
  pph_plan* none = nullptr;
  const auto refused = [](uint64_t* count, pph_status status) {
    Expect(Called(count, status) == PPH_INVALID_ARGUMENT, "null is taken");
  };
  refused(&calls.plan, pph_make_plan(nullptr, Give(layer.input), nullptr, &none));
  refused(&calls.plan, pph_make_plan(op, nullptr, nullptr, &none));
  refused(&calls.plan, pph_make_plan(op, Give(layer.input), nullptr, nullptr));
  Expect(none == nullptr, "a plan was made of nothing");
  for (auto* const get : {pph_plan_input, pph_plan_output, pph_plan_residual, pph_plan_indices, pph_plan_mask}) {
    refused(&calls.query, get(nullptr, desc));
    if (plan != nullptr) refused(&calls.query, get(plan, nullptr));
  }
  refused(&calls.run, pph_run(nullptr, desc, desc, nullptr));
  Expect(pph_plan_workspace_bytes(nullptr) == 0 && pph_plan_describe(nullptr)[0] == 0 &&
             pph_operator_describe(nullptr, nullptr, 1) == 0,
         "null has a description");
  calls.query += 3;
  pph_plan_destroy(nullptr);
  pph_operator_destroy(nullptr);
  calls.destroy += 2;
}

void Describe(const pph_operator* op, size_t capacity) {
  const Guarded::Scope scope;
  auto* const cut = reinterpret_cast<char*>(Guarded::Take(capacity));
  const size_t length = pph_operator_describe(op, cut, capacity);
  auto* const whole = reinterpret_cast<char*>(Guarded::Take(length + 1));
  Expect(pph_operator_describe(op, whole, length + 1) == length && std::strlen(whole) == length,
         "a description has another length than it says");
  Expect(capacity == 0 || std::string(whole).substr(0, capacity - 1) == cut, "a description is not cut as it should");
  calls.query += 2;
}

// ---- A sequence of calls

class Sequence {
 public:
  explicit Sequence(const Layer& layer) : layer_(layer) {}
  ~Sequence() {
    while (!plans_.empty()) DestroyPlan(layer_.seed);
    while (!operators_.empty()) DestroyOperator(layer_.seed);
    for (const RuntimeState& state : states_) {
      Expect(state.live == 0, "the runtime's allocator has not got back all of its memory");
    }
  }
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  // The layer as it is.
  void First() {
    const Layer first = layer_;
    layer_.misuse = Misuse::kNone;
    if (!Create(first) || !Plan(first, 0)) return;
    if (first.seed % 2 == 0) DestroyOperator(0);
    RunChoice choice;
    choice.again = choice.compare = true;
    Run(first, plans_.back(), choice);
  }

  void Step(Reader& io) {
    Layer changed = layer_;
    const size_t action = io.Choice(32, 0);
    const size_t which = io.Choice(8, 0);
    bool taken = true;
    if (action < 10) {
      ChangePlan(io, &changed);
      taken = Plan(changed, which);
      if (taken) Run(changed, plans_.back(), Choose(io));
    } else if (action < 15) {
      if (plans_.empty()) return;
      changed.seed += static_cast<uint32_t>(which);
      Run(changed, plans_[which % plans_.size()], Choose(io));
    } else if (action < 20) {
      ChangeOperator(io, &changed);
      taken = Create(changed) && Plan(changed, operators_.size() - 1);
      if (taken) Run(changed, plans_.back(), Choose(io));
    } else if (action < 22) {
      changed.misuse = static_cast<Misuse>(io.Choice(static_cast<size_t>(Misuse::kCount), 0));
      if (changed.misuse < Misuse::kMisalignedTensor || changed.misuse == Misuse::kDirtyStruct || plans_.empty()) {
        Create(changed);
      } else {
        Run(changed, plans_[which % plans_.size()], Choose(io));
      }
      return;
    } else if (action < 24) {
      ChangeRun(io, &changed);
    } else if (action < 26) {
      if (!plans_.empty()) Ask(&plans_[which % plans_.size()]);
      if (!operators_.empty()) Describe(operators_[which % operators_.size()].op, io.Choice(256, 0));
      return;
    } else if (action == 26) {
      return CallInitOf<PPH_STRUCTS>(which + 8 * io.Choice(8, 0), io.Choice(256, 0) * 2);
    } else if (action == 27) {
      AskLibrary(which);
      return CallWithNull(layer_, operators_.empty() ? nullptr : operators_[0].op,
                          plans_.empty() ? nullptr : plans_[0].plan);
    } else if (action < 30) {
      return DestroyPlan(which);
    } else {
      return DestroyOperator(which);
    }
    if (taken) layer_ = changed;
  }

 private:
  static RunChoice Choose(Reader& io) {
    const size_t choice = io.Choice(256, 0);
    RunChoice result;
    result.own_runtime = choice % 2 == 1;
    result.again = choice / 2 % 4 == 0;
    result.compare = choice / 2 % 4 == 1;
    result.state.schedule = choice / 16 % kSchedules;
    result.state.successes = choice / 16 >= 12 ? static_cast<int64_t>(choice / 16) - 12 : -1;
    return result;
  }

  static void ChangePlan(Reader& io, Layer* layer) {
    const size_t choice = io.Choice(8, 0);
    if (choice < 4) return ChangeField(io, &layer->input);
    if (choice < 6) return ChangeField(io, &layer->plan_options);
    if (choice == 6) return ChangeField(io, &layer->output);
    std::optional<pph_tensor_desc>* const others[] = {&layer->residual, &layer->indices, &layer->mask};
    ChangeField(io, others[io.Choice(3, 0)]);
  }
  static void ChangeOperator(Reader& io, Layer* layer) {
    switch (io.Choice(16, 0)) {
      case 0: return ChangeField(io, &layer->prologue);
      case 1: return ChangeField(io, &layer->epilogue);
      case 2: return ChangeField(io, &layer->pointwise);
      case 3: return ChangeField(io, &layer->operator_options);
      case 4: return ChangeField(io, &layer->runtime);
      case 5: return ChangeField(io, &layer->hint);
      case 6: layer->bias = !layer->bias; return;
      case 7: layer->constants[io.Choice(3, 0)] ^= true; return;
      case 8: layer->schedule = io.Choice(8, 0); return io.Integer(&layer->successes);
      case 9: layer->isa = io.Choice(8, 0); return;
      default:
        std::visit(
            [&](auto& a) {
              if constexpr (!std::is_same_v<std::decay_t<decltype(a)>, NoAttributes>) ChangeField(io, &a);
            },
            layer->attributes);
    }
  }
  static void ChangeRun(Reader& io, Layer* layer) {
    switch (io.Choice(4, 0)) {
      case 0: layer->own_workspace = !layer->own_workspace; return;
      case 1: layer->residual_in_place = !layer->residual_in_place; return;
      case 2: layer->indices_wanted = !layer->indices_wanted; return;
      default: io.Integer(&layer->seed);
    }
  }

  bool Create(const Layer& layer) {
    if (operators_.size() == kMostOperators) DestroyOperator(layer.seed);
    states_.emplace_back();
    states_.back().schedule = layer.schedule % kSchedules;
    states_.back().successes = layer.successes;
    MadeOperator made;
    made.state = &states_.back();
    if (Creation(layer, &made).Call() != PPH_OK) return false;
    operators_.push_back(made);
    return true;
  }
  // Makes a plan of one of the operators, or of a new one if there is none.
  bool Plan(const Layer& layer, size_t which) {
    if (operators_.empty() && !Create(layer)) return false;
    if (plans_.size() == kMostPlans) DestroyPlan(which);
    MadePlan plan;
    if (CallMakePlan(layer, operators_[which % operators_.size()], &plan) != PPH_OK) return false;
    plans_.push_back(plan);
    Ask(&plans_.back());
    return true;
  }
  void DestroyPlan(size_t which) {
    if (plans_.empty()) return;
    const auto at = plans_.begin() + static_cast<std::ptrdiff_t>(which % plans_.size());
    ++calls.destroy;
    pph_plan_destroy(at->plan);
    plans_.erase(at);
  }
  void DestroyOperator(size_t which) {
    if (operators_.empty()) return;
    const auto at = operators_.begin() + static_cast<std::ptrdiff_t>(which % operators_.size());
    ++calls.destroy;
    pph_operator_destroy(at->op);
    operators_.erase(at);
  }

  Layer layer_;
  std::deque<RuntimeState> states_;
  std::vector<MadeOperator> operators_;
  std::vector<MadePlan> plans_;
};

}  // namespace

void Expect(bool holds, const char* message) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", message);
  std::abort();
}

pph_status Called(uint64_t* count, pph_status status) {
  ++*count;
  if (status == PPH_OK) return status;
  Expect(status > PPH_OK && status <= PPH_OUT_OF_MEMORY, "a status is none of pph_status");
  ++calls.refused;
  ++calls.query;
  const char* const message = pph_last_error();
  if (!NamesSomething(message)) {
    std::fprintf(stderr, "'%s'\n", message);
    Expect(false, "a message does not name what is wrong");
  }
  return status;
}

void CallLayer(const Layer& layer, Reader steps) {
  const HeapLimit limit(kMostBytes);
  Sequence sequence(layer);
  sequence.First();
  for (int step = 0; step < kMostSteps && steps.rest_size() > 0; ++step) sequence.Step(steps);
}

}  // namespace polyphase::fuzz
