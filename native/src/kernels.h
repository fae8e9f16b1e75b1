// The kernels, written once over a class of 16-lane vectors.
#pragma once
#include "attention_kernels.h"
#include "encoder_kernels.h"
#include "linear_kernels.h"
#include "moving_kernels.h"
#include "vocabulary_kernels.h"

namespace switchyard {

template <class L> static constexpr Path pathOf(const char* name) {
  return {name,          tileRows<L>,     quantize<L>,     loraDown<L>,          product<L>,
          storeTokens<L>, attend<L>, moveKeys<L>, largestLogit<L>, sumOfExponentials<L>, idsWithin<L>, encode<L>};
}

}  // namespace switchyard
