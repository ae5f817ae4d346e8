// Resizing as Pillow's Image.resize(BILINEAR) does it, byte for byte. Pure C++: no Node-API, no
// LibTorch; any thread may call it.
#pragma once

#include <cstdint>
#include <span>

namespace sconce {

// Longest side of an image. Pillow keeps sizes as float, which has every integer up to here.
inline constexpr int64_t kMaxImageSide = int64_t{1} << 24;

// Rows of pixels from the top, [height, width, channels] bytes without gaps.
struct ImageView {
  std::span<const uint8_t> pixels;
  int64_t width = 0;
  int64_t height = 0;
  int64_t channels = 0;
};

struct ImageSize {
  int64_t width = 0;
  int64_t height = 0;
};

// A part of an image, which may reach beyond it.
struct ImageWindow {
  int64_t left = 0;
  int64_t top = 0;
  int64_t width = 0;
  int64_t height = 0;
};

// Throws Error("INTERNAL") unless the sides are 1 to kMaxImageSide, the channels 1 to 4, and the
// pixels as many bytes as these say.
void check_image(const ImageView& image);

// Writes a window of the image resized to `scaled`, zeros where the window lies outside it, to
// `target`: [window.height, window.width, channels] bytes. Only what the window shows is computed.
//
// The filter is Pillow's (libImaging/Resample.c): a triangle as wide as the scale, so that
// shrinking blends all pixels; first along the rows, then along the columns, with 8 bits in
// between; weights of 22 binary places. Throws Error("INTERNAL") for sizes that do not fit
// together.
void resize_image(const ImageView& source, ImageSize scaled, const ImageWindow& window,
                  std::span<uint8_t> target);

}  // namespace sconce
