/* The languages of texts for people. */
#ifndef COMMON_LANGUAGE_H
#define COMMON_LANGUAGE_H

enum language { LANGUAGE_EN, LANGUAGE_ZH, LANGUAGE_COUNT };

/* Marks a text that is translated elsewhere, for tests/words; its value is the text itself. */
#define N_(english) english

#endif
