// FileRead: the same bytes in every way, and an end that waits for what is in flight.
#include "event/file_read.h"

#include <cerrno>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "event/fixture.h"

namespace sluice::event {
namespace {

class FileReadTest : public EventTest {
 protected:
    void SetUp() override {
        EventTest::SetUp();
        pool_ = std::move(*ThreadPool::create(*loop, {.name = "test", .threads = 2}));
    }
    void TearDown() override { pool_ = nullptr; }

    struct Reader : Mortal {
        Reader(Loop& loop, FileReadWay way, ThreadPool* pool)
            : read(loop, way, pool, Task::call<&Reader::on_read>, this), memory(100'000) {}
        ~Reader() override {
            if (destroyed != nullptr) *destroyed = true;
        }
        bool can_be_buried() const override { return !read.is_in_flight(); }
        void on_read() { ++told; }
        bool* destroyed = nullptr;
        int told = 0;
        FileRead read;
        std::vector<char> memory;
    };

    /// Reads to the end of what was asked for, or of the file.
    std::string read_all(Reader& reader, int fd, int64_t offset, size_t size) {
        std::string all;
        while (all.size() < size) {
            const FileRead::Piece piece{fd, offset + static_cast<int64_t>(all.size()), reader.memory.data(),
                                        std::min(size - all.size(), reader.memory.size())};
            const int told = reader.told;
            if (reader.read.start(piece) == FileRead::State::pending) {
                EXPECT_TRUE(until([&] { return reader.told == told + 1; }));
            }
            EXPECT_FALSE(reader.read.is_in_flight());
            if (reader.read.size() <= 0) break;
            all.append(reader.memory.data(), static_cast<size_t>(reader.read.size()));
        }
        return all;
    }

    static constexpr FileReadWay kWays[] = {FileReadWay::blocking, FileReadWay::threads, FileReadWay::kernel};
    std::unique_ptr<ThreadPool> pool_;
};
INSTANTIATE_TEST_SUITE_P(Backends, FileReadTest, testing::ValuesIn(working_backends()), backend_name);

TEST_P(FileReadTest, EveryWayBringsTheSameBytes) {
    const std::string content = pattern(300'000);
    const UniqueFd file = file_with(content);
    for (const FileReadWay way : kWays) {
        ::fdatasync(file.get());
        ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
        Reader reader(*loop, way, pool_.get());
        EXPECT_TRUE(read_all(reader, file.get(), 0, content.size()) == content);
        EXPECT_EQ(read_all(reader, file.get(), 299'990, 100), content.substr(299'990));
        EXPECT_EQ(reader.read.size(), 0);
        EXPECT_EQ(reader.read.error(), 0);
    }
}

TEST_P(FileReadTest, EveryWayTellsAnError) {
    for (const FileReadWay way : kWays) {
        Reader reader(*loop, way, pool_.get());
        EXPECT_EQ(read_all(reader, -1, 0, 10), "");
        EXPECT_EQ(reader.read.size(), -1);
        EXPECT_EQ(reader.read.error(), EBADF);
    }
}

TEST_P(FileReadTest, AnOwnerThatEndsMeanwhileIsBuriedBehindIt) {
    const UniqueFd file = file_with(pattern(100'000));
    for (const FileReadWay way : {FileReadWay::threads, FileReadWay::kernel}) {
        bool destroyed = false;
        auto* reader = new Reader(*loop, way, pool_.get());
        reader->destroyed = &destroyed;
        const bool is_direct = way == FileReadWay::threads;  // so that it is not read at once
        reader->read.start({file.get(), 0, reader->memory.data(), reader->memory.size(), is_direct});
        const bool was_pending = reader->read.is_in_flight();
        EXPECT_EQ(was_pending, is_direct || loop->backend_kind() == BackendKind::io_uring);
        loop->bury(reader);
        EXPECT_TRUE(until([&] { return destroyed; }));
    }
}

}  // namespace
}  // namespace sluice::event
