// What becomes of transparent pixels before a network sees a picture, which it does without its alpha.
#ifndef POLYPHASE_TOOLS_CLI_INVISIBLE_H_
#define POLYPHASE_TOOLS_CLI_INVISIBLE_H_

#include "image_io.h"

namespace polyphase::cli {

// Gives pixels of alpha 0 up to `distance` pixels away from others the mean colour of their neighbours, ring by ring:
// a network must not see colours that nobody sees, nor an edge where there is none but that of alpha.
// Takes a byte per pixel.
void FillInvisible(int distance, Image* image);

// The colours as they are before white; alpha is left as it is. Rounded.
void BlendOverWhite(Image* image);

// Sets the colours of pixels of alpha 0 to 0.
void ClearInvisible(Image* image);

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_INVISIBLE_H_
