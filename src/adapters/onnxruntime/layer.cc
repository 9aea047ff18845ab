#include "adapters/onnxruntime/layer.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <utility>

namespace polyphase::ort {
namespace {

// ---- What the ops mean, and since when

struct Version {
  const char* op;
  int oldest, newest;
};
// Nodes of other versions may have attributes or a meaning that is unknown here.
constexpr Version kVersions[] = {
    {"Add", 7, 14},
    {"AveragePool", 7, 22},
    {"BatchNormalization", 7, 15},
    {"Clip", 6, 13},
    {"Conv", 1, 22},
    {"ConvTranspose", 1, 22},
    {"DepthToSpace", 1, 28},
    {"Gelu", 20, 20},
    {"HardSigmoid", 6, 22},
    {"HardSwish", 14, 22},
    {"LeakyRelu", 6, 16},
    {"MaxPool", 1, 22},
    {"MaxUnpool", 9, 22},
    {"Mul", 7, 14},
    {"PRelu", 7, 16},
    {"Relu", 6, 14},
    {"Resize", 10, 19},
    {"Sigmoid", 6, 13},
    {"SpaceToDepth", 1, 28},
    {"Tanh", 6, 13},
    {"Upsample", 7, 9},
    {"com.microsoft:Gelu", 1, 1},
};

bool IsKnown(const Node& node) {
  return std::any_of(std::begin(kVersions), std::end(kVersions), [&node](const Version& version) {
    return node.op() == version.op && version.oldest <= node.since_version() && node.since_version() <= version.newest;
  });
}

std::optional<pph_dtype> ToDtype(ONNXTensorElementDataType element) {
  switch (element) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT: return PPH_F32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16: return PPH_F16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16: return PPH_BF16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE: return PPH_F64;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8: return PPH_U8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8: return PPH_I8;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16: return PPH_U16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16: return PPH_I16;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32: return PPH_I32;
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64: return PPH_I64;
    default: return std::nullopt;
  }
}

using Axes = int64_t[PPH_MAX_SPATIAL_RANK];

bool All(const Axes& axes, int rank, int64_t value) {
  return std::all_of(axes, axes + rank, [value](int64_t axis) { return axis == value; });
}

bool IsScalar(const Constant& constant) { return constant.count == 1; }

pph_tensor_desc Desc(const Layer& layer, pph_layout layout) {
  pph_tensor_desc desc = Defaults(pph_tensor_desc_init);
  desc.dtype = layer.dtype;
  desc.layout = layout;
  desc.channel_block = layout == PPH_NCHWC ? 16 : 1;
  desc.spatial_rank = layer.spatial_rank;
  return desc;
}

pph_tensor_desc InputDesc(const Layer& layer, const int64_t* dims, pph_layout layout = PPH_NCHW) {
  pph_tensor_desc desc = Desc(layer, layout);
  desc.n = dims[0];
  desc.c = dims[1];
  std::copy_n(dims + 2, layer.spatial_rank, desc.size);
  return desc;
}

// ---- One layer

class Builder {
 public:
  Builder(const Node& first, const std::set<const OrtNode*>& taken, const Options& options, bool fuse)
      : first_(first), taken_(taken), options_(options), fuse_(fuse), output_(first.output(0)) {}

  const std::string& why() const { return why_; }
  Layer TakeLayer() { return std::move(layer_); }

  // False: why() says why.
  bool Build() {
    if (!IsKnown(first_)) return No("its version is unknown");
    if (first_.IsTaken()) return No("another provider has it");
    // A convolution may become a part of a pixel shuffle that is claimed.
    if (first_.op() != "Conv" && !IsClaimed(first_.op())) return No("the option claim leaves it out");
    if (!IsUsed(output_)) return No("its output is not used");
    // A constant would not be an input of the fused node.
    if (!first_.input(0) || first_.input(0).constant().has_value()) return No("its input is constant");
    input_type_ = first_.input(0).type();
    const auto dtype = ToDtype(input_type_.element);
    if (!dtype.has_value()) return No("the library does not have the type of its input");
    layer_.dtype = *dtype;
    rank_ = static_cast<int>(input_type_.dims.size()) - 2;
    if (rank_ < 1 || rank_ > PPH_MAX_SPATIAL_RANK) return No("its input does not have 1, 2 or 3 spatial axes");
    if (options_.automatic && IsQuantized()) return No("ONNX Runtime computes it on integers");
    layer_.name = first_.op() + ' ' + first_.name();
    layer_.spatial_rank = rank_;
    layer_.input = first_.input(0).name();
    layer_.nodes = {first_.handle()};

    hint_ = Defaults(pph_tensor_desc_init);
    create_ = Defaults(pph_operator_options_init);
    create_.numerics = options_.numerics;
    if (input_type_.IsStatic()) {
      hint_ = InputDesc(layer_, input_type_.dims.data());
      create_.input_hint = &hint_;
    }
    const Kind& kind = *std::find_if(std::begin(kKinds), std::end(kKinds),
                                     [this](const Kind& known) { return first_.op() == known.op; });
    pph_operator* op = nullptr;
    if (!(this->*kind.make)(&op)) return false;
    layer_.op.reset(op);
    layer_.output = output_.name();
    if (const TensorType type = output_.type(); type.dims.size() > 1) layer_.output_channels = type.dims[1];
    return true;
  }

