/* Secrets recognized by their own shape: known key formats, JSON web tokens, and keys that a mark within them gives
 * away. Private keys: secret_keys.c; passwords in URLs: secret_urls.c. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

enum charset {
    DIGIT,
    HEX,
    HEX_DASH,
    LOWER_ALNUM,
    UPPER_ALNUM,
    ALPHA,
    ALNUM,
    DASH,
    ALNUM_DASH,
    BASE64,
    URL_PATH,
    CRYPT
};

/* PREFIX, then from MIN to MAX characters of SET; the whole is not part of a longer word. MIXED: they are of several
 * kinds, as the prefix alone says little. */
static const struct format {
    const char *prefix, *kind;
    enum charset set;
    size_t min, max;
    bool mixed;
} formats[] = {
    {"AKIA", "AWS access key id", UPPER_ALNUM, 16, 16, false},
    {"ASIA", "AWS access key id", UPPER_ALNUM, 16, 16, false},
    {"ABIA", "AWS access key id", UPPER_ALNUM, 16, 16, false},
    {"ACCA", "AWS access key id", UPPER_ALNUM, 16, 16, false},
    {"ABSK", "AWS Bedrock key", BASE64, 100, 280, false},
    {"ghp_", "GitHub token", ALNUM, 36, 255, false},
    {"gho_", "GitHub token", ALNUM, 36, 255, false},
    {"ghu_", "GitHub token", ALNUM, 36, 255, false},
    {"ghs_", "GitHub token", ALNUM, 36, 255, false},
    {"ghr_", "GitHub token", ALNUM, 36, 255, false},
    {"github_pat_", "GitHub token", ALNUM_DASH, 40, 255, false},
    {"glpat-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"glptt-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"gldt-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"glrt-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"glcbt-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"glsoat-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"glft-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"glimt-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"glagent-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"gloas-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"glffct-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"GR1348941", "GitLab token", DASH, 20, 20, false},
    {"xoxb-", "Slack token", ALNUM_DASH, 20, 255, false},
    {"xoxp-", "Slack token", ALNUM_DASH, 20, 255, false},
    {"xoxa-", "Slack token", ALNUM_DASH, 20, 255, false},
    {"xoxs-", "Slack token", ALNUM_DASH, 20, 255, false},
    {"xoxr-", "Slack token", ALNUM_DASH, 20, 255, false},
    {"xoxe-", "Slack token", ALNUM_DASH, 20, 255, false},
    {"xapp-", "Slack token", ALNUM_DASH, 20, 255, false},
    {"xoxe.", "Slack token", ALNUM_DASH, 20, 255, false},
    {"hooks.slack.com/", "Slack webhook", URL_PATH, 40, 255, false},
    {"discord.com/api/webhooks/", "Discord webhook", URL_PATH, 60, 255, false},
    {"discordapp.com/api/webhooks/", "Discord webhook", URL_PATH, 60, 255, false},
    {"webhook.office.com/webhookb2/", "Teams webhook", URL_PATH, 40, 512, false},
    {"outlook.office.com/webhook/", "Teams webhook", URL_PATH, 40, 512, false},
    {"open.feishu.cn/open-apis/bot/v2/hook/", "Feishu webhook", URL_PATH, 30, 64, false},
    {"open.larksuite.com/open-apis/bot/v2/hook/", "Lark webhook", URL_PATH, 30, 64, false},
    {"qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", "WeCom webhook", URL_PATH, 30, 64, false},
    {"AIza", "Google API key", ALNUM_DASH, 35, 40, false},
    {"GOCSPX-", "Google client secret", DASH, 28, 40, false},
    {"ya29.", "Google OAuth token", ALNUM_DASH, 20, 2048, false},
    {"sk_live_", "Stripe key", ALNUM, 16, 255, false},
    {"rk_live_", "Stripe key", ALNUM, 16, 255, false},
    {"sk_test_", "Stripe key", ALNUM, 16, 255, false},
    {"rk_test_", "Stripe key", ALNUM, 16, 255, false},
    {"whsec_", "Stripe key", BASE64, 16, 255, false},
    {"SG.", "SendGrid key", ALNUM_DASH, 40, 255, false},
    {"SK", "Twilio key", HEX, 32, 32, true},
    {"key-", "Mailgun key", HEX, 32, 32, false},
    {"xkeysib-", "Brevo key", ALNUM_DASH, 64, 100, false},
    {"npm_", "npm token", ALNUM, 36, 36, false},
    {"pypi-AgEI", "PyPI token", ALNUM_DASH, 40, 1024, false},
    {"rubygems_", "RubyGems key", HEX, 48, 48, false},
    {"cio", "crates.io token", ALNUM, 32, 32, true},
    {"doo_v1_", "DigitalOcean token", HEX, 64, 64, false},
    {"dop_v1_", "DigitalOcean token", HEX, 64, 64, false},
    {"dor_v1_", "DigitalOcean token", HEX, 64, 64, false},
    {"hf_", "Hugging Face token", ALNUM, 34, 34, false},
    {"api_org_", "Hugging Face token", ALNUM, 34, 34, false},
    {"sk-ant-", "Anthropic key", ALNUM_DASH, 20, 255, false},
    {"sk-proj-", "OpenAI key", ALNUM_DASH, 20, 255, false},
    {"sk-svcacct-", "OpenAI key", ALNUM_DASH, 20, 255, false},
    {"sk-admin-", "OpenAI key", ALNUM_DASH, 20, 255, false},
    {"sk-", "API key of a language model", DASH, 20, 255, true},
    {"gsk_", "Groq key", ALNUM, 40, 80, false},
    {"xai-", "xAI key", ALNUM, 60, 120, false},
    {"pplx-", "Perplexity key", ALNUM, 40, 64, false},
    {"r8_", "Replicate token", ALNUM, 37, 37, false},
    {"tgp_v1_", "Together key", DASH, 40, 64, false},
    {"jina_", "Jina key", ALNUM, 40, 80, false},
    {"rpa_", "RunPod key", ALNUM, 40, 64, true},
    {"shpat_", "Shopify token", HEX, 32, 32, false},
    {"shpss_", "Shopify token", HEX, 32, 32, false},
    {"shppa_", "Shopify token", HEX, 32, 32, false},
    {"shpca_", "Shopify token", HEX, 32, 32, false},
    {"ATATT", "Atlassian token", BASE64, 60, 512, false},
    {"ATCTT", "Atlassian token", BASE64, 60, 512, false},
    {"ATBB", "Bitbucket token", ALNUM, 28, 64, true},
    {"dp.pt.", "Doppler token", ALNUM_DASH, 40, 80, false},
    {"dp.st.", "Doppler token", ALNUM_DASH, 40, 80, false},
    {"dp.ct.", "Doppler token", ALNUM_DASH, 40, 80, false},
    {"dp.sa.", "Doppler token", ALNUM_DASH, 40, 80, false},
    {"dp.scim.", "Doppler token", ALNUM_DASH, 40, 80, false},
    {"dp.audit.", "Doppler token", ALNUM_DASH, 40, 80, false},
    {"glsa_", "Grafana token", DASH, 41, 64, false},
    {"glc_", "Grafana token", BASE64, 32, 512, false},
    {"eyJrIjoi", "Grafana key", BASE64, 40, 512, false},
    {"hvs.", "Vault token", ALNUM_DASH, 24, 1024, false},
    {"hvb.", "Vault token", ALNUM_DASH, 60, 1024, false},
    {"hvr.", "Vault token", ALNUM_DASH, 60, 1024, false},
    {"s.", "Vault token", ALNUM, 24, 24, true},
    {"AGE-SECRET-KEY-1", "age key", UPPER_ALNUM, 40, 80, false},
    {"PMAK-", "Postman key", ALNUM_DASH, 50, 70, false},
    {"NRAK-", "New Relic key", ALNUM_DASH, 24, 50, false},
    {"NRII-", "New Relic key", ALNUM_DASH, 24, 50, false},
    {"NRIQ-", "New Relic key", ALNUM_DASH, 24, 50, false},
    {"NRSP-", "New Relic key", ALNUM_DASH, 24, 50, false},
    {"NRRA-", "New Relic key", ALNUM_DASH, 24, 50, false},
    {"sntrys_", "Sentry token", BASE64, 60, 512, false},
    {"sntryu_", "Sentry token", HEX, 64, 64, false},
    {"sq0atp-", "Square token", DASH, 22, 60, false},
    {"sq0csp-", "Square token", DASH, 22, 60, false},
    {"EAAA", "Square token", DASH, 55, 70, true},
    {"EAA", "Facebook token", ALNUM, 100, 255, true},
    {"sl.", "Dropbox token", ALNUM_DASH, 100, 2048, true},
    {"fo1_", "Fly.io token", DASH, 43, 43, false},
    {"fm1r_", "Fly.io token", BASE64, 80, 4096, false},
    {"fm1a_", "Fly.io token", BASE64, 80, 4096, false},
    {"fm2_", "Fly.io token", BASE64, 80, 4096, false},
    {"nfp_", "Netlify token", ALNUM, 36, 60, false},
    {"nfc_", "Netlify token", ALNUM, 36, 60, false},
    {"HRKU-", "Heroku key", DASH, 36, 80, false},
    {"v1.0-", "Cloudflare origin CA key", ALNUM_DASH, 150, 190, true},
    {"dapi", "Databricks token", HEX, 32, 32, false},
    {"dkea", "Databricks token", HEX, 32, 32, false},
    {"dose", "Databricks token", HEX, 32, 32, false},
    {"lin_api_", "Linear key", ALNUM, 40, 40, false},
    {"lin_oauth_", "Linear token", ALNUM, 32, 80, false},
    {"LTAI", "Alibaba Cloud access key id", ALNUM, 12, 24, true},
    {"AKID", "Tencent Cloud secret id", ALNUM, 32, 48, true},
    {"pul-", "Pulumi token", HEX, 40, 40, false},
    {"dt0c01.", "Dynatrace token", ALNUM_DASH, 80, 100, false},
    {"dt0s16.", "Dynatrace token", ALNUM_DASH, 80, 100, false},
    {"pat", "Airtable token", ALNUM_DASH, 79, 79, true},
    {"ntn_", "Notion token", ALNUM, 40, 50, false},
    {"secret_", "Notion token", ALNUM, 43, 43, true},
    {"figd_", "Figma token", DASH, 36, 60, false},
    {"CLOJARS_", "Clojars token", HEX, 60, 60, false},
    {"ops_eyJ", "1Password token", BASE64, 200, 4096, false},
    {"A3-", "1Password key", DASH, 32, 40, false},
    {"squ_", "SonarQube token", HEX, 40, 40, false},
    {"sqp_", "SonarQube token", HEX, 40, 40, false},
    {"sqa_", "SonarQube token", HEX, 40, 40, false},
    {"sgp_", "Sourcegraph token", DASH, 40, 70, true},
    {"pscale_tkn_", "PlanetScale token", ALNUM_DASH, 32, 64, false},
    {"pscale_pw_", "PlanetScale token", ALNUM_DASH, 32, 64, false},
    {"pscale_oauth_", "PlanetScale token", ALNUM_DASH, 32, 64, false},
    {"rdme_", "ReadMe key", LOWER_ALNUM, 70, 70, false},
    {"shippo_live_", "Shippo token", HEX, 40, 40, false},
    {"shippo_test_", "Shippo token", HEX, 40, 40, false},
    {"EZAK", "EasyPost key", ALNUM, 54, 54, false},
    {"EZTK", "EasyPost key", ALNUM, 54, 54, false},
    {"AKCp", "Artifactory key", ALNUM, 60, 80, true},
    {"cmVmd", "Artifactory token", ALNUM, 59, 59, true},
    {"sha256~", "OpenShift token", DASH, 43, 43, false},
    {"dckr_pat_", "Docker Hub token", ALNUM_DASH, 20, 255, false},
    {"dckr_oat_", "Docker Hub token", ALNUM_DASH, 20, 255, false},
    {"tskey-", "Tailscale key", DASH, 20, 80, false},
    {"sbp_", "Supabase token", HEX, 40, 40, false},
    {"API-", "Octopus key", UPPER_ALNUM, 25, 27, true},
    {"duffel_live_", "Duffel token", DASH, 43, 43, false},
    {"duffel_test_", "Duffel token", DASH, 43, 43, false},
    {"fio-u-", "Frame.io token", DASH, 64, 64, false},
    {"oy2", "NuGet key", LOWER_ALNUM, 43, 43, true},
    {"bkua_", "Buildkite token", HEX, 40, 40, false},
    {"bkct_", "Buildkite token", ALNUM_DASH, 20, 120, false},
    {"CCIPAT_", "CircleCI token", DASH, 40, 80, false},
    {"phx_", "PostHog key", ALNUM, 40, 60, false},
    {"pnu_", "Prefect key", ALNUM, 36, 36, false},
    {"glrtr-", "GitLab token", ALNUM_DASH, 20, 320, false},
    {"xoxd-", "Slack token", URL_PATH, 40, 400, false},
    {"access_token$production$", "Braintree token", CRYPT, 40, 80, false},
    {"access_token$sandbox$", "Braintree token", CRYPT, 40, 80, false},
    {"access-production-", "Plaid token", HEX_DASH, 36, 36, false},
    {"access-development-", "Plaid token", HEX_DASH, 36, 36, false},
    {"access-sandbox-", "Plaid token", HEX_DASH, 36, 36, false},
    {"rnd_", "Render key", ALNUM, 24, 48, true},
    {"lsv2_pt_", "LangSmith key", DASH, 32, 64, false},
    {"lsv2_sk_", "LangSmith key", DASH, 32, 64, false},
    {"sk-lf-", "Langfuse key", HEX_DASH, 36, 36, false},
    {"nvapi-", "NVIDIA key", DASH, 40, 100, false},
    {"ddapp_", "Datadog key", ALNUM, 32, 48, false},
    {"hcaik_", "Honeycomb key", ALNUM, 50, 70, false},
    {"hcxik_", "Honeycomb key", ALNUM, 50, 70, false},
    {"u+", "PagerDuty token", DASH, 18, 18, true},
    {"sdk-", "LaunchDarkly key", HEX_DASH, 36, 36, false},
    {"api-", "LaunchDarkly key", HEX_DASH, 36, 36, false},
    {"xaat-", "Axiom token", HEX_DASH, 36, 36, false},
    {"xapt-", "Axiom token", HEX_DASH, 36, 36, false},
    {"pat-na1-", "HubSpot token", HEX_DASH, 36, 36, false},
    {"pat-eu1-", "HubSpot token", HEX_DASH, 36, 36, false},
    {"st.", "Infisical token", ALNUM_DASH, 60, 120, true},
    {"sk.eyJ", "Mapbox token", ALNUM_DASH, 60, 200, false},
    {"p.eyJ", "Tinybird token", ALNUM_DASH, 60, 300, false},
    {"CFPAT-", "Contentful token", DASH, 40, 60, false},
    {"napi_", "Neon key", LOWER_ALNUM, 50, 80, false},
    {"FLWSECK-", "Flutterwave key", ALNUM_DASH, 32, 60, false},
    {"FLWSECK_TEST-", "Flutterwave key", ALNUM_DASH, 32, 60, false},
    {"g.alchemy.com/v2/", "Alchemy key", DASH, 20, 64, true},
    {"infura.io/v3/", "Infura key", HEX, 32, 32, false},
    {"infura.io/ws/v3/", "Infura key", HEX, 32, 32, false},
    {"quiknode.pro/", "QuickNode key", HEX, 32, 64, false},
    {"1//0", "Google refresh token", DASH, 40, 200, false},
    {"tvly-", "Tavily key", DASH, 28, 60, true},
    {"fc-", "Firecrawl key", HEX, 32, 32, false},
    {"e2b_", "E2B key", HEX, 40, 40, false},
    {"csk-", "Cerebras key", LOWER_ALNUM, 40, 64, true},
    {"fw_", "Fireworks key", ALNUM, 22, 48, true},
    {"pa-", "Voyage key", DASH, 40, 60, true},
    {"signkey-prod-", "Inngest key", HEX, 64, 64, false},
    {"signkey-test-", "Inngest key", HEX, 64, 64, false},
    {"mlsn.", "MailerSend token", HEX, 60, 70, false},
    {"token-", "Rancher token", ALNUM, 54, 54, false},
    {"kubeconfig-u-", "Rancher token", ALNUM_DASH, 54, 90, false},
    {"dt0s01.", "Dynatrace token", ALNUM_DASH, 80, 100, false},
    {"oauth:", "Twitch token", LOWER_ALNUM, 30, 30, true},
    {"nbp_", "NetBird token", ALNUM, 36, 36, false},
    {"ory_", "Ory token", DASH, 30, 60, true},
    {"snyk_uat.", "Snyk token", ALNUM_DASH, 40, 120, false},
    {"sl.u.", "Dropbox token", ALNUM_DASH, 60, 2048, true},
    {"EXO", "Exoscale key", HEX, 24, 26, true},
    {"ATSTT", "Atlassian token", BASE64, 60, 512, false},
    {"RGAPI-", "Riot key", HEX_DASH, 36, 36, false},
    {"claim-", "Plex claim", DASH, 20, 20, true},
    {"/hooks/", "Mattermost webhook", LOWER_ALNUM, 26, 26, true},
    {"/t/", "conda token", DASH, 32, 120, true},
    {"SWMTKN-1-", "swarm join token", ALNUM_DASH, 40, 255, false},
    {"SWMKEY-1-", "swarm unlock key", BASE64, 30, 255, false},
    {"eyJhbGciOi", "JSON web token", BASE64, 20, 8192, false},
    {"?sig=", "signed URL", URL_PATH, 20, 255, false},
    {"&sig=", "signed URL", URL_PATH, 20, 255, false},
    {"X-Amz-Signature=", "signed URL", ALNUM, 64, 64, false},
    {"$1$", "password hash", CRYPT, 20, 512, false},
    {"$5$", "password hash", CRYPT, 20, 512, false},
    {"$6$", "password hash", CRYPT, 20, 512, false},
    {"$7$", "password hash", CRYPT, 20, 512, false},
    {"$y$", "password hash", CRYPT, 20, 512, false},
    {"$gy$", "password hash", CRYPT, 20, 512, false},
    {"$2a$", "password hash", CRYPT, 40, 512, false},
    {"$2b$", "password hash", CRYPT, 40, 512, false},
    {"$2y$", "password hash", CRYPT, 40, 512, false},
    {"$$2y$$", "password hash", CRYPT, 40, 512, false},
    {"$$apr1$$", "password hash", CRYPT, 20, 512, false},
    {"$$6$$", "password hash", CRYPT, 20, 512, false},
    {"$apr1$", "password hash", CRYPT, 20, 512, false},
    {"$argon2", "password hash", CRYPT, 30, 512, false},
    {"$pbkdf2", "password hash", CRYPT, 30, 512, false},
    {"$scrypt$", "password hash", CRYPT, 30, 512, false},
    {"{SSHA}", "password hash", BASE64, 24, 512, false},
    {"{SSHA256}", "password hash", BASE64, 24, 512, false},
    {"{SSHA512}", "password hash", BASE64, 24, 512, false},
    {"{SHA}", "password hash", BASE64, 24, 512, false},
    {"{SMD5}", "password hash", BASE64, 24, 512, false},
    {"{PBKDF2}", "password hash", BASE64, 24, 512, false},
};

static bool in_set(char c, enum charset set)
{
    switch (set) {
    case DIGIT:
        return isdigit((unsigned char)c);
    case HEX:
        return isxdigit((unsigned char)c);
    case HEX_DASH:
        return isxdigit((unsigned char)c) || c == '-';
    case LOWER_ALNUM:
        return islower((unsigned char)c) || isdigit((unsigned char)c);
    case UPPER_ALNUM:
        return isupper((unsigned char)c) || isdigit((unsigned char)c);
    case ALPHA:
        return isalpha((unsigned char)c);
    case ALNUM:
        return isalnum((unsigned char)c);
    case DASH:
        return isalnum((unsigned char)c) || c == '-' || c == '_';
    case ALNUM_DASH:
        return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
    case BASE64:
        return isalnum((unsigned char)c) || (c && strchr("+/=-_.", c));
    case URL_PATH:
        return isalnum((unsigned char)c) || (c && strchr("-_./%@+=~", c));
    case CRYPT:
        return isalnum((unsigned char)c) || (c && strchr("./$=,+-_", c));
    }
    return false;
}

void secret_formats_index(struct secret_scan *scan)
{
    _Static_assert(countof(formats) <= INITIALS_ROWS, "more than an index holds");

    for (size_t i = countof(formats); i-- > 0;)
        initials_add(&scan->formats, i, *formats[i].prefix);
}

/* Is VALUE made of letters and digits as nobody writes them? */
static bool is_mixed(const char *value, size_t length)
{
    enum { LONG = 24 };
    size_t digits = 0, lower = 0, upper = 0, signs = 0;

    for (size_t i = 0; i < length; i++) {
        digits += isdigit((unsigned char)value[i]) != 0;
        lower += islower((unsigned char)value[i]) != 0;
        upper += isupper((unsigned char)value[i]) != 0;
        signs += !isalnum((unsigned char)value[i]);
    }
    return digits && lower + upper >= 2 &&
           ((lower && upper) || (digits * 8 >= length && (!signs || digits * 3 >= length)) ||
            (length >= LONG && !signs)); /* learn-job-of-2026-01 */
}

static size_t run_of_set(struct secret_scan *scan, size_t at, size_t max, enum charset set)
{
    size_t end = at;

    while (end < scan->length && end - at <= max && in_set(scan->text[end], set))
        end++;
    secret_take(scan, 2 * (end - at));
    return end - at;
}

/* A match unless it is a placeholder in the form of a key. What follows within it is none either. */
static bool report(struct secret_scan *scan, size_t at, size_t length, const char *kind, struct secret_match *ret)
{
    if (secret_is_filler(scan, scan->text + at, length)) {
        scan->no_format_before = at + length;
        return false;
    }
    *ret = (struct secret_match){.kind = kind, .value = scan->text + at, .value_length = length};
    return true;
}

static bool match_known(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { FORMAT_STEPS = 4 };
    const char *text = scan->text;
    size_t length = scan->length;
    bool in_word = at && (isalnum((unsigned char)text[at - 1]) || text[at - 1] == '_');

    if ((in_word && isalnum((unsigned char)text[at])) || at < scan->no_format_before)
        return false;
    for (size_t i = initials_first(&scan->formats, text[at]); i; i = initials_next(&scan->formats, i)) {
        const struct format *format = &formats[i - 1];
        size_t prefix, run;

        secret_take(scan, FORMAT_STEPS);
        if (text[at] != *format->prefix)
            continue;
        prefix = strlen(format->prefix);
        if (length - at < prefix || memcmp(text + at, format->prefix, prefix) != 0)
            continue;
        run = run_of_set(scan, at + prefix, format->max, format->set);
        if (run < format->min || (run > format->max && (format->min == format->max || format->mixed)))
            continue;
        while (at + prefix + run < length && format->min != format->max && in_set(text[at + prefix + run], format->set))
            run++;
        secret_take(scan, 2 * run);
        if (format->min == format->max && at + prefix + run < length && isalnum((unsigned char)text[at + prefix + run]))
            continue;
        if (format->mixed && !is_mixed(text + at + prefix, run))
            continue;
        return report(scan, at, prefix + run, format->kind, ret);
    }
    return false;
}

/* From BEFORE_MIN to BEFORE_MAX characters of a set, a mark, from MIN to MAX of another set, and an ending. */
static const struct marked {
    const char *mark, *kind;
    enum charset before;
    size_t before_min, before_max;
    enum charset set;
    size_t min, max;
    const char *ending;
} marked[] = {
    {":AA", "Telegram token", DIGIT, 8, 10, DASH, 33, 33, ""},
    {".atlasv1.", "Terraform Cloud token", ALNUM, 14, 14, DASH, 60, 80, ""},
    {"-us", "Mailchimp key", HEX, 32, 32, DIGIT, 1, 2, ""},
    {"NRAL", "New Relic key", HEX, 36, 36, ALNUM, 0, 0, ""},
    {"_", "MaxMind key", ALNUM, 6, 6, ALNUM, 29, 29, "_mmk"},
    {":APA91b", "Firebase key", ALNUM, 11, 11, DASH, 120, 180, ""},
    {"!A", "Salesforce session", ALNUM, 15, 18, ALNUM_DASH, 60, 200, ""},
    {":", "Asana token", DIGIT, 15, 17, HEX, 32, 32, ""},
};

/* AT begins a word. */
static bool match_marked(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { BEFORE_MAX = 40, MARK_STEPS = 16 };
    const char *text = scan->text;
    size_t runs[ALNUM + 1] = {0}, end;

    if (!isalnum((unsigned char)text[at]) || at < scan->no_format_before ||
        (at && (isalnum((unsigned char)text[at - 1]) || text[at - 1] == '_')))
        return false;
    if (secret_is_word(scan, at, "bot")) /* api.telegram.org/bot… */
        at += strlen("bot");
    secret_take(scan, MARK_STEPS);
    runs[DIGIT] = run_of_set(scan, at, BEFORE_MAX, DIGIT);
    runs[HEX] = run_of_set(scan, at, BEFORE_MAX, HEX);
    runs[ALNUM] = run_of_set(scan, at, BEFORE_MAX, ALNUM);
    for (size_t i = 0; i < countof(marked); i++) {
        const struct marked *row = &marked[i];
        size_t before = runs[row->before], run;

        if (before < row->before_min || before > row->before_max || !secret_is_word(scan, at + before, row->mark))
            continue;
        end = at + before + strlen(row->mark);
        run = run_of_set(scan, end, row->max, row->set);
        end += run;
        if (run < row->min || run > row->max || (*row->ending && !secret_is_word(scan, end, row->ending)))
            continue;
        end += strlen(row->ending);
        if (end < scan->length && isalnum((unsigned char)text[end]))
            continue;
        return report(scan, at, end - at, row->kind, ret);
    }
    return false;
}

static bool in_azure_set(char c)
{
    return in_set(c, ALNUM_DASH) || c == '~';
}

/* What dots or signs in certain places give away: a Discord bot's token (three parts, the first is its number in
 * base64), a client secret of Azure (…8Q~…). AT begins a word. */
static bool match_places(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum {
        FIRST_MIN = 23,
        FIRST_MAX = 28,
        SECOND = 6,
        THIRD_MIN = 27,
        THIRD_MAX = 40,
        SIGN_AT = 4,
        AZURE_MIN = 36,
        AZURE_MAX = 42
    };
    const char *text = scan->text;
    size_t first, second, third;

    if (at < scan->no_format_before || (at && (isalnum((unsigned char)text[at - 1]) || text[at - 1] == '_')))
        return false;
    if (scan->length - at > SIGN_AT + 1 && text[at + SIGN_AT] == 'Q' && text[at + SIGN_AT + 1] == '~' &&
        isdigit((unsigned char)text[at + SIGN_AT - 1])) {
        third = SIGN_AT + 2;
        while (at + third < scan->length && third < AZURE_MAX && in_azure_set(text[at + third]))
            third++;
        secret_take(scan, third);
        return third >= AZURE_MIN && third < AZURE_MAX && report(scan, at, third, "Azure client secret", ret);
    }
    if (text[at] != 'M' && text[at] != 'N' && text[at] != 'O')
        return false;
    first = run_of_set(scan, at, FIRST_MAX, DASH);
    if (first < FIRST_MIN || first > FIRST_MAX || !secret_is_word(scan, at + first, "."))
        return false;
    second = run_of_set(scan, at + first + 1, SECOND, DASH);
    if (second != SECOND || !secret_is_word(scan, at + first + 1 + second, "."))
        return false;
    third = run_of_set(scan, at + first + second + 2, THIRD_MAX, DASH);
    return third >= THIRD_MIN && third <= THIRD_MAX &&
           report(scan, at, first + second + third + 2, "Discord token", ret);
}

/* corp_pat_4fGh…: one to three short words in small letters, a '_' or '-' after each, and a long tail of letters of
 * both cases and digits, as vendors make tokens. What is public says so in its words; digests name what made them. */
static bool match_prefixed(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    enum { WORDS_MAX = 3, WORD_MIN = 2, WORD_MAX = 10, TAIL_MIN = 28, TAIL_MAX = 160, CASE_CHANGES = 5 };
    static const char *const harmless[] = {"pk",  "pub",  "phc",  "sha", "anon", "site", "public", "publishable",
                                           "key", "hash", "blob", "id",  "uid",  "etag", "g",      "integrity",
                                           "rev", "rsa",  "dss",  "cid", "sum",  "md5",  "build",  "layer"};
    const char *text = scan->text;
    size_t end = at, tail, changes = 0;
    int words = 0;

    if (!islower((unsigned char)text[at]) || at < scan->no_format_before ||
        (at && (isalnum((unsigned char)text[at - 1]) || strchr("_-./%&?", text[at - 1]))))
        return false;
    while (words < WORDS_MAX) {
        size_t word = end;

        while (end < scan->length && end - word <= WORD_MAX &&
               (islower((unsigned char)text[end]) || isdigit((unsigned char)text[end])))
            end++;
        secret_take(scan, 2 * (end - word + 1));
        if (end - word < WORD_MIN || end - word > WORD_MAX || end >= scan->length || !strchr("_-", text[end]) ||
            !text[end])
            break;
        for (size_t i = 0; i < countof(harmless); i++)
            if (strncmp(text + word, harmless[i], strlen(harmless[i])) == 0 &&
                !islower((unsigned char)text[word + strlen(harmless[i])]))
                return false;
        words++;
        end++;
    }
    if (!words)
        return false;
    while (text[end - 1] != '_' && text[end - 1] != '-')
        end--;
    tail = run_of_set(scan, end, TAIL_MAX, ALNUM);
    for (size_t i = end + 1; i < end + tail; i++)
        changes += (isupper((unsigned char)text[i]) != 0) != (isupper((unsigned char)text[i - 1]) != 0);
    if (tail < TAIL_MIN || tail > TAIL_MAX || changes < CASE_CHANGES || !is_mixed(text + end, tail) ||
        (end + tail < scan->length && text[end + tail] && strchr("_-./", text[end + tail])))
        return false;
    return report(scan, at, end + tail - at, "token", ret);
}

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Three parts with dots between; the first two are JSON objects, so they begin with eyJ. Where one that begins in a
 * part comes to nothing, so does what begins later in it. */
static bool match_json_web_token(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    const char *text = scan->text;
    size_t end = at, length = scan->length;

    if (text[at] != 'e' || at < scan->no_token_before || at < scan->no_format_before ||
        (at && isalnum((unsigned char)text[at - 1])))
        return false;
    for (int part = 0; part < 3; part++) {
        size_t start = end;

        if (part < 2 && (length - end < 3 || memcmp(text + end, "eyJ", 3) != 0))
            return false;
        while (end < length && is_token_char(text[end]))
            end++;
        secret_take(scan, 2 * (end - start));
        if (part == 0)
            scan->no_token_before = end;
        if (end - start < 8 || (part < 2 && (end >= length || text[end++] != '.')))
            return false;
    }
    return report(scan, at, end - at, "JSON web token", ret);
}

bool secret_match_format(struct secret_scan *scan, size_t at, struct secret_match *ret)
{
    return secret_match_key(scan, at, ret) || match_json_web_token(scan, at, ret) || match_known(scan, at, ret) ||
           match_marked(scan, at, ret) || match_places(scan, at, ret) || match_prefixed(scan, at, ret) ||
           secret_match_url(scan, at, ret);
}
