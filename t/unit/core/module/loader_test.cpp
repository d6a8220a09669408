// The loader: what it maps, refuses, finds by itself and lets go. The modules are those of t/data/modules.
#include "core/module/loader.h"

#include <cerrno>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/module/names.h"

namespace sluice::module {
namespace {

/// The interface's version with this minor one, as messages name it.
std::string abi(unsigned minor) {
    return std::to_string(kAbiMajor) + "." + std::to_string(minor);
}

namespace fs = std::filesystem;
using conf::Context;
using conf::Level;

struct Versioned {
    int (*version)();
};

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}

// What a server has built in.
struct CoreConf {
    Setting<bool> daemon;
};
struct HttpConf {
    Setting<bool> sendfile;
};
constexpr std::array kCoreRows{
    conf::directive<&CoreConf::daemon>("daemon", {.where = Context::main, .initial = "on"}),
};
constexpr std::array kHttpRows{
    conf::directive<&HttpConf::sendfile>("sendfile", {.where = Context::http, .initial = "off"}),
};

Descriptor core_descriptor() {
    Descriptor made;
    made.name = "core";
    made.directives = kCoreRows;
    made.conf_types[0] = conf::conf_type<CoreConf>();
    return made;
}
Descriptor http_descriptor() {
    Descriptor made;
    made.name = "http_core";
    made.family = Family::http;
    made.directives = kHttpRows;
    made.conf_types[2] = conf::conf_type<HttpConf>();
    return made;
}
const Descriptor kCore = core_descriptor();
const Descriptor kHttp = http_descriptor();
const std::array<const Descriptor*, 2> kBuiltIn{&kCore, &kHttp};

class LoaderTest : public testing::Test {
 protected:
    LoaderTest() {
        char name[] = "/tmp/sluice-loader-test.XXXXXX";
        EXPECT_NE(mkdtemp(name), nullptr);
        prefix_ = std::string(name) + "/";
        fs::create_directory(prefix_ + "modules");
        built_ = fs::read_symlink("/proc/self/exe").parent_path().string() + "/test-modules/";
        loader_.emplace(kBuiltIn, places());
    }
    ~LoaderTest() override {
        loader_.reset();
        std::error_code error;
        fs::remove_all(prefix_, error);
    }

    Loader::Places places() const { return {prefix_ + "modules/", prefix_}; }
    std::string modules() const { return prefix_ + "modules/"; }
    /// Puts a test module into the modules folder as `name`.so, replacing it as installers do.
    void install(const std::string& test_module, const std::string& name) {
        const std::string target = modules() + name + ".so";
        fs::copy_file(built_ + test_module + ".so", target + ".new", fs::copy_options::overwrite_existing);
        fs::rename(target + ".new", target);
    }
    void write_the_index() {
        std::vector<Error> errors;
        ASSERT_TRUE(write_index(modules(), errors));
    }
    /// The error of load(), with the temporary folder written as P.
    std::string load(const std::string& file) {
        Result<void> done = loader_->load(file);
        if (done) return {};
        std::string text = done.error().text;
        for (size_t at = 0; (at = text.find(prefix_, at)) != std::string::npos;)
            text.replace(at, prefix_.size(), "P/");
        return text;
    }
    size_t count(Text name, Context context, Loader& loader) {
        auto found = loader.find(name, context);
        return found ? found->size() : 99;
    }
    static int version_of(const Loader& loader) {
        for (const Descriptor* descriptor : loader.modules()) {
            if (descriptor->name == "http_versioned")
                return static_cast<const Versioned*>(descriptor->specific)->version();
        }
        return 0;
    }