  struct Kind {
    const char* op;
    bool (Builder::*make)(pph_operator** op);
  };
  static const Kind kKinds[9];

 private:
  bool No(std::string why) {
    why_ = std::move(why);
    return false;
  }
  bool Library(pph_status status) { return status == PPH_OK || No(pph_last_error()); }
  // Of the types that are more than copied.
  bool Computes() {
    const pph_dtype type = layer_.dtype;
    return type == PPH_F32 || type == PPH_F16 || type == PPH_BF16 || type == PPH_U8 ||
           No("the library does not compute in the type of its input");
  }
  bool IsClaimed(const std::string& op) const { return options_.claimed.count(op) != 0; }

  // ---- Attributes

  template <typename T>
  bool Choice(const Node& node, const char* name, std::initializer_list<std::pair<const char*, T>> words,
              int32_t* value) {
    const auto word = node.String(name);
    if (!word.has_value()) return true;
    for (const auto& [known, meaning] : words) {
      if (*word != known) continue;
      *value = meaning;
      return true;
    }
    return No(std::string(name) + " = \"" + *word + "\" is unknown");
  }

  // `axes` stays what it is if the attribute is not given.
  bool Spatial(const Node& node, const char* name, Axes& axes) {
    const auto values = node.Ints(name);
    if (!values.has_value() || values->empty()) return true;
    if (values->size() != static_cast<size_t>(rank_)) return No(std::string(name) + " has another number of axes");
    std::copy(values->begin(), values->end(), axes);
    return true;
  }

  // What convolutions and poolings have in common.
  template <typename A>
  bool Window(const Node& node, A* a) {
    a->spatial_rank = rank_;
    if (const auto pads = node.Ints("pads"); pads.has_value() && !pads->empty()) {
      if (pads->size() != 2 * static_cast<size_t>(rank_)) return No("pads has another number of axes");
      std::copy_n(pads->begin(), rank_, a->padding_begin);
      std::copy_n(pads->begin() + rank_, rank_, a->padding_end);
    }
    return Spatial(node, "kernel_shape", a->kernel) && Spatial(node, "dilations", a->dilation) &&
           Choice<pph_auto_pad>(node, "auto_pad",
                                {{"NOTSET", PPH_PAD_NOT_SET},
                                 {"SAME_UPPER", PPH_PAD_SAME_UPPER},
                                 {"SAME_LOWER", PPH_PAD_SAME_LOWER},
                                 {"VALID", PPH_PAD_VALID}},
                                &a->auto_pad);
  }

  // W is [*outer][*inner / groups][kernel...]; both are channels of `a`.
  template <typename A>
  bool Convolution(const Node& node, A* a, int64_t* outer, int64_t* inner) {
    const auto w = node.input(1).constant();
    if (!w.has_value() || w->floats() == nullptr) return No("its weights are not constant floats");
    if (w->dims.size() != static_cast<size_t>(rank_) + 2) return No("its weights have another number of axes");
    a->groups = node.Int("group").value_or(1);
    *outer = w->dims[0];
    if (__builtin_mul_overflow(w->dims[1], a->groups, inner)) return No("its groups are too many");
    std::copy(w->dims.begin() + 2, w->dims.end(), a->kernel);
    weights_ = Defaults(pph_weights_init);
    weights_.data = w->floats();
    if (node.input(2)) {
      const auto b = node.input(2).constant();
      if (!b.has_value() || b->floats() == nullptr) return No("its bias is not constant floats");
      if (b->count != static_cast<size_t>(a->output_channels)) return No("its bias has another number of channels");
      bias_ = b->floats();
    }
    return Window(node, a) && (std::equal(a->kernel, a->kernel + rank_, w->dims.begin() + 2) ||
                               No("kernel_shape is not that of its weights"));
  }

  // A convolution after or before something else; the library has those with stride 1.
  bool StrideOneConv(const Node& node, pph_conv_attributes* a) {
    Axes strides = {1, 1, 1};
    *a = Defaults(pph_conv_attributes_init);
    return Spatial(node, "strides", strides) && (All(strides, rank_, 1) || No("its strides are not 1")) &&
           Convolution(node, a, &a->output_channels, &a->input_channels);
  }

  // ---- Fusing

