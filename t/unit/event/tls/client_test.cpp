// What needs no TLS of TLS to upstreams: names, and who shares a context.
#include "event/tls/client.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace sluice::event::tls
