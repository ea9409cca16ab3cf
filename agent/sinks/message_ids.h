/* MESSAGE_IDs of the agent's journal records (systemd.journal-fields(7)): what filters and a message catalog refer to.
 */
#ifndef AGENT_SINKS_MESSAGE_IDS_H
#define AGENT_SINKS_MESSAGE_IDS_H

#define MESSAGE_ID_FINDING "8f1f6f0b4f5c4d0aa1b6b1d6c2f7e3a9" /* a finding changed its status */
#define MESSAGE_ID_AGENT   "3c5e0f7d9a2b48e18d4c6a70b9e1f254" /* the agent's own state changed */

#endif
