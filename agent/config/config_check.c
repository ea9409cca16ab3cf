/* What is valid in a configuration, but cannot have been meant: told by --check-config, so that it is not found out by
 * a failure that was thought to be waived. */
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "agent/config/config_internal.h"
#include "common/account.h"
#include "common/str.h"

/* ---- Subjects of waivers and attestations ---- */

/* Why SCOPE covers nothing at all; NULL: it may. */
static const char *why_it_matches_nothing(const char *scope)
{
    const char *glob = scope ? strchr(scope, ':') : NULL;

    if (!scope || !glob)
        return NULL;
    glob++;
    if (str_starts(scope, "label:") && !strpbrk(glob, "=*?"))
        return M_("a label is KEY=VALUE: write \"label:KEY=*\" for any value");
    if ((str_starts(scope, "name:") || str_starts(scope, "image:") || str_starts(scope, "container:")) &&
        strchr(glob, '['))
        return M_("\"[\" is literal, and no name contains it: the only wildcards are * and ?");
    return NULL;
}

/* Whether subjects of KIND may be what SCOPE says. */
static bool scope_fits(const char *scope, enum subject_kind kind)
{
    scoped(cleanup_free) char *word = scope ? mem_strndup(scope, strcspn(scope, ":")) : NULL;
    enum subject_kind wanted;

    if (!word || str_equal(word, "*") || str_starts(scope, "name:"))
        return true;
    if (str_starts(scope, "label:") || str_starts(scope, "image:"))
        return kind == SUBJECT_CONTAINER || kind == SUBJECT_EXEC || kind == SUBJECT_IMAGE;
    return !subject_kind_parse(word, &wanted) || wanted == kind;
}

/* ---- Waivers ---- */

static bool any_rule_fits(const struct rule_set *rules, const struct waiver *waiver, bool *ret_enabled)
{
    bool fits = false;

    *ret_enabled = false;
    for (size_t i = 0; i < rules->count; i++)
        for (size_t k = 0; k < waiver->rules.count; k++)
            if (rule_set_covers(rules, waiver->rules.items[k], &rules->rules[i])) {
                fits = fits || scope_fits(waiver->subject, rules->rules[i].check->subject);
                *ret_enabled = *ret_enabled || rules->rules[i].enabled;
            }
    return fits;
}

static void warn_of_waiver(const struct rule_set *rules, const struct waiver *waiver, usec_t now, struct faults *faults)
{
    const char *subject = waiver->subject ? waiver->subject : "*", *why = why_it_matches_nothing(waiver->subject);
    char at[CLOCK_TEXT_SIZE];
    bool enabled, fits = any_rule_fits(rules, waiver, &enabled);

    if (!waiver->rules.count)
        return; /* not valid */
    if (waiver->expires && waiver->expires <= now)
        faults_warn(faults, waiver->file, waiver->line,
                    "the waiver of %s for %s has expired (%s) and no longer applies", waiver->rule, subject,
                    clock_format(waiver->expires, at));
    if (why)
        faults_warn(faults, waiver->file, waiver->line, "the waiver of %s for %s matches nothing: %s", waiver->rule,
                    subject, why);
    else if (!enabled)
        faults_warn(faults, waiver->file, waiver->line, "the waiver of %s has no effect: no such rule is evaluated",
                    waiver->rule);
    else if (!fits)
        faults_warn(faults, waiver->file, waiver->line,
                    "the waiver of %s for %s matches nothing: the rule is about other subjects", waiver->rule, subject);
    if (str_equal(subject, "*") && str_equal(waiver->rule, "*"))
        faults_warn(faults, waiver->file, waiver->line, "this waiver covers every finding");
}

/* ---- Attestations ---- */

static void warn_of_attestation(const struct rule_set *rules, const struct attestation *attestation, usec_t now,
                                struct faults *faults)
{
    const struct rule *rule = rule_set_find(rules, attestation->rule);
    const char *subject = attestation->subject ? attestation->subject : "*";
    const char *why = why_it_matches_nothing(attestation->subject);
    char at[CLOCK_TEXT_SIZE];

    if (!rule)
        return; /* an error */
    if (attestation->expires && attestation->expires <= now)
        faults_warn(faults, attestation->file, attestation->line,
                    "the attestation of %s for %s has expired (%s) and no longer applies", attestation->rule, subject,
                    clock_format(attestation->expires, at));
    if (why || !scope_fits(attestation->subject, rule->check->subject))
        faults_warn(faults, attestation->file, attestation->line, "the attestation of %s for %s matches nothing: %s",
                    attestation->rule, subject, why ? why : M_("the rule is about other subjects"));
    else if (!rule->enabled)
        faults_warn(faults, attestation->file, attestation->line,
                    "the attestation of %s has no effect: the rule is not evaluated", attestation->rule);
    else if (rule->check->never_manual)
        faults_warn(faults, attestation->file, attestation->line,
                    "the attestation of %s has no effect: the rule is never manual", attestation->rule);
}

static void warn_of_exclusion(const struct exclusion *exclusion, struct faults *faults)
{
    const char *why = why_it_matches_nothing(exclusion->scope);

    if (why)
        faults_warn(faults, exclusion->file, exclusion->line, "exclude: %s matches nothing: %s", exclusion->scope, why);
    else if (str_equal(exclusion->scope, "name:*") || str_equal(exclusion->scope, "image:*"))
        faults_warn(faults, exclusion->file, exclusion->line, "exclude: %s leaves every container out",
                    exclusion->scope);
}

/* ---- The rest ---- */

static void warn_of_group(const struct config *config, struct faults *faults)
{
    const struct json *value = json_path(json_root(config->document), "socket", "group", NULL);

    if (value && config->socket_group && str_equal(config->host_root, "/") && !getgrnam(config->socket_group))
        faults_warn(faults, config_file_of(config, value), json_line(value),
                    "socket.group: %s: there is no such group on this host", config->socket_group);
}

static void warn_of_tls(const struct config *config, struct faults *faults)
{
    static const char *const keys[] = {"ca", "cert", "key"};
    const char *const paths[] = {config->tls_ca, config->tls_cert, config->tls_key};

    for (size_t i = 0; i < countof(keys); i++) {
        const struct json *value = json_path(json_root(config->document), "docker", "tls", keys[i], NULL);

        if (value && paths[i] && access(paths[i], F_OK) < 0)
            faults_warn(faults, config_file_of(config, value), json_line(value),
                        "docker.tls: %s: there is no such file", paths[i]);
    }
}

static void warn_of_scanner(const struct config *config, struct faults *faults)
{
    const struct json *value = json_path(json_root(config->document), "scanner", "command", NULL);

    for (size_t i = 0; i < config->scanner_command.count; i++)
        if (strstr(config->scanner_command.items[i], "{image}"))
            return;
    if (config->scanner_command.count)
        faults_warn(faults, config_file_of(config, value), json_line(value),
                    "scanner.command: no word contains {image}, which stands for the image's name");
}

void config_warn(const struct config *config, const struct rule_set *rules, usec_t now, struct faults *faults)
{
    warn_of_group(config, faults);
    warn_of_tls(config, faults);
    warn_of_scanner(config, faults);
    for (size_t i = 0; i < config->waiver_count; i++)
        warn_of_waiver(rules, &config->waivers[i], now, faults);
    for (size_t i = 0; i < config->attestation_count; i++)
        warn_of_attestation(rules, &config->attestations[i], now, faults);
    for (size_t i = 0; i < config->exclusion_count; i++)
        warn_of_exclusion(&config->exclusions[i], faults);
}
