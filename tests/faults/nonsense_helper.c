/* In the place of docker-bench-helper: while the file NONSENSE_ROLE holds the name of its role, it answers nonsense to
 * whatever it is asked, with a "-" before it it ends at once; else it becomes the real one, NONSENSE_HELPER. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

int main(int argc, char **argv)
{
    const char *real = getenv("NONSENSE_HELPER");
    unsigned char noise[4096];
    char word[32];

    if (argc < 2 || !real)
        return 1;
    read_word(word);
    if (*word == '-' && strcmp(word + 1, argv[1]) == 0)
        return 1;
    if (strcmp(word, argv[1]) != 0) {
        execv(real, argv);
        return 1;
    }
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)(i * 131 + 7);
    for (size_t length = 1; send(SOCKET, noise, length, MSG_NOSIGNAL) >= 0; length = length * 7 % sizeof noise + 1)
        usleep(20000);
    return 0;
}