  // ONNX Runtime merges such a node with the DequantizeLinear before it and the QuantizeLinear after it.
  bool IsQuantized() const {
    if (output_.IsGraphOutput()) return false;
    const std::vector<Node> readers = output_.Consumers();
    return readers.size() == 1 && readers[0].op() == "QuantizeLinear";
  }

  // ONNX Runtime 1.23 aborts if it is asked for the consumers of an output of a graph that is being compiled.
  static bool IsUsed(const Value& value) { return value && (value.IsGraphOutput() || !value.Consumers().empty()); }

  bool IsFree(const Node& node) const { return IsKnown(node) && !node.IsTaken() && taken_.count(node.handle()) == 0; }

  // The node that alone reads `value`, once and as its first input if `first`; nullopt if there is none.
  std::optional<Node> OnlyConsumer(const Value& value, bool first = true) const {
    if (value.IsGraphOutput()) return std::nullopt;
    const std::vector<Node> nodes = value.Consumers();
    if (nodes.size() != 1 || !IsFree(nodes[0])) return std::nullopt;
    if (first && nodes[0].input(0).name() != value.name()) return std::nullopt;
    return nodes[0];
  }

  // The next node of the chain, if it is an `op`.
  std::optional<Node> Next(const char* op) const {
    const auto next = fuse_ && layer_.dtype == PPH_F32 ? OnlyConsumer(output_) : std::nullopt;
    return next.has_value() && next->op() == op ? next : std::nullopt;
  }

  void Append(const Node& node) {
    layer_.nodes.push_back(node.handle());
    output_ = node.output(0);
  }

  // Appends the nodes that the epilogue can be. `*channels` are those of the output. A DepthToSpace becomes the shuffle
  // of `conv`, unless that is null.
  void Fuse(int64_t* channels, pph_conv_attributes* conv) {
    epilogue_ = Defaults(pph_epilogue_init);
    while (fuse_ && layer_.dtype == PPH_F32 &&
           (Activation(*channels) || Residual() || BatchNorm(*channels) || Shuffle(channels, conv))) {
    }
    epilogue_.channels = *channels;
    if (!scale_.empty()) epilogue_.scale = scale_.data();
    if (!shift_.empty()) epilogue_.shift = shift_.data();
    if (!slope_.empty()) epilogue_.slope = slope_.data();
  }

  bool Activation(int64_t channels) {
    if (epilogue_.activation != PPH_ACTIVATION_NONE) return false;
    if (Gated()) return true;
    const auto node = OnlyConsumer(output_);
    if (!node.has_value()) return false;
    const std::string& op = node->op();
    if (op == "Relu") {
      epilogue_.activation = PPH_RELU;
    } else if (op == "LeakyRelu") {
      const float alpha = node->Float("alpha").value_or(0.01f);
      if (std::isnan(alpha)) return false;
      epilogue_.activation = PPH_LEAKY_RELU;
      epilogue_.negative_slope = alpha;
    } else if (op == "PRelu") {
      if (!PerChannel(node->input(1), channels, &slope_)) return false;
      epilogue_.activation = PPH_PRELU;
    } else if (op == "Clip") {
      float lower = -std::numeric_limits<float>::infinity(), upper = -lower;
      if (!Bound(*node, 1, "min", &lower) || !Bound(*node, 2, "max", &upper) || !(lower <= upper)) return false;
      epilogue_.activation = PPH_CLAMP;
      epilogue_.lower = lower;
      epilogue_.upper = upper;
    } else if (op == "Sigmoid") {
      epilogue_.activation = PPH_SIGMOID;
    } else if (op == "Tanh") {
      epilogue_.activation = PPH_TANH;
    } else if (op == "Gelu" || op == "com.microsoft:Gelu") {
      epilogue_.activation = node->String("approximate").value_or("none") == "tanh" ? PPH_GELU_TANH : PPH_GELU;
    } else if (op == "HardSwish") {
      epilogue_.activation = PPH_HARD_SWISH;
    } else {
      return false;
    }
    Append(*node);
    return true;
  }

  // x * Sigmoid(x), and HardSwish as x * HardSigmoid(x).
  bool Gated() {
    if (output_.IsGraphOutput()) return false;
    const std::vector<Node> readers = output_.Consumers();
    if (readers.size() != 2 || !IsFree(readers[0]) || !IsFree(readers[1])) return false;
    return Gate(readers[0], readers[1]) || Gate(readers[1], readers[0]);
  }

