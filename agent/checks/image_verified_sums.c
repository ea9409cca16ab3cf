/* Does a RUN step compare checksums or signatures: 4.11. */
#include <string.h>

#include "agent/checks/image_verified.h"
#include "common/str.h"

/* Sums alone prove nothing: they are compared by the program, or by what takes them. */
static bool compares_sum(const struct shell_command *command)
{
    static const char *const programs[] = {"sha256sum", "sha512sum", "sha1sum", "sha384sum", "sha224sum",
                                           "md5sum",    "shasum",    "b2sum",   "b3sum",     "cksum",
                                           "rhash",     "openssl",   "sha3sum", NULL};

    if (!shell_is_one_of(command->program, programs))
        return false;
    if (command->pipe || command->inside)
        return true;
    if (strcmp(command->program, "openssl") == 0)
        return false;
    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        if (str_starts(word, "--c") || (word[0] == '-' && word[1] != '-' && strpbrk(word, "cC")))
            return true;
    }
    return false;
}

static bool verifies(const struct shell_command *command)
{
    static const char *const programs[] = {"cosign",       "minisign",      "gpgv",          "signify",  "jarsigner",
                                           "Get-FileHash", "debsig-verify", "slsa-verifier", "dpkg-sig", NULL};
    static const char *const words[] = {"--verify",  "--checksig", "--require-hashes", "-verify", "--verify-files",
                                        "--decrypt", NULL};
    const char *name = command->program;

    if (shell_is_one_of(name, programs) || compares_sum(command))
        return true;
    for (size_t i = 1; i < command->words.count; i++) {
        const char *word = command->words.items[i].text;

        if (word[0] != '-')
            continue;
        if (str_starts(word, "--checksum") || shell_is_one_of(word, words) ||
            (str_starts(name, "rpm") && word[0] == '-' && word[1] != '-' && strchr(word, 'K')))
            return true;
    }
    return false;
}

bool verified_sums(const struct shell_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        if (verifies(line->items[i]))
            return true;
    return false;
}
