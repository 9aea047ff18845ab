// Writes seeds for the fuzz targets: fuzz_seeds FOLDER makes FOLDER/<target>/<seed>. They are the rows of the workload
// table, small, in several layouts; the faults that users reported of this kind of library; and small pictures, models
// and command lines.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "api/c_structs.h"
#include "bench/case.h"
#include "bench/shrink.h"
#include "bench/workloads.h"
#include "tests/fuzz/layer.h"
#include "tests/fuzz/onnx_node.h"
#include "tests/fuzz/pictures.h"
#include "tests/networks/random_model.h"

namespace polyphase::fuzz {
namespace {

using internal::ToC;

class Seeds {
 public:
  explicit Seeds(const std::filesystem::path& folder) : folder_(folder) {}

  void Write(const std::string& target, const std::string& bytes) {
    const std::filesystem::path path = folder_ / target / std::to_string(count_++);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file << bytes;
    if (!file.flush()) throw std::runtime_error(path.string() + ": cannot be written");
  }
  void Write(Layer layer) {
    Writer writer;
    CodeLayer(writer, &layer);
    Write("ops", writer.bytes() + Steps());
  }
  void Write(OnnxNode node, Layer layer) {
    Writer writer;
    CodeOnnx(writer, &node, &layer);
    Write("onnx", writer.bytes() + Steps());
  }

