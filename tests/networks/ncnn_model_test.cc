// The reader of ncnn's files and the check that a model is the network that was asked for: every broken file is told in
// one line that names the layer, and no change of a file does worse.
#include "tools/cli/ncnn_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <random>
#include <stdexcept>
#include <string>

#include "tests/networks/random_model.h"
#include "tools/cli/network.h"

namespace polyphase::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RandomModel;
using testing::Storage;

// The message of the exception, or "" where there is none.
std::string ErrorOf(const std::function<void()>& run) {
  try {
    run();
  } catch (const std::runtime_error& error) {
    EXPECT_STRNE(error.what(), "");
    return error.what();
  }
  return "";
}

NcnnModel Parse(const std::string& param, const std::string& bin) {
  NcnnModel model = ParseNcnnParam({"x.param", param});
  const FileContent file{"x.bin", bin};
  NcnnWeights weights(file);
  for (NcnnLayer& layer : model.layers) weights.Read(&layer);
  weights.ExpectEnd(model.layers.back());
  return model;
}

std::string ParseError(const std::string& param, const std::string& bin) {
  return ErrorOf([&] { Parse(param, bin); });
}

std::string NetworkError(bool waifu2x, const std::string& param, const std::string& bin) {
  return ErrorOf([&] {
    (waifu2x ? Network::Waifu2x : Network::RealesrAnimevideo)({"x.param", param}, {"x.bin", bin}, {});
  });
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// A model with everything that the reader knows: 3 fp16 and 2 fp32 weights, bias, slopes, a Split, an array.
const char kParam[] =
    "7767517\n"
    "6 7\n"
    "Input in 0 1 a 0=9\n"
    "Convolution first 1 1 a b 0=1 1=1 5=1 6=3 9=2 -23310=2,0.5,-1e-1\r\n"
    "\n"
    "Split split 1 2 b c d\n"
    "Deconvolution second 1 1 c e 0=2 6=2\n"
    "PReLU third 1 1 e f 0=2\n"
    "BinaryOp sum 2 1 f d g\n";

std::string Bin() {
  const auto bytes = [](std::initializer_list<int> values) {
    std::string text;
    for (const int value : values) text += static_cast<char>(value);
    return text;
  };
  return bytes({0x47, 0x6b, 0x30, 0x01, 0x00, 0x3c, 0x00, 0xc1, 0x01, 0x00, 0xee, 0xee}) +  // 1, -2.5, 2^-24, padding
         bytes({0, 0, 0, 0x40}) +                                                           // bias 2
         bytes({0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x80}) +                             // tag, 1, -0
         bytes({0, 0, 0x80, 0x3e, 0, 0, 0, 0xbf});                                          // 0.25, -0.5
}

TEST(NcnnModel, IsRead) {
  const NcnnModel model = Parse(kParam, Bin());
  ASSERT_EQ(model.layers.size(), 5u);
  const NcnnLayer& first = model.layers[1];
  EXPECT_EQ(first.type, "Convolution");
  EXPECT_EQ(first.name, "first");
  EXPECT_THAT(first.inputs, ElementsAre(0));
  EXPECT_THAT(first.parameters.at(6), ElementsAre(3.0));
  EXPECT_THAT(first.parameters.at(10), ElementsAre(0.5, -0.1));
  EXPECT_THAT(first.weights, ElementsAre(1.0f, -2.5f, 0x1p-24f));
  EXPECT_THAT(first.constants, ElementsAre(2.0f));
  EXPECT_THAT(model.layers[2].weights, ElementsAre(1.0f, -0.0f));
  EXPECT_THAT(model.layers[2].constants, ElementsAre());
  EXPECT_THAT(model.layers[3].constants, ElementsAre(0.25f, -0.5f));
  EXPECT_THAT(model.layers[4].inputs, ElementsAre(3, 1));  // the Split is passed through
}

TEST(NcnnModel, EveryHalfIsRead) {
  std::string bin("\x47\x6b\x30\x01", 4);
  for (int half = 0; half < 0x7c00; ++half) {
    bin += static_cast<char>(half & 255);
    bin += static_cast<char>(half >> 8);
  }
  const NcnnModel model = Parse("7767517\n1 1\nConvolution c 0 1 a 6=31744\n", bin);
  for (int half = 0; half < 0x7c00; ++half) {
    const int exponent = half >> 10;
    const double value = exponent == 0 ? std::ldexp(half, -24) : std::ldexp(1024 + half % 1024, exponent - 25);
    ASSERT_EQ(model.layers[0].weights[static_cast<size_t>(half)], value) << half;
  }
}

TEST(NcnnModel, WhatIsWrongIsToldWithTheLayer) {
  const struct {
    const char *from, *to, *says;
  } kEdits[] = {
      {"7767517", "7767518", "x.param: not a text .param file of ncnn"},
      {"7767517", "7767517 1", "x.param: not a text"},
      {"6 7", "6", "x.param: the second line"},
      {"6 7", "-6 7", "x.param: the second line"},
      {"6 7", "7 7", "layer 'sum': is the last one, of 6 layers and 7 blobs, but the second line says '7' and '7'"},
      {"6 7", "6 99999999999999999999", "the second line"},
      {"0 1 a 0", "0 1 a b 0", "layer 'in': 'b' is not key=number"},
      {"first 1 1 a b", "first 1", "layer 'first': its line is not: type name bottoms tops"},
      {"first 1 1 a b", "first 1 1 z b", "layer 'first': reads 'z', which no layer before it makes"},
      {"first 1 1 a b", "first 1 1 a a", "layer 'first': makes 'a', which another layer makes as well"},
      {"first 1 1", "first 2147483648 1", "layer 'first': its line"},
      {"first 1 1", "first 18446744073709551615 1", "layer 'first': its line"},
      {"first 1 1", "first 1 18446744073709551615", "layer 'first': its line"},
      {"first 1 1", "first -1 1", "layer 'first': its line"},
      {"split 1 2 b", "split 0 3 b", "layer 'split': a Split reads one blob"},
      {"6=3", "6=-3", "layer 'first': -3 as its weights (key 6), which is not a count"},
      {"6=3", "6=2.5", "layer 'first': 2.5 as its weights (key 6), which is not a count"},
      {"6=3", "6=nan", "layer 'first': '6=nan' is not key=number"},
      {"6=3", "6=inf", "layer 'first': '6=inf' is not key=number"},
      {"6=3", "6=1e999", "layer 'first': '6=1e999' is not key=number"},
      {"6=3", "6=2147483647",
       "x.bin: layer 'first': the file ends before fp16 weights: 2147483648 x 2 bytes are needed"},
      {"6=3", "6=2147483648", "layer 'first': 2147483648 as its weights"},
      {"6=3", "6=1e300", "layer 'first': 1e+300 as its weights"},
      {"6=3", "-23306=1,3,4", "layer 'first': '-23306=1,3,4' is not key=number"},
      {"6=3", "-23306=2,3,4", "layer 'first': -1 as its weights"},
      {"6=3", "6=3 6=3", "layer 'first': '6=3': a second value of key 6"},
      {"6=3", "100=3", "layer 'first': '100=3': keys are 0 to 99"},
      {"6=3", "-2147483648=0", "keys are 0 to 99"},
      {"6=3", "6", "layer 'first': '6' is not key=number"},
      {"6=3", "6=", "layer 'first': '6=' is not key=number"},
      {"6=3", "=3", "layer 'first': '=3' is not key=number"},
      {"0=1 1", "0=-1 1", "layer 'first': -1 as its outputs"},
      {"0=1 1", "0=1000 1", "x.bin: layer 'first': the file ends before bias: 1000 x 4 bytes are needed, 24 left"},
      {"f 0=2", "f 0=3", "x.bin: layer 'third': the file ends before slope: 3 x 4"},
      {"f 0=2", "f 0=1", "x.bin: layer 'sum': is the last one, but 4 bytes follow it"},
  };
  for (const auto& edit : kEdits) {
    EXPECT_THAT(ParseError(Replaced(kParam, edit.from, edit.to), Bin()), HasSubstr(edit.says)) << edit.to;
  }
  EXPECT_THAT(ParseError("", ""), HasSubstr("x.param: not a text"));
  EXPECT_THAT(ParseError("7767517\n", ""), HasSubstr("x.param: the second line"));
  EXPECT_THAT(ParseError("7767517\n0 0\n", ""), HasSubstr("x.param: no layers"));
  const std::string long_name(5000, 'n');
  EXPECT_LT(ParseError(Replaced(kParam, "first 1", long_name + " 3"), Bin()).size(), 300u);
  std::string tagged = Bin();
  tagged[0] = 0x38;
  EXPECT_THAT(ParseError(kParam, tagged), HasSubstr("x.bin: layer 'first': its weights have the tag 0x01306B38"));
  std::string infinite = Bin();
  infinite[5] = 0x7c;
  EXPECT_THAT(ParseError(kParam, infinite), HasSubstr("x.bin: layer 'first': weight 0 is not a finite number"));
  infinite = Bin();
  infinite[14] = '\xc0', infinite[15] = 0x7f;
  EXPECT_THAT(ParseError(kParam, infinite), HasSubstr("x.bin: layer 'first': bias 0 is not a finite number"));
  for (size_t size = 0; size < Bin().size(); ++size) {
    const char* layer = size < 16 ? "'first'" : size < 28 ? "'second'" : "'third'";
    EXPECT_THAT(ParseError(kParam, Bin().substr(0, size)), HasSubstr(layer)) << size;
  }
}

TEST(NcnnModel, NoChangeDoesWorse) {
  std::mt19937 rng(1);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string param = kParam;
    std::string bin = Bin();
    for (uint32_t change = rng() % 3; change < 3; ++change) {
      std::string& file = rng() % 4 == 0 ? bin : param;
      if (file.empty()) continue;
      const size_t at = rng() % file.size();
      switch (rng() % 5) {
        case 0: file[at] = static_cast<char>(rng()); break;
        case 1: file[at] = " \n=,-0123456789.e"[rng() % 17]; break;
        case 2: file.erase(at, rng() % 8); break;
        case 3: file.insert(at, file.substr(rng() % file.size(), rng() % 20)); break;
        case 4: file.resize(at); break;
      }
    }
    const std::string error = ParseError(param, bin);
    refused += error.empty() ? 0 : 1;
    EXPECT_LT(error.size(), 500u);
  }
  EXPECT_GT(refused, 15000);
  EXPECT_LT(refused, 20000);
}

