#include "avx512_lanes.h"

namespace switchyard {

const Path avx512VnniPath = pathOf<Avx512Lanes>("avx512_vnni");

}  // namespace switchyard