  bool Gate(const Node& gate, const Node& product) {
    const bool hard = gate.op() == "HardSigmoid";
    if ((!hard && gate.op() != "Sigmoid") || product.op() != "Mul") return false;
    if (hard && (std::abs(gate.Float("alpha").value_or(0.2f) - 1.0f / 6) > 1e-6f ||
                 gate.Float("beta").value_or(0.5f) != 0.5f)) {
      return false;
    }
    const auto after = OnlyConsumer(gate.output(0), false);
    if (!after.has_value() || !(*after == product)) return false;
    epilogue_.activation = hard ? PPH_HARD_SWISH : PPH_SILU;
    Append(gate);
    Append(product);
    return true;
  }

  // Clip's bounds are attributes before opset 11 and inputs after it.
  static bool Bound(const Node& node, size_t index, const char* name, float* bound) {
    if (const auto attribute = node.Float(name)) *bound = *attribute;
    if (!node.input(index)) return true;
    const auto constant = node.input(index).constant();
    if (!constant.has_value() || constant->floats() == nullptr || !IsScalar(*constant)) return false;
    *bound = *constant->floats();
    return true;
  }

  // A constant that broadcasts to [N][channels][...] with one value, or with one for each channel.
  bool PerChannel(const Value& value, int64_t channels, std::vector<float>* values) const {
    const auto constant = value.constant();
    if (!constant.has_value() || constant->floats() == nullptr) return false;
    if (IsScalar(*constant)) {
      values->assign(static_cast<size_t>(channels), *constant->floats());
      return true;
    }
    const size_t channel_axis = constant->dims.size() - static_cast<size_t>(rank_) - 1;  // huge for fewer axes
    if (channel_axis > 1 || constant->count != static_cast<size_t>(channels) ||
        constant->dims[channel_axis] != channels) {
      return false;
    }
    values->assign(constant->floats(), constant->floats() + constant->count);
    return true;
  }

  bool Residual() {
    if (epilogue_.residual != PPH_RESIDUAL_NONE) return false;
    const auto node = OnlyConsumer(output_, false);
    if (!node.has_value() || node->op() != "Add") return false;
    const Value other = node->input(0).name() == output_.name() ? node->input(1) : node->input(0);
    const TensorType type = output_.type();
    if (other.constant().has_value() || !type.SameShape(other.type()) || !type.SameShape(node->output(0).type())) {
      return false;
    }
    epilogue_.residual =
        epilogue_.activation == PPH_ACTIVATION_NONE ? PPH_RESIDUAL_BEFORE_ACTIVATION : PPH_RESIDUAL_AFTER_ACTIVATION;
    layer_.residual = other.name();
    Append(*node);
    return true;
  }

  bool BatchNorm(int64_t channels) {
    if (!scale_.empty() || epilogue_.activation != PPH_ACTIVATION_NONE || epilogue_.residual != PPH_RESIDUAL_NONE) {
      return false;
    }
    const auto node = OnlyConsumer(output_);
    if (!node.has_value() || node->op() != "BatchNormalization" || node->Int("training_mode").value_or(0) != 0) {
      return false;
    }
    const float* parameters[4];
    for (size_t i = 0; i < 4; ++i) {
      const auto constant = node->input(i + 1).constant();
      if (!constant.has_value() || constant->count != static_cast<size_t>(channels)) return false;
      parameters[i] = constant->floats();
      if (parameters[i] == nullptr) return false;
    }
    std::vector<float> scale(static_cast<size_t>(channels)), shift(scale.size());
    if (pph_fold_batch_norm(parameters[0], parameters[1], parameters[2], parameters[3],
                            node->Float("epsilon").value_or(1e-5f), channels, scale.data(), shift.data()) != PPH_OK) {
      return false;
    }
    scale_ = std::move(scale);
    shift_ = std::move(shift);
    Append(*node);
    return true;
  }

  // What has one value for all channels may come before the shuffle as well as after it.
  bool Shuffle(int64_t* channels, pph_conv_attributes* conv) {
    if (conv == nullptr || conv->shuffle[0] != 1 || rank_ != 2 || !scale_.empty() || !slope_.empty() ||
        epilogue_.residual != PPH_RESIDUAL_NONE) {
      return false;
    }
    const auto node = OnlyConsumer(output_);
    if (!node.has_value() || node->op() != "DepthToSpace" || !IsClaimed(node->op())) return false;
    const int64_t factor = node->Int("blocksize").value_or(0);
    if (factor < 2 || factor > 256 || *channels % (factor * factor) != 0) return false;
    if (!ChannelOrder(*node, &conv->channel_order)) return false;
    std::fill_n(conv->shuffle, rank_, factor);
    *channels /= factor * factor;
    Append(*node);
    return true;
  }

  bool ChannelOrder(const Node& node, int32_t* order) {
    *order = PPH_DCR;
    return Choice<pph_channel_order>(node, "mode", {{"DCR", PPH_DCR}, {"CRD", PPH_CRD}}, order);
  }

  // ---- Kinds of layers

