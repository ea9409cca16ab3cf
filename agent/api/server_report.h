/* GET /v1/report: a report is written by a process of its own, and sent as it is written. */
#ifndef AGENT_API_SERVER_REPORT_H
#define AGENT_API_SERVER_REPORT_H

struct server;

/* Hangs up on whoever is being sent one. Before evhttp_free(). */
void server_end_report(struct server *server);

#endif
