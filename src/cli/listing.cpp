// Printing the listings.
#include "cli/listing.h"

#include <cstdio>
#include <cstring>
#include <vector>

#include "core/conf/context.h"
#include "core/module/loader.h"
#include "core/module/names.h"

namespace sluice::cli {

namespace {

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

int report(const std::vector<Error>& errors) {
    for (const Error& error : errors) {
        const std::string reason = error.number == 0 ? std::string{}
                                                     : std::string(" (") + std::to_string(error.number) + ": " +
                                                           std::strerror(error.number) + ")";
        std::fprintf(stderr, "nginx: [warn] %s%s\n", error.text.c_str(), reason.c_str());
    }
    return errors.empty() ? 0 : 1;
}

/// As the tables of nginx's documentation have them: the module says which family a "server" is of.
Text listed_name(conf::Context context) {
    constexpr Text kStream = "stream ";
    const Text name = conf::context_name(context);
    return name.starts_with(kStream) ? name.substr(kStream.size()) : name;
}

std::string list_contexts(conf::Contexts where, Text separator) {
    if (where == conf::Contexts::all()) return "any";
    std::string list;
    for (uint32_t bit = 0; bit < conf::kContexts; ++bit) {
        const auto context = static_cast<conf::Context>(1U << bit);
        if (!where.has(context)) continue;
        if (!list.empty()) list.append(separator);
        list.append(listed_name(context));
    }
    return list;
}

std::string syntax_of(const conf::Directive& row) {
    std::string syntax(row.name);
    if (!row.syntax.empty()) {
        syntax.append(" ").append(row.syntax);
    } else {
        for (unsigned i = 0; i < row.arity.least; ++i) syntax.append(" ARGUMENT");
        const bool is_open = row.arity.most == conf::Arity::kMany;
        for (unsigned i = row.arity.least; i < row.arity.most && !is_open; ++i) syntax.append(" [ARGUMENT]");
        if (is_open) syntax.append(" [ARGUMENT ...]");
    }
    return syntax.append(row.shape == conf::Shape::block ? " { ... }" : ";");
}

/// Calls `visit(descriptor, row)` for every row that has a name.
template <class Visit>
void for_each_row(const module::Loader& loader, Visit visit) {
    for (const module::Descriptor* descriptor : loader.modules()) {
        for (const conf::Directive& row : descriptor->directives) {
            if (!row.name.empty()) visit(*descriptor, row);
        }
    }
}

void explain(const module::Descriptor& descriptor, const conf::Directive& row) {
    std::string text = "syntax:  " + syntax_of(row);
    text.append("\ndefault: ").append(row.initial.empty() ? Text("none") : row.initial);
    text.append("\ncontext: ").append(list_contexts(row.where, ", "));
    text.append("\nmodule:  ").append(descriptor.name).append("\n");
    if (row.range.least != 0 || row.range.most != 0) {
        text.append("range:   ").append(std::to_string(row.range.least)).append(" to ");
        text.append(row.range.most == INT64_MAX ? "any" : std::to_string(row.range.most)).append("\n");
    }
    if (!row.help.empty()) text.append("         ").append(row.help).append("\n");
    print(text);
}

}  // namespace

int list_modules(const Offer& offer) {
    module::Loader loader(offer.built_in, {offer.modules, {}});
    std::vector<Error> errors = loader.load_folder();
    for (const module::Descriptor* descriptor : loader.modules()) {
        const Text file = loader.file_of(*descriptor);
        std::string line(descriptor->name);
        line.append("\t").append(module::family_name(descriptor->family));
        line.append("\t").append(file.empty() ? Text("built in") : module::file_name_of(file)).append("\n");
        print(line);
    }
    std::vector<Error> same_errors;
    Result<std::string> written = module::write_index(offer.modules, same_errors);
    if (!written) errors.push_back(written.error());
    return report(errors);
}

int list_directives(const Offer& offer) {
    module::Loader loader(offer.built_in, {offer.modules, {}});
    const std::vector<Error> errors = loader.load_folder();
    for_each_row(loader, [](const module::Descriptor& descriptor, const conf::Directive& row) {
        std::string line(descriptor.name);
        line.append("\t").append(row.name).append("\t").append(list_contexts(row.where, ","));
        line.append("\t").append(row.initial).append("\t").append(syntax_of(row));
        print(line.append("\t").append(row.help).append("\n"));
    });
    return report(errors);
}

int list_variables(const Offer& offer) {
    module::Loader loader(offer.built_in, {offer.modules, {}});
    const std::vector<Error> errors = loader.load_folder();
    for (const module::Descriptor* descriptor : loader.modules()) {
        for (size_t i = 0; i < descriptor->variable_count; ++i) {
            const module::VariableName variable = descriptor->variable(descriptor->specific, i);
            std::string line(descriptor->name);
            line.append("\t$").append(variable.name).append(variable.is_prefix ? "*" : "");
            print(line.append("\t").append(module::family_name(descriptor->family)).append("\t\n"));
        }
    }
    return report(errors);
}

int explain_directive(const Offer& offer, Text name) {
    module::Loader loader(offer.built_in, {offer.modules, {}});
    report(loader.load_folder());
    size_t found = 0;
    for_each_row(loader, [&](const module::Descriptor& descriptor, const conf::Directive& row) {
        if (row.name != name) return;
        if (found++ != 0) print("\n");
        explain(descriptor, row);
    });
    if (found != 0) return 0;
    std::string advice;
    for (const conf::Context context :
         {conf::Context::http_server, conf::Context::http_location, conf::Context::http, conf::Context::main,
          conf::Context::events, conf::Context::http_upstream, conf::Context::stream, conf::Context::stream_server}) {
        if (advice.empty()) advice = loader.advise(name, context);
    }
    std::fprintf(stderr, "nginx: unknown directive \"%.*s\"%s%s\n", static_cast<int>(name.size()), name.data(),
                 advice.empty() ? "" : "; ", advice.c_str());
    return 1;
}

}  // namespace sluice::cli
