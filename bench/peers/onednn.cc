// oneDNN as a peer: a row becomes a chain of primitives, each of which reads what the one before it wrote.
#include "bench/peers/onednn.h"

#include <omp.h>

#include <initializer_list>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/guard.h"

namespace {

using dnnl::memory;
using polyphase::bench::Guard;
using Tag = memory::format_tag;
using Dims = memory::dims;

Tag TagOf(const std::string& layout, int64_t rank) {
  static const struct {
    const char* layout;
    Tag tags[3];
  } kTags[] = {{"any", {Tag::any, Tag::any, Tag::any}},
               {"nchw", {Tag::ncw, Tag::nchw, Tag::ncdhw}},
               {"nhwc", {Tag::nwc, Tag::nhwc, Tag::ndhwc}},
               {"nchwc16", {Tag::nCw16c, Tag::nChw16c, Tag::nCdhw16c}},
               {"nchwc8", {Tag::nCw8c, Tag::nChw8c, Tag::nCdhw8c}}};
  for (const auto& known : kTags) {
    if (layout == known.layout) return known.tags[rank - 1];
  }
  throw std::runtime_error("no layout '" + layout + "'");
}

memory::desc DescOf(const Dims& dims, Tag tag) { return {dims, memory::data_type::f32, tag}; }

// Counts elements; the last axis is the innermost.
Dims DenseStrides(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size() - 1; i-- > 0;) strides[i] = strides[i + 1] * dims[i + 1];
  return strides;
}

}  // namespace