  bool ConvTranspose(pph_operator** op) {
    pph_conv_transpose_attributes a = Defaults(pph_conv_transpose_attributes_init);
    if (!Spatial(first_, "strides", a.stride) || !Spatial(first_, "output_padding", a.output_padding) ||
        !Spatial(first_, "output_shape", a.output_shape) ||
        !Convolution(first_, &a, &a.input_channels, &a.output_channels)) {
      return false;
    }
    int64_t channels = a.output_channels;
    Fuse(&channels, nullptr);
    a.epilogue = &epilogue_;
    return Library(pph_create_conv_transpose(&a, &weights_, bias_, &create_, op));
  }

  bool Conv(pph_operator** op) {
    pph_conv_attributes a;
    if (!StrideOneConv(first_, &a)) return false;
    int64_t channels = a.output_channels;
    Fuse(&channels, &a);
    if (All(a.shuffle, rank_, 1)) {
      if (!IsClaimed("Conv")) return No("the option claim leaves it out");
      // Winograd's algorithm multiplies less.
      layer_.is_quick = !All(a.kernel, rank_, 1) && a.groups == 1 && a.input_channels >= 16 && a.output_channels >= 16;
    }
    a.epilogue = &epilogue_;
    return Library(pph_create_conv(&a, &weights_, bias_, &create_, op));
  }

  bool Resize(pph_operator** op) {
    pph_onnx_resize r = Defaults(pph_onnx_resize_init);
    r.rank = rank_ + 2;
    r.output_size_rule = PPH_SIZE_ONNX_RUNTIME;
    std::vector<float> scales;
    std::vector<int64_t> axes;
    if (!(first_.since_version() < 11 ? ReadUpsample(&r, &scales) : ReadResize(&r, &axes))) return false;

    pph_resize_attributes a = Defaults(pph_resize_attributes_init);
    if (!Library(pph_resize_onnx(&r, &a))) return false;
    a.u8_rounding = PPH_TRUNCATE;  // ONNX Runtime's
    Axes factors = {1, 1, 1};
    const bool repeats = r.mode == PPH_NEAREST && Repeats(r, a, factors);

    if (r.mode == PPH_NEAREST && !HasExactCoordinates(r, a)) return No("which pixel is nearest depends on roundings");

    if (const auto next = Next("Conv")) {
      pph_conv_attributes conv;
      const bool is_conv = StrideOneConv(*next, &conv);
      const bool is_pointwise = is_conv && conv.groups == 1 && All(conv.kernel, rank_, 1) &&
                                All(conv.padding_begin, rank_, 0) && All(conv.padding_end, rank_, 0);
      if (is_pointwise && Enlarges(a)) {
        Append(*next);
        pph_pointwise pointwise = Defaults(pph_pointwise_init);
        pointwise.weights = &weights_;
        pointwise.bias = bias_;
        pointwise.input_channels = conv.input_channels;
        pointwise.output_channels = conv.output_channels;
        a.pointwise = &pointwise;
        Fuse(&conv.output_channels, nullptr);
        a.epilogue = &epilogue_;
        return Library(pph_create_resize(&a, &create_, op));
      }
      if (is_conv && !is_pointwise && repeats) {
        Append(*next);
        std::copy_n(factors, rank_, conv.upsample);
        int64_t channels = conv.output_channels;
        Fuse(&channels, &conv);
        conv.epilogue = &epilogue_;
        return Library(pph_create_conv(&conv, &weights_, bias_, &create_, op));
      }
    }
    if (!Computes()) return false;
    int64_t channels = input_type_.dims[1];
    if (channels > 0) {
      Fuse(&channels, nullptr);
      a.epilogue = &epilogue_;
    }
    layer_.is_quick = !repeats || layer_.nodes.size() > 1;
    return Library(pph_create_resize(&a, &create_, op)) && Planned(op);
  }

  // Upsample, and Resize-10.
  bool ReadUpsample(pph_onnx_resize* r, std::vector<float>* scales) {
    r->coordinate_transformation = PPH_ASYMMETRIC;
    r->nearest_mode = PPH_SIMPLE;
    if (!Choice<pph_resize_mode>(first_, "mode", {{"nearest", PPH_NEAREST}, {"linear", PPH_LINEAR}}, &r->mode)) {
      return false;
    }
    *scales = first_.Floats("scales").value_or(std::vector<float>());
    if (!scales->empty()) {
      r->scales = scales->data();
      r->scales_count = scales->size();
      return true;
    }
    return ReadFloats(1, "scales", &r->scales, &r->scales_count);
  }

