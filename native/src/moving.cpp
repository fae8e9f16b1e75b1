// Keys and values of a run of tokens, from one place to another and to other positions, as the engine calls it.
#include <string.h>

#include "path.h"

using namespace switchyard;

extern "C" {

// Moves `tokens` tokens in every layer and head. `to` and `from` are where position 0 of the first layer's first head of
// keys lies; the strides, in bytes, lead to the next layer and to the next head, of which `heads` of keys come first and as
// many of values behind them. Without cosines and sines, [headSize / 2] of the distance, keys are not rotated.
[[gnu::visibility("default")]] void SwitchyardMoveTokens(char* to, int64_t toLayer, int64_t toHead, int64_t toPosition, const char* from,
                                                         int64_t fromLayer, int64_t fromHead, int64_t fromPosition, int64_t layers,
                                                         int64_t heads, int64_t headSize, int64_t tokens, const float* cosines,
                                                         const float* sines) {
  const Path& path = *findPath("");
  const int64_t tokenBytes = headSize * static_cast<int64_t>(sizeof(uint16_t));
  for (int64_t layer = 0; layer < layers; layer++) {
    for (int64_t head = 0; head < heads; head++) {
      const char* source = from + layer * fromLayer + head * fromHead;
      char* target = to + layer * toLayer + head * toHead;
      path.moveKeys({reinterpret_cast<const uint16_t*>(source), reinterpret_cast<uint16_t*>(target), fromPosition, toPosition, tokens,
                     static_cast<int>(headSize), cosines, sines});
      memcpy(target + heads * toHead + toPosition * tokenBytes, source + heads * fromHead + fromPosition * tokenBytes,
             static_cast<size_t>(tokens * tokenBytes));
    }
  }
}
}
