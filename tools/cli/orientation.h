// Orientation: how EXIF says that a stored picture must be turned or mirrored to be upright.
#ifndef POLYPHASE_TOOLS_CLI_ORIENTATION_H_
#define POLYPHASE_TOOLS_CLI_ORIENTATION_H_

#include <cstddef>
#include <cstdint>

#include "image_io.h"

namespace polyphase::cli {

// Returns the orientation, 1 to 8, in the TIFF structure of EXIF data, or 1 if it holds none. Never reads past `size`.
int ExifOrientation(const uint8_t* tiff, size_t size);

// Turns `image`, pixels and pixel density, as `orientation` says.
void TurnUpright(int orientation, Image* image);

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_ORIENTATION_H_
