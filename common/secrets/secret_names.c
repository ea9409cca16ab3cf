/* Names that indicate a secret (DB_PASSWORD, api-key, authToken, 密码), and names that only speak of one: where it is
 * kept, how long it lives, of what kind it is. */
#include <ctype.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/secrets/secrets_internal.h"

enum { NAME_MAX_LENGTH = 128 };

/* What a name says of its value. */
enum meaning {
    MEANS_NOTHING,
    MEANS_ABOUT,  /* it speaks of a secret: what is random is one nevertheless */
    MEANS_PLACE,  /* where a secret is, or its checksum: never one */
    MEANS_KEY,    /* a key, maybe one that opens something: if it is random */
    MEANS_CHOICE, /* a secret, or the choice of a method: AUTH */
    MEANS_PAIR,   /* user:password, or something else */
    MEANS_SECRET,
};

/* A name in upper case with '_' between its words and at both ends, so that _WORD_ is found in it as a word. */
struct name {
    char text[2 * NAME_MAX_LENGTH + 3];
    size_t length;
    bool ascii;
};

/* authToken, auth-token and auth.token are _AUTH_TOKEN_. */
static bool normalize(const char *raw, size_t length, struct name *ret)
{
    size_t n = 0;

    if (!length || length > NAME_MAX_LENGTH)
        return false;
    ret->ascii = true;
    ret->text[n++] = '_';
    for (size_t i = 0; i < length; i++) {
        if (!raw[i])
            return false;
        if (i && isupper((unsigned char)raw[i]) && islower((unsigned char)raw[i - 1]))
            ret->text[n++] = '_';
        ret->ascii &= (unsigned char)raw[i] < 0x80;
        ret->text[n++] = strchr("-./ :", raw[i]) ? '_' : (char)toupper((unsigned char)raw[i]);
    }
    if (ret->text[n - 1] != '_')
        ret->text[n++] = '_';
    ret->text[n] = '\0';
    ret->length = n;
    return true;
}

static bool ends_with(const struct name *name, const char *end)
{
    size_t size = strlen(end);

    return name->length > size && memcmp(name->text + name->length - 1 - size, end, size) == 0;
}

static bool ends_with_one_of(const struct name *name, const char *const *ends, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

static bool has_one_of(const struct name *name, const char *const *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(name->text, parts[i]))
            return true;
    return false;
}

/* Is WORD in NAME, with no letter before or after it? */
static bool has_word(const struct name *name, const char *word)
{
    size_t size = strlen(word);

    for (const char *at = strstr(name->text, word); at; at = strstr(at + 1, word))
        if (at > name->text && at[-1] == '_' && (at[size] == '_' || isdigit((unsigned char)at[size])))
            return true;
    return false;
}

/* Is PART in NAME, and nowhere followed or preceded by what makes another word of it? */
static bool has_part(const struct name *name, const char *part)
{
    static const char *const after[][2] = {{"TOKEN", "IZ"},           {"TOKEN", "IS"},         {"SECRET", "AR"},
                                           {"PASSWORD", "LESS"},      {"PASSWORD", "AUTH"},    {"PASSWORD", "_AUTH"},
                                           {"CREDENTIAL", "_HELPER"}, {"CREDENTIAL", "HELPER"}};
    static const char *const before[][2] = {{"PASSWD", "HT"}, {"TOKEN", "SUPER"}, {"SECRET", "LIB"}};

    for (const char *at = strstr(name->text, part); at; at = strstr(at + 1, part)) {
        bool other = false;

        for (size_t i = 0; i < countof(after); i++)
            other |=
                strcmp(part, after[i][0]) == 0 && strncmp(at + strlen(part), after[i][1], strlen(after[i][1])) == 0;
        for (size_t i = 0; i < countof(before); i++)
            other |= strcmp(part, before[i][0]) == 0 && (size_t)(at - name->text) >= strlen(before[i][1]) &&
                     strncmp(at - strlen(before[i][1]), before[i][1], strlen(before[i][1])) == 0;
        if (!other)
            return true;
    }
    return false;
}

