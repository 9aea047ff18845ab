// The two functions that ONNX Runtime looks for, the factory that they hand out, and the provider of one session.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapters/onnxruntime/graph.h"
#include "adapters/onnxruntime/kernel.h"
#include "adapters/onnxruntime/layer.h"
#include "adapters/onnxruntime/options.h"
#include "adapters/onnxruntime/ort_api.h"

namespace polyphase::ort {
namespace {

// ONNX Runtime 1.23 numbers the fused nodes of every graph of a model from 0, and refuses two with the same number, so
// that only one graph can have any. Bodies of If and Loop come before the graph that they are in.
bool names_repeat = false;

// One fused node.
struct ComputeInfo : OrtNodeComputeInfo {
  explicit ComputeInfo(Chain chain, const Node& fused, const Options& options, std::shared_ptr<Workspaces> workspaces)
      : OrtNodeComputeInfo(), kernel(std::move(chain), fused, options.threads, std::move(workspaces)) {
    ort_version_supported = kApiVersion;
    CreateState = [](OrtNodeComputeInfo* self, OrtNodeComputeContext*, void** state) noexcept -> OrtStatus* {
      *state = self;  // the kernel is all there is
      return nullptr;
    };
    Compute = [](OrtNodeComputeInfo* self, void*, OrtKernelContext* context) noexcept -> OrtStatus* {
      return Guard([&] { static_cast<ComputeInfo*>(self)->kernel.Compute(context); });
    };
    ReleaseState = [](OrtNodeComputeInfo*, void*) noexcept {};
  }

  Kernel kernel;
};

// The provider of one session.
struct Provider : OrtEp {
  explicit Provider(Options session_options) : OrtEp(), options(std::move(session_options)) {
    ort_version_supported = kApiVersion;
    GetName = [](const OrtEp*) noexcept { return kProviderName; };
    GetCapability = [](OrtEp* self, const OrtGraph* graph, OrtEpGraphSupportInfo* info) noexcept -> OrtStatus* {
      return Guard([&] { static_cast<Provider*>(self)->Claim(graph, info); });
    };
    Compile = [](OrtEp* self, const OrtGraph** graphs, const OrtNode** fused, size_t count, OrtNodeComputeInfo** infos,
                 OrtNode**) noexcept -> OrtStatus* {
      return Guard([&] { static_cast<Provider*>(self)->CompileAll(graphs, fused, count, infos); });
    };
    ReleaseNodeComputeInfos = [](OrtEp*, OrtNodeComputeInfo** infos, size_t count) noexcept {
      for (size_t i = 0; i < count; ++i) delete static_cast<ComputeInfo*>(infos[i]);
    };
  }

  void Claim(const OrtGraph* graph, OrtEpGraphSupportInfo* info) {
    const std::vector<Node> nodes = ort::NodesOf(graph);
    if (names_repeat && (has_claimed || std::any_of(nodes.begin(), nodes.end(), ReadsOutside))) return;
    std::set<const OrtNode*> taken, left;
    for (const Node& node : nodes) {
      if (taken.count(node.handle()) != 0) continue;
      std::string why;
      Chain chain;
      try {
        chain = MakeChain(node, taken, options, &left, &why);
      } catch (const std::runtime_error& error) {
        why = error.what();  // of ONNX Runtime; the node stays where it would be without us
      }
      if (chain.empty()) {
        if (!why.empty()) Say("left", node.op() + ' ' + node.name() + ": " + why);
        continue;
      }
      OrtNodeFusionOptions fusion = {};
      fusion.ort_version_supported = kApiVersion;
      fusion.drop_constant_initializers = true;  // the operators have their own
      const std::vector<const OrtNode*> chained = NodesOf(chain);
      Check(ep_api->EpGraphSupportInfo_AddNodesToFuse(info, chained.data(), chained.size(), &fusion));
      taken.insert(chained.begin(), chained.end());
      has_claimed = true;
      for (const Layer& layer : chain) Say("claimed", layer.name + ": " + Describe(layer));
      if (chain.size() > 1) Say("connected", std::to_string(chain.size()) + " layers from " + chain[0].name);
    }
  }

  // Each graph is one that Claim has put together, and makes the same chain again.
  void CompileAll(const OrtGraph** graphs, const OrtNode** fused, size_t count, OrtNodeComputeInfo** infos) const {
    std::vector<std::unique_ptr<ComputeInfo>> made;
    for (size_t i = 0; i < count; ++i) {
      const std::vector<Node> nodes = ort::NodesOf(graphs[i]);
      std::string why;
      Chain chain;
      for (const Node& node : nodes) {
        std::set<const OrtNode*> left;
        chain = MakeChain(node, {}, options, &left, &why);
        if (NodesOf(chain).size() == nodes.size()) break;
        chain.clear();
      }
      if (chain.empty()) throw std::runtime_error("Polyphase: a claimed node is not what it was: " + why);
      made.push_back(std::make_unique<ComputeInfo>(std::move(chain), Node(fused[i]), options, workspaces));
    }
    for (size_t i = 0; i < count; ++i) infos[i] = made[i].release();
  }

