// Glue between a head's first line and its header lines.
#include "http/h1/head.h"

namespace sluice::http::h1 {

template <class FirstLineParser, LinePolicy policy>
HeadStep HeadParser<FirstLineParser, policy>::next(Text buffer) {
    if (is_in_first_line_) {
        const Progress progress = first_.parse(buffer);
        if (progress == Progress::need_more) return HeadStep::need_more;
        if (progress == Progress::failed) return HeadStep::failed;
        is_in_first_line_ = false;
        headers_.restart(first_.end());
        return HeadStep::first_line;
    }
    if (first_.line().version == kHttp09) return HeadStep::done;
    switch (headers_.parse(buffer)) {
        case Progress::need_more: return HeadStep::need_more;
        case Progress::complete: return HeadStep::header;
        case Progress::end_of_head: return HeadStep::done;
        case Progress::failed: return HeadStep::failed;
    }
    return HeadStep::failed;
}

template <class FirstLineParser, LinePolicy policy>
void HeadParser<FirstLineParser, policy>::rebase(uint32_t new_begin) {
    if (is_in_first_line_)
        first_.rebase(new_begin);
    else
        headers_.rebase(new_begin);
}

template class HeadParser<RequestLineParser, LinePolicy::request>;
template class HeadParser<StatusLineParser, LinePolicy::response>;

}  // namespace sluice::http::h1
