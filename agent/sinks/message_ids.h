/* MESSAGE_IDs of the agent's journal records (systemd.journal-fields(7)), one for each kind: what filters and the
 * message catalog (systemd/docker-bench-agent.catalog) refer to. They never change. */
#ifndef AGENT_SINKS_MESSAGE_IDS_H
#define AGENT_SINKS_MESSAGE_IDS_H

#define MESSAGE_ID_FINDING      "8f1f6f0b4f5c4d0aa1b6b1d6c2f7e3a9" /* a finding changed its status */
#define MESSAGE_ID_AGENT        "3c5e0f7d9a2b48e18d4c6a70b9e1f254" /* the agent's own state changed */
#define MESSAGE_ID_HEARTBEAT    "ef5f4d76c93745ad893d0adc2f71a5b6" /* the agent is alive */
#define MESSAGE_ID_SNAPSHOT     "485b11671e644c4783ff766d5b8663b4" /* a finding that is open, of a snapshot */
#define MESSAGE_ID_SNAPSHOT_END "eb6e1420be16439b93959fdfc063ec69" /* the end of a snapshot */
#define MESSAGE_ID_LOST         "d2c1f981b7f444c3b24c00831ea3b00b" /* records that this sink will not get */

#endif
