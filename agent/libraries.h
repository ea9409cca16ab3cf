/* Libraries made to end the process with a message when memory runs out, as the agent itself does, instead of going on
 * without it. */
#ifndef AGENT_LIBRARIES_H
#define AGENT_LIBRARIES_H

/* Before anything else of them is called. The others get it where they are used: yajl in common, curl in the HTTP
 * clients; SQLite and libarchive report it. */
void libraries_prepare(void);

#endif
