// The row of `error_log`: from the parser's words to a target.
#include "core/conf/log_target.h"

#include <vector>

#include "core/conf/parser.h"

namespace sluice::conf {

Result<void> add_log_target(Parser& parser, log::ErrorLog& log, Arguments words) {
    std::vector<Text> texts;
    for (const Token& word : words) texts.push_back(word.text);
    size_t at_fault = 0;
    const log::TargetPlaces places{parser.environment().files, parser.environment().prefix};
    Result<void> added = log::add_target(log, texts, places, &at_fault);
    if (!added && at_fault < words.size()) parser.point_at(words[at_fault]);
    return added;
}

}  // namespace sluice::conf
