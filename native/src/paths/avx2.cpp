#include "avx2_lanes.h"

namespace switchyard {

const Path avx2Path = pathOf<Avx2Lanes>("avx2");

}  // namespace switchyard
