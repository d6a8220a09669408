// Reading and writing the index.
#include "core/module/index.h"

#include <algorithm>

namespace sluice::module {

namespace {

std::vector<Text> split_words(Text field) {
    std::vector<Text> words;
    while (!field.empty()) {
        const Text word = text::split_off(field, ' ');
        if (!word.empty()) words.push_back(word);
    }
    return words;
}

bool is_good_file_name(Text file) {
    return !file.empty() && file.find('/') == Text::npos;
}

void add_word(std::string& field, Text word) {
    if (!field.empty()) field += ' ';
    field.append(word);
}

}  // namespace

bool IndexedModule::has_variable(Text variable) const {
    const auto begins = [&](Text prefix) { return variable.size() > prefix.size() && variable.starts_with(prefix); };
    return std::find(variables.begin(), variables.end(), variable) != variables.end() ||
           std::any_of(prefixes.begin(), prefixes.end(), begins);
}

Index::Index(std::string content) : content_(std::move(content)) {
    Text rest = content_;
    while (!rest.empty()) {
        Text line = text::split_off(rest, '\n');
        if (line.starts_with('#')) continue;
        IndexedModule module;
        module.file = text::split_off(line, '\t');
        module.family = text::split_off(line, '\t');
        module.name = text::split_off(line, '\t');
        module.directives = split_words(text::split_off(line, '\t'));
        module.variables = split_words(text::split_off(line, '\t'));
        module.prefixes = split_words(text::split_off(line, '\t'));
        if (is_good_file_name(module.file) && !module.name.empty()) modules_.push_back(std::move(module));
    }
    for (const IndexedModule& module : modules_) {
        for (Text name : module.directives) by_directive_[name].push_back(&module);
    }
}

std::span<const IndexedModule* const> Index::with_directive(Text name) const {
    const auto found = by_directive_.find(name);
    if (found == by_directive_.end()) return {};
    return found->second;
}

std::string index_line(Text file, const Descriptor& descriptor) {
    std::string directives;
    Text before;
    for (const conf::Directive& row : descriptor.directives) {
        if (!row.name.empty() && row.name != before) add_word(directives, row.name);
        before = row.name;
    }
    std::string variables;
    std::string prefixes;
    for (size_t i = 0; i < descriptor.variable_count; ++i) {
        const VariableName variable = descriptor.variable(descriptor.specific, i);
        add_word(variable.is_prefix ? prefixes : variables, variable.name);
    }
    std::string line(file);
    for (Text field :
         {family_name(descriptor.family), descriptor.name, Text(directives), Text(variables), Text(prefixes)}) {
        line.append("\t").append(field);
    }
    return line.append("\n");
}

}  // namespace sluice::module
