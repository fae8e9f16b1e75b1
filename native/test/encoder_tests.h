// The sentence encoder: every path against the scalar one, a text alone against in company, and all of it against the
// same model computed in double precision.
#pragma once
#include "support.h"

namespace {

struct EncoderFile {
  int32_t layers, hidden, heads, mlp, vocabulary, positions, pooling;
  Array<uint8_t> memory;
  uint8_t* bytes;
  int64_t size = 64;

  explicit EncoderFile(Random& random)
      : layers(static_cast<int32_t>(random.between(1, 2))), hidden(0), heads(static_cast<int32_t>(random.between(1, 3))),
        mlp(static_cast<int32_t>(32 * random.between(1, 6))), vocabulary(static_cast<int32_t>(random.between(2, 50))),
        positions(static_cast<int32_t>(random.between(1, 70))), pooling(static_cast<int32_t>(random.below(2))), memory(1 << 20) {
    hidden = heads * 32;
    bytes = &memory[0] + (64 - reinterpret_cast<uintptr_t>(&memory[0]) % 64) % 64;
    const int32_t header[] = {0x31454453, layers, hidden, heads, mlp, vocabulary, positions, pooling};
    const float epsilon = 1e-12f;
    memcpy(bytes, header, sizeof header);
    memcpy(bytes + sizeof header, &epsilon, sizeof epsilon);
    integers(random, vocabulary * hidden), floats(random, vocabulary, 0.01f, 0.02f), floats(random, positions * hidden, -1, 1);
    norm(random);
    for (int i = 0; i < layers; i++) {
      linear(random, hidden, 3 * hidden), linear(random, hidden, hidden), norm(random);
      linear(random, hidden, mlp), linear(random, mlp, hidden), norm(random);
    }
  }
  void integers(Random& random, int64_t n) {
    for (int64_t i = 0; i < n; i++) bytes[size + i] = static_cast<uint8_t>(random.next());
    size += ceilDiv(n, 64) * 64;
  }
  void floats(Random& random, int64_t n, float low, float high) {
    for (int64_t i = 0; i < n; i++) reinterpret_cast<float*>(bytes + size)[i] = low + (high - low) * (random.uniform() + 1) / 2;
    size += ceilDiv(4 * n, 64) * 64;
  }
  void norm(Random& random) { floats(random, hidden, 0.2f, 2), floats(random, hidden, -0.5f, 0.5f); }
  void linear(Random& random, int64_t inputs, int64_t outputs) {
    integers(random, inputs * outputs), floats(random, outputs, 0.0002f, 0.002f), floats(random, outputs, -0.2f, 0.2f);
  }
};

// ---- the model, written out plainly ---------------------------------------------------------------------------------

using Rows = std::vector<std::vector<double>>;

Rows multiplied(const Rows& x, const EncoderLinear& w) {
  Rows y(x.size(), std::vector<double>(w.outputs));
  for (size_t r = 0; r < x.size(); r++) {
    for (int64_t o = 0; o < w.outputs; o++) {
      double sum = 0;
      for (int64_t k = 0; k < w.inputs; k++) {
        sum += x[r][k] * (w.codes[o / 16 * 16 * w.inputs + k / 4 * 64 + o % 16 * 4 + k % 4] - 128);
      }
      y[r][o] = sum * w.scales[o] + w.bias[o];
    }
  }
  return y;
}

void normalizeRows(Rows& x, const EncoderNorm& norm, double epsilon) {
  for (auto& row : x) {
    double mean = 0, variance = 0;
    for (double v : row) mean += v / static_cast<double>(row.size());
    for (double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
    for (size_t k = 0; k < row.size(); k++) row[k] = (row[k] - mean) / sqrt(variance + epsilon) * norm.gamma[k] + norm.beta[k];
  }
}

std::vector<double> plainVector(const Encoder& e, const int32_t* ids, int32_t tokens) {
  Rows x(tokens, std::vector<double>(e.hidden));
  for (int32_t t = 0; t < tokens; t++) {
    for (int64_t k = 0; k < e.hidden; k++) x[t][k] = e.words[ids[t] * e.hidden + k] * e.wordScales[ids[t]] + e.positionRows[t * e.hidden + k];
  }
  normalizeRows(x, e.norm, e.epsilon);
  const int64_t size = e.hidden / e.heads;
  for (int64_t l = 0; l < e.layers; l++) {
    const EncoderLayer& layer = e.layer[l];
    const Rows qkv = multiplied(x, layer.qkv);
    Rows attended(tokens, std::vector<double>(e.hidden));
    for (int64_t h = 0; h < e.heads; h++) {
      for (int32_t t = 0; t < tokens; t++) {
        std::vector<double> weights(tokens);
        double sum = 0;
        for (int32_t s = 0; s < tokens; s++) {
          double score = 0;
          for (int64_t d = 0; d < size; d++) score += qkv[t][h * size + d] * qkv[s][e.hidden + h * size + d];
          sum += weights[s] = exp(score / sqrt(static_cast<double>(size)));
        }
        for (int32_t s = 0; s < tokens; s++) {
          for (int64_t d = 0; d < size; d++) attended[t][h * size + d] += weights[s] / sum * qkv[s][2 * e.hidden + h * size + d];
        }
      }
    }
    const auto add = [&](const Rows& y) {
      for (int32_t t = 0; t < tokens; t++) {
        for (int64_t k = 0; k < e.hidden; k++) x[t][k] += y[t][k];
      }
    };
    add(multiplied(attended, layer.o));
    normalizeRows(x, layer.attentionNorm, e.epsilon);
    Rows inner = multiplied(x, layer.up);
    for (auto& row : inner) {
      for (double& v : row) v = v / 2 * (1 + erf(v / sqrt(2.)));
    }
    add(multiplied(inner, layer.down));
    normalizeRows(x, layer.mlpNorm, e.epsilon);
  }
  std::vector<double> vector(e.hidden);
  for (int32_t t = 0; t < (e.pooling == Pooling::first ? 1 : tokens); t++) {
    for (int64_t k = 0; k < e.hidden; k++) vector[k] += x[t][k];
  }
  return vector;
}

void testEncoder(Random& random, const std::vector<const Path*>& paths) {
  EncoderFile file(random);
  SentenceEncoder encoder;
  expect(file.size <= (1 << 20) - 64, "the test's file is larger than its place");
  expect(encoder.open(file.bytes, file.size).empty(), "refused a sound encoder: " + SentenceEncoder{}.open(file.bytes, file.size));
  expect(!SentenceEncoder{}.open(file.bytes, file.size - 64).empty(), "accepted a short encoder");
  expect(!SentenceEncoder{}.open(file.bytes, 32).empty(), "accepted an encoder without a header");

  const int64_t texts = random.between(1, 4), hidden = file.hidden;
  Array<int32_t> lengths(texts);
  int64_t rows = 0;
  for (int64_t t = 0; t < texts; t++) rows += lengths[t] = static_cast<int32_t>(random.between(1, file.positions));
  Array<int32_t> ids(rows);
  for (int64_t i = 0; i < rows; i++) ids[i] = static_cast<int32_t>(random.below(file.vocabulary));
  const auto encode = [&](const Path& path, bool apart) {
    Array<float> vectors(texts * hidden);
    expect(encoder.run(path, &ids[0], &lengths[0], texts, &vectors[0], apart).empty(), "refused a sound call");
    return vectors;
  };
  const Array<float> expected = encode(scalarPath, false);
  for (const Path* path : paths) {
    const Array<float> vectors = encode(*path, path == paths[0]);
    expect(!memcmp(&vectors[0], &expected[0], vectors.size * sizeof(float)), std::string(path->name) + ": vectors differ from plain C++");
  }
  for (int64_t t = 0, first = 0; t < texts; first += lengths[t++]) {
    Array<float> alone(hidden);
    const int32_t length = lengths[t];
    encoder.run(*paths[0], &ids[first], &length, 1, &alone[0], false);
    expect(!memcmp(&alone[0], &expected[t * hidden], hidden * sizeof(float)), "a text's vector depends on its company");
    const std::vector<double> exact = plainVector(encoder.encoder, &ids[first], length);
    double product = 0, square = 0, exactSquare = 0;
    for (int64_t k = 0; k < hidden; k++) {
      product += alone[k] * exact[k], square += alone[k] * alone[k], exactSquare += exact[k] * exact[k];
    }
    expect(fabs(square - 1) < 1e-5, "a vector's length is not 1");
    const double cosine = product / sqrt(square * exactSquare);
    expect(cosine > 0.999, "cosine " + std::to_string(cosine) + " to double precision");
  }

  Array<float> untouched(texts * hidden);
  const auto refused = [&](const char* what) {
    expect(!encoder.run(*paths[0], &ids[0], &lengths[0], texts, &untouched[0], false).empty(), std::string("accepted ") + what);
    for (int64_t i = 0; i < untouched.size; i++) expect(untouched[i] == 0, std::string("wrote vectors although it refused ") + what);
  };
  const int32_t id = ids[rows - 1], length = lengths[0];
  ids[rows - 1] = file.vocabulary, refused("a token past the vocabulary");
  ids[rows - 1] = -1, refused("a negative token");
  ids[rows - 1] = id;
  lengths[0] = 0, refused("an empty text");
  lengths[0] = file.positions + 1, refused("a text that is too long");
  lengths[0] = length;
}

}  // namespace
