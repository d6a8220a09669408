// Diagnostic: an error of a configuration as people read it: nginx's line, then the source line, a caret, advice.
//   unknown directive "lisen" in /etc/nginx.conf:12
//      12 |     lisen 80;
//         |     ^
//           did you mean "listen"?
// nginx names the line where a statement ends, which is shown too when the mistake stands further up.
#pragma once

#include <string>

#include "core/base/text.h"
#include "core/conf/token.h"

namespace sluice::conf {

struct Diagnostic {
    Text message;            ///< nginx's wording
    int number = 0;          ///< errno, added as " (N: text)"; 0: none
    Text place;              ///< " in FILE:LINE" or " in command line"; may be empty
    Position pointed = {};   ///< where the caret stands; line 0: no source line
    Text content = {};       ///< the whole text of the file that `pointed` lies in
    uint32_t told_line = 0;  ///< the line of that file that `place` names; shown as well when it is another one
    Text advice = {};        ///< may be empty
};

/// The complete text, without a newline at the end. Lines that are too long to be read are cut around the caret.
std::string render(const Diagnostic& diagnostic);

/// "text (N: strerror)", or just the text when `number` is 0.
std::string with_errno(Text text, int number);

}  // namespace sluice::conf
