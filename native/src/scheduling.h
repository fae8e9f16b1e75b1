// How a step gives way to others.
#pragma once
#include <stdint.h>

namespace switchyard {

// Called between two pieces of a step: lets others go first, where somebody wants to.
void giveWay();

}  // namespace switchyard