/* Does a word of NAME end in END, as DBPASS and ROOTPW do? COMPASS does not. */
static bool has_word_ending(const struct name *name, const char *end)
{
    static const char *const others[] = {"COMPASS",   "BYPASS",   "TRESPASS", "ENCOMPASS", "SURPASS",   "OVERPASS",
                                         "UNDERPASS", "HIGHPASS", "LOWPASS",  "BANDPASS",  "MULTIPASS", "SINGLEPASS"};
    enum { MIN = 4 };
    size_t size = strlen(end);

    for (const char *at = strstr(name->text, end); at; at = strstr(at + 1, end)) {
        const char *word = at;
        bool other = false;

        if (at[size] != '_' && !isdigit((unsigned char)at[size]))
            continue;
        while (word[-1] != '_')
            word--;
        other = at + size - word < MIN && word != at; /* PPW of mysql -ppw1 */
        for (size_t i = 0; i < countof(others); i++)
            other |=
                strlen(others[i]) == (size_t)(at + size - word) && strncmp(word, others[i], strlen(others[i])) == 0;
        if (!other)
            return true;
    }
    return false;
}

/* ---- What names say ---- */

/* Does the name end in a word that makes it the place of a secret, or what it is compared with: PASSWORD_FILE? */
static bool is_place(const struct name *name)
{
    static const char *const endings[] = {
        "_FILE",          "_FILES",         "_FILENAME",    "_PATH",       "_DIR",
        "_DIRECTORY",     "_FOLDER",        "_SHA256",      "_SHA512",     "_SHA384",
        "_SHA1",          "_SHA",           "_MD5",         "_SUM",        "_CHECKSUM",
        "_DIGEST",        "_VERSION",       "_SOCK",        "_TOKEN_MINT", "_TOKEN_CONTRACT",
        "_TOKEN_ADDRESS", "_TOKEN_PROGRAM", "_FINGERPRINT", "_SOCKET",     "_ARN",
        "_LOCATION",      "_COMMIT",        "FILE",         "ALIAS"};
    static const char *const parts[] = {"ASKPASS", "PUBLIC", "_PUBKEY_", "PUBLISHABLE", "_FINGERPRINT"};

    return ends_with_one_of(name, endings, countof(endings)) || has_one_of(name, parts, countof(parts));
}

/* Does a word make it an attribute of a secret rather than a secret: SECRET_NAME, TOKEN_TTL, MAX_TOKENS? Rails'
 * SECRET_KEY_BASE is a secret. */
