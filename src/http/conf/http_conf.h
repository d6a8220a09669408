// HttpConf: all that one `http` block became; http_core's struct of level main, and what requests look things up in.
#pragma once

#include <memory>
#include <vector>

#include "core/conf/parser.h"
#include "core/conf/setting.h"
#include "core/script/variable.h"
#include "http/conf/endpoint.h"
#include "http/conf/tree.h"
#include "http/filter.h"
#include "http/phase.h"

namespace sluice::http {

struct Module;
struct Security;

/// Filters by stage. Header hooks all run; a body hook runs when its header hook asked for it.
struct FilterChain {
    struct Hook {
        const Filter* filter;
        uint8_t bit;  ///< its place in Request's set of active filters
    };
    std::vector<Hook> header;  ///< by HeaderStage
    std::vector<Hook> header_of_subrequests;
    std::vector<Hook> body;       ///< by BodyStage
    size_t behind_range = 0;      ///< place in `body` of the first hook that sees bytes (see CopyStep)
    size_t behind_inclusion = 0;  ///< place in `body` where subrequests' output goes on
    void build(const std::vector<const Filter*>& filters);
};

class HttpConf {
 public:
    static conf::Slot slot;

    HttpConf();
    ~HttpConf();

    script::VariableTable variables;
    std::vector<std::unique_ptr<Server>> servers;
    std::vector<std::unique_ptr<Endpoint>> endpoints;
    std::vector<const Module*> modules;  ///< loaded, in load order
    PhaseEngine phases;
    FilterChain filters;
    const Security* security = nullptr;  ///< there wherever an address has `ssl`
    size_t state_count = 0;              ///< slots of per-request module states
    const conf::ConfSet* main_confs = nullptr;
    Text prefix;  ///< base of relative paths, with trailing slash
    uint16_t default_port = 80;

    // Our tables find their sizes themselves.
    Setting<uint32_t> variables_hash_max_size;
    Setting<uint32_t> variables_hash_bucket_size;
    Setting<uint32_t> server_names_hash_max_size;
    Setting<uint32_t> server_names_hash_bucket_size;
};

}  // namespace sluice::http
