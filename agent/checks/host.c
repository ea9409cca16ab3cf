/* What only a person can judge of the host that the engine runs on, with what is known of it (1.2). */
#include "agent/checks/checks.h"

void check_host_hardened(const struct check_input *in, struct check_result *out)
{
    const char *why;
    const struct lsm_facts *lsm = store_lsm(in->store, &why);

    if (!lsm) {
        check_say(in, out, VERDICT_MANUAL, "host hardening needs a manual review (kernel: %s)", why);
        return;
    }
    check_fact_string(in, out, "kernel", lsm->kernel);
    check_fact_string(in, out, "security_modules", lsm->lsm_list);
    check_fact_bool(in, out, "apparmor", lsm->apparmor);
    check_fact_bool(in, out, "selinux", lsm->selinux);
    check_fact_bool(in, out, "selinux_enforcing", lsm->selinux_enforcing);
    check_fact_int(in, out, "randomize_va_space", lsm->aslr);
    check_fact_string(in, out, "lockdown", lsm->lockdown);
    check_say(
        in, out, VERDICT_MANUAL,
        "host hardening needs a manual review: kernel %s, security modules %s, address randomization %d, lockdown %s",
        lsm->kernel ? lsm->kernel : M_("unknown"),
        lsm->lsm_list   ? lsm->lsm_list
        : lsm->apparmor ? "apparmor"
        : lsm->selinux  ? "selinux"
                        : M_("neither apparmor nor selinux"),
        lsm->aslr, lsm->lockdown ? lsm->lockdown : M_("unknown"));
}

/* What only a person can know: passes or fails by attestation. */
void check_manual(const struct check_input *in, struct check_result *out)
{
    const char *facts = check_param(in, "facts")->string;

    check_say(in, out, VERDICT_MANUAL, "%s", *facts ? facts : M_("needs a manual review"));
}
