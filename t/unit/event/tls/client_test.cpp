// What needs no TLS of TLS to upstreams: names, and who shares a context.
#include "event/tls/client.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "event/tls/client_family.h"

namespace sluice::event::tls {
namespace {

TEST(TlsClient, NamesHaveNoPort) {
    EXPECT_EQ(name_without_port("a.test"), "a.test");
    EXPECT_EQ(name_without_port("a.test:8443"), "a.test");
    EXPECT_EQ(name_without_port("127.0.0.1:1"), "127.0.0.1");
    EXPECT_EQ(name_without_port("[::1]:8443"), "::1");
    EXPECT_EQ(name_without_port("[::1]"), "::1");
    EXPECT_EQ(name_without_port("[::1"), "[::1");
    EXPECT_EQ(name_without_port(""), "");
}

TEST(TlsClient, AContextIsSharedByThoseWhoSayNothingOfIt) {
    Arena arena;
    ClientSettings outer;
    share_context(arena, outer, nullptr);
    ASSERT_NE(outer.context, nullptr);

    ClientSettings silent;
    share_context(arena, silent, &outer);
    EXPECT_EQ(silent.context, outer.context);

    ClientSettings other_name;
    other_name.name.set(script::Complex("b.test"));
    other_name.server_name.set(true);
    other_name.session_reuse.set(false);
    share_context(arena, other_name, &outer);
    EXPECT_EQ(other_name.context, outer.context);

    ClientSettings careful;
    careful.verify.set(true);
    share_context(arena, careful, &outer);
    EXPECT_NE(careful.context, outer.context);
}

TEST(TlsClient, ConstantsAreNotEvaluated) {
    ClientSettings settings;
    EXPECT_FALSE(settings.has_variable_certificate());
    settings.certificate.set({script::Complex("a.pem"), {}});
    settings.certificate_key.set({script::Complex("a.key"), {}});
    EXPECT_FALSE(settings.has_variable_certificate());
}

struct GrpcConf : ClientSettings {};
constexpr auto kGrpc = client_family<GrpcConf, "grpc_">(conf::Context::http | conf::Context::http_location);

TEST(TlsClient, AFamilyGetsItsRowsByItsPrefix) {
    for (const Text name :
         {"grpc_ssl_session_reuse", "grpc_ssl_protocols", "grpc_ssl_ciphers", "grpc_ssl_name", "grpc_ssl_server_name",
          "grpc_ssl_verify", "grpc_ssl_verify_depth", "grpc_ssl_trusted_certificate", "grpc_ssl_crl",
          "grpc_ssl_certificate", "grpc_ssl_certificate_key", "grpc_ssl_certificate_cache", "grpc_ssl_password_file",
          "grpc_ssl_conf_command"}) {
        const auto is_this = [&](const conf::Directive& row) { return row.name == name; };
        EXPECT_EQ(std::count_if(kGrpc.begin(), kGrpc.end(), is_this), 1) << name;
    }
    EXPECT_EQ(kGrpc.size(), 14U);
    EXPECT_FALSE(kGrpc[0].where.has(conf::Context::http_server));
}

}  // namespace
}  // namespace sluice::event::tls
