// Members of a compressed log.
#include "http/log/gzip.h"

#include <zlib.h>

namespace sluice::http::log {

namespace {

constexpr int kGzipWrapper = 16;
constexpr int kMemoryLevel = 8;

/// Base-two logarithm of the smallest window that spans the text; zlib takes 9 to 15.
int window_bits(size_t size) {
    int bits = 9;
    while (bits < 15 && (size_t{1} << static_cast<unsigned>(bits)) < size) ++bits;
    return bits;
}

}  // namespace

struct Gzip::Stream {
    z_stream z{};
    bool works = false;
};

Gzip::Gzip(int level, size_t usual) : stream_(std::make_unique<Stream>()) {
    stream_->works = ::deflateInit2(&stream_->z, level, Z_DEFLATED, window_bits(usual) + kGzipWrapper, kMemoryLevel,
                                    Z_DEFAULT_STRATEGY) == Z_OK;
}

Gzip::~Gzip() {
    if (stream_->works) ::deflateEnd(&stream_->z);
}

Text Gzip::compress(Text plain, const Log& log) {
    z_stream& z = stream_->z;
    if (!stream_->works) {
        log.alert(0, "deflateInit2() failed");
        return {};
    }
    const size_t bound = ::deflateBound(&z, plain.size());
    if (bound > room_size_) {
        room_ = std::make_unique<char[]>(bound);
        room_size_ = bound;
    }
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    z.avail_in = static_cast<uInt>(plain.size());
    z.next_out = reinterpret_cast<Bytef*>(room_.get());
    z.avail_out = static_cast<uInt>(room_size_);
    const int ended = ::deflate(&z, Z_FINISH);
    const size_t size = room_size_ - z.avail_out;
    ::deflateReset(&z);
    if (ended == Z_STREAM_END) return {room_.get(), size};
    log.alert(0, "deflate(Z_FINISH) failed: ", ended);
    return {};
}

}  // namespace sluice::http::log
