// Reads vector files and replays them.
#include "http/h1/vectors.h"

#include <fstream>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

std::string unescape(Text text);

/// `*N*TEXT*` behind a backslash; leaves `rest` behind it.
std::string repeat(Text& rest) {
    rest.remove_prefix(1);
    const auto count = text::parse_uint(text::split_off(rest, '*'));
    const std::string once = unescape(text::split_off(rest, '*'));
    std::string all;
    for (uint64_t i = 0; i < count.value_or(0); ++i) all += once;
    return all;
}

char named_escape(char c) {
    switch (c) {
        case 'r': return '\r';
        case 'n': return '\n';
        case 't': return '\t';
        case 's': return ' ';
        default: return c;
    }
}

std::string unescape(Text text) {
    std::string bytes;
    while (!text.empty()) {
        if (text[0] != '\\' || text.size() == 1) {
            bytes += text[0];
            text.remove_prefix(1);
        } else if (text[1] == '*') {
            text.remove_prefix(1);
            bytes += repeat(text);
        } else if (text[1] == 'x' && text.size() >= 4) {
            bytes += static_cast<char>(text::parse_hex(text.substr(2, 2)).value_or(0));
            text.remove_prefix(4);
        } else {
            bytes += named_escape(text[1]);
            text.remove_prefix(2);
        }
    }
    return bytes;
}

std::vector<std::string> pieces_one_by_one(const Replay& replay, const std::string& input) {
    std::vector<size_t> ends;
    for (size_t end = 1; end <= input.size(); ++end) ends.push_back(end);
    return replay(input, ends);
}

void check_vector(const Vector& vector, const Replay& replay) {
    SCOPED_TRACE(vector.where + ": " + vector.title);
    EXPECT_EQ(replay(vector.input, {vector.input.size()}), vector.events) << "whole";
    EXPECT_EQ(pieces_one_by_one(replay, vector.input), vector.events) << "byte by byte";
    for (size_t cut = 1; cut < vector.input.size(); ++cut)
        ASSERT_EQ(replay(vector.input, {cut, vector.input.size()}), vector.events) << "cut behind byte " << cut;
}

}  // namespace

std::string escape(Text bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        constexpr const char* kHex = "0123456789abcdef";
        if (c == '\\')
            text += "\\\\";
        else if (c == '\r')
            text += "\\r";
        else if (c == '\n')
            text += "\\n";
        else if (c == '\t')
            text += "\\t";
        else if (byte < 0x20 || byte >= 0x7f)
            text += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
        else
            text += c;
    }
    return text;
}

std::vector<Vector> load_vectors(const std::string& name) {
    std::ifstream file("t/data/h1/" + name);
    std::vector<Vector> vectors;
    std::string line;
    bool is_open = false;
    for (int number = 1; std::getline(file, line); ++number) {
        if (line.empty() || !is_open) {
            is_open = !line.empty();
            if (is_open)
                vectors.push_back(
                    {.title = {}, .input = {}, .events = {}, .where = name + ":" + std::to_string(number)});
            if (!is_open) continue;
        }
        const std::string rest = line.size() > 2 ? line.substr(2) : "";
        if (line[0] == '<')
            vectors.back().input += unescape(rest);
        else if (line[0] == '>')
            vectors.back().events.push_back(escape(unescape(rest)));
        else
            vectors.back().title += (vectors.back().title.empty() ? "" : " ") + rest;
    }
    // A comment by itself, such as the one that opens a file, is no case.
    std::erase_if(vectors, [](const Vector& vector) { return vector.input.empty() && vector.events.empty(); });
    EXPECT_FALSE(vectors.empty()) << "no vectors in t/data/h1/" << name << ": run from the top of the tree";
    return vectors;
}

void replay_vectors(const std::string& name, const Replay& replay) {
    for (const Vector& vector : load_vectors(name)) check_vector(vector, replay);
}

}  // namespace sluice::test