TEST(Network, AnotherModelIsToldByItsLayer) {
  const RandomModel waifu2x(true, Storage::kFp16, 1);
  const RandomModel srvgg(false, Storage::kFp32, 1);
  EXPECT_EQ(NetworkError(true, waifu2x.param, waifu2x.bin), "");
  EXPECT_EQ(NetworkError(false, srvgg.param, srvgg.bin), "");
  EXPECT_THAT(NetworkError(true, srvgg.param, srvgg.bin),
              HasSubstr("layer 'conv0': 64 as its outputs, but upconv_7 has 16"));
  EXPECT_THAT(NetworkError(false, waifu2x.param, waifu2x.bin),
              HasSubstr("layer 'conv1': 16 as its outputs, but realesr-animevideov3-x4 has 64"));
  const struct {
    bool waifu2x;
    const char *from, *to, *says;  // an empty `says`: the file is as good as before
  } kEdits[] = {
      {true, "0=3 1=4", "0=3 1=4 2=1 12=1 13=2 14=3 18=0", ""},
      {true, "0=16 1=3", "0=16 1=3 11=3 14=0 15=0 16=0 8=0", ""},
      {true, "0=156", "0=0", ""},
      {true, "0=128 1=3 5=1 6=147456", "0=64 1=3 5=1 6=73728",
       "x.param: layer 'conv5': 64 as its outputs, but upconv_7 has 128"},
      {true, "0=16 1=3", "0=16 1=3 11=5", "layer 'conv1': 5 as its kernel height, but upconv_7 has 3"},
      {true, "0=16 1=3", "0=16 1=3 2=2", "layer 'conv1': 2 as its dilation, but upconv_7 has 1"},
      {true, "0=16 1=3", "0=16 1=3 3=2", "layer 'conv1': 2 as its stride, but upconv_7 has 1"},
      {true, "0=16 1=3", "0=16 1=3 4=1", "layer 'conv1': 1 as its padding, but upconv_7 has 0"},
      {true, "0=16 1=3", "0=16 1=3 7=2", "layer 'conv1': a parameter with key 7, but upconv_7 has none of that"},
      {true, "-23310=1,0.1", "-23310=1,0.2", "layer 'conv1': 0.2 as its activation's slope, but upconv_7 has 0.1"},
      {true, "-23310=1,0.1", "-23310=2,0.1,0", "layer 'conv1': not one value as its activation's slope"},
      {true, "9=2", "9=1", "layer 'conv1': 1 as its activation, but upconv_7 has 2"},
      {true, "3=2 4=3", "3=2 4=2", "layer 'conv7': 2 as its padding, but upconv_7 has 3"},
      {true, "Deconvolution", "Convolution",
       "layer 'conv7': type 'Convolution', but upconv_7 has a Deconvolution here"},
      {true, "conv2 1 1 blob1", "conv2 1 1 blob0", "layer 'conv2': reads other layers"},
      {true, "8 8", "9 9", "is the last one, of 8 layers"},
      {false, "large 0=4", "large 0=2", "layer 'shuffle': 2 as its factor, but realesr-animevideov3-x4 has 4"},
      {false, "large 0=4", "large 0=4 1=1", "layer 'shuffle': 1 as its mode"},
      {false, "0=1 1=4", "0=2 1=4", "layer 'resize': 2 as its mode, but realesr-animevideov3-x4 has 1"},
      {false, "2=4.000000e+00", "2=4.5", "layer 'resize': 4.5 as its width scale"},
      {false, "resize 1 1 base", "resize 1 1 large", "layer 'resize': reads other layers"},
      {false, "add 2 1 large nearest", "add 2 1 nearest large", "layer 'add': reads other layers"},
      {false, "nearest out", "nearest out 0=2", "layer 'add': 2 as its operation"},
  };
  for (const auto& edit : kEdits) {
    const RandomModel& model = edit.waifu2x ? waifu2x : srvgg;
    const std::string error = NetworkError(edit.waifu2x, Replaced(model.param, edit.from, edit.to), model.bin);
    if (*edit.says == '\0') {
      EXPECT_EQ(error, "") << edit.to;
    } else {
      EXPECT_THAT(error, HasSubstr(edit.says)) << edit.to;
    }
  }
  EXPECT_THAT(NetworkError(true, waifu2x.param, waifu2x.bin + "more"),
              HasSubstr("x.bin: layer 'conv7': is the last one, but 4 bytes follow it"));
  // One layer too few, one too many.
  std::string shorter = Replaced(waifu2x.param, "8 8", "7 7");
  shorter.resize(shorter.find("Deconvolution"));
  EXPECT_THAT(NetworkError(true, shorter, waifu2x.bin.substr(0, waifu2x.bin.size() - 4 - 2 * 12288 - 12)),
              HasSubstr("layer 'conv6': is the last one, but upconv_7 has a Deconvolution behind it"));
  EXPECT_THAT(NetworkError(true, Replaced(waifu2x.param, "8 8", "9 9") + "ReLU relu 1 1 out end\n", waifu2x.bin),
              HasSubstr("layer 'relu': one more layer, but upconv_7 has no more"));
}

}  // namespace
}  // namespace polyphase::cli