  static std::vector<const OrtNode*> NodesOf(const Chain& chain) {
    std::vector<const OrtNode*> nodes;
    for (const Layer& layer : chain) nodes.insert(nodes.end(), layer.nodes.begin(), layer.nodes.end());
    return nodes;
  }

  // "<operator>, <number of nodes> nodes"
  static std::string Describe(const Layer& layer) {
    std::string text(pph_operator_describe(layer.op.get(), nullptr, 0), '\0');
    pph_operator_describe(layer.op.get(), text.data(), text.size() + 1);
    return text + ", " + std::to_string(layer.nodes.size()) + (layer.nodes.size() == 1 ? " node" : " nodes");
  }

  // In the form of POLYPHASE_VERBOSE.
  void Say(const char* what, const std::string& text) const {
    if (options.verbose) std::fprintf(stderr, "polyphase,%s,%s\n", what, text.c_str());
  }

  // As nodes of the body of an If or a Loop do.
  static bool ReadsOutside(const Node& node) {
    const auto is_outside = [](const Value& value) { return value && value.IsFromOuterScope(); };
    return std::any_of(node.inputs().begin(), node.inputs().end(), is_outside);
  }

  const Options options;
  bool has_claimed = false;
  const std::shared_ptr<Workspaces> workspaces = std::make_shared<Workspaces>();
};

struct Factory : OrtEpFactory {
  Factory() : OrtEpFactory() {
    ort_version_supported = kApiVersion;
    GetName = [](const OrtEpFactory*) noexcept { return kProviderName; };
    GetVendor = [](const OrtEpFactory*) noexcept { return "Polyphase"; };
    GetVendorId = [](const OrtEpFactory*) noexcept -> uint32_t { return 0; };
    GetVersion = [](const OrtEpFactory*) noexcept { return pph_version(); };
    GetSupportedDevices = [](OrtEpFactory* self, const OrtHardwareDevice* const* devices, size_t count,
                             OrtEpDevice** ep_devices, size_t max, size_t* made) noexcept -> OrtStatus* {
      return Guard([&] {
        *made = 0;
        for (size_t i = 0; i < count && *made < max; ++i) {
          if (api->HardwareDevice_Type(devices[i]) != OrtHardwareDeviceType_CPU) continue;
          Check(ep_api->CreateEpDevice(self, devices[i], nullptr, nullptr, &ep_devices[*made]));
          ++*made;
        }
      });
    };
    CreateEp = [](OrtEpFactory*, const OrtHardwareDevice* const*, const OrtKeyValuePairs* const*, size_t,
                  const OrtSessionOptions* session, const OrtLogger*, OrtEp** ep) noexcept -> OrtStatus* {
      return Guard([&] { *ep = new Provider(ReadOptions(session)); });
    };
    ReleaseEp = [](OrtEpFactory*, OrtEp* ep) noexcept { delete static_cast<Provider*>(ep); };
    // The tensors are the CPU's, which ONNX Runtime allocates itself.
    CreateAllocator = [](OrtEpFactory*, const OrtMemoryInfo*, const OrtKeyValuePairs*,
                         OrtAllocator** allocator) noexcept -> OrtStatus* {
      *allocator = nullptr;
      return nullptr;
    };
    ReleaseAllocator = [](OrtEpFactory*, OrtAllocator*) noexcept {};
    CreateDataTransfer = [](OrtEpFactory*, OrtDataTransferImpl** transfer) noexcept -> OrtStatus* {
      *transfer = nullptr;
      return nullptr;
    };
    IsStreamAware = [](const OrtEpFactory*) noexcept { return false; };
  }
};

}  // namespace
}  // namespace polyphase::ort

extern "C" {

__attribute__((visibility("default"))) OrtStatus* CreateEpFactories(const char*, const OrtApiBase* base,
                                                                    const OrtLogger*, OrtEpFactory** factories,
                                                                    size_t max, size_t* count) {
  using namespace polyphase::ort;
  const OrtApi* version = base->GetApi(kApiVersion);
  if (version == nullptr) {  // 1.22 loads plugins, but does not have all that they need
    const std::string message = std::string(kProviderName) + " needs ONNX Runtime 1." + std::to_string(kApiVersion) +
                                " or newer; this one is " + base->GetVersionString();
    return base->GetApi(1)->CreateStatus(ORT_FAIL, message.c_str());
  }
  api = version;
  ep_api = api->GetEpApi();
  names_repeat = std::string(base->GetVersionString()).rfind("1.23.", 0) == 0;
  return Guard([&] {
    *count = 0;
    if (max < 1) throw std::runtime_error("there is no room for a factory");
    factories[0] = new Factory;
    *count = 1;
  });
}

__attribute__((visibility("default"))) OrtStatus* ReleaseEpFactory(OrtEpFactory* factory) {
  delete static_cast<polyphase::ort::Factory*>(factory);
  return nullptr;
}

}  // extern "C"