struct onednn_case {
 public:
  explicit onednn_case(const onednn_row& row)
      : row_(row), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_), tag_(TagOf(row.layout, row.rank)) {
    const std::string op = row.op;
    const Dims input = Shape(row.c_in, row.size);
    const Dims output = Shape(row.c_out, row.output);
    if (op == "deconvolution") {
      Deconvolution(Plain(input, row.input), output);
    } else if (op == "resampling") {
      Resampling(Plain(input, row.input), output);
    } else if (op == "upsample_convolution") {
      Dims large = input;
      for (int64_t axis = 0; axis < row.rank; ++axis) large[2 + axis] *= row.factor[axis];
      Resampling(Plain(input, row.input), large);
      Convolution(output_, output);
    } else if (op == "convolution_shuffle") {
      Dims deep = output;
      for (int64_t axis = 0; axis < row.rank; ++axis) {
        deep[1] *= row.factor[axis];
        deep[2 + axis] /= row.factor[axis];
      }
      Convolution(Plain(input, row.input), deep);
      Shuffle(output_, deep, output, true);
    } else if (op == "shuffle" || op == "unshuffle") {
      const memory source = Reordered(Plain(input, row.input), DescOf(input, tag_));
      op == "shuffle" ? Shuffle(source, input, output, true) : Shuffle(source, output, output, false);
    } else {
      throw std::runtime_error("no op '" + op + "'");
    }
  }

  void Run() {
    for (Step& step : steps_) step.primitive.execute(stream_, step.arguments);
    stream_.wait();
  }

  void GetOutput(float* nchw) {
    memory plain(DescOf(output_.get_desc().dims(), TagOf("nchw", row_.rank)), engine_, nchw);
    dnnl::reorder(output_, plain).execute(stream_, output_, plain);
    stream_.wait();
  }

  const char* description() const { return description_.c_str(); }

 private:
  struct Step {
    dnnl::primitive primitive;
    std::unordered_map<int, memory> arguments;
  };

  Dims Axes(const int64_t* values) const { return Dims(values, values + row_.rank); }

  Dims Shape(int64_t channels, const int64_t* size) const {
    Dims dims = {row_.n, channels};
    dims.insert(dims.end(), size, size + row_.rank);
    return dims;
  }

  // Returns the memory of the caller, dense.
  memory Plain(const Dims& dims, const float* data) const {
    return {{dims, memory::data_type::f32, DenseStrides(dims)}, engine_, const_cast<float*>(data)};
  }

  memory Reordered(const memory& source, const memory::desc& desc) {
    memory result(desc, engine_);
    dnnl::reorder(source, result).execute(stream_, const_cast<memory&>(source), result);
    stream_.wait();
    return result;
  }

  // The memory that the first primitive reads is brought into its layout once; a later one must take what it finds.
  memory SourceFor(const memory& source, const memory::desc& desc) {
    if (source.get_desc() == desc) return source;
    if (!steps_.empty()) throw std::runtime_error("the primitives of the chain want different layouts");
    return Reordered(source, desc);
  }

  template <class Descriptor>
  void Add(const Descriptor& descriptor, std::unordered_map<int, memory> arguments, const memory& output) {
    arguments[DNNL_ARG_DST] = output;
    AddStep(dnnl::primitive(descriptor), std::move(arguments), output, descriptor.impl_info_str());
  }

  void AddStep(dnnl::primitive primitive, std::unordered_map<int, memory> arguments, const memory& output,
               const std::string& name) {
    steps_.push_back({std::move(primitive), std::move(arguments)});
    output_ = output;
    description_ += (description_.empty() ? "" : ", ") + name;
  }

  // Returns the weights as oneDNN has them, [groups][Cout / groups][Cin / groups][kernel], in the memory of the caller.
  memory Weights(int64_t c_out, bool transposed) const {
    const int64_t group_in = row_.c_in / row_.groups;
    const int64_t group_out = c_out / row_.groups;
    Dims dims = {row_.groups, group_out, group_in};
    dims.insert(dims.end(), row_.kernel, row_.kernel + row_.rank);
    Dims strides = DenseStrides(dims);
    if (transposed) {
      strides[1] = strides[2];  // [groups][Cin / groups][Cout / groups][kernel]
      strides[2] *= group_out;
    }
    if (row_.groups == 1) {
      dims.erase(dims.begin());
      strides.erase(strides.begin());
    }
    return {{dims, memory::data_type::f32, strides}, engine_, const_cast<float*>(row_.weights)};
  }

  // Deconvolution and convolution have the same arguments.
  template <class Primitive, class Kind>
  void Convolve(Kind algorithm, const memory& source, const Dims& output, bool transposed) {
    const Dims input = source.get_desc().dims();
    const memory weights = Weights(output[1], transposed);
    const memory::desc source_desc = DescOf(input, tag_);
    const memory::desc weights_desc = DescOf(weights.get_desc().dims(), Tag::any);
    const memory::desc output_desc = DescOf(output, tag_);
    Dims dilation = Axes(row_.dilation);
    for (int64_t& value : dilation) --value;  // 0 is dense
    const Dims stride = transposed ? Axes(row_.stride) : Dims(row_.rank, 1);
    const auto make = [&]() -> typename Primitive::desc {
      const auto inference = dnnl::prop_kind::forward_inference;
      if (row_.bias == nullptr) {
        return {inference,
                algorithm,
                source_desc,
                weights_desc,
                output_desc,
                stride,
                dilation,
                Axes(row_.padding_begin),
                Axes(row_.padding_end)};
      }
      return {inference,
              algorithm,
              source_desc,
              weights_desc,
              DescOf({output[1]}, Tag::x),
              output_desc,
              stride,
              dilation,
              Axes(row_.padding_begin),
              Axes(row_.padding_end)};
    };
    const typename Primitive::primitive_desc descriptor(make(), engine_);
    std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, SourceFor(source, descriptor.src_desc())},
                                                 {DNNL_ARG_WEIGHTS, Reordered(weights, descriptor.weights_desc())}};
    if (row_.bias != nullptr) {
      arguments[DNNL_ARG_BIAS] = Reordered(Plain({output[1]}, row_.bias), descriptor.bias_desc());
    }
    Add(descriptor, std::move(arguments), memory(descriptor.dst_desc(), engine_));
  }

  void Deconvolution(const memory& source, const Dims& output) {
    Convolve<dnnl::deconvolution_forward>(dnnl::algorithm::deconvolution_direct, source, output, true);
  }

  // This includes Winograd's algorithm, where oneDNN has it and expects it to be faster.
  void Convolution(const memory& source, const Dims& output) {
    Convolve<dnnl::convolution_forward>(dnnl::algorithm::convolution_auto, source, output, false);
  }

  void Resampling(const memory& source, const Dims& output) {
    const memory::desc source_desc = DescOf(source.get_desc().dims(), tag_);
    const memory::desc output_desc = DescOf(output, tag_);
    std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, SourceFor(source, source_desc)}};
    memory result(output_desc, engine_);
    dnnl::primitive_attr attributes;
    if (row_.residual != nullptr) {
      // The sum is in place, as with a skip connection that nobody else reads: every further run adds to it. (A binary
      // post-op has only a slow reference implementation here, whose values are wrong but for nchw.)
      result = Reordered(Plain(output, row_.residual), output_desc);
      dnnl::post_ops sum;
      sum.append_sum();
      attributes.set_post_ops(sum);
    }
    const dnnl::resampling_forward::desc operation(
        dnnl::prop_kind::forward_inference,
        row_.linear ? dnnl::algorithm::resampling_linear : dnnl::algorithm::resampling_nearest, source_desc,
        output_desc);
    Add(dnnl::resampling_forward::primitive_desc(operation, attributes, engine_), std::move(arguments), result);
  }

  // A reorder between two views of 2 + 2 rank axes: image, shallow channel, factors, small map. `deep` is the shape of
  // the tensor with more channels.
  void Shuffle(const memory& source, const Dims& deep, const Dims& output, bool to_space) {
    const bool last = std::string(row_.layout) == "nhwc";
    if (!last && std::string(row_.layout) != "nchw") throw std::runtime_error("shuffles nchw and nhwc only");
    const int64_t rank = row_.rank;
    int64_t block = 1;
    for (int64_t axis = 0; axis < rank; ++axis) block *= row_.factor[axis];
    const int64_t channels = deep[1] / block;
    int64_t small_pixels = 1;
    for (int64_t axis = 0; axis < rank; ++axis) small_pixels *= deep[2 + axis];
    Dims dims = {row_.n, channels};
    dims.insert(dims.end(), row_.factor, row_.factor + rank);
    dims.insert(dims.end(), deep.begin() + 2, deep.end());

    Dims deep_strides(2 + 2 * rank), shallow_strides(2 + 2 * rank);
    const int64_t deep_channel = last ? 1 : small_pixels;
    const int64_t shallow_channel = last ? 1 : small_pixels * block;
    deep_strides[0] = shallow_strides[0] = small_pixels * deep[1];
    shallow_strides[1] = shallow_channel;
    deep_strides[1] = deep_channel * (row_.focus ? 1 : block);
    int64_t channel_step = row_.focus ? channels : 1;  // between neighbouring phases, the last axis first
    int64_t small = last ? deep[1] : 1;
    int64_t large = last ? channels : 1;
    for (int64_t axis = rank; axis-- > 0;) {
      const int64_t phase_axis = row_.focus ? rank - 1 - axis : axis;  // columns count more than rows there
      deep_strides[2 + phase_axis] = deep_channel * channel_step;
      channel_step *= row_.factor[phase_axis];
      deep_strides[2 + rank + axis] = small;
      small *= deep[2 + axis];
      shallow_strides[2 + axis] = large;
      shallow_strides[2 + rank + axis] = large * row_.factor[axis];
      large *= deep[2 + axis] * row_.factor[axis];
    }
    const memory result(DescOf(output, tag_), engine_);
    const memory::desc deep_desc(dims, memory::data_type::f32, deep_strides);
    const memory::desc shallow_desc(dims, memory::data_type::f32, shallow_strides);
    const memory from(to_space ? deep_desc : shallow_desc, engine_, source.get_data_handle());
    const memory to(to_space ? shallow_desc : deep_desc, engine_, result.get_data_handle());
    kept_.push_back(source);
    const dnnl::reorder::primitive_desc descriptor(from, to);
    AddStep(dnnl::reorder(descriptor), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}, result, descriptor.impl_info_str());
  }

  onednn_row row_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  Tag tag_;
  std::vector<Step> steps_;
  std::vector<memory> kept_;  // whose data are seen through another descriptor
  memory output_;
  std::string description_;
};

const char* onednn_error() { return polyphase::bench::last_error.c_str(); }

const char* onednn_version() {
  static const std::string version = [] {
    const dnnl_version_t* const v = dnnl_version();
    return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  }();
  return version.c_str();
}

void onednn_set_threads(int32_t threads) { omp_set_num_threads(threads); }

onednn_case* onednn_open(const onednn_row* row) {
  return Guard<onednn_case*>(nullptr, [&] { return new onednn_case(*row); });
}

void onednn_close(onednn_case* c) { delete c; }

int onednn_run(onednn_case* c) {
  return Guard(1, [&] {
    c->Run();
    return 0;
  });
}

int onednn_get_output(onednn_case* c, float* nchw) {
  return Guard(1, [&] {
    c->GetOutput(nchw);
    return 0;
  });
}

const char* onednn_describe(const onednn_case* c) { return c->description(); }
