// Parsers of http_core's directives that need more than a typed word; each stands in parse_<noun>.cpp.
#pragma once

#include "core/base/result.h"
#include "core/conf/parser.h"
#include "http/conf/http_conf.h"
#include "http/conf/location_conf.h"
#include "http/conf/server_conf.h"

namespace sluice::http::parse {

using conf::Arguments;
using conf::Parser;

// parse_blocks.cpp
Result<void> server_block(Parser& parser, HttpConf& http, Arguments words);
Result<void> location_block(Parser& parser, LocationConf& enclosing, Arguments words);
Result<void> limit_except_block(Parser& parser, LocationConf& enclosing, Arguments words);
/// Makes an unnamed location inside the one being read (`if`, limit_except) and reads its block in `context`.
Result<Location*> unnamed_block(Parser& parser, LocationConf& enclosing, conf::Context context);

// parse_listen.cpp
Result<void> listen(Parser& parser, ServerConf& server, Arguments words);
/// `*:80`, or `*:8000` for one who may not bind low ports, for a server without `listen`.
Result<void> listen_by_default(Parser& parser, Server& server);
/// Joins the addresses that one socket can serve, when all are known.
void share_endpoints(HttpConf& http);

// parse_server_name.cpp
/// ASCII letters in lower case.
Text lower_copy(Arena& arena, Text name);
Result<void> server_name(Parser& parser, ServerConf& server, Arguments words);
/// Puts all servers' names into the tables of their addresses; warns of conflicts.
Result<void> index_server_names(Parser& parser, HttpConf& http);

// parse_location.cpp
Result<void> root(Parser& parser, Setting<Root>& field, Arguments words);
Result<void> alias(Parser& parser, Setting<Root>& field, Arguments words);
/// `internal;`: no words.
Result<void> internal(Parser& parser, Setting<bool>& field, Arguments words);
Result<void> types_block(Parser& parser, LocationConf& location, Arguments words);
Result<void> error_page(Parser& parser, LocationConf& location, Arguments words);
Result<void> error_log(Parser& parser, LocationConf& location, Arguments words);
/// What follows from several settings of a location together.
Result<void> complete_location(Parser& parser, LocationConf& location, const LocationConf* enclosing);

// parse_values.cpp
Result<void> temp_path(Parser& parser, Setting<TempPath>& field, Arguments words);
Result<void> aio(Parser& parser, Setting<AioSettings>& field, Arguments words);
/// connection_pool_size, request_pool_size: as nginx checks them.
Result<void> pool_size(Parser& parser, Setting<Bytes>& field, Arguments words);
Result<void> directio(Parser& parser, Setting<Offset>& field, Arguments words);
Result<void> keepalive_timeout(Parser& parser, Setting<KeepaliveTimeout>& field, Arguments words);
Result<void> open_file_cache(Parser& parser, Setting<OpenFileCache*>& field, Arguments words);
Result<void> disable_symlinks(Parser& parser, Setting<DisableSymlinks>& field, Arguments words);
/// `off`, or conditions, of which there may be more in further lines.
Result<void> body_early_read(Parser& parser, Setting<script::Predicates>& field, Arguments words);

}  // namespace sluice::http::parse
