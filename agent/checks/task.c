/* A task of the swarm is known by its container's id; before it has one, by its own id in the container's label. */
#include "agent/checks/task.h"

#include "common/str.h"

struct task check_task(const struct check_input *in, const struct container_facts *container)
{
    struct task task = {.state = TASK_NONE};
    const struct task_list_facts *tasks;
    const struct info_facts *info;

    if (!container->task_label)
        return task;
    info = store_info(in->store, &task.why);
    if (!info) {
        task.state = TASK_UNKNOWN;
        return task;
    }
    if (info->swarm_unreadable) {
        task.state = TASK_UNKNOWN;
        task.why = "the engine does not report the state of this node (Swarm.LocalNodeState)";
        return task;
    }
    if (str_empty(info->swarm_state) || str_equal(info->swarm_state, "inactive"))
        return task;
    if (!info->swarm_control) {
        task.state = TASK_UNVERIFIED;
        return task;
    }
    tasks = store_tasks(in->store, &task.why);
    if (!tasks) {
        task.state = TASK_UNKNOWN;
        return task;
    }
    for (size_t i = 0; i < tasks->count; i++) {
        const struct task_item *item = &tasks->items[i];

        if (*item->container_id ? str_equal(item->container_id, container->id)
                                : str_equal(item->id, container->task_label))
            return (struct task){.state = TASK_REAL, .service_id = item->service_id};
    }
    return task;
}

void check_say_unverified(const struct check_input *in, struct check_result *out, const struct task *task)
{
    if (task->state == TASK_UNKNOWN)
        check_error(in, out, M_("tasks of the swarm"), task->why);
    else
        check_say(in, out, VERDICT_MANUAL,
                  "its label names a swarm task, which only a manager can confirm (docker node ps)");
}
