// Certificates and keys.
#include "certificate.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <sys/stat.h>

#include "error_queue.h"

namespace sluice::tls {

namespace {

constexpr Text kData = "data:";
constexpr Text kEngine = "engine:";
constexpr Text kStore = "store:";

/// `source` as it stands in messages: what a text in the configuration says is nobody's business.
Error complain(Text what, Text source, Text function) {
    std::string text = "cannot load " + std::string(what) + " \"";
    text += source.starts_with(kData) && what != "certificate" ? Text("data:") : source;
    text += "\": ";
    text += function;
    return make_error(text);
}

UniqueBio open_source(Text source) {
    if (source.starts_with(kData))
        return UniqueBio(
            BIO_new_mem_buf(source.data() + kData.size(), static_cast<int>(source.size() - kData.size())));
    return UniqueBio(BIO_new_file(std::string(source).c_str(), "r"));
}

bool is_end_of_pem() {
    const unsigned long error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) return false;
    ERR_clear_error();
    return true;
}

struct PasswordInTurn {
    std::span<const std::string> passwords;
    size_t next = 0;
};

int give_password(char* to, int room, int, void* data) {
    auto& turn = *static_cast<PasswordInTurn*>(data);
    if (turn.next >= turn.passwords.size()) return -1;
    const std::string& password = turn.passwords[turn.next];
    const size_t size = std::min(password.size(), static_cast<size_t>(room));
    std::memcpy(to, password.data(), size);
    return static_cast<int>(size);
}

Result<UniqueKey> load_from_engine(Text source) {
    const Text rest = source.substr(kEngine.size());
    const size_t colon = rest.find(':');
    if (colon == Text::npos) return complain("certificate key", source, "invalid syntax");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    const std::string name(rest.substr(0, colon));
    ENGINE* const engine = ENGINE_by_id(name.c_str());
    if (engine == nullptr)
        return complain("certificate key", source.substr(0, kEngine.size() + colon), "ENGINE_by_id() failed");
    UniqueKey key;
    if (ENGINE_init(engine) != 0) {
        key.reset(ENGINE_load_private_key(engine, std::string(rest.substr(colon + 1)).c_str(), nullptr, nullptr));
        ENGINE_finish(engine);
    }
    ENGINE_free(engine);
#pragma GCC diagnostic pop
    if (key == nullptr) return complain("certificate key", source, "ENGINE_load_private_key() failed");
    return key;
}

Result<UniqueKey> load_from_store(Text source) {
    const std::string uri(source.substr(kStore.size()));
    OSSL_STORE_CTX* const store = OSSL_STORE_open(uri.c_str(), nullptr, nullptr, nullptr, nullptr);
    if (store == nullptr) return complain("certificate key", source, "OSSL_STORE_open() failed");
    UniqueKey key;
    while (key == nullptr && OSSL_STORE_eof(store) == 0) {
        OSSL_STORE_INFO* const info = OSSL_STORE_load(store);
        if (info == nullptr) continue;
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) key.reset(OSSL_STORE_INFO_get1_PKEY(info));
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    if (key == nullptr) return complain("certificate key", source, "no private key in the store");
    return key;
}

}  // namespace

FileIdentity FileIdentity::of(Text source) {
    struct stat found {};
    if (!source.starts_with('/') || ::stat(std::string(source).c_str(), &found) != 0) return {};
    return {.device = found.st_dev,
            .inode = found.st_ino,
            .size = found.st_size,
            .changed_at = int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

std::string FileIdentity::bytes() const {
    if (*this == FileIdentity{}) return {};
    std::string all(sizeof *this, '\0');
    static_assert(sizeof *this == 4 * sizeof(uint64_t), "no padding");
    std::memcpy(all.data(), this, sizeof *this);
    return all;
}

Result<Certificate> load_certificate(Text source) {
    ERR_clear_error();
    const UniqueBio bio = open_source(source);
    if (bio == nullptr) return complain("certificate", source, "BIO_new_file() failed");
    Certificate made;
    made.leaf.reset(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
    if (made.leaf == nullptr) return complain("certificate", source, "PEM_read_bio_X509_AUX() failed");
    made.chain.reset(sk_X509_new_null());
    while (X509* const next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
        sk_X509_push(made.chain.get(), next);
    if (!is_end_of_pem()) return complain("certificate", source, "PEM_read_bio_X509() failed");
    return made;
}

void set_name(X509* certificate, Text name) {
    X509_alias_set1(certificate, reinterpret_cast<const unsigned char*>(name.data()), static_cast<int>(name.size()));
}

Text name_of(X509* certificate) {
    int size = 0;
    const auto* name = reinterpret_cast<const char*>(X509_alias_get0(certificate, &size));
    return name != nullptr ? Text(name, static_cast<size_t>(size)) : Text{};
}

Result<UniqueKey> load_key(Text source, const KeyPasswords& passwords) {
    ERR_clear_error();
    if (source.starts_with(kEngine)) return load_from_engine(source);
    if (source.starts_with(kStore)) return load_from_store(source);
    const UniqueBio bio = open_source(source);
    if (bio == nullptr) return complain("certificate key", source, "BIO_new_file() failed");
    PasswordInTurn turn{.passwords = passwords.in_turn};
    // Without a callback OpenSSL asks.
    pem_password_cb* const callback = passwords.may_ask ? nullptr : give_password;
    for (;;) {
        UniqueKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, callback, passwords.may_ask ? nullptr : &turn));
        if (key != nullptr) {
            ERR_clear_error();
            return key;
        }
        if (++turn.next >= passwords.in_turn.size())
            return complain("certificate key", source, "PEM_read_bio_PrivateKey() failed");
        ERR_clear_error();
        static_cast<void>(BIO_reset(bio.get()));
    }
}

}  // namespace sluice::tls
