// How the server names itself.
#include "http/server_banner.h"

#include "core/base/version.h"

namespace sluice::http {

Text server_banner(ServerTokens tokens) {
    switch (tokens) {
        case ServerTokens::off: return kProductName;
        case ServerTokens::on: return kProduct;
        case ServerTokens::build: return kProduct;
    }
    return kProduct;
}

}  // namespace sluice::http
