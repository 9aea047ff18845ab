// Prepares transparent pixels of a picture for a network, which sees it without its alpha.
#ifndef POLYPHASE_TOOLS_CLI_INVISIBLE_H_
#define POLYPHASE_TOOLS_CLI_INVISIBLE_H_

#include "image_io.h"

namespace polyphase::cli {

// Gives pixels of alpha 0 that are up to `distance` pixels away from others the mean colour of their neighbours, ring
// by ring: a network must see neither colours that nobody sees, nor an edge where only alpha has one. Takes a byte per
// pixel.
void FillInvisible(int distance, Image* image);

// Blends the colours over white and rounds them; alpha is left as it is.
void BlendOverWhite(Image* image);

// Sets the colours of pixels of alpha 0 to 0.
void ClearInvisible(Image* image);

}  // namespace polyphase::cli

#endif  // POLYPHASE_TOOLS_CLI_INVISIBLE_H_