  bool ReadResize(pph_onnx_resize* r, std::vector<int64_t>* axes) {
    r->cubic_coeff_a = first_.Float("cubic_coeff_a").value_or(r->cubic_coeff_a);
    r->exclude_outside = first_.Int("exclude_outside").value_or(0) != 0;
    r->antialias = first_.Int("antialias").value_or(0) != 0;
    r->extrapolation_value = first_.Float("extrapolation_value").value_or(0.0f);
    *axes = first_.Ints("axes").value_or(std::vector<int64_t>());
    r->axes = axes->data();
    r->axes_count = axes->size();
    const bool known =
        Choice<pph_resize_mode>(first_, "mode",
                                {{"nearest", PPH_NEAREST}, {"linear", PPH_LINEAR}, {"cubic", PPH_CUBIC}}, &r->mode) &&
        Choice<pph_coordinate_transformation>(first_, "coordinate_transformation_mode",
                                              {{"half_pixel", PPH_HALF_PIXEL},
                                               {"align_corners", PPH_ALIGN_CORNERS},
                                               {"asymmetric", PPH_ASYMMETRIC},
                                               {"pytorch_half_pixel", PPH_PYTORCH_HALF_PIXEL},
                                               {"half_pixel_symmetric", PPH_HALF_PIXEL_SYMMETRIC},
                                               {"tf_crop_and_resize", PPH_TF_CROP_AND_RESIZE},
                                               {"tf_half_pixel_for_nn", PPH_TF_HALF_PIXEL_FOR_NN}},
                                              &r->coordinate_transformation) &&
        Choice<pph_nearest_mode>(first_, "nearest_mode",
                                 {{"floor", PPH_FLOOR},
                                  {"ceil", PPH_CEIL},
                                  {"round_prefer_floor", PPH_ROUND_PREFER_FLOOR},
                                  {"round_prefer_ceil", PPH_ROUND_PREFER_CEIL}},
                                 &r->nearest_mode) &&
        Choice<pph_keep_aspect_ratio_policy>(
            first_, "keep_aspect_ratio_policy",
            {{"stretch", PPH_STRETCH}, {"not_larger", PPH_NOT_LARGER}, {"not_smaller", PPH_NOT_SMALLER}},
            &r->keep_aspect_ratio_policy);
    if (!known) return false;
    // The other modes ignore roi, and old exporters fill it with what is not constant.
    if (r->coordinate_transformation == PPH_TF_CROP_AND_RESIZE && !ReadFloats(1, "roi", &r->roi, &r->roi_count)) {
      return false;
    }
    if (!ReadFloats(2, "scales", &r->scales, &r->scales_count)) return false;
    if (!first_.input(3)) return true;
    const auto sizes = first_.input(3).constant();
    if (!sizes.has_value() || sizes->ints() == nullptr) return No("sizes is not constant");
    r->sizes = sizes->ints();
    r->sizes_count = sizes->count;
    return true;
  }

  bool ReadFloats(size_t index, const char* name, const float** values, size_t* count) {
    if (!first_.input(index)) return true;
    const auto constant = first_.input(index).constant();
    if (!constant.has_value() || constant->floats() == nullptr) return No(std::string(name) + " is not constant");
    *values = constant->floats();
    *count = constant->count;
    return true;
  }

  // Whether a nearest resize repeats every pixel `factors` times.
  bool Repeats(const pph_onnx_resize& r, const pph_resize_attributes& a, Axes& factors) const {
    const int32_t mode = r.coordinate_transformation;
    const bool centred = mode == PPH_HALF_PIXEL || mode == PPH_PYTORCH_HALF_PIXEL || mode == PPH_HALF_PIXEL_SYMMETRIC;
    const bool rounds = r.nearest_mode == PPH_ROUND_PREFER_FLOOR || r.nearest_mode == PPH_ROUND_PREFER_CEIL;
    const bool floors = r.nearest_mode == PPH_FLOOR || r.nearest_mode == PPH_SIMPLE;
    if (!(centred ? rounds : floors && (mode == PPH_ASYMMETRIC || mode == PPH_TF_HALF_PIXEL_FOR_NN))) return false;
    for (int axis = 0; axis < rank_; ++axis) {
      const double factor = Scale(a, axis);
      if (!(factor >= 1 && factor <= 256) || factor != std::floor(factor)) return false;
      factors[axis] = static_cast<int64_t>(factor);
    }
    return true;
  }

  // ONNX Runtime computes coordinates in f32, and the library in f64. For scales of few bits both are next to the same
  // pixel; for other scales one in four pairs of sizes has an output that is another pixel.
  bool HasExactCoordinates(const pph_onnx_resize& r, const pph_resize_attributes& a) const {
    for (int axis = 0; axis < rank_; ++axis) {
      const double scale = Scale(a, axis);
      if (!(scale > 0) || scale * 256 != std::floor(scale * 256)) return false;
    }
    return r.coordinate_transformation != PPH_TF_CROP_AND_RESIZE;
  }