    std::string prefix_;
    std::string built_;
    std::optional<Loader> loader_;
};

bool is_mapped(const std::string& name) {
    return read_file("/proc/self/maps").find(name) != std::string::npos;
}

TEST_F(LoaderTest, KnowsItsOwnModules) {
    EXPECT_EQ(count("daemon", Context::main, *loader_), 1U);
    EXPECT_EQ(count("sendfile", Context::http, *loader_), 1U);
    EXPECT_EQ(count("nothing", Context::main, *loader_), 0U);
    EXPECT_TRUE(loader_->knows("daemon"));
    EXPECT_FALSE(loader_->knows("nothing"));
    ASSERT_EQ(loader_->types(Context::main, Level::main).size(), 1U);
    ASSERT_EQ(loader_->types(Context::http_location, Level::location).size(), 1U);
    EXPECT_EQ(loader_->types(Context::http, Level::location)[0].rows.size(), 1U);
    EXPECT_EQ(conf::slot_of<HttpConf>().index, 0U);
    EXPECT_EQ(conf::slot_of<HttpConf>().level, Level::location);
    EXPECT_TRUE(loader_->types(Context::stream, Level::main).empty());
}

TEST_F(LoaderTest, LoadsAFileAndItsRows) {
    install("versioned_old", "http_versioned");
    EXPECT_EQ(load("modules/http_versioned.so"), "");
    EXPECT_EQ(count("versioned_value", Context::http, *loader_), 1U);
    ASSERT_EQ(loader_->types(Context::http, Level::location).size(), 2U);
    const conf::KnownType& type = loader_->types(Context::http, Level::location)[1];
    EXPECT_EQ(type.module, "http_versioned");
    EXPECT_EQ(type.type->slot()->index, 1U);
    EXPECT_EQ(type.rows.size(), 1U);
    EXPECT_EQ(version_of(*loader_), 1);
    EXPECT_EQ(loader_->file_of(*loader_->modules()[2]), modules() + "http_versioned.so");
    EXPECT_EQ(loader_->file_of(*loader_->modules()[0]), "");
}

TEST_F(LoaderTest, FindsTheFileByTheNamesThatPeopleWrite) {
    install("versioned_old", "http_versioned");
    for (const char* file :
         {"modules/http_versioned.so", "http_versioned.so", "/usr/lib/nginx/modules/ngx_http_versioned_module.so",
          "modules/ngx_http_versioned_module.so", "ngx_http_versioned_filter_module.so",
          "elsewhere/http_versioned.so"}) {
        Loader loader(kBuiltIn, places());
        const Result<void> loaded = loader.load(file);
        EXPECT_TRUE(loaded.ok()) << file;
        EXPECT_EQ(version_of(loader), 1) << file;
    }
    EXPECT_EQ(load(modules() + "http_versioned.so"), "");
    // A part of the server itself needs no file.
    EXPECT_EQ(load("modules/ngx_http_core_module.so"), "");
}

TEST_F(LoaderTest, RefusesToLoadTwice) {
    install("versioned_old", "http_versioned");
    install("same_name", "other");
    EXPECT_EQ(load("modules/http_versioned.so"), "");
    EXPECT_EQ(load("modules/http_versioned.so"), "module \"http_versioned\" is already loaded");
    EXPECT_EQ(load("modules/other.so"), "module \"http_versioned\" is already loaded");
    EXPECT_EQ(loader_->modules().size(), 3U);
}

TEST_F(LoaderTest, AskingForWhatWasAutoloadedIsFine) {
    install("versioned_old", "http_versioned");
    write_the_index();
    EXPECT_EQ(count("versioned_value", Context::http, *loader_), 1U);
    EXPECT_EQ(load("modules/http_versioned.so"), "");
    EXPECT_EQ(load("modules/http_versioned.so"), "module \"http_versioned\" is already loaded");
}

TEST_F(LoaderTest, SaysInOneSentenceWhyAFileIsNoModule) {
    install("without_symbol", "without_symbol");
    install("of_nginx", "of_nginx");
    install("incomplete", "incomplete");
    install("from_the_future", "future");
    install("homeless", "homeless");
    install("needs_the_future", "needs_future");
    std::string of_another = read_file(built_ + "versioned_old.so");
    of_another[offsetof(ElfW(Ehdr), e_machine)] ^= 0x40;
    write_file(modules() + "machine.so", of_another);
    write_file(modules() + "empty.so", "");
    write_file(modules() + "text.so", std::string(2000, 'x'));
    fs::create_directory(modules() + "folder.so");
    const std::vector<std::pair<std::string, std::string>> cases{
        {"modules/missing.so",
         "dlopen() \"P/modules/missing.so\" failed (P/modules/missing.so: cannot open shared object file: No such "
         "file "
         "or directory)"},
        {"modules/empty.so", "dlopen() \"P/modules/empty.so\" failed (P/modules/empty.so: file too short)"},
        {"modules/text.so", "dlopen() \"P/modules/text.so\" failed (P/modules/text.so: invalid ELF header)"},
        {"modules/folder.so",
         "dlopen() \"P/modules/folder.so\" failed (P/modules/folder.so: cannot read file data: Is a directory)"},
        {"modules/incomplete.so",
         "dlopen() \"P/modules/incomplete.so\" failed (P/modules/incomplete.so: undefined symbol: "
         "sluice_test_nobody_has_this)"},
        {"modules/of_nginx.so", "module \"P/modules/of_nginx.so\" was built for nginx, not for this server"},
        {"modules/without_symbol.so",
         "dlsym() \"P/modules/without_symbol.so\", \"sluice_module\" failed (P/modules/without_symbol.so: undefined "
         "symbol: sluice_module)"},
        {"modules/future.so", "module \"P/modules/future.so\" was built for ABI " + std::to_string(kAbiMajor + 1) +
                                  ".7 (" SLUICE_CXX_ABI "), this server has ABI " + abi(kAbiMinor) +
                                  " (" SLUICE_CXX_ABI "): build the module anew with this server's headers"},
        {"modules/needs_future.so", "module \"P/modules/needs_future.so\" was built for ABI " + abi(kAbiMinor + 9) +
                                        ", this server has ABI " + abi(kAbiMinor) +
                                        ": build the module anew with this server's headers"},
        {"modules/machine.so",
         "dlopen() \"P/modules/machine.so\" failed (P/modules/machine.so: built for another kind of machine)"},
        {"modules/homeless.so",
         "module \"http_homeless\" has a directive \"homeless_value\" for a struct that no module declares"},
    };
    for (const auto& [file, message] : cases) EXPECT_EQ(load(file), message);
    EXPECT_EQ(loader_->modules().size(), 2U);
    EXPECT_EQ(count("homeless_value", Context::http, *loader_), 0U);
}

TEST_F(LoaderTest, AFileThatWasCutShortNeverKillsTheServer) {
    const std::string whole = read_file(built_ + "versioned_old.so");
    ASSERT_GT(whole.size(), 10000U);
    size_t refused = 0;
    for (size_t length = 0; length < whole.size(); length += 509) {
        write_file(modules() + "cut.so", whole.substr(0, length));
        Loader loader(kBuiltIn, places());
        refused += loader.load("modules/cut.so").ok() ? 0 : 1;
    }
    EXPECT_GT(refused, 10U);
}

TEST(Abi, BothSidesAreNamed) {
    const auto why = [](uint32_t magic, uint32_t size, uint16_t major, uint16_t minor, const char* compiler) {
        return why_incompatible({magic, size, major, minor, compiler, nullptr});
    };
    constexpr auto kSize = static_cast<uint32_t>(sizeof(Descriptor));
    EXPECT_EQ(why(kMagic, kSize, kAbiMajor, kAbiMinor, SLUICE_CXX_ABI), "");
    EXPECT_EQ(why(kMagic, kSize - 8, kAbiMajor, 0, SLUICE_CXX_ABI), "");
    EXPECT_NE(why(kMagic, kSize + 8, kAbiMajor, kAbiMinor, SLUICE_CXX_ABI), "");
    EXPECT_NE(why(kMagic, kSize, kAbiMajor, kAbiMinor + 1, SLUICE_CXX_ABI), "");
    EXPECT_NE(why(kMagic, kSize, kAbiMajor - 1, kAbiMinor, SLUICE_CXX_ABI), "");
    EXPECT_EQ(why(1, kSize, kAbiMajor, kAbiMinor, SLUICE_CXX_ABI), "is not a module of this server");
    EXPECT_EQ(why(kMagic, kSize, 1, 0, "gnu-1-4"),
              "was built for ABI 1.0 (gnu-1-4), this server has ABI " + abi(kAbiMinor) +
                  " (" SLUICE_CXX_ABI "): build the module anew with this server's headers");
    EXPECT_NE(why(kMagic, kSize, 1, 0, nullptr), "");
}

// --- generations ---

TEST_F(LoaderTest, ANewGenerationRunsNewCodeWhileTheOldOneStaysItself) {
    install("versioned_old", "http_versioned");
    Loader old(kBuiltIn, places());
    ASSERT_TRUE(old.load("modules/http_versioned.so").ok());
    const conf::Slot* const old_slot = old.types(Context::http, Level::location)[1].type->slot();

    install("versioned_new", "http_versioned");
    {
        Loader fresh(kBuiltIn, places());
        ASSERT_TRUE(fresh.load("modules/http_versioned.so").ok());
        EXPECT_EQ(version_of(fresh), 2);
        EXPECT_EQ(version_of(old), 1);
        EXPECT_NE(fresh.types(Context::http, Level::location)[1].type->slot(), old_slot);
    }
    EXPECT_EQ(version_of(old), 1);

    // Even the same file is another copy.
    Loader again(kBuiltIn, places());
    ASSERT_TRUE(again.load("modules/http_versioned.so").ok());
    EXPECT_EQ(version_of(again), 2);
}

TEST_F(LoaderTest, OverwritingTheFileInPlaceDoesNotTouchWhatRuns) {
    install("versioned_old", "http_versioned");
    ASSERT_EQ(load("modules/http_versioned.so"), "");
    write_file(modules() + "http_versioned.so", std::string(100000, '\0'));
    EXPECT_EQ(version_of(*loader_), 1);
}

TEST_F(LoaderTest, DestroyingAGenerationUnmapsItsModules) {
    install("versioned_old", "http_unique_name_to_look_for");
    EXPECT_EQ(load("http_unique_name_to_look_for.so"), "");
    EXPECT_TRUE(is_mapped("http_unique_name_to_look_for"));
    loader_.reset();
    EXPECT_FALSE(is_mapped("http_unique_name_to_look_for"));
}

TEST_F(LoaderTest, LeavesNoDescriptorOpen) {
    install("versioned_old", "http_versioned");
    const auto descriptors = [] { return std::distance(fs::directory_iterator("/proc/self/fd"), {}); };
    const auto before = descriptors();
    EXPECT_EQ(load("http_versioned.so"), "");
    EXPECT_NE(load("missing.so"), "");
    EXPECT_EQ(descriptors(), before);
}

// --- the index ---

TEST_F(LoaderTest, WritesTheIndexOfItsFolder) {
    install("versioned_old", "http_versioned");
    install("stream_twin", "stream_twin");
    write_file(modules() + "broken.so", "nonsense");
    std::vector<Error> errors;
    Result<std::string> lines = write_index(modules(), errors);
    ASSERT_TRUE(lines);
    EXPECT_EQ(*lines,
              "http_versioned.so\thttp\thttp_versioned\tversioned_value\tversioned\tversioned_\n"
              "stream_twin.so\tstream\tstream_twin\tversioned_value\t\t\n");
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_NE(errors[0].text.find("broken.so"), std::string::npos);
    EXPECT_TRUE(read_file(modules() + "modules.index").ends_with(*lines));
}

TEST(IndexText, IsReadLenientlyAndNeverLeadsOutOfTheFolder) {
    const Index index(
        "# comment\n\nhttp_a.so\thttp\thttp_a\tone two\tv\tv_\n../evil.so\thttp\tevil\tthree\t\t\nhalf\n"
        "http_b.so\thttp\thttp_b\ttwo");
    ASSERT_EQ(index.modules().size(), 2U);
    EXPECT_EQ(index.with_directive("two").size(), 2U);
    EXPECT_EQ(index.with_directive("three").size(), 0U);
    EXPECT_TRUE(index.modules()[0].has_variable("v"));
    EXPECT_TRUE(index.modules()[0].has_variable("v_x"));
    EXPECT_FALSE(index.modules()[0].has_variable("v_"));
    EXPECT_FALSE(index.modules()[0].has_variable("w"));
}

TEST_F(LoaderTest, LoadsWhatADirectiveNeeds) {
    install("versioned_old", "http_versioned");
    install("stream_twin", "stream_twin");
    write_the_index();
    EXPECT_TRUE(loader_->knows("versioned_value"));
    EXPECT_EQ(loader_->modules().size(), 2U);
    EXPECT_EQ(count("versioned_value", Context::http, *loader_), 1U);  // not its namesake in stream
    EXPECT_EQ(loader_->modules().size(), 3U);
    EXPECT_EQ(count("versioned_value", Context::stream_server, *loader_), 2U);
    EXPECT_EQ(loader_->modules().size(), 4U);
}

TEST_F(LoaderTest, LoadsAllNamesakesToSayWhereADirectiveBelongs) {
    install("versioned_old", "http_versioned");
    install("stream_twin", "stream_twin");
    write_the_index();
    EXPECT_EQ(count("versioned_value", Context::main, *loader_), 2U);
}

TEST_F(LoaderTest, LoadsWhatAVariableNeeds) {
    install("versioned_old", "http_versioned");
    write_the_index();
    const auto loads = [&](Text name, Context family) {
        Result<bool> loaded = loader_->load_for_variable(name, family);
        return loaded.ok() && *loaded;
    };
    EXPECT_FALSE(loads("other", Context::http));
    EXPECT_FALSE(loads("versioned", Context::stream));
    EXPECT_TRUE(loads("versioned_x", Context::http));
    EXPECT_FALSE(loads("versioned_x", Context::http));
    EXPECT_EQ(loader_->modules().size(), 3U);
}

TEST_F(LoaderTest, AnIndexThatCannotBeReadIsNamed) {
    ASSERT_EQ(::mkdir((modules() + "modules.index").c_str(), 0755), 0);
    const auto found = loader_->find("versioned_value", Context::http);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().text, "read() \"" + modules() + "modules.index\" failed");
    EXPECT_EQ(found.error().number, EISDIR);
}

