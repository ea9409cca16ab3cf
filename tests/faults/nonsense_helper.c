/* In the place of docker-bench-helper: as the file NONSENSE_ROLE says when it starts, which holds how to misbehave and
 * the name of a role (misbehaviour.h). Any other role becomes the real one, NONSENSE_HELPER. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "misbehaviour.h"

enum { SOCKET = 3 };

static void read_word(char word[32])
{
    const char *path = getenv("NONSENSE_ROLE");
    FILE *file = path ? fopen(path, "re") : NULL;

    *word = '\0';
    if (file && !fgets(word, 32, file))
        *word = '\0';
    if (file)
        fclose(file);
}

static void talk(void) __attribute__((noreturn));

static void talk(void)
{
    unsigned char noise[4096];

    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)(i * 131 + 7);
    for (size_t length = 1; send(SOCKET, noise, length, MSG_NOSIGNAL) >= 0; length = length * 7 % sizeof noise + 1)
        usleep(20000);
    exit(0);
}

int main(int argc, char **argv)
{
    const char *real = getenv("NONSENSE_HELPER");
    char word[32];

    if (argc < 2 || !real)
        return 1;
    read_word(word);
    if (*word && strcmp(word + 1, argv[1]) == 0)
        switch (*word) {
        case HELPER_TALKS_NONSENSE:
            talk();
        case HELPER_NEVER_BEGINS:
            return 1;
        case HELPER_IS_HELD:
            raise(SIGSTOP);
            break;
        default:
            return 1;
        }
    execv(real, argv);
    return 1;
}
