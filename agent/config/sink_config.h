/* A sink as the configuration describes it, and the words for its kinds and formats: those of "type", "format" and
 * "address", of /v1/status and of agent/sinks, which has the functions of each. */
#ifndef AGENT_CONFIG_SINK_CONFIG_H
#define AGENT_CONFIG_SINK_CONFIG_H

#include <stdint.h>

#include "agent/model/verdict.h"
#include "common/error.h"

enum sink_kind {
    SINK_JOURNALD,
    SINK_SYSLOG_LOCAL, /* datagrams to a Unix socket */
    SINK_SYSLOG_UDP,
    SINK_SYSLOG_TCP,
    SINK_SYSLOG_TLS,
    SINK_SYSLOG_RELP,
    SINK_SYSLOG_RELPS, /* RELP over TLS */
    SINK_FILE,
    SINK_KIND_COUNT
};

enum sink_format {
    FORMAT_JOURNAL, /* journald's native protocol */
    FORMAT_TEXT,    /* key="value" */
    FORMAT_RFC5424, /* structured data */
    FORMAT_JSON,
    FORMAT_CEF,
    FORMAT_LEEF,
    FORMAT_ECS,
    FORMAT_OCSF,
    FORMAT_COUNT
};

/* What comes before a record of any format but the journal's and RFC 5424's. */
enum sink_header {
    HEADER_LOCAL, /* RFC 3164's without the host's name, as /dev/log expects it */
    HEADER_RFC3164,
    HEADER_RFC5424,
    HEADER_NONE,
    HEADER_COUNT
};

struct sink_kind_words {
    const char *type;        /* several kinds may be of one type: their addresses differ */
    const char *scheme;      /* which a host and a port follow; NULL: the address is an absolute path */
    const char *address;     /* the default; NULL: it must be given */
    enum sink_format format; /* the default */
    unsigned formats;        /* that it can have, bits 1 << FORMAT_… */
    const char *port;        /* the default; NULL: it must be given */
};
extern const struct sink_kind_words sink_kinds[SINK_KIND_COUNT];
extern const char *const sink_formats[FORMAT_COUNT];
extern const char *const sink_headers[HEADER_COUNT + 1]; /* HEADER_LOCAL: NULL, it has no word; NULL ends them */

/* Files in PEM; any may be NULL. CERT and KEY go together. */
struct sink_tls {
    const char *ca;         /* whose certificates are accepted; NULL: those that the system trusts */
    const char *cert, *key; /* the agent's own */
    const char *name;       /* in the receiver's certificate; NULL: the host of the address */
};

struct sink_config {
    enum sink_kind kind;
    enum sink_format format;
    const char *address; /* a path, or scheme://host:port */
    struct sink_tls tls; /* of SINK_SYSLOG_TLS and SINK_SYSLOG_RELPS */
    enum sink_header header;
    bool cee;                   /* "@cee: " before JSON */
    bool lines;                 /* of a stream: each record ends with its line, else its length comes first */
    uint32_t enterprise_number; /* of the SD-ID */
    int facility;               /* syslog facility number (local0 = 16) */
    enum severity min_severity;
    unsigned statuses; /* bits 1 << VERDICT_…; a transition passes when its status or its previous is among them */
    bool start_at_end; /* a sink that is new gets nothing of what is stored already, but for a snapshot */
    const char *file;  /* of the configuration, NULL: a default */
    unsigned line;     /* in it */
};

/* The defaults for a sink of KIND; its address may be NULL (sink_kind_words). */
struct sink_config sink_config_default(enum sink_kind kind);

/* "host:port" or "[IPv6 address]:port", what follows the scheme of an address; the caller frees both. -EINVAL with
 * ERROR. */
int sink_split_address(const char *address, char **ret_host, char **ret_port, struct error *error);

#endif