  bool Enlarges(const pph_resize_attributes& a) const {
    for (int axis = 0; axis < rank_; ++axis) {
      if (!(Scale(a, axis) >= 1)) return false;
    }
    return true;
  }

  // 0 if it depends on unknown sizes.
  double Scale(const pph_resize_attributes& a, int axis) const {
    const int64_t size = input_type_.dims[static_cast<size_t>(axis) + 2];
    const bool has_sizes = std::any_of(a.size, a.size + rank_, [](int64_t value) { return value != 0; });
    if (!has_sizes) return a.scale[axis] == 0 ? 1 : a.scale[axis];
    if (a.size[axis] == 0) return 1;
    if (size <= 0 || a.keep_aspect_ratio_policy != PPH_STRETCH) return 0;
    return static_cast<double>(a.size[axis]) / static_cast<double>(size);
  }

  bool PixelShuffle(pph_operator** op) {
    pph_pixel_shuffle_attributes a = Defaults(pph_pixel_shuffle_attributes_init);
    a.spatial_rank = rank_;
    a.direction = first_.op() == "DepthToSpace" ? PPH_DEPTH_TO_SPACE : PPH_SPACE_TO_DEPTH;
    std::fill_n(a.factor, rank_, first_.Int("blocksize").value_or(0));
    return (rank_ == 2 || No("its input does not have 4 axes")) && ChannelOrder(first_, &a.channel_order) &&
           Library(pph_create_pixel_shuffle(&a, &create_, op)) && Planned(op);
  }

  // Poolings have stride 1 unless they say otherwise.
  template <typename A>
  bool Pooling(A* a) {
    if (!first_.Ints("kernel_shape").has_value()) return No("it has no kernel_shape");
    std::fill_n(a->stride, rank_, 1);
    a->ceil_mode = first_.Int("ceil_mode").value_or(0) != 0;
    return Window(first_, a) && Spatial(first_, "strides", a->stride) && PoolsAlike(*a);
  }

  // Whether both pool alike. ONNX Runtime pads otherwise than the specification says in some cases of auto_pad, and
  // makes something of an input that is smaller than the window, which the library refuses.
  template <typename A>
  bool PoolsAlike(const A& a) {
    const bool same = a.auto_pad == PPH_PAD_SAME_UPPER || a.auto_pad == PPH_PAD_SAME_LOWER;
    for (int axis = 0; axis < rank_; ++axis) {
      if (same) {
        if (a.dilation[axis] != 1 || a.stride[axis] > a.kernel[axis]) return No("ONNX Runtime pads it in its own way");
        continue;
      }
      const int64_t window = (a.kernel[axis] - 1) * a.dilation[axis] + 1;
      const bool may_be_small = input_type_.dims[static_cast<size_t>(axis) + 2] < 0 &&
                                window > a.padding_begin[axis] + a.padding_end[axis] + 1;
      if (options_.automatic && may_be_small) return No("its input may be smaller than its window");
    }
    return true;
  }

  bool MaxPool(pph_operator** op) {
    if (const Value indices = first_.output(1); IsUsed(indices)) layer_.output_indices = indices.name();
    layer_.is_quick = !layer_.output_indices.empty();
    pph_max_pool_attributes a = Defaults(pph_max_pool_attributes_init);
    a.index_convention = PPH_INDEX_TENSOR;
    a.column_major = first_.Int("storage_order").value_or(0) != 0;
    return Computes() && Pooling(&a) && Library(pph_create_max_pool(&a, &create_, op)) && Planned(op);
  }

  bool AveragePool(pph_operator** op) {
    layer_.is_quick = false;
    pph_avg_pool_attributes a = Defaults(pph_avg_pool_attributes_init);
    a.count_include_pad = first_.Int("count_include_pad").value_or(0) != 0;
    return Computes() && Pooling(&a) && Library(pph_create_avg_pool(&a, &create_, op)) && Planned(op);
  }

  bool MaxUnpool(pph_operator** op) {
    if (!first_.input(1) || first_.input(1).constant().has_value()) return No("its indices are constant");
    layer_.input_indices = first_.input(1).name();
    layer_.is_quick = false;
    if (first_.input(2)) {
      const auto shape = first_.input(2).constant();
      if (!shape.has_value() || shape->ints() == nullptr) return No("output_shape is not constant");
      // Which shapes the library takes depends on the input's.
      if (!input_type_.IsStatic()) return No("output_shape is given, and the input's shape is unknown");
      layer_.output_shape.assign(shape->ints(), shape->ints() + shape->count);
    }
    pph_max_unpool_attributes a = Defaults(pph_max_unpool_attributes_init);
    a.index_convention = PPH_INDEX_TENSOR;
    return Pooling(&a) && Library(pph_create_max_unpool(&a, &create_, op)) && Planned(op);
  }

