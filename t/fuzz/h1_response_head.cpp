// Heads of responses, whole and in pieces.
#include "h1_replay.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    sluice::fuzz::check_head<sluice::http::h1::ResponseHeadParser>(data, size);
    return 0;
}
