// Expresses each ONNX operator in terms of the C API.
#include "tests/conformance/onnx_node.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/testers/c_defaults.h"

namespace polyphase::onnx {
namespace {

struct Destroy {
  void operator()(pph_operator* op) const { pph_operator_destroy(op); }
  void operator()(pph_plan* plan) const { pph_plan_destroy(plan); }
};
using testing::Defaults;
using OperatorHandle = std::unique_ptr<pph_operator, Destroy>;
using PlanHandle = std::unique_ptr<pph_plan, Destroy>;

// ---- Elements

std::optional<pph_dtype> ToDtype(ElementType type) {
  switch (type) {
    case ElementType::kFloat: return PPH_F32;
    case ElementType::kFloat16: return PPH_F16;
    case ElementType::kBfloat16: return PPH_BF16;
    case ElementType::kDouble: return PPH_F64;
    case ElementType::kUint8: return PPH_U8;
    case ElementType::kInt8: return PPH_I8;
    case ElementType::kUint16: return PPH_U16;
    case ElementType::kInt16: return PPH_I16;
    case ElementType::kInt32: return PPH_I32;
    case ElementType::kInt64: return PPH_I64;
    default: return std::nullopt;
  }
}

template <typename T>
T Load(const uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

double HalfToDouble(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  double value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  if (exponent == 31) value = mantissa == 0 ? HUGE_VAL : NAN;
  return (bits & 0x8000) != 0 ? -value : value;
}

bool IsFloat(ElementType type) {
  return type == ElementType::kFloat || type == ElementType::kFloat16 || type == ElementType::kBfloat16 ||
         type == ElementType::kDouble;
}

// Of a type that IsFloat.
double FloatAt(ElementType type, const uint8_t* bytes) {
  switch (type) {
    case ElementType::kFloat: return Load<float>(bytes);
    case ElementType::kFloat16: return HalfToDouble(Load<uint16_t>(bytes));
    case ElementType::kBfloat16: {
      const uint32_t bits = uint32_t{Load<uint16_t>(bytes)} << 16;
      return Load<float>(reinterpret_cast<const uint8_t*>(&bits));
    }
    default: return Load<double>(bytes);
  }
}

std::string ToString(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (const int64_t dim : dims) text += (text.size() > 1 ? ", " : "") + std::to_string(dim);
  return text + ']';
}

std::string ToString(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

// nullopt: as expected. `actual` has the bytes of `expected`'s type and dims.
std::optional<std::string> Difference(const uint8_t* actual, const Tensor& expected, double* largest_error) {
  const size_t bytes = ElementBytes(expected.type);
  const size_t count = expected.data.size() / bytes;
  size_t wrong = 0;
  std::string first;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* a = actual + i * bytes;
    const uint8_t* e = expected.data.data() + i * bytes;
    if (!IsFloat(expected.type)) {
      if (std::memcmp(a, e, bytes) == 0) continue;
      if (wrong++ == 0) first = "other bytes";
      continue;
    }
    const double value = FloatAt(expected.type, a);
    const double wanted = FloatAt(expected.type, e);
    if (value == wanted || (std::isnan(value) && std::isnan(wanted))) continue;
    const double error = std::abs(value - wanted);
    if (error <= kAbsolute + kRelative * std::abs(wanted) && std::isfinite(wanted)) {
      *largest_error = std::max(*largest_error, error);
    } else if (wrong++ == 0) {
      first = "element " + std::to_string(i) + " is " + ToString(value) + ", expected " + ToString(wanted);
    }
  }
  if (wrong == 0) return std::nullopt;
  return first + "; " + std::to_string(wrong) + " of " + std::to_string(count) + " elements differ";
}

// ---- Tensors in the library's layouts

struct Buffer {
  pph_tensor_desc desc;
  std::vector<uint8_t> bytes;
};

pph_tensor_desc Describe(pph_dtype dtype, const std::vector<int64_t>& dims) {
  pph_tensor_desc desc = Defaults(pph_tensor_desc_init);
  desc.dtype = dtype;
  desc.spatial_rank = static_cast<int32_t>(dims.size()) - 2;
  desc.n = dims[0];
  desc.c = dims[1];
  std::copy(dims.begin() + 2, dims.end(), desc.size);
  return desc;
}

// Returns the same tensor, dense, in another layout.
pph_tensor_desc InLayout(const pph_tensor_desc& desc, pph_layout layout, int32_t channel_block) {
  pph_tensor_desc result = desc;
  result.layout = layout;
  result.channel_block = channel_block;
  result.stride_n = result.stride_c = 0;
  std::fill(std::begin(result.stride), std::end(result.stride), 0);
  return result;
}

std::vector<int64_t> DimsOf(const pph_tensor_desc& desc) {
  std::vector<int64_t> dims = {desc.n, desc.c};
  dims.insert(dims.end(), desc.size, desc.size + desc.spatial_rank);
  return dims;
}

// Memory of a dense tensor full of NaNs, so that elements that are not written show.
Buffer Allocate(const pph_tensor_desc& desc, size_t element_bytes) {
  size_t count = static_cast<size_t>(desc.n);
  count *= static_cast<size_t>((desc.c + desc.channel_block - 1) / desc.channel_block * desc.channel_block);
  for (int axis = 0; axis < desc.spatial_rank; ++axis) count *= static_cast<size_t>(desc.size[axis]);
  return {desc, std::vector<uint8_t>(count * element_bytes, 0xFF)};
}

// ---- Nodes

template <typename T>
struct Word {
  const char* word;
  T value;
};

class NodeRunner {
 public:
  NodeRunner(int64_t opset, const Node& node, const DataSet& data, const Setting& setting)
      : opset_(opset), node_(node), data_(data), setting_(setting) {
    options_.isa = setting_.isa.c_str();
    options_.runtime = setting_.runtime;
  }

  const Failure& failure() const { return failure_; }

  // Every method that returns bool leaves failure() when that is false.
  bool Run(double* largest_error) { return Make() && CheckAttributes() && Execute(largest_error); }

 private:
  using Axes = int64_t[PPH_MAX_SPATIAL_RANK];

  bool Fail(pph_status status, const std::string& message) {
    failure_ = {status, node_.op_type + ": " + message};
    return false;
  }
  bool Library(pph_status status) { return status == PPH_OK || Fail(status, pph_last_error()); }

  // ---- What a node says

  // Null: not given, or a value without elements, by which old opsets say the same.
  const Tensor* Input(size_t index) const {
    if (index >= node_.inputs.size() || node_.inputs[index].empty()) return nullptr;
    const auto it = data_.values.find(node_.inputs[index]);
    return it == data_.values.end() ? nullptr : &it->second;
  }

  const Attribute* Find(const char* name, AttributeType type) {
    for (const Attribute& attribute : node_.attributes) {
      if (attribute.name != name) continue;
      used_.insert(name);
      if (attribute.type == type) return &attribute;
      Fail(PPH_INVALID_ARGUMENT, std::string(name) + " is an attribute of another type");
      bad_attribute_ = true;
    }
    return nullptr;
  }
  int64_t Int(const char* name, int64_t otherwise) {
    const Attribute* attribute = Find(name, AttributeType::kInt);
    return attribute == nullptr ? otherwise : attribute->i;
  }
  // C structs have int32_t; what does not fit must not become a value that does.
  int32_t SmallInt(const char* name, int32_t otherwise) {
    return static_cast<int32_t>(std::clamp<int64_t>(Int(name, otherwise), INT32_MIN, INT32_MAX));
  }
  float Float(const char* name, float otherwise) {
    const Attribute* attribute = Find(name, AttributeType::kFloat);
    return attribute == nullptr ? otherwise : attribute->f;
  }

  template <typename T>
  bool Choice(const char* name, const char* otherwise, std::initializer_list<Word<T>> words, int32_t* value) {
    const Attribute* attribute = Find(name, AttributeType::kString);
    const std::string word = attribute == nullptr ? otherwise : attribute->s;
    for (const Word<T>& known : words) {
      if (word != known.word) continue;
      *value = known.value;
      return true;
    }
    return Fail(PPH_UNSUPPORTED, std::string(name) + " = \"" + word + '"');
  }

  // `axes` stays what it is if the attribute is not given.
  bool Spatial(const char* name, Axes& axes) {
    const Attribute* attribute = Find(name, AttributeType::kInts);
    if (attribute == nullptr) return true;
    if (attribute->ints.size() != static_cast<size_t>(rank_)) {
      return Fail(PPH_INVALID_ARGUMENT, std::string(name) + " = " + ToString(attribute->ints) + ": must have " +
                                            std::to_string(rank_) + " values");
    }
    std::copy(attribute->ints.begin(), attribute->ints.end(), axes);
    return true;
  }

  bool Pads(Axes& begin, Axes& end) {
    const Attribute* attribute = Find("pads", AttributeType::kInts);
    if (attribute == nullptr) return true;
    if (attribute->ints.size() != 2 * static_cast<size_t>(rank_)) {
      return Fail(PPH_INVALID_ARGUMENT,
                  "pads = " + ToString(attribute->ints) + ": must have " + std::to_string(2 * rank_) + " values");
    }
    std::copy_n(attribute->ints.begin(), rank_, begin);
    std::copy_n(attribute->ints.begin() + rank_, rank_, end);
    return true;
  }

  bool AutoPad(int32_t* auto_pad) {
    return Choice<pph_auto_pad>("auto_pad", "NOTSET",
                                {{"NOTSET", PPH_PAD_NOT_SET},
                                 {"SAME_UPPER", PPH_PAD_SAME_UPPER},
                                 {"SAME_LOWER", PPH_PAD_SAME_LOWER},
                                 {"VALID", PPH_PAD_VALID}},
                                auto_pad);
  }

  bool Floats(const char* name, const Tensor& tensor, std::vector<float>* values) {
    if (!IsFloat(tensor.type)) {
      return Fail(PPH_INVALID_ARGUMENT, std::string(name) + " of " + Name(tensor.type) + ": must be floats");
    }
    const size_t bytes = ElementBytes(tensor.type);
    for (size_t at = 0; at < tensor.data.size(); at += bytes) {
      values->push_back(static_cast<float>(FloatAt(tensor.type, tensor.data.data() + at)));
    }
    return true;
  }

  bool Ints(const char* name, const Tensor& tensor, std::vector<int64_t>* values) {
    if (tensor.type != ElementType::kInt64) {
      return Fail(PPH_INVALID_ARGUMENT, std::string(name) + " of " + Name(tensor.type) + ": must be INT64");
    }
    for (size_t at = 0; at < tensor.data.size(); at += sizeof(int64_t)) {
      values->push_back(Load<int64_t>(tensor.data.data() + at));
    }
    return true;
  }

  bool CheckAttributes() {
    if (bad_attribute_) return false;
    for (const Attribute& attribute : node_.attributes) {
      if (used_.count(attribute.name) == 0) return Fail(PPH_UNSUPPORTED, "attribute " + attribute.name);
    }
    return true;
  }

  // ---- The operators

  struct Op {
    const char* op_type;
    bool (NodeRunner::*make)(pph_operator** op);
  };
  static const Op kOps[11];

  bool Make() {
    if (!node_.domain.empty()) return Fail(PPH_UNSUPPORTED, "domain " + node_.domain);
    for (const std::string& name : node_.inputs) {
      if (!name.empty() && data_.values.count(name) == 0) {
        return Fail(PPH_INVALID_ARGUMENT, "there is no value \"" + name + '"');
      }
    }
    input_ = Input(0);
    if (input_ == nullptr) return Fail(PPH_INVALID_ARGUMENT, "there is no input");
    const auto dtype = ToDtype(input_->type);
    if (!dtype.has_value()) return Fail(PPH_UNSUPPORTED, std::string("an input of ") + Name(input_->type));
    rank_ = static_cast<int>(input_->dims.size()) - 2;
    if (rank_ < 1 || rank_ > PPH_MAX_SPATIAL_RANK) {
      return Fail(PPH_UNSUPPORTED, "an input of dims " + ToString(input_->dims));
    }
    dtype_ = *dtype;

    for (const Op& known : kOps) {
      if (node_.op_type != known.op_type) continue;
      pph_operator* op = nullptr;
      const bool made = (this->*known.make)(&op);
      op_.reset(op);
      return made;
    }
    return Fail(PPH_UNSUPPORTED, "the library has no such op");
  }

  // What Conv and ConvTranspose have in common. W is [*outer][*inner / groups][kernel...]; `outer` and `inner` are the
  // channels of `a`.
  template <typename A>
  bool ConvLayer(A& a, int64_t* outer, int64_t* inner, std::vector<float>* values, pph_weights* weights,
                 std::vector<float>* bias) {
    const Tensor* w = Input(1);
    const Tensor* b = Input(2);
    if (w == nullptr || w->dims.size() != input_->dims.size()) {
      return Fail(PPH_INVALID_ARGUMENT, "W: there is none, or it has not as many dims as X");
    }
    a.spatial_rank = rank_;
    a.groups = Int("group", 1);
    *outer = w->dims[0];
    if (__builtin_mul_overflow(w->dims[1], a.groups, inner)) {
      return Fail(PPH_INVALID_ARGUMENT, "group = " + std::to_string(a.groups) + ": too large");
    }
    Axes kernel_shape = {};
    std::copy(w->dims.begin() + 2, w->dims.end(), a.kernel);
    std::copy(w->dims.begin() + 2, w->dims.end(), kernel_shape);
    if (!Spatial("kernel_shape", kernel_shape) || !Spatial("dilations", a.dilation) ||
        !Pads(a.padding_begin, a.padding_end) || !AutoPad(&a.auto_pad)) {
      return false;
    }
    if (!std::equal(a.kernel, a.kernel + rank_, kernel_shape)) {
      return Fail(PPH_INVALID_ARGUMENT, "kernel_shape is not that of W, " + ToString(w->dims));
    }
    if (!Floats("W", *w, values) || (b != nullptr && !Floats("B", *b, bias))) return false;
    weights->data = values->data();
    if (b != nullptr && b->dims != std::vector<int64_t>{a.output_channels}) {
      return Fail(PPH_INVALID_ARGUMENT, "B of dims " + ToString(b->dims) + ": must have an element per output channel");
    }
    return true;
  }

  bool ConvTranspose(pph_operator** op) {
    pph_conv_transpose_attributes a = Defaults(pph_conv_transpose_attributes_init);
    pph_weights weights = Defaults(pph_weights_init);
    std::vector<float> values, bias;
    return Spatial("strides", a.stride) && Spatial("output_padding", a.output_padding) &&
           Spatial("output_shape", a.output_shape) &&
           ConvLayer(a, &a.input_channels, &a.output_channels, &values, &weights, &bias) &&
           Library(pph_create_conv_transpose(&a, &weights, Input(2) == nullptr ? nullptr : bias.data(), &options_, op));
  }

  bool Conv(pph_operator** op) {
    pph_conv_attributes a = Defaults(pph_conv_attributes_init);
    Axes strides = {1, 1, 1};
    if (!Spatial("strides", strides)) return false;
    if (std::any_of(strides, strides + rank_, [](int64_t stride) { return stride != 1; })) {
      const std::vector<int64_t> stated(strides, strides + rank_);
      return Fail(PPH_UNSUPPORTED, "strides = " + ToString(stated) + ": the library has stride 1");
    }
    pph_weights weights = Defaults(pph_weights_init);
    std::vector<float> values, bias;
    return ConvLayer(a, &a.output_channels, &a.input_channels, &values, &weights, &bias) &&
           Library(pph_create_conv(&a, &weights, Input(2) == nullptr ? nullptr : bias.data(), &options_, op));
  }

  // Also Resize-10: asymmetric, and the nearest element is the floor.
  bool Upsample(pph_operator** op) {
    pph_onnx_resize r = Defaults(pph_onnx_resize_init);
    r.rank = static_cast<int32_t>(input_->dims.size());
    r.coordinate_transformation = PPH_ASYMMETRIC;
    r.nearest_mode = PPH_FLOOR;
    if (!Choice<pph_resize_mode>("mode", "nearest", {{"nearest", PPH_NEAREST}, {"linear", PPH_LINEAR}}, &r.mode)) {
      return false;
    }
    std::vector<float> scales;
    if (const Attribute* attribute = Find("scales", AttributeType::kFloats)) scales = attribute->floats;
    const Tensor* input = Input(1);
    if (input != nullptr && !Floats("scales", *input, &scales)) return false;
    r.scales = scales.data();
    r.scales_count = scales.size();
    return MakeResize(r, op);
  }

  bool Resize(pph_operator** op) {
    if (opset_ < 11) return Upsample(op);
    pph_onnx_resize r = Defaults(pph_onnx_resize_init);
    r.rank = static_cast<int32_t>(input_->dims.size());
    r.cubic_coeff_a = Float("cubic_coeff_a", r.cubic_coeff_a);
    r.exclude_outside = SmallInt("exclude_outside", 0);
    r.antialias = SmallInt("antialias", 0);
    r.extrapolation_value = Float("extrapolation_value", 0.0f);
    const bool known =
        Choice<pph_resize_mode>("mode", "nearest",
                                {{"nearest", PPH_NEAREST}, {"linear", PPH_LINEAR}, {"cubic", PPH_CUBIC}}, &r.mode) &&
        Choice<pph_coordinate_transformation>("coordinate_transformation_mode", "half_pixel",
                                              {{"half_pixel", PPH_HALF_PIXEL},
                                               {"align_corners", PPH_ALIGN_CORNERS},
                                               {"asymmetric", PPH_ASYMMETRIC},
                                               {"pytorch_half_pixel", PPH_PYTORCH_HALF_PIXEL},
                                               {"half_pixel_symmetric", PPH_HALF_PIXEL_SYMMETRIC},
                                               {"tf_crop_and_resize", PPH_TF_CROP_AND_RESIZE},
                                               {"tf_half_pixel_for_nn", PPH_TF_HALF_PIXEL_FOR_NN}},
                                              &r.coordinate_transformation) &&
        Choice<pph_nearest_mode>("nearest_mode", "round_prefer_floor",
                                 {{"floor", PPH_FLOOR},
                                  {"ceil", PPH_CEIL},
                                  {"round_prefer_floor", PPH_ROUND_PREFER_FLOOR},
                                  {"round_prefer_ceil", PPH_ROUND_PREFER_CEIL}},
                                 &r.nearest_mode) &&
        Choice<pph_keep_aspect_ratio_policy>(
            "keep_aspect_ratio_policy", "stretch",
            {{"stretch", PPH_STRETCH}, {"not_larger", PPH_NOT_LARGER}, {"not_smaller", PPH_NOT_SMALLER}},
            &r.keep_aspect_ratio_policy);
    if (!known) return false;

    if (const Attribute* axes = Find("axes", AttributeType::kInts)) {
      r.axes = axes->ints.data();
      r.axes_count = axes->ints.size();
    }
    std::vector<float> roi, scales;
    std::vector<int64_t> sizes;
    if ((Input(1) != nullptr && !Floats("roi", *Input(1), &roi)) ||
        (Input(2) != nullptr && !Floats("scales", *Input(2), &scales)) ||
        (Input(3) != nullptr && !Ints("sizes", *Input(3), &sizes))) {
      return false;
    }
    r.roi = roi.data();
    r.roi_count = roi.size();
    r.scales = scales.data();
    r.scales_count = scales.size();
    r.sizes = sizes.data();
    r.sizes_count = sizes.size();
    return MakeResize(r, op);
  }

  bool MakeResize(const pph_onnx_resize& node, pph_operator** op) {
    pph_resize_attributes a = Defaults(pph_resize_attributes_init);
    return Library(pph_resize_onnx(&node, &a)) && Library(pph_create_resize(&a, &options_, op));
  }

  bool Shuffle(pph_shuffle_direction direction, pph_operator** op) {
    pph_pixel_shuffle_attributes a = Defaults(pph_pixel_shuffle_attributes_init);
    a.spatial_rank = rank_;
    a.direction = direction;
    std::fill_n(a.factor, rank_, Int("blocksize", 0));
    return Choice<pph_channel_order>("mode", "DCR", {{"DCR", PPH_DCR}, {"CRD", PPH_CRD}}, &a.channel_order) &&
           Library(pph_create_pixel_shuffle(&a, &options_, op));
  }

  bool DepthToSpace(pph_operator** op) { return Shuffle(PPH_DEPTH_TO_SPACE, op); }
  bool SpaceToDepth(pph_operator** op) { return Shuffle(PPH_SPACE_TO_DEPTH, op); }

  template <typename A>
  bool Window(A& a) {
    a.spatial_rank = rank_;
    if (Find("kernel_shape", AttributeType::kInts) == nullptr) return Fail(PPH_INVALID_ARGUMENT, "no kernel_shape");
    std::fill_n(a.stride, rank_, 1);
    a.ceil_mode = SmallInt("ceil_mode", 0);
    return Spatial("kernel_shape", a.kernel) && Spatial("strides", a.stride) && Spatial("dilations", a.dilation) &&
           Pads(a.padding_begin, a.padding_end) && AutoPad(&a.auto_pad);
  }

  template <typename A>
  void WholeInput(A& a) const {
    a.spatial_rank = rank_;
    std::copy(input_->dims.begin() + 2, input_->dims.end(), a.kernel);
    std::fill_n(a.stride, rank_, 1);
  }

  bool MaxPool(pph_operator** op) {
    pph_max_pool_attributes a = Defaults(pph_max_pool_attributes_init);
    a.index_convention = PPH_INDEX_TENSOR;
    a.column_major = SmallInt("storage_order", 0);
    writes_indices_ = node_.outputs.size() > 1 && !node_.outputs[1].empty();
    return Window(a) && Library(pph_create_max_pool(&a, &options_, op));
  }

  bool GlobalMaxPool(pph_operator** op) {
    pph_max_pool_attributes a = Defaults(pph_max_pool_attributes_init);
    WholeInput(a);
    return Library(pph_create_max_pool(&a, &options_, op));
  }

  bool AveragePool(pph_operator** op) {
    pph_avg_pool_attributes a = Defaults(pph_avg_pool_attributes_init);
    a.count_include_pad = SmallInt("count_include_pad", 0);
    return Window(a) && Library(pph_create_avg_pool(&a, &options_, op));
  }

  bool GlobalAveragePool(pph_operator** op) {
    pph_avg_pool_attributes a = Defaults(pph_avg_pool_attributes_init);
    WholeInput(a);
    return Library(pph_create_avg_pool(&a, &options_, op));
  }

  bool MaxUnpool(pph_operator** op) {
    indices_ = Input(1);
    if (indices_ == nullptr || indices_->type != ElementType::kInt64 || indices_->dims != input_->dims) {
      return Fail(PPH_INVALID_ARGUMENT, "I: must be INT64 and of the dims of X");
    }
    if (const Tensor* output_shape = Input(2)) {
      std::vector<int64_t> dims;
      if (!Ints("output_shape", *output_shape, &dims)) return false;
      if (dims.size() != input_->dims.size() || dims[0] != input_->dims[0] || dims[1] != input_->dims[1]) {
        return Fail(PPH_INVALID_ARGUMENT, "output_shape = " + ToString(dims) + " for X of " + ToString(input_->dims));
      }
      std::copy(dims.begin() + 2, dims.end(), output_size_);
    }
    pph_max_unpool_attributes a = Defaults(pph_max_unpool_attributes_init);
    a.index_convention = PPH_INDEX_TENSOR;
    a.indices_in_default_size = 1;
    return Window(a) && Library(pph_create_max_unpool(&a, &options_, op));
  }

  // ---- Running

  bool Convert(const Buffer& from, const pph_tensor_desc& to, size_t element_bytes, Buffer* result) {
    pph_operator* op = nullptr;
    pph_plan* plan = nullptr;
    if (!Library(pph_create_convert(&options_, &op))) return false;
    const OperatorHandle op_handle(op);
    pph_plan_options options = Defaults(pph_plan_options_init);
    options.output = &to;
    if (!Library(pph_make_plan(op, &from.desc, &options, &plan))) return false;
    const PlanHandle plan_handle(plan);
    *result = Allocate(to, element_bytes);
    return Library(pph_run(plan, from.bytes.data(), result->bytes.data(), nullptr));
  }

  bool ToLayout(const Tensor& tensor, pph_dtype dtype, Buffer* result) {
    const Buffer dense = {Describe(dtype, tensor.dims), tensor.data};
    if (setting_.layout != PPH_NCHW) {
      return Convert(dense, InLayout(dense.desc, setting_.layout, setting_.channel_block), ElementBytes(tensor.type),
                     result);
    }
    *result = dense;
    return true;
  }

  // The type and the shape of output `index`, before anything is run.
  bool CheckDesc(size_t index, const pph_tensor_desc& desc) {
    const auto it = index < node_.outputs.size() ? data_.expected.find(node_.outputs[index]) : data_.expected.end();
    if (it == data_.expected.end()) return Fail(PPH_INVALID_ARGUMENT, "no output " + std::to_string(index));
    const Tensor& expected = it->second;
    if (ToDtype(expected.type) != static_cast<pph_dtype>(desc.dtype)) {
      return Fail(PPH_OK, "output " + std::to_string(index) + " is of pph_dtype " + std::to_string(desc.dtype) +
                              ", expected " + Name(expected.type));
    }
    if (DimsOf(desc) != expected.dims) {
      return Fail(PPH_OK, "output " + std::to_string(index) + " has the shape " + ToString(DimsOf(desc)) +
                              ", expected " + ToString(expected.dims));
    }
    return true;
  }

  // After CheckDesc.
  bool CheckValues(size_t index, const Buffer& output, double* largest_error) {
    const Tensor& expected = data_.expected.at(node_.outputs[index]);
    Buffer dense;
    if (setting_.layout == PPH_NCHW) {
      dense = output;
    } else if (!Convert(output, InLayout(output.desc, PPH_NCHW, 1), ElementBytes(expected.type), &dense)) {
      return false;
    }
    const auto difference = Difference(dense.bytes.data(), expected, largest_error);
    return !difference.has_value() || Fail(PPH_OK, "output " + std::to_string(index) + ": " + *difference);
  }

  bool Execute(double* largest_error) {
    Buffer input, indices;
    if (!ToLayout(*input_, dtype_, &input)) return false;
    if (indices_ != nullptr && !ToLayout(*indices_, PPH_I64, &indices)) return false;

    pph_plan_options plan_options = Defaults(pph_plan_options_init);
    std::copy(std::begin(output_size_), std::end(output_size_), plan_options.output_size);
    pph_plan* plan = nullptr;
    if (!Library(pph_make_plan(op_.get(), &input.desc, &plan_options, &plan))) return false;
    const PlanHandle plan_handle(plan);
    pph_tensor_desc output_desc = Defaults(pph_tensor_desc_init);
    pph_tensor_desc indices_desc = Defaults(pph_tensor_desc_init);
    if (!Library(pph_plan_output(plan, &output_desc)) || !CheckDesc(0, output_desc)) return false;
    if (writes_indices_ && (!Library(pph_plan_indices(plan, &indices_desc)) || !CheckDesc(1, indices_desc))) {
      return false;
    }

    Buffer output = Allocate(output_desc, ElementBytes(data_.expected.at(node_.outputs[0]).type));
    pph_run_options run_options = Defaults(pph_run_options_init);
    if (indices_ != nullptr) run_options.input_indices = indices.bytes.data();
    if (writes_indices_) {
      indices = Allocate(indices_desc, sizeof(int64_t));
      run_options.output_indices = indices.bytes.data();
    }
    if (!Library(pph_run(plan, input.bytes.data(), output.bytes.data(), &run_options))) return false;
    const bool ok =
        CheckValues(0, output, largest_error) && (!writes_indices_ || CheckValues(1, indices, largest_error));
    if (!ok) failure_.message += std::string(" (") + pph_plan_describe(plan) + ')';
    return ok;
  }

  const int64_t opset_;
  const Node& node_;
  const DataSet& data_;
  const Setting& setting_;
  pph_operator_options options_ = Defaults(pph_operator_options_init);

  Failure failure_{PPH_OK, ""};
  bool bad_attribute_ = false;
  std::set<std::string> used_;  // attributes

  // Set by Make().
  int rank_ = 0;
  pph_dtype dtype_ = PPH_F32;
  const Tensor* input_ = nullptr;
  const Tensor* indices_ = nullptr;  // MaxUnpool
  bool writes_indices_ = false;      // MaxPool
  Axes output_size_ = {};
  OperatorHandle op_;
};

const NodeRunner::Op NodeRunner::kOps[] = {{"AveragePool", &NodeRunner::AveragePool},
                                           {"Conv", &NodeRunner::Conv},
                                           {"ConvTranspose", &NodeRunner::ConvTranspose},
                                           {"DepthToSpace", &NodeRunner::DepthToSpace},
                                           {"GlobalAveragePool", &NodeRunner::GlobalAveragePool},
                                           {"GlobalMaxPool", &NodeRunner::GlobalMaxPool},
                                           {"MaxPool", &NodeRunner::MaxPool},
                                           {"MaxUnpool", &NodeRunner::MaxUnpool},
                                           {"Resize", &NodeRunner::Resize},
                                           {"SpaceToDepth", &NodeRunner::SpaceToDepth},
                                           {"Upsample", &NodeRunner::Upsample}};

}  // namespace

std::string Name(const Setting& setting) {
  const std::string layout = setting.layout == PPH_NCHW   ? "nchw"
                             : setting.layout == PPH_NHWC ? "nhwc"
                                                          : "nchw" + std::to_string(setting.channel_block) + 'c';
  return setting.isa + ", " + layout;
}

std::optional<Failure> RunNode(int64_t opset, const Node& node, const DataSet& data, const Setting& setting,
                               double* largest_error) {
  NodeRunner runner(opset, node, data, setting);
  if (runner.Run(largest_error)) return std::nullopt;
  return runner.failure();
}

}  // namespace polyphase::onnx