  // Whether the library takes the input, if its shape is known. Convolutions take any, and their plans pack weights.
  bool Planned(pph_operator** op) {
    layer_.op.reset(std::exchange(*op, nullptr));
    if (input_type_.IsStatic()) {
      try {
        MakePlan(layer_, input_type_.dims.data(), {}, options_.threads);
      } catch (const std::runtime_error& error) {
        return No(error.what());
      }
    }
    *op = layer_.op.release();
    return true;
  }

  const Node& first_;
  const std::set<const OrtNode*>& taken_;
  const Options& options_;
  const bool fuse_;
  std::string why_;

  Layer layer_;
  Value output_;  // of the last node
  TensorType input_type_;
  int rank_ = 0;

  // What Create reads.
  pph_operator_options create_;
  pph_tensor_desc hint_;
  pph_weights weights_;
  const float* bias_ = nullptr;
  pph_epilogue epilogue_;
  std::vector<float> scale_, shift_, slope_;
};

const Builder::Kind Builder::kKinds[] = {{"AveragePool", &Builder::AveragePool},
                                         {"Conv", &Builder::Conv},
                                         {"ConvTranspose", &Builder::ConvTranspose},
                                         {"DepthToSpace", &Builder::PixelShuffle},
                                         {"MaxPool", &Builder::MaxPool},
                                         {"MaxUnpool", &Builder::MaxUnpool},
                                         {"Resize", &Builder::Resize},
                                         {"SpaceToDepth", &Builder::PixelShuffle},
                                         {"Upsample", &Builder::Resize}};

}  // namespace

const std::set<std::string>& ClaimableOps() {
  static const std::set<std::string> ops = [] {
    std::set<std::string> names;
    for (const Builder::Kind& kind : Builder::kKinds) names.insert(kind.op);
    return names;
  }();
  return ops;
}

Chain MakeChain(const Node& first, const std::set<const OrtNode*>& taken, const Options& options,
                std::set<const OrtNode*>* left, std::string* why) {
  if (left->count(first.handle()) != 0) {
    *why = "ONNX Runtime is as quick";
    return {};
  }
  const auto make_layer = [&](const Node& node, Chain* chain) {
    if (ClaimableOps().count(node.op()) == 0) return false;
    for (const bool fuse : {true, false}) {
      Builder builder(node, taken, options, fuse);
      if (builder.Build()) {
        chain->push_back(builder.TakeLayer());
        return true;
      }
      *why = builder.why();
    }
    return false;
  };
  const auto connects = [](const Layer& layer) {
    return layer.dtype == PPH_F32 && layer.input_indices.empty() && layer.output_indices.empty();
  };
  Chain chain;
  if (!make_layer(first, &chain)) return {};
  while (connects(chain.back())) {
    const Value output = Node(chain.back().nodes.back()).output(0);
    const std::vector<Node> readers = output.IsGraphOutput() ? std::vector<Node>() : output.Consumers();
    if (readers.size() != 1 || taken.count(readers[0].handle()) != 0 || !make_layer(readers[0], &chain)) break;
    if (chain.back().input == output.name() && connects(chain.back())) continue;
    chain.pop_back();
    break;
  }
  // One quick layer is enough: what is connected to it has its layout at no cost.
  if (options.automatic && std::none_of(chain.begin(), chain.end(), [](const Layer& l) { return l.is_quick; })) {
    *why = "ONNX Runtime is as quick";
    // Nor is what begins with a later one of them.
    for (const Layer& layer : chain) left->insert(layer.nodes[0]);
    return {};
  }
  return chain;
}

PlanHandle MakePlan(const Layer& layer, const int64_t* dims, Layouts layouts, size_t threads) {
  const pph_tensor_desc input = InputDesc(layer, dims, layouts.input);
  const pph_tensor_desc output = Desc(layer, layouts.output);  // of which the library infers the sizes
  pph_plan_options options = Defaults(pph_plan_options_init);
  options.output = &output;
  const pph_tensor_desc residual = Desc(layer, PPH_NCHW);  // ONNX Runtime's tensor
  if (!layer.residual.empty()) options.residual = &residual;
  options.num_threads = threads;
  const std::vector<int64_t>& shape = layer.output_shape;
  if (!shape.empty()) {
    if (shape.size() != static_cast<size_t>(layer.spatial_rank) + 2 || shape[0] != dims[0] || shape[1] != dims[1]) {
      throw std::runtime_error(layer.name + ": output_shape does not have the batch and the channels of the input");
    }
    std::copy(shape.begin() + 2, shape.end(), options.output_size);
  }
  pph_plan* plan = nullptr;
  if (pph_make_plan(layer.op.get(), &input, &options, &plan) != PPH_OK) {
    throw std::runtime_error(layer.name + ": " + pph_last_error());
  }
  return PlanHandle(plan);
}

}  // namespace polyphase::ort
