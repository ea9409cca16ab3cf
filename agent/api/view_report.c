/* What reports are made of, of what the query API sees. */
#include "agent/api/view.h"

#include "common/text.h"

void view_report_source(const struct agent_view *view, struct report_source *ret)
{
    *ret = (struct report_source){
        .evaluator = view->evaluator,
        .config = view->config,
        .language = view->language,
        .host = view->host,
        .machine = view->machine,
        .engine_address = view->address->host_text,
        .engine_why = docker_why_not(view->docker),
        .api_version = docker_api_version(view->docker),
        .now = clock_now(&clock_system),
        .scan_started = view->scan_started,
        .scan_ms = view->scan_duration_ms,
        .scan_subjects = view->scan_subjects,
    };
}
