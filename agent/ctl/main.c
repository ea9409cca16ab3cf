/* agentctl: reads its arguments, runs one command. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <string.h>

#include "agent/ctl/ctl.h"
#include "common/memory.h"
#include "common/text.h"

static const struct command {
    const char *name;
    ctl_command *run;
    const char *options; /* its own options, each followed by a blank */
    const char *help;
} commands[] = {
    {"status", ctl_status, "", "the engine, the score, the counts and the worst findings"},
    {"findings", ctl_findings, "rule section status severity subject kind waived limit all ",
     "findings, by default those that fail or could not be evaluated"},
    {"rules", ctl_rules, "section ", "every rule with its verdict"},
    {"explain", ctl_explain, "", "RULE: why it matters, how to fix it, its findings"},
    {"watch", ctl_watch, "since ", "changes as they happen"},
    {"history", ctl_history, "since until rule section status severity subject kind waived limit ",
     "what changed, by default in the last 24 hours"},
    {"diff", ctl_diff, "all ", "SINCE [UNTIL]: what was opened and closed, and the score then and now"},
    {"scan", ctl_scan, "", "evaluate everything again (root only)"},
    {"check", ctl_check, "fail-on ", "exit 1 when something at or above --fail-on SEVERITY fails"},
    {"resend", ctl_resend, "", "SINK: send a sink, by its address or type, all that is open again (root only)"},
    {"ack", ctl_ack, "", "EXEC REASON: acknowledge an exec finding (root only)"},
    {"metrics", ctl_metrics, "textfile ", "the agent in numbers, in Prometheus' text format"},
    {"version", ctl_version, "", "versions of this program and of the agent"},
};

static const char *const help_of_options[] = {
    "      --socket PATH   the agent's socket (default /run/docker-bench-agent/agent.sock)",
    "      --json          print exactly what the API answers",
    "      --lang en|zh    language of the texts (default: that of the locale)",
    "      --no-color      no colours",
    "  -h, --help          print this help",
    "",
    "findings: --rule RULE --section N --status S,S --severity S,S --subject GLOB|ID --kind KIND",
    "          --waived true|false --limit N --all (every status)",
    "watch:    --since SEQ",
    "history:  --since TIME --until TIME, and the options of findings but --all; --kind agent: the agent",
    "          itself, and what people did. TIME: yesterday, today, 2h, 3d, 2026-11-24, \"2026-11-24 09:30\"",
    "          (local time)",
    "diff:     TIME as for history; --all (what is still open too)",
    "check:    --fail-on low|medium|high|critical (default high)",
    "metrics:  --textfile FILE (written beside it and renamed: for node_exporter's textfile collector)",
    "",
    "Exit status: 0 done, 1 check found some, 2 usage, 3 agent unreachable, 4 agent answered with an error,",
    "5 cannot write the output.",
};

static void print_help(void)
{
    puts("Usage: agentctl [OPTION]... COMMAND [ARGUMENT]...\nQueries the docker-bench-agent that runs on this host.\n");
    for (size_t i = 0; i < countof(commands); i++)
        printf("  %-9s %s\n", commands[i].name, commands[i].help);
    puts("");
    for (size_t i = 0; i < countof(help_of_options); i++)
        puts(help_of_options[i]);
}

static bool wants_chinese(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < countof(names); i++)
        if (!str_empty(getenv(names[i])))
            return str_starts(getenv(names[i]), "zh");
    return false;
}

/* An option that a command would not look at is a mistake that must not pass unseen. */
static bool refuse_options(const struct command *command, const char *given)
{
    for (const char *at = given; *at; at = strchr(at, ' ') + 1) {
        scoped(cleanup_free) char *name = mem_strndup(at, strcspn(at, " ") + 1);
        const char *found = strstr(command->options, name);

        if (!found || (found > command->options && found[-1] != ' ')) {
            name[strlen(name) - 1] = '\0';
            ctl_usage("%s takes no --%s", command->name, name);
            return true;
        }
    }
    return false;
}

