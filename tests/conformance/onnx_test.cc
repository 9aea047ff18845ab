// Runs ONNX's own test cases through the C API: those of Debian's libonnx-testdata, or of the folder that the
// environment variable POLYPHASE_ONNX_CASES names. Each case is a test of the name of its folder.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "polyphase/polyphase_c.h"
#include "tests/conformance/onnx_cases.h"
#include "tests/conformance/onnx_node.h"
#include "tests/testers/harness.h"

namespace polyphase::onnx {

// For GoogleTest, instead of bytes.
void PrintTo(const Case& found, std::ostream* stream) { *stream << found.path; }

namespace {

// A case that is not expected to pass. It must fail in just this way, so that an entry that is no longer true shows.
struct Exception {
  const char* name;
  pph_status status;    // PPH_OK: the values differ
  const char* message;  // a part of it
  const char* reason;
};
const std::vector<Exception>& Exceptions() {
  static constexpr char kStrided[] = "Conv of the library has stride 1";
  static const std::vector<Exception> exceptions = {
      {"test_Conv1d_stride", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_Conv2d_depthwise_strided", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_Conv2d_dilated", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_Conv2d_padding", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_Conv2d_strided", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_Conv3d_dilated_strided", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_Conv3d_stride", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_Conv3d_stride_padding", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_conv_with_autopad_same", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_conv_with_strides_and_asymmetric_padding", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_conv_with_strides_no_padding", PPH_UNSUPPORTED, "strides = [", kStrided},
      {"test_conv_with_strides_padding", PPH_UNSUPPORTED, "strides = [", kStrided}};
  return exceptions;
}

// Debian 12's package has this many cases of each op.
const std::map<std::string, size_t>& DebianCounts() {
  static const std::map<std::string, size_t> counts = {
      {"AveragePool", 18},      {"Conv", 33},         {"ConvTranspose", 13}, {"DepthToSpace", 4},
      {"GlobalAveragePool", 2}, {"GlobalMaxPool", 2}, {"MaxPool", 24},       {"MaxUnpool", 2},
      {"Resize", 23},           {"SpaceToDepth", 2},  {"Upsample", 1}};
  return counts;
}

bool IsDebianFolder() { return std::getenv("POLYPHASE_ONNX_CASES") == nullptr; }
std::string Folder() { return IsDebianFolder() ? kDebianFolder : std::getenv("POLYPHASE_ONNX_CASES"); }

TEST(OnnxFolder, HoldsTheCasesThatAreExpected) {
  ASSERT_TRUE(std::filesystem::is_directory(Folder()))
      << Folder() << ": no such folder; \"tools/setup.sh test\" installs Debian's libonnx-testdata, and "
      << "POLYPHASE_ONNX_CASES names another folder of cases";
  std::vector<std::string> others;
  std::map<std::string, std::string> names;
  std::map<std::string, size_t> counts;
  for (const Case& found : FindCases(Folder(), &others)) {
    ++counts[found.op_type];
    names[found.op_type] += ' ' + found.name;
  }
  for (const auto& [op_type, text] : names) {
    std::printf("%s, %zu:%s\n", op_type.c_str(), counts[op_type], text.c_str());
  }
  std::printf("left out, because there are other nodes besides it:");
  for (const std::string& name : others) std::printf(" %s", name.c_str());
  std::printf("\n");
  EXPECT_FALSE(counts.empty()) << Folder() << ": there are no cases";
  if (!IsDebianFolder()) return;
  for (const auto& [op_type, count] : DebianCounts()) {
    EXPECT_GE(counts[op_type], count) << op_type << ":" << names[op_type];
  }
}

class OnnxConformance : public ::testing::TestWithParam<Case> {};

TEST_P(OnnxConformance, Case) {
  const Case& found = GetParam();
  const Exception* exception = nullptr;
  for (const Exception& e : Exceptions()) {
    if (found.name == e.name) exception = &e;
  }
  std::string error;
  const std::optional<LoadedCase> loaded = LoadCase(found, &error);
  ASSERT_TRUE(loaded.has_value()) << error;

  const Runtime runtime;
  double largest_error = 0.0;
  int runs = 0;
  for (const std::string& isa : testing::SupportedTargets()) {
    for (const Setting& setting :
         {Setting{isa, PPH_NCHW, 1, &runtime}, {isa, PPH_NHWC, 1, &runtime}, {isa, PPH_NCHWC, 16, &runtime}}) {
      for (const DataSet& data : loaded->data_sets) {
        SCOPED_TRACE(data.name + ", " + Name(setting));
        const std::optional<Failure> failure = RunNode(loaded->opset, loaded->node, data, setting, &largest_error);
        ++runs;
        if (exception == nullptr) {
          EXPECT_FALSE(failure.has_value()) << "status " << failure->status << ", " << failure->message;
        } else if (!failure.has_value()) {
          ADD_FAILURE() << "passes: take it from the exceptions (" << exception->reason << ")";
        } else {
          EXPECT_EQ(failure->status, exception->status) << failure->message;
          EXPECT_NE(failure->message.find(exception->message), std::string::npos)
              << "fails in another way than with \"" << exception->message << "\": " << failure->message;
        }
      }
    }
  }
  std::printf("opset %d, %d runs, largest error %.2g%s%s\n", static_cast<int>(loaded->opset), runs, largest_error,
              exception == nullptr ? "" : "; exception: ", exception == nullptr ? "" : exception->reason);
}

std::string TestName(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

// One of each name: a folder of folders may have the same case twice.
std::vector<Case> CasesToRun() {
  std::vector<Case> cases;
  std::set<std::string> names;
  for (const Case& found : FindCases(Folder(), nullptr)) {
    if (names.insert(found.name).second) cases.push_back(found);
  }
  return cases;
}

// If there are none, OnnxFolder says so.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OnnxConformance);
INSTANTIATE_TEST_SUITE_P(, OnnxConformance, ::testing::ValuesIn(CasesToRun()), TestName);

}  // namespace
}  // namespace polyphase::onnx