TEST_F(LoaderTest, AutoloadCanBeTurnedOff) {
    install("versioned_old", "http_versioned");
    write_the_index();
    loader_->set_autoload(false);
    EXPECT_EQ(count("versioned_value", Context::http, *loader_), 0U);
    EXPECT_EQ(loader_->advise("versioned_value", Context::http),
              "it belongs to a module: load_module " + modules() + "http_versioned.so;");
    Result<bool> loaded = loader_->load_for_variable("versioned", Context::http);
    EXPECT_TRUE(loaded.ok() && !*loaded);
    EXPECT_EQ(load("http_versioned.so"), "");
    EXPECT_EQ(count("versioned_value", Context::http, *loader_), 1U);
}

TEST_F(LoaderTest, AStaleIndexSaysWhichFileIsMissing) {
    install("versioned_old", "http_versioned");
    write_the_index();
    fs::remove(modules() + "http_versioned.so");
    auto found = loader_->find("versioned_value", Context::http);
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().text, "module \"" + modules() +
                                      "http_versioned.so\" is in the index but not there: -m writes the index anew");
}

TEST_F(LoaderTest, AModuleThatTheIndexDoesNotKnowIsPointedOut) {
    install("versioned_old", "http_versioned");
    EXPECT_EQ(loader_->advise("versioned_value", Context::http),
              "the index does not know http_versioned.so: -m writes it anew");
    loader_->set_autoload(false);
    EXPECT_EQ(loader_->advise("versioned_value", Context::http), "");
}

