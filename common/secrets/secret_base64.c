/* Base64 (RFC 4648) in texts that are searched for secrets. */
#include <ctype.h>

#include "common/secrets/secrets_internal.h"

/* The value of a digit of base64 (RFC 4648). */
static unsigned digit(char c)
{
    if (isupper((unsigned char)c))
        return (unsigned)(c - 'A');
    if (islower((unsigned char)c))
        return (unsigned)(c - 'a') + 26;
    return isdigit((unsigned char)c) ? (unsigned)(c - '0') + 52 : c == '+' ? 62 : 63;
}

size_t secret_decode(const char *text, size_t length, unsigned char *bytes, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i + 4 <= length && count + 3 <= max; i += 4) {
        unsigned group = digit(text[i]) << 18 | digit(text[i + 1]) << 12 | digit(text[i + 2]) << 6 | digit(text[i + 3]);

        bytes[count++] = (unsigned char)(group >> 16);
        bytes[count++] = (unsigned char)(group >> 8);
        bytes[count++] = (unsigned char)group;
    }
    return count;
}

bool secret_is_encoded_pair(const char *value, size_t length)
{
    enum { MIN = 8, MAX = 256 };
    unsigned char bytes[MAX];
    size_t count, colon = 0;

    while (length && value[length - 1] == '=')
        length--;
    if (length < MIN || length > MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!secret_is_base64_char(value[i]))
            return false;
    count = secret_decode(value, length, bytes, sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] < 0x20 || bytes[i] > 0x7e)
            return false;
        if (bytes[i] == ':' && i && !colon)
            colon = i;
    }
    return colon > 0;
}