static int unknown_command(const char *word)
{
    const char *nearest = NULL;
    size_t least = 4;

    for (size_t i = 0; i < countof(commands); i++) {
        size_t distance = text_distance(commands[i].name, word);

        if (distance < least) {
            least = distance;
            nearest = commands[i].name;
        }
    }
    return nearest ? ctl_usage("unknown command \"%.64s\"; did you mean \"%s\"?", word, nearest)
                   : ctl_usage("unknown command \"%.64s\"", word);
}

/* A disk that is full, a pipe that nobody reads: what was printed in part must not end as if it were whole. */
static int flush_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "agentctl: cannot write: %s\n", strerror(errno));
    return EXIT_UNWRITTEN;
}

int main(int argc, char **argv)
{
    enum { JSON = 256, NO_COLOR, ALL, LANG, FIRST_TEXT };
    struct ctl ctl = {.socket = "/run/docker-bench-agent/agent.sock", .zh = wants_chinese()};
    bool no_color = false;
    const char **const texts[] = {&ctl.socket,  &ctl.rule,     &ctl.section, &ctl.status, &ctl.severity,
                                  &ctl.subject, &ctl.kind,     &ctl.waived,  &ctl.limit,  &ctl.since,
                                  &ctl.fail_on, &ctl.textfile, &ctl.until};
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, JSON},
        {"no-color", no_argument, NULL, NO_COLOR},
        {"all", no_argument, NULL, ALL},
        {"lang", required_argument, NULL, LANG},
        {"socket", required_argument, NULL, FIRST_TEXT},
        {"rule", required_argument, NULL, FIRST_TEXT + 1},
        {"section", required_argument, NULL, FIRST_TEXT + 2},
        {"status", required_argument, NULL, FIRST_TEXT + 3},
        {"severity", required_argument, NULL, FIRST_TEXT + 4},
        {"subject", required_argument, NULL, FIRST_TEXT + 5},
        {"kind", required_argument, NULL, FIRST_TEXT + 6},
        {"waived", required_argument, NULL, FIRST_TEXT + 7},
        {"limit", required_argument, NULL, FIRST_TEXT + 8},
        {"since", required_argument, NULL, FIRST_TEXT + 9},
        {"fail-on", required_argument, NULL, FIRST_TEXT + 10},
        {"textfile", required_argument, NULL, FIRST_TEXT + 11},
        {"until", required_argument, NULL, FIRST_TEXT + 12},
        {NULL, 0, NULL, 0},
    };
    scoped_str given = STR_INIT; /* options of single commands */
    int option, at = 0;

    setlocale(LC_CTYPE, "");
    while ((option = getopt_long(argc, argv, "h", options, &at)) >= 0) {
        if (option == 'h') {
            print_help();
            return flush_output(0);
        } else if (option == JSON) {
            ctl.json = true;
        } else if (option == NO_COLOR) {
            no_color = true;
        } else if (option == ALL) {
            ctl.all = true;
            str_printf(&given, "all ");
        } else if (option == LANG) {
            if (strcmp(optarg, "en") != 0 && strcmp(optarg, "zh") != 0)
                return ctl_usage("--lang takes en or zh");
            ctl.zh = strcmp(optarg, "zh") == 0;
        } else if (option >= FIRST_TEXT) {
            *texts[option - FIRST_TEXT] = optarg;
            if (option > FIRST_TEXT)
                str_printf(&given, "%s ", options[at].name);
        } else {
            fputs("Try 'agentctl --help'.\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return ctl_usage("missing command, such as status");
    ctl.terminal = terminal_of_stdout(no_color);
    ctl.words = argv + optind + 1;
    ctl.word_count = argc - optind - 1;
    for (size_t i = 0; i < countof(commands); i++)
        if (strcmp(commands[i].name, argv[optind]) == 0) {
            if (ctl.word_count && commands[i].run != ctl_explain && commands[i].run != ctl_ack &&
                commands[i].run != ctl_resend && commands[i].run != ctl_diff)
                return ctl_usage("%s takes no argument, not \"%.64s\"", commands[i].name, ctl.words[0]);
            if (refuse_options(&commands[i], str_text(&given)))
                return EXIT_USAGE;
            return flush_output(commands[i].run(&ctl));
        }
    return unknown_command(argv[optind]);
}