 private:
  // What follows a layer: any bytes are steps.
  std::string Steps() {
    std::string bytes(60, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }

  std::filesystem::path folder_;
  int count_ = 0;
  std::mt19937 random_;
};

pph_tensor_desc Desc(int64_t n, int64_t c, const std::vector<int64_t>& size) {
  pph_tensor_desc desc = Defaults<pph_tensor_desc>();
  desc.n = n;
  desc.c = c;
  desc.spatial_rank = static_cast<int32_t>(size.size());
  std::copy(size.begin(), size.end(), desc.size);
  return desc;
}

// ---- Rows of the table

Layer LayerOf(const bench::Workload& w) {
  Layer layer;
  if (w.op.rfind("conv_transpose", 0) == 0) {
    layer.attributes = ToC<pph_conv_transpose_attributes>(bench::ConvTransposeOf(w));
  } else if (bench::IsConv(w)) {
    layer.attributes = ToC<pph_conv_attributes>(bench::ConvOf(w));
  } else if (w.op == "max_unpool") {
    layer.attributes = ToC<pph_max_unpool_attributes>(bench::MaxUnpoolOf(w));
    layer.plan_options = Defaults<pph_plan_options>();
    std::copy(w.size.begin(), w.size.end(), layer.plan_options->output_size);
  } else if (w.op == "convex_upsample") {
    layer.attributes = ToC<pph_convex_upsample_attributes>(ConvexUpsampleAttributes{w.factor});
  } else if (w.op == "pixel_shuffle" || w.op == "pixel_unshuffle") {
    layer.attributes = ToC<pph_pixel_shuffle_attributes>(bench::PixelShuffleOf(w));
  } else {
    layer.attributes = ToC<pph_resize_attributes>(bench::ResizeOf(w));
    if (w.op == "resize_add") {
      layer.epilogue = Defaults<pph_epilogue>();
      layer.epilogue->residual = PPH_RESIDUAL_AFTER_ACTIVATION;
    }
  }
  layer.input = ToC<pph_tensor_desc>(bench::InputOf(w, bench::LayoutName("nchw")));
  layer.bias = w.bias;
  return layer;
}

void WriteTable(Seeds* seeds) {
  constexpr std::pair<pph_layout, int32_t> kLayouts[] = {
      {PPH_NCHW, 1}, {PPH_NHWC, 1}, {PPH_NCHWC, 4}, {PPH_NCHWC, 8}, {PPH_NCHWC, 16}};
  constexpr pph_activation kActivations[] = {PPH_ACTIVATION_NONE, PPH_LEAKY_RELU, PPH_PRELU, PPH_SILU, PPH_GELU};
  size_t row = 0;
  for (const bench::Workload& workload : bench::ReadWorkloadsFile(POLYPHASE_WORKLOADS_TSV)) {
    const bench::Workload small = bench::Shrunk(workload, 1 << 14);
    Layer layer = LayerOf(small);
    std::tie(layer.input.layout, layer.input.channel_block) = kLayouts[row % std::size(kLayouts)];
    if (layer.attributes.index() < 3 && row % 2 == 0) {  // convolutions and resizes
      if (!layer.epilogue) layer.epilogue = Defaults<pph_epilogue>();
      layer.epilogue->activation = kActivations[row / 2 % std::size(kActivations)];
      layer.epilogue->channels = small.output_channels;
      layer.constants = {row % 3 == 0, row % 3 == 0, true};
    }
    if (row % 4 == 1) {
      layer.output = Desc(0, 0, {});
      layer.output->spatial_rank = layer.input.spatial_rank;
      std::tie(layer.output->layout, layer.output->channel_block) = kLayouts[row / 4 % std::size(kLayouts)];
    }
    seeds->Write(layer);
    ++row;
  }
}

// ---- Other ops, types and options

void WriteOps(Seeds* seeds) {
  for (int64_t type = PPH_F32; type <= PPH_I64; ++type) {
    for (int32_t mode = PPH_NEAREST; mode <= PPH_LANCZOS; ++mode) {
      Layer layer;
      ResizeAttributes a;
      a.mode = static_cast<ResizeMode>(mode);
      if (mode == PPH_LANCZOS) a = ResizeAttributes::Pillow(ResizeMode::kLanczos);
      a.scale = {mode % 2 == 0 ? 2.0 : 0.7, 1.5, 0};
      layer.attributes = ToC<pph_resize_attributes>(a);
      layer.input.dtype = static_cast<int32_t>(type);
      seeds->Write(layer);
    }
    Layer convert;
    convert.attributes = NoAttributes();
    convert.input.dtype = static_cast<int32_t>(type);
    convert.output = convert.input;
    convert.output->layout = PPH_NHWC;
    seeds->Write(convert);
  }
  const auto write = [&](const Attributes& attributes) {
    Layer layer;
    layer.attributes = attributes;
    seeds->Write(layer);
    layer.input.layout = PPH_NHWC;
    layer.input.stride[1] = 7;
    layer.residual_in_place = true;
    layer.runtime = Defaults<pph_runtime>();
    layer.runtime->num_threads = 3;
    layer.schedule = 2;
    layer.operator_options = Defaults<pph_operator_options>();
    seeds->Write(layer);
  };
  for (int32_t convention = PPH_INDEX_PLANE; convention <= PPH_INDEX_WINDOW; ++convention) {
    auto pool = Defaults<pph_max_pool_attributes>();
    pool.index_convention = convention;
    write(pool);
    auto unpool = Defaults<pph_max_unpool_attributes>();
    unpool.index_convention = convention;
    write(unpool);
  }
  write(Defaults<pph_avg_pool_attributes>());
  write(Defaults<pph_avg_unpool_attributes>());
  write(Defaults<pph_pixel_shuffle_attributes>());
  auto convex = Defaults<pph_convex_upsample_attributes>();
  convex.factor = 2;
  write(convex);
  Layer pointwise;
  auto linear = Defaults<pph_resize_attributes>();
  linear.mode = PPH_LINEAR;
  linear.scale[0] = linear.scale[1] = 2;
  pointwise.attributes = linear;
  pointwise.pointwise = Defaults<pph_pointwise>();
  pointwise.pointwise->input_channels = 4;
  pointwise.pointwise->output_channels = 3;
  seeds->Write(pointwise);
  for (int32_t algorithm = PPH_AUTO; algorithm <= PPH_MATRIX; ++algorithm) {
    Layer layer;
    auto a = Defaults<pph_conv_transpose_attributes>();
    a.input_channels = 16;
    a.output_channels = 8;
    a.kernel[0] = a.kernel[1] = 4;
    a.stride[0] = a.stride[1] = 2;
    a.padding_begin[0] = a.padding_begin[1] = a.padding_end[0] = a.padding_end[1] = 1;
    layer.attributes = a;
    layer.input.c = 16;
    layer.plan_options = Defaults<pph_plan_options>();
    layer.plan_options->algorithm = algorithm;
    seeds->Write(layer);
    auto conv = Defaults<pph_conv_attributes>();
    conv.input_channels = 16;
    conv.output_channels = 8;
    conv.kernel[0] = conv.kernel[1] = 3;
    layer.attributes = conv;
    seeds->Write(layer);
    layer.input.size[0] = 10;
    layer.input.size[1] = 11;
    layer.operator_options = Defaults<pph_operator_options>();
    layer.operator_options->numerics = PPH_NUMERICS_FAST;
    seeds->Write(layer);
  }
  // Planar tiles of several numbers of channels and vectors.
  for (int64_t outputs = 1; outputs <= 12; ++outputs) {
    for (const int64_t width : {6, 14, 40}) {
      Layer layer;
      auto a = Defaults<pph_conv_transpose_attributes>();
      a.input_channels = 2;
      a.output_channels = outputs;
      a.kernel[0] = a.kernel[1] = 2;
      a.stride[0] = a.stride[1] = 2;
      layer.attributes = a;
      layer.input = Desc(1, 2, {3, width});
      layer.plan_options = Defaults<pph_plan_options>();
      layer.plan_options->algorithm = PPH_PLANAR;
      seeds->Write(layer);
    }
  }
}

// ---- Reports of users

void WriteField(Seeds* seeds) {
  // Nearest by sizes where a coordinate is on a tie, and by factors that lead to the input's size or twice it.
  struct Nearest {
    int64_t in, out;
    pph_coordinate_transformation transformation;
    pph_nearest_mode rule;
  };
  for (const Nearest& n :
       {Nearest{14, 18, PPH_ASYMMETRIC, PPH_FLOOR}, Nearest{14, 9, PPH_HALF_PIXEL, PPH_ROUND_PREFER_CEIL},
        Nearest{14, 17, PPH_HALF_PIXEL, PPH_ROUND_PREFER_FLOOR}, Nearest{10, 14, PPH_HALF_PIXEL, PPH_CEIL},
        Nearest{20, 28, PPH_ASYMMETRIC, PPH_CEIL}}) {
    OnnxNode node;
    node.node.rank = 4;
    node.node.mode = PPH_NEAREST;
    node.node.coordinate_transformation = n.transformation;
    node.node.nearest_mode = n.rule;
    node.sizes = {1, 2, n.out, n.out};
    Layer layer;
    layer.input = Desc(1, 2, {n.in, n.in});
    seeds->Write(node, layer);
    node.node.rank = 2;
    node.axes = {0, 1};
    node.sizes = {n.out, n.in};
    layer.input = Desc(1, 1, {n.in, n.in});
    layer.input.dtype = PPH_I64;
    seeds->Write(node, layer);
  }
  for (const float scale : {1.0358742f, 2.25f, 1.0369f, 1.3333f, 2.3f, 0.04f}) {
    for (size_t preset = OnnxNode::kOnnx; preset < OnnxNode::kPresets; ++preset) {
      OnnxNode node;
      node.preset = preset;
      node.node.rank = 4;
      node.scales = {1, 1, scale, 2};
      if (preset != OnnxNode::kOnnx) node.scales = {scale, 2};
      Layer layer;
      layer.input = Desc(1, 2, {13, 8});
      seeds->Write(node, layer);
    }
  }
  OnnxNode crop;
  crop.node.coordinate_transformation = PPH_TF_CROP_AND_RESIZE;
  crop.node.mode = PPH_LINEAR;
  crop.node.keep_aspect_ratio_policy = PPH_STRETCH;
  crop.axes = {2, 3};
  crop.sizes = {9, 7};
  crop.roi = {0.25f, -0.5f, 1.5f, 0.75f};
  seeds->Write(crop, Layer());
  // Heights that shrink much more than widths, in Pillow's orders of passes.
  for (int32_t order = PPH_WIDTH_FIRST; order <= PPH_PILLOW_13; ++order) {
    Layer layer;
    auto a = ToC<pph_resize_attributes>(ResizeAttributes::Pillow(ResizeMode::kCubic));
    a.size[0] = 13;
    a.size[1] = 252;
    a.pass_order = order;
    layer.attributes = a;
    layer.input = Desc(1, 3, {20, 29});
    layer.input.dtype = PPH_U8;
    layer.input.layout = PPH_NHWC;
    seeds->Write(layer);
    a.size[0] = 73;
    a.size[1] = 119;
    layer.attributes = a;
    layer.input.size[0] = 281;
    layer.input.size[1] = 2;
    seeds->Write(layer);
  }
  // Small pictures of bytes, whose passes stay in bytes.
  for (int64_t channels = 1; channels <= 4; ++channels) {
    for (const ResizeMode mode : {ResizeMode::kLinear, ResizeMode::kCubic, ResizeMode::kLanczos}) {
      Layer layer;
      auto a = ToC<pph_resize_attributes>(ResizeAttributes::Pillow(mode));
      a.size[0] = 5 * channels;
      a.size[1] = 17;
      layer.attributes = a;
      layer.input = Desc(1, channels, {11, 14});
      layer.input.dtype = PPH_U8;
      for (const pph_layout layout : {PPH_NHWC, PPH_NCHW}) {
        layer.input.layout = layout;
        seeds->Write(layer);
      }
    }
  }
  // Kernels that overlap on several axes, and one that leaves gaps.
  struct Kernel {
    int64_t channels, outputs;
    SpatialSizes kernel, stride, input;
  };
  for (const Kernel& k :
       {Kernel{8, 8, {4, 3, 5}, {2, 1, 2}, {3, 4, 5}}, Kernel{4, 6, {6, 6, 6}, {4, 4, 3}, {2, 3, 2}},
        Kernel{4, 16, {6, 6, 4}, {1, 1, 2}, {3, 2, 3}}, Kernel{3, 2, {2, 2, 1}, {3, 3, 1}, {4, 5, 1}}}) {
    Layer layer;
    auto a = Defaults<pph_conv_transpose_attributes>();
    a.spatial_rank = 3;
    a.input_channels = k.channels;
    a.output_channels = k.outputs;
    std::copy(k.kernel.begin(), k.kernel.end(), a.kernel);
    std::copy(k.stride.begin(), k.stride.end(), a.stride);
    layer.attributes = a;
    layer.input = Desc(1, k.channels, {k.input[0], k.input[1], k.input[2]});
    seeds->Write(layer);
  }
}

// ---- Files of the tool

// A chunk of PNG, whose checksum the target mends or leaves wrong.
std::string Chunk(const std::string& name, const std::string& data) {
  std::string chunk(3, '\0');
  return chunk + static_cast<char>(data.size()) + name + data + std::string(4, '\1');
}

// An EXIF structure that says how the picture must be turned.
std::string Exif(bool big_endian, bool is_long, char orientation) {
  const auto number = [&](int bytes, int value) {
    std::string text;
    for (int i = 0; i < bytes; ++i) {
      text += static_cast<char>(value >> 8 * (big_endian ? bytes - 1 - i : i));
    }
    return text;
  };
  std::string tiff = (big_endian ? "MM" : "II") + number(2, 42) + number(4, 8) + number(2, 1) + number(2, 0x112) +
                     number(2, is_long ? 4 : 3) + number(4, 1);
  return tiff + number(is_long ? 4 : 2, orientation) + std::string(is_long ? 0 : 2, '\0') + number(4, 0);
}

void WritePictures(Seeds* seeds) {
  using cli::FileFormat;
  constexpr size_t kBehindHeader = 33;  // of a PNG
  for (int channels = 1; channels <= 4; ++channels) {
    for (const int bits : {8, 16}) seeds->Write("picture", Encoded(FileFormat::kPng, {7, 5, channels, bits}));
  }
  const std::string png = Encoded(FileFormat::kPng, {7, 5, 3, 8});
  const auto with = [&](const std::string& chunks) {
    std::string file = png;
    seeds->Write("picture", file.insert(kBehindHeader, chunks));
  };
  with(Chunk("tEXt", "Title") + Chunk("tIME", std::string(7, '\3')));
  with(Chunk("gAMA", std::string("\0\0\xB1\x8F", 4)) + Chunk("cHRM", std::string(32, '\2')) + Chunk("sRGB", "\1"));
  with(Chunk("cICP", std::string("\x09\x10\x00\x01", 4)) + Chunk("pHYs", std::string("\0\0\x0B\x13\0\0\x0B\x13\1", 9)));
  with(Chunk("acTL", std::string("\0\0\0\2\0\0\0\0", 8)) + Chunk("fcTL", std::string(26, '\0')));
  with(Chunk("tRNS", std::string("\0\7\0\x0E\0\x15", 6)) + Chunk("bKGD", std::string(6, '\0')));
  for (const bool big_endian : {false, true}) {
    for (const bool is_long : {false, true}) {
      const std::string exif = Exif(big_endian, is_long, 6);
      with(Chunk("eXIf", exif));
      std::string jpeg = Encoded(FileFormat::kJpeg, {19, 11, big_endian ? 1 : 3, 8});
      const std::string segment = std::string("Exif\0\0", 6) + exif;
      jpeg.insert(2, std::string("\xFF\xE1\0", 3) + static_cast<char>(segment.size() + 2) + segment);
      seeds->Write("picture", jpeg);
      seeds->Write("picture", jpeg.insert(jpeg.size() - 2, "stray"));
      seeds->Write("picture", jpeg.substr(0, jpeg.size() / 2));
    }
  }
}

void WriteModels(Seeds* seeds) {
  for (const bool waifu2x : {false, true}) {
    const testing::RandomModel model(waifu2x, testing::Storage::kFp32, 1);
    const std::string choice(1, static_cast<char>(waifu2x ? 1 : 0)), zeros(1, static_cast<char>(waifu2x ? 3 : 2));
    seeds->Write("ncnn", choice + model.param + '\0' + model.bin.substr(0, 3000));
    seeds->Write("ncnn", zeros + model.param);
  }
  std::string small = "7767517\n4 5\nInput in 0 1 data\nSplit split 1 2 data a b\n";
  small += "Convolution conv 1 1 a c 0=2 1=3 5=1 6=18 9=2 -23310=1,0.1\nPReLU prelu 1 1 c d 0=2\n";
  std::string bin(4, '\0');
  for (int i = 0; i < 18 + 2 + 2; ++i) bin += std::string("\0\0\x80\x3E", 4);
  seeds->Write("ncnn", '\0' + small + '\0' + bin);
  const std::string half = std::string("\x47\x6B\x30\x01", 4) + std::string(36, '\x31') + std::string(16, '\0');
  seeds->Write("ncnn", '\0' + small + '\0' + half);
}

void WriteCommands(Seeds* seeds) {
  const std::string upscale = "upscale\nin.png\nout.png\n";
  for (const std::string& rest :
       {"--scale\n2.3\n", "--scale\n2\n--mode\nnearest\n", "--size\n20x3\n--mode\nbilinear\n--align-corners\n",
        "--scale\n1e9\n", "--scale\nnan\n", "--size\n0x-1\n", "--model\nwaifu2x\n--weights\n.\n--noise\n3\n",
        "--model\nrealesr-animevideov3\n--weights\nnone\n--tile\n32\n", "--isa\nsse2\n--threads\n4\n--scale\n1.5\n",
        "--scale\n2\n--verbose\n", "--scale\n0.04\n"}) {
    seeds->Write("options", upscale + rest);
  }
  seeds->Write("options", "upscale\nin.png\nout.jpg\n--scale\n3\n");
  seeds->Write("options", "upscale\nin.png\nin.png\n--scale\n2\n");
  seeds->Write("options", "upscale\nnone.png\nout.gif\n--scale\n2\n");
  for (const char* const line :
       {"info\n", "--help\n", "--help-all\n", "--version\n", "upscale\n--help\n", "enlarge\n", ""}) {
    seeds->Write("options", line);
  }
}

}  // namespace
}  // namespace polyphase::fuzz

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  polyphase::fuzz::Seeds seeds(argv[1]);
  polyphase::fuzz::WriteTable(&seeds);
  polyphase::fuzz::WriteOps(&seeds);
  polyphase::fuzz::WriteField(&seeds);
  polyphase::fuzz::WritePictures(&seeds);
  polyphase::fuzz::WriteModels(&seeds);
  polyphase::fuzz::WriteCommands(&seeds);
  return 0;
}
