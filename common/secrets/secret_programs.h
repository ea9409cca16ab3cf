/* The programs that take a password, and by what: a part of the search for secrets (secrets.h). */
#ifndef COMMON_SECRETS_SECRET_PROGRAMS_H
#define COMMON_SECRETS_SECRET_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/secrets/secrets_internal.h"

enum secret_form {
    FLAG_JOINED,   /* -pVALUE, with nothing between */
    FLAG_SHORT,    /* -pVALUE or -p VALUE, also after other letters: -sSLu VALUE */
    FLAG_WORD,     /* -passin VALUE or -passin=VALUE */
    ARGUMENT,      /* the first word after SUBCOMMAND that is not a flag */
    ARGUMENT_2,    /* the second one */
    ARGUMENT_3,    /* the third one, and the fifth */
    ARGUMENT_4,    /* the fourth one */
    ARGUMENT_LAST, /* the last one of the command; FLAG: only where it is given */
    SETTING,       /* SUBCOMMAND NAME VALUE, of a NAME that is a secret's */
    SETTING_LAST,  /* SUBCOMMAND … NAME VALUE, the last two words */
    SIGN_IN,       /* USER VALUE, its only words; VALUE is no word itself */
    LOGON,         /* user/VALUE@database; FLAG: only with the @ */
    INPUT,         /* it may read one: secret_input.c */
    WORDS,         /* its words are its output */
    COPY,          /* its input is */
    NETRC,         /* no program, but what begins an entry of a .netrc */
};

struct secret_program {
    const char *name;
    enum secret_form form;
    const char *subcommand; /* a word before it; NULL: any */
    const char *flag;
    const char *cluster; /* FLAG_SHORT: letters that may precede it */
    const char *after;   /* the password follows this; without it there is none */
    bool first;          /* only where a command begins: the name is also a package's, or a word */
};

extern const struct secret_program secret_programs[];
extern const size_t secret_program_count;

#endif
