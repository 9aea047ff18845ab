// zimg as a peer: one filter graph for f32 planes, which runs plane after plane.
#include "bench/peers/zimg.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <zimg++.hpp>

#include "bench/guard.h"

namespace {

using polyphase::bench::last_error;

// zimg's errors are not derived from std::exception.
template <class Result, class Body>
Result Guard(Result failure, const Body& body) {
  return polyphase::bench::Guard(failure, [&] {
    try {
      return body();
    } catch (const zimgxx::zerror& error) {
      throw std::runtime_error(error.msg);
    }
  });
}

// zimg wants every line aligned to this.
constexpr size_t kAlignment = 64;

struct Free {
  void operator()(void* memory) const { ::operator delete (memory, std::align_val_t{kAlignment}); }
};
using Memory = std::unique_ptr<float[], Free>;

Memory Allocate(size_t bytes) {
  return Memory(static_cast<float*>(::operator new (std::max(bytes, kAlignment), std::align_val_t{kAlignment})));
}

// Planes whose lines are aligned.
struct Image {
  Image(size_t planes, size_t height, size_t width)
      : planes(planes),
        height(height),
        width(width),
        stride((width * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment / sizeof(float)),
        data(Allocate(planes * height * stride * sizeof(float))) {
    std::fill(data.get(), data.get() + planes * height * stride, 0.0f);
  }

  float* line(size_t plane, size_t y) const { return data.get() + (plane * height + y) * stride; }

  size_t planes, height, width, stride;
  Memory data;
};

zimgxx::zimage_format FormatOf(const Image& image) {
  zimgxx::zimage_format format;
  format.width = static_cast<unsigned>(image.width);
  format.height = static_cast<unsigned>(image.height);
  format.pixel_type = ZIMG_PIXEL_FLOAT;
  format.depth = 32;
  format.color_family = ZIMG_COLOR_GREY;
  format.field_parity = ZIMG_FIELD_PROGRESSIVE;
  return format;
}

zimgxx::FilterGraph Build(const polyphase_zimg_row& row, const Image& input, const Image& output) {
  zimgxx::zfilter_graph_builder_params params;
  const std::string filter = row.filter;
  if (filter == "point") {
    params.resample_filter = ZIMG_RESIZE_POINT;
  } else if (filter == "bilinear") {
    params.resample_filter = ZIMG_RESIZE_BILINEAR;
  } else if (filter == "bicubic") {
    params.resample_filter = ZIMG_RESIZE_BICUBIC;
    params.filter_param_a = 0;     // Mitchell and Netravali's B
    params.filter_param_b = 0.75;  // and C, which is -a
  } else {
    throw std::runtime_error("no filter '" + filter + "'");
  }
  params.cpu_type = ZIMG_CPU_AUTO_64B;  // with AVX-512
  zimgxx::zimage_format source = FormatOf(input);
  if (row.align_corners) {
    // In this region, the centres of the corner outputs are the centres of the corner inputs.
    const auto region = [](size_t in, size_t out, double& begin, double& size) {
      const double step = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 1.0;
      begin = 0.5 - 0.5 * step;
      size = step * static_cast<double>(out);
    };
    region(row.width, row.output_width, source.active_region.left, source.active_region.width);
    region(row.height, row.output_height, source.active_region.top, source.active_region.height);
  }
  return zimgxx::FilterGraph::build(source, FormatOf(output), &params);
}

}  // namespace

struct polyphase_zimg {
  explicit polyphase_zimg(const polyphase_zimg_row& row)
      : input(row.planes, row.height, row.width),
        output(row.planes, row.output_height, row.output_width),
        graph(Build(row, input, output)),
        scratch(Allocate(graph.get_tmp_size())) {
    for (size_t i = 0; i < row.planes * row.height; ++i) {
      const float* const line = row.input + i * row.width;
      std::copy(line, line + row.width, input.line(0, i));
    }
  }

  void Run() {
    for (size_t plane = 0; plane < input.planes; ++plane) {
      zimgxx::zimage_buffer_const source;
      source.plane[0] = {input.line(plane, 0), static_cast<ptrdiff_t>(input.stride * sizeof(float)), ZIMG_BUFFER_MAX};
      zimgxx::zimage_buffer target;
      target.plane[0] = {output.line(plane, 0), static_cast<ptrdiff_t>(output.stride * sizeof(float)), ZIMG_BUFFER_MAX};
      graph.process(source, target, scratch.get());
    }
  }

  Image input;
  Image output;
  zimgxx::FilterGraph graph;
  Memory scratch;
};

const char* polyphase_zimg_error() { return last_error.c_str(); }

const char* polyphase_zimg_version() {
  static const std::string version = [] {
    unsigned parts[3];
    zimg_get_version_info(&parts[0], &parts[1], &parts[2]);
    return std::to_string(parts[0]) + "." + std::to_string(parts[1]) + "." + std::to_string(parts[2]);
  }();
  return version.c_str();
}

polyphase_zimg* polyphase_zimg_open(const polyphase_zimg_row* row) {
  return Guard<polyphase_zimg*>(nullptr, [&] { return new polyphase_zimg(*row); });
}

void polyphase_zimg_close(polyphase_zimg* c) { delete c; }

int polyphase_zimg_run(polyphase_zimg* c) {
  return Guard(1, [&] {
    c->Run();
    return 0;
  });
}

void polyphase_zimg_get_output(const polyphase_zimg* c, float* planes) {
  const Image& image = c->output;
  for (size_t i = 0; i < image.planes * image.height; ++i) {
    std::copy(image.line(0, i), image.line(0, i) + image.width, planes + i * image.width);
  }
}
