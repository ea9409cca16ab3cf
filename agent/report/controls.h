/* Catalogues of controls that rules name (config/rules, "controls"), for every place that shows them. */
#ifndef AGENT_REPORT_CONTROLS_H
#define AGENT_REPORT_CONTROLS_H

#include "agent/model/rule.h"
#include "common/str.h"

/* "CIS Controls v8 5.4; NIST SP 800-53 AC-6, CM-7". Nothing where RULE names none. */
void controls_append(struct str *out, const struct rule *rule);

#endif