TEST_F(LoaderTest, AnIndexThatPromisesTooMuchIsNotRepeated) {
    install("versioned_old", "http_versioned");
    write_file(modules() + "modules.index", "http_versioned.so\thttp\thttp_versioned\tversioned_value gone\t\t\n");
    const auto found = loader_->find("gone", Context::http);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().text,
              "module \"" + modules() +
                  "http_versioned.so\" does not have the directive \"gone\" that the index says: it is "
                  "corrupt, or -m writes the index anew");
    EXPECT_EQ(version_of(*loader_), 1);
    EXPECT_EQ(loader_->advise("gone", Context::http), "");
}

TEST_F(LoaderTest, AdvisesTheNearestNameOfTheContext) {
    install("versioned_old", "http_versioned");
    write_the_index();
    EXPECT_EQ(loader_->advise("sendfiel", Context::http), "did you mean \"sendfile\"?");
    EXPECT_EQ(loader_->advise("sendfiel", Context::main), "");
    EXPECT_EQ(loader_->advise("version_value", Context::http_location), "did you mean \"versioned_value\"?");
    EXPECT_EQ(loader_->advise("x", Context::http), "");
}

TEST_F(LoaderTest, OrderDoesNotDependOnTheOrderOfLoading) {
    install("versioned_old", "b");
    install("stream_twin", "a");
    EXPECT_EQ(load("a.so"), "");
    EXPECT_EQ(load("b.so"), "");
    std::vector<Text> names;
    for (const Descriptor* descriptor : loader_->modules()) names.push_back(descriptor->name);
    EXPECT_EQ(names, (std::vector<Text>{"core", "http_core", "http_versioned", "stream_twin"}));
}

TEST_F(LoaderTest, LoadsAWholeFolderForListings) {
    install("versioned_old", "http_versioned");
    install("stream_twin", "stream_twin");
    write_file(modules() + "broken.so", "nonsense");
    EXPECT_EQ(loader_->load_folder().size(), 1U);
    EXPECT_EQ(loader_->modules().size(), 4U);
}

TEST(ModuleNames, OfNginxFiles) {
    using Names = std::vector<std::string>;
    EXPECT_EQ(names_for_nginx_file("modules/ngx_http_geoip_module.so"), Names{"http_geoip"});
    EXPECT_EQ(names_for_nginx_file("/x/ngx_stream_module.so"), Names{"stream"});
    EXPECT_EQ(names_for_nginx_file("ngx_http_image_filter_module.so"), (Names{"http_image_filter", "http_image"}));
    EXPECT_EQ(names_for_nginx_file("http_geoip.so"), Names{});
    EXPECT_EQ(names_for_nginx_file("ngx_module.so"), Names{});
    EXPECT_EQ(names_for_nginx_file("ngx_http_x_module"), Names{});
}

}  // namespace
}  // namespace sluice::module