static bool is_about_secret(const struct name *name)
{
    static const char *const endings[] = {
        "_ACTION",       "_ADDR",       "_ADDRESS",     "_AGE",           "_ALG",         "_ALGO",
        "_ALGORITHM",    "_ALGORITHMS", "_ALIAS",       "_AMOUNT",        "_ATTEMPTS",    "_ATTRIBUTE",
        "_ATTR",         "_AUDIENCE",   "_BACKEND",     "_BACKENDS",      "_BASE",        "_BITS",
        "_BUCKET",       "_BUDGET",     "_BYTES",       "_CACHE",         "_CALLBACK",    "_CHAIN",
        "_CHARACTERS",   "_CHARS",      "_CHARSET",     "_CHECK",         "_CLAIM",       "_CLASS",
        "_COLUMN",       "_COMMAND",    "_COMPLEXITY",  "_CONFIG",        "_CONTRACT",    "_COOKIE_NAME",
        "_COST",         "_COUNT",      "_CURVE",       "_DATABASE",      "_DAYS",        "_DECIMALS",
        "_DISABLED",     "_DOMAIN",     "_DRIVER",      "_DURATION",      "_EMAIL",       "_ENABLE",
        "_ENABLED",      "_ENCODER",    "_ENCODING",    "_ENCRYPTION",    "_ENDPOINT",    "_ENGINE",
        "_ENV",          "_EXCHANGE",   "_EXPIRATION",  "_EXPIRE",        "_EXPIRES",     "_EXPIRES_IN",
        "_EXPIRE_IN",    "_EXPIRY",     "_FD",          "_FIELD",         "_FLOW",        "_FORMAT",
        "_FROM_ENV",     "_GENERATOR",  "_GRANT_TYPE",  "_GROUP",         "_HASH",        "_HASHER",
        "_HASHERS",      "_HASHING",    "_HEADER",      "_HEADERS",       "_HELPER",      "_HINT",
        "_HISTORY",      "_HOST",       "_HOSTNAME",    "_HOSTS",         "_HOURS",       "_ID_FILE",
        "_INDEX",        "_INTERVAL",   "_ISSUER",      "_ITERATIONS",    "_KIND",        "_LABEL",
        "_LENGTH",       "_LEVEL",      "_LIFETIME",    "_LIMIT",         "_LIMITS",      "_LISTEN",
        "_LOGIN",        "_LOGINS",     "_MANAGER",     "_MAPPING",       "_MAX",         "_MECHANISM",
        "_MECHANISMS",   "_METHOD",     "_METHODS",     "_MIN",           "_MINUTES",     "_MODE",
        "_MODEL",        "_MODULE",     "_MOUNT",       "_NAME",          "_NAMES",       "_NAMESPACE",
        "_NETWORK",      "_ORIGIN",     "_ORIGINS",     "_PARAM",         "_PARAMETER",   "_PATTERN",
        "_PER_MINUTE",   "_PER_SECOND", "_PLUGIN",      "_POLICY",        "_PORT",        "_PREFIX",
        "_PROJECT",      "_PROMPT",     "_PROPERTY",    "_PROTECTED",     "_PROVIDER",    "_PROVIDERS",
        "_QUALITY",      "_RATE",       "_RE",          "_REALM",         "_REF",         "_REFRESH",
        "_REGEX",        "_REGEXP",     "_REGION",      "_REPO",          "_REQUIRED",    "_RESOURCE",
        "_RETRIES",      "_ROLE",       "_ROTATION",    "_ROUNDS",        "_ROUTE",       "_SAMESITE",
        "_SCAN",         "_SCANNING",   "_SCHEME",      "_SCOPE",         "_SCOPES",      "_SECONDS",
        "_SECURE",       "_SELECTOR",   "_SERVER",      "_SERVICE",       "_SIZE",        "_SOURCE",
        "_STATUS",       "_STDIN",      "_STORAGE",     "_STORE",         "_STRATEGY",    "_STRENGTH",
        "_SUBJECT",      "_SUFFIX",     "_SUPPLY",      "_SYMBOL",        "_SYNC",        "_TABLE",
        "_TEMPLATE",     "_THRESHOLD",  "_THROUGH",     "_TIME",          "_TIMEOUT",     "_TITLE",
        "_TOOL",         "_TTL",        "_TYPE",        "_TYPES",         "_UNIT",        "_URI",
        "_URL",          "_URLS",       "_USAGE",       "_USER",          "_USERNAME",    "_USERS",
        "_VALIDATION",   "_VALIDATOR",  "_VALIDATORS",  "_VALIDITY",      "_VAR",         "_VARIABLE",
        "_VERIFY",       "_WARNING",    "_WINDOW",      "_NEVER_EXPIRES", "TOKEN_COOKIE", "AUTH_COOKIE",
        "_STANDARD",     "_VOLUME",     "_PERMISSIONS", "_PERMISSION",    "_FORANEA",     "_EXISTING_SECRET",
        "_TRIES",        "_MINIMUM",    "_MINIMA",      "_MINIMO",        "_LAENGE",      "_LONGUEUR",
        "_LONGITUD",     "_FICHIER",    "_FICHERO",     "_ARCHIVO",       "_ARQUIVO",     "_DATEI",
        "_BESTAND",      "_PLIK",       "_DLUGOSC",     "_CMD",

        "_PROTOCOL_MAP", "_PROTOCOL",   "_PROTOCOLS",   "_RULES",         "_LANGUAGE",    "_LOCALE",
        "_PASSWORD_KEY", "_PRIMARIA",   "_PUBLICA",     "_TLS_SECRET",    "_KUBE_SECRET", "_KUBERNETES_SECRET"};
    static const char *const beginnings[] = {
        "_MAX_",  "_MIN_",     "_NUM_",     "_ALLOW_",    "_REQUIRE_", "_REQUIRED_", "_EOS_",  "_BOS_", "_PAD_",
        "_UNK_",  "_MASK_",    "_SEP_",     "_CLS_",      "_STOP_",    "_START_",    "_K8S_",  "_HAS_", "_SHOW_",
        "_HIDE_", "_WITHOUT_", "_DENABLE_", "_DISABLED_", "_NO_",      "_ASK_",      "_SKIP_", "_USE_"};
    static const char *const inside[] = {"_ATTR_",
                                         "_ATTRIBUTE_",
                                         "_PULL_SECRET",
                                         "_MAX_",
                                         "_ENABLE_",
                                         "_ENABLED_",
                                         "_DISABLE_",
                                         "_ALLOW_EMPTY_",
                                         "_LOG_LEVEL_",
                                         "_LOGLEVEL_",
                                         "INITIAL_CLUSTER_TOKEN"};

    if (ends_with(name, "KEY_BASE") || ends_with(name, "WEBHOOK_URL"))
        return false;
    for (size_t i = 0; i < countof(beginnings); i++)
        if (strncmp(name->text, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    if (ends_with(name, "S")) { /* several of them: SECRET_LABELS */
        struct name single = *name;

        single.length--;
        single.text[single.length - 1] = '_';
        single.text[single.length] = '\0';
        if (ends_with_one_of(&single, endings, countof(endings)))
            return true;
    }
    return ends_with_one_of(name, endings, countof(endings)) || has_one_of(name, inside, countof(inside));
}

/* Names in other scripts and languages end in the word; what may come after it makes it an attribute. */
static enum meaning foreign_meaning(const struct name *name)
{
    static const char *const words[] = {"密码", "密碼",   "口令",       "密钥",   "密鑰",       "秘钥",      "令牌",
                                        "私钥", "私鑰",   "凭证",       "憑證",   "授权码",     "通行码",    "暗号",
                                        "密文", "權杖",   "パスワード", "秘密鍵", "トークン",   "비밀번호",  "암호",
                                        "토큰", "пароль", "ПАРОЛЬ",     "Пароль", "CONTRASEÑA", "CONTRASEñA"};
    /* With other words before or after them; letters that are no ASCII are not made capitals. */
    static const char *const spelled[] = {
        "пароль",  "ПАРОЛЬ",  "Пароль",      "пароля",     "секрет",     "СЕКРЕТ", "токен",      "ТОКЕН",
        "HASłO",   "HASŁO",   "LöSENORD",    "LÖSENORD",   "şIFRE",      "ŞIFRE",  "ŞİFRE",      "JELSZó",
        "JELSZÓ",  "κωδικός", "ΚΩΔΙΚΟΣ",     "CONTRASEÑA", "CONTRASEñA", "סיסמה",  "PAROLă",     "PAROLĂ",
        "MậTKHẩU", "รหัสผ่าน",  "كلمة_المرور", "密码",       "密碼",       "口令",   "パスワード", "비밀번호"};
    static const char *const attributes[] = {"ФАЙЛ", "файл", "ДЛИНА", "длина", "文件", "路径", "长度",
                                             "类型", "путь", "ПУТЬ",  "имя",   "ИМЯ",  "срок"};

    for (size_t i = 0; i < countof(words); i++)
        if (ends_with(name, words[i]))
            return MEANS_SECRET;
    for (size_t i = 0; i < countof(spelled); i++)
        if (has_word(name, spelled[i]))
            return ends_with_one_of(name, attributes, countof(attributes)) ? MEANS_PLACE : MEANS_SECRET;
    return MEANS_NOTHING;
}

/* Is a part of what the names of secrets are made of in NAME? Most names have none, and are no further looked at. */
static bool may_be_secret(const struct name *name)
{
    static const char *const parts[] = {
        "PASS",     "SECRET",   "TOKEN",     "KEY",         "CRED",     "STRING",   "COOKIE",     "PW",
        "AUTH",     "PSK",      "BEARER",    "PAT_",        "SALT",     "MNEMONIC", "SEED_",      "PIN",
        "SENHA",    "KENNWORT", "CONTRASEN", "LOGIN",       "ART_API",  "MDP",      "MOT_DE",     "MOTDE",
        "CLAVE",    "PAROL",    "HASLO",     "WACHTWOORD",  "LOSENORD", "HESLO",    "SIFRE",      "JELSZO",
        "SALASANA", "MATKHAU",  "MAT_KHAU",  "ADGANGSKODE", "LOZINKA",  "GESLO",    "KATA_SANDI", "KATASANDI",
        "PALAVRA",  "_SK_",     "SESS",      "APP_CERT",    "REGCODE",  "BUNDLE_",  "SFTP_USERS", "ACTIVATION",
        "ENCRYPT",  "OVH_",     "PEPPER",    "LICEN"};

    return has_one_of(name, parts, countof(parts));
}

static enum meaning plain_meaning(const struct name *name)
{
    static const char *const parts[] = {
        "PASSWORD",     "PASSWD",        "PASSPHRASE",    "SECRET",       "TOKEN",
        "API_KEY",      "APIKEY",        "ACCESS_KEY",    "ACCESSKEY",    "PRIVATE_KEY",
        "PRIVATEKEY",   "AUTH_KEY",      "AUTHKEY",       "SIGNING_KEY",  "ENCRYPTION_KEY",
        "MASTER_KEY",   "LICENSE_KEY",   "ACCOUNT_KEY",   "STORAGE_KEY",  "CONNECTION_STRING",
        "SHARED_KEY",   "HMAC_KEY",      "APP_KEY",       "ACCOUNTKEY",   "ENCRYPTIONKEY",
        "SIGNINGKEY",   "DEPLOY_KEY",    "CLIENT_KEY",    "SERVICE_KEY",  "ERLANG_COOKIE",
        "FERNET_KEY",   "LOGGED_IN_KEY", "NONCE_KEY",     "UNSEAL_KEY",   "SECRETKEY",
        "SEED_PHRASE",  "MNEMONIC",      "PASSWORT",      "KENNWORT",     "CONTRASENA",
        "MOT_DE_PASSE", "MOTDEPASSE",    "WACHTWOORD",    "LOSENORD",     "JELSZO",
        "SALASANA",     "MATKHAU",       "MAT_KHAU",      "ADGANGSKODE",  "LOZINKA",
        "KATA_SANDI",   "KATASANDI",     "PALAVRA_PASSE", "PALAVRAPASSE", "SHAREDACCESSKEY"};
    static const char *const words[] = {"PASS",
                                        "PWD",
                                        "PW",
                                        "PASSCODE",
                                        "PSK",
                                        "AES_KEY",
                                        "ENC_KEY",
                                        "SSH_KEY",
                                        "RSA_KEY",
                                        "JWT_KEY",
                                        "CRYPT_KEY",
                                        "CRYPTO_KEY",
                                        "SECURITY_KEY",
                                        "SESSION_KEY",
                                        "COOKIE_KEY",
                                        "WEBHOOK_KEY",
                                        "SIGN_KEY",
                                        "GITHUB_PAT",
                                        "GH_PAT",
                                        "GITLAB_PAT",
                                        "AZURE_PAT",
                                        "ADO_PAT",
                                        "DEVOPS_PAT",
                                        "DOCKER_PAT",
                                        "DOCKERHUB_PAT",
                                        "AZP_PAT",
                                        "PIN_CODE",
                                        "PINCODE",
                                        "ENCRYPT_KEY",
                                        "DECRYPT_KEY",
                                        "CIPHER_KEY",
                                        "PASSKEY",
                                        "VAULT_KEY",
                                        "LICENCE_KEY",
                                        "ACTIVATION_KEY",
                                        "PRODUCT_KEY",
                                        "ADMIN_KEY",
                                        "ROOT_KEY",
                                        "SERVER_KEY",
                                        "PRESHARED_KEY",
                                        "SAS_KEY",
                                        "WG_KEY",
                                        "SENHA",
                                        "MDP",
                                        "SONAR_LOGIN",
                                        "DSONAR_LOGIN",
                                        "ART_API",
                                        "CREDSTASH",
                                        "PASSWRD",
                                        "PASSWDS",
                                        "CLAVE",
                                        "PAROLA",
                                        "HASLO",
                                        "HESLO",
                                        "SIFRE",
                                        "GESLO",
                                        "SETUP_KEY",
                                        "JOIN_KEY",
                                        "REG_KEY",
                                        "REGISTRATION_KEY",
                                        "SERIAL_KEY",
                                        "REGCODE",
                                        "RELEASE_COOKIE",
                                        "OPENSSL_KEY",
                                        "ENCRYPTION_PRIMARY_KEY"};
    static const char *const word_ends[] = {"PASS", "PWD", "PW"};
    static const char *const choices[] = {"AUTH",          "BASICAUTH", "HTTPAUTH", "USERAUTH",
                                          "AUTHORIZATION", "BEARER",    "CREDS",    "CRED"};
    static const char *const keys[] = {
        "_KEY",      "_KEYS",           "_SALT",         "_PAT",     "_SK",      "_COOKIE",
        "_SESSION",  "APP_CERTIFICATE", "ACTIVATIONKEY", "_ENCRYPT", "_OVH_AS",  "_OVH_CK",
        "PHPSESSID", "JSESSIONID",      "_PEPPER",       "_LICENSE", "_LICENCE", "KEY"};
    static const char *const public_keys[] = {"GPG",     "PGP",      "RELEASE", "SITE_KEY",  "SITEKEY",     "HOSTKEY",
                                              "CACHE",   "HOST_KEY", "SORT",    "PARTITION", "PRIMARY",     "FOREIGN",
                                              "APT_KEY", "RPM_KEY",  "PUBLIC",  "INDEX",     "MESSAGE_KEY", "KEYSERVER",
                                              "MAP_KEY", "ANON",     "VAPID"};

    if (ends_with(name, "SFTP_USERS") || ends_with(name, "AUTH_USERS") ||
        (strncmp(name->text, "_BUNDLE_", 8) == 0 && strstr(name->text, "__")))
        return MEANS_PAIR;
    for (size_t i = 0; i < countof(parts); i++)
        if (has_part(name, parts[i]))
            return MEANS_SECRET;
    for (size_t i = 0; i < countof(words); i++)
        if (has_word(name, words[i]))
            return MEANS_SECRET;
    for (size_t i = 0; i < countof(word_ends); i++)
        if (has_word_ending(name, word_ends[i]))
            return MEANS_SECRET;
    for (size_t i = 0; i < countof(choices); i++)
        if (has_word(name, choices[i]))
            return MEANS_CHOICE;
    if (has_part(name, "CREDENTIAL") || has_word_ending(name, "BASICAUTH"))
        return MEANS_CHOICE;
    if (ends_with_one_of(name, keys, countof(keys)) && !has_one_of(name, public_keys, countof(public_keys)))
        return MEANS_KEY;
    return MEANS_NOTHING;
}

/* Takes steps for it. */
static enum meaning meaning_of(struct secret_scan *scan, const char *raw, size_t length, struct name *name)
{
    enum { LOOK_STEPS = 64, COMPARE_STEPS = 256 };
    enum meaning meaning;

    secret_take(scan, LOOK_STEPS);
    if (!normalize(raw, length, name))
        return MEANS_NOTHING;
    if (!name->ascii) {
        meaning = foreign_meaning(name);
        if (meaning != MEANS_NOTHING)
            return meaning;
    }
    if (!may_be_secret(name) || strcmp(name->text, "_OLDPWD_") == 0 || strcmp(name->text, "_NOPASSWD_") == 0 ||
        (length == 3 && memcmp(raw, "PWD", 3) == 0))
        return MEANS_NOTHING;
    secret_take(scan, COMPARE_STEPS);
    meaning = plain_meaning(name);
    if (meaning == MEANS_NOTHING)
        return meaning;
    if (meaning == MEANS_PAIR)
        return meaning;
    return is_place(name) ? MEANS_PLACE : is_about_secret(name) ? MEANS_ABOUT : meaning;
}

bool secret_is_name(struct secret_scan *scan, const char *raw, size_t length)
{
    struct name name;

    return meaning_of(scan, raw, length, &name) != MEANS_NOTHING;
}

bool secret_is_plain_name(struct secret_scan *scan, const char *raw, size_t length)
{
    struct name name;
    enum meaning meaning = meaning_of(scan, raw, length, &name);

    return meaning == MEANS_SECRET || meaning == MEANS_KEY;
}

bool secret_names_value(struct secret_scan *scan, const char *raw, size_t length)
{
    struct name name;

    return meaning_of(scan, raw, length, &name) >= MEANS_KEY;
}

/* An id names a secret and is none, but for Vault's role and what is random in an access key's. */
static bool is_id(struct secret_scan *scan, const struct name *name, const char *value, size_t length, bool *ret_secret)
{
    if (!ends_with(name, "_ID") && !ends_with(name, "_IDS"))
        return false;
    *ret_secret = ends_with(name, "ROOT_TOKEN_ID") || (ends_with(name, "SECRET_ID") && secret_is_uuid(value, length)) ||
                  (ends_with(name, "ACCESS_KEY_ID") && secret_is_random(scan, value, length));
    return true;
}

/* user:password of what is named for users: SFTP_USERS (user:password:uid), Bundler's BUNDLE_HOST__DOMAIN. */
static bool is_users_pair(const char *value, size_t length)
{
    const char *colon = memchr(value, ':', length);
    size_t rest = colon ? length - 1 - (size_t)(colon - value) : 0;

    return colon && colon > value && rest > 2 && colon[1] != ':' && colon[1] != '/';
}

/* The forty upper case digits by which OpenPGP names a key, which is public: SWIFT_SIGNING_KEY. */
static bool is_key_fingerprint(const struct name *name, const char *value, size_t length)
{
    return ends_with(name, "SIGNING_KEY") && length == 40 && secret_is_made_of(value, length, "0123456789ABCDEF");
}

bool secret_is_named(struct secret_scan *scan, const char *raw, size_t name_length, size_t start, size_t end)
{
    static const char *const pairs[] = {"_BASIC", "_HTTP_AUTH", "CRED", "PASS", "_PW", "LOGIN"};
    const char *value = scan->text + start;
    size_t length = end - start;
    struct name name;
    enum meaning meaning = meaning_of(scan, raw, name_length, &name);
    bool secret;
    enum { SHORT = 8 };

    switch (meaning) {
    case MEANS_NOTHING:
    case MEANS_PLACE:
        return false;
    case MEANS_ABOUT:
        return secret_is_random(scan, value, length);
    case MEANS_KEY: /* 0x…: a number by which a key is known */
        return !secret_is_word(scan, start, "0x") &&
               (secret_is_key(scan, value, length) || secret_is_uuid(value, length));
    case MEANS_PAIR:
        return is_users_pair(value, length);
    case MEANS_CHOICE:
    case MEANS_SECRET:
        break;
    }
    if (is_id(scan, &name, value, length, &secret))
        return secret;
    if (!has_one_of(&name, pairs, countof(pairs)) && secret_is_address(scan, value, length))
        return false;
    if ((ends_with(&name, "SECRETS") || ends_with(&name, "_KEYS") || ends_with(&name, "TOKENS")) &&
        memchr(value, ',', length) && secret_is_made_of(value, length, "abcdefghijklmnopqrstuvwxyz-_, "))
        return false; /* their names */
    if (length > strlen("-credentials") && secret_is_made_of(value, length, "abcdefghijklmnopqrstuvwxyz-") &&
        memcmp(value + length - strlen("-credentials"), "-credentials", strlen("-credentials")) == 0)
        return false; /* the name of a secret that is kept elsewhere */
    if (ends_with(&name, "AUTH_TOKEN") &&
        (secret_is_word(scan, start, "jwt,") || (length == strlen("simple") && secret_is_word(scan, start, "simple"))))
        return false; /* etcd's */
    if (ends_with(&name, "NEO4J_AUTH"))
        return secret_is_word(scan, start, "neo4j/");
    if (ends_with(&name, "AWS_SECRET_ACCESS_KEY") && length < SHORT)
        return false; /* no cloud's, and MinIO takes no shorter one */
    if (meaning == MEANS_CHOICE)
        return !secret_is_choice(scan, value, length);
    if (strstr(name.text,
               "CONNECTION_STRING")) /* secrets in one are recognized on their own, but for user/password@host */
        return secret_next_mark(scan, MARK_AT, start) < end || secret_is_random(scan, value, length);
    return !is_key_fingerprint(&name, value, length) && !(has_word(&name, "TOKENS") && secret_is_amount(value, length));
}
