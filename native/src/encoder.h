// A sentence encoder as it lies in its file, and what one call over it needs.
#pragma once
#include "layout.h"

namespace switchyard {

enum class Pooling : int32_t { mean = 0, first = 1 };

// codes: u8 [outputs / 16][inputs / 4][16][4]; weight = scale of its output * (code - 128)
struct EncoderLinear {
  const uint8_t* codes;
  const float *scales, *bias;
  int64_t inputs, outputs;
};

struct EncoderNorm {
  const float *gamma, *beta;
};

struct EncoderLayer {
  EncoderLinear qkv, o, up, down;
  EncoderNorm attentionNorm, mlpNorm;
};

struct Encoder {
  int64_t layers, hidden, heads, mlp, vocabulary, positions;
  Pooling pooling;
  float epsilon;
  const int8_t* words;        // [vocabulary][hidden], times the word's scale
  const float* wordScales;
  const float* positionRows;  // [positions][hidden]
  EncoderNorm norm;
  const EncoderLayer* layer;
};

// Activations of a row as 8 bits: one scale, and its outliers apart.
struct QuantizedRows {
  int8_t* q;        // [rows][inputs]
  float* scales;    // [rows]
  int32_t* starts;  // [rows]: -128 * sum(q)
  float* outliers;  // [rows][kOutliers]
  int32_t* places;  // [rows][kOutliers]: their inputs
};

struct EncoderScratch {
  float *x, *qkv, *attended, *inner;         // of all rows; inner of those that pass through an MLP together
  QuantizedRows rows;
  float *queries, *scores;                   // of one head of the longest text
  uint16_t *keys, *values;
};

struct EncoderTask {
  const Encoder* encoder;
  const int32_t* ids;      // of all texts, one after the other
  const int32_t* lengths;  // tokens of each text
  int64_t texts;
  float* vectors;          // [texts][hidden], of length 1
  EncoderScratch scratch;
};

// Rows that pass through a layer's MLP together: their inner activations stay in the core's own cache.
static constexpr int64_t kMlpRows = 48;

}  // namespace switchyard
