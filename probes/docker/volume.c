/* The local driver mounts a volume as mount(2) would: with "bind" or "rbind" among its options the device is a
 * directory; without, the type decides. */
#include "probes/docker/volume.h"

#include <errno.h>
#include <string.h>

#include "common/str.h"

enum { DEVICES_MAX = 64 };

bool volume_has_option(const char *options, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = options; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

static bool is_any(const char *type, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(type, list[i]))
            return true;
    return false;
}

/* The kernel's own file systems: another mount of one is the same as that of the host. */
static const char *kernel_folder(const char *type)
{
    static const struct {
        const char *type, *folder;
    } kinds[] = {
        {"proc", "/proc"},
        {"sysfs", "/sys"},
        {"devtmpfs", "/dev"},
        {"cgroup", "/sys/fs/cgroup"},
        {"cgroup2", "/sys/fs/cgroup"},
        {"debugfs", "/sys/kernel/debug"},
        {"tracefs", "/sys/kernel/tracing"},
        {"securityfs", "/sys/kernel/security"},
        {"selinuxfs", "/sys/fs/selinux"},
        {"efivarfs", "/sys/firmware/efi/efivars"},
        {"configfs", "/sys/kernel/config"},
        {"bpf", "/sys/fs/bpf"},
        {"pstore", "/sys/fs/pstore"},
        {"binfmt_misc", "/proc/sys/fs/binfmt_misc"},
    };

    for (size_t i = 0; i < countof(kinds); i++)
        if (str_equal(type, kinds[i].type))
            return kinds[i].folder;
    return NULL;
}

static void add_device(struct arena *arena, const char *path, size_t length, struct volume_source *ret)
{
    if (!length || *path != '/' || ret->devices.count == DEVICES_MAX)
        return;
    if (!ret->devices.items)
        ret->devices.items = arena_alloc(arena, DEVICES_MAX * sizeof *ret->devices.items);
    ret->devices.items[ret->devices.count++] = arena_strndup(arena, path, length);
}

/* "lowerdir=/a:/b,upperdir=/c,workdir=/d", newer kernels' "lowerdir+=/a" too; a backslash takes a colon its meaning. */
static void add_overlay(struct arena *arena, const char *options, struct volume_source *ret)
{
    static const char *const names[] = {"lowerdir=", "lowerdir+=", "datadir+=", "upperdir=", "workdir="};

    for (const char *at = options; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        for (size_t i = 0; i < countof(names); i++) {
            const char *path = at + strlen(names[i]);

            if (!str_starts(at, names[i]))
                continue;
            while (*path && *path != ',') {
                scoped_str one = STR_INIT;

                for (; *path && *path != ',' && *path != ':'; path++) {
                    path += *path == '\\' && path[1];
                    str_append_char(&one, *path);
                }
                path += *path == ':';
                add_device(arena, str_text(&one), one.length, ret);
            }
        }
}

void volume_read_source(const char *type, const char *options, const char *device, struct arena *arena,
                        struct volume_source *ret)
{
    /* Their device is a name, a server or nothing. */
    static const char *const elsewhere[] = {"none",      "tmpfs",  "ramfs",     "nfs",   "nfs4", "cifs",
                                            "smb3",      "smbfs",  "9p",        "ceph",  "afs",  "virtiofs",
                                            "glusterfs", "mqueue", "hugetlbfs", "devpts"};
    const char *folder = kernel_folder(type);

    *ret = (struct volume_source){.read_only = volume_has_option(options, "ro")};
    if (volume_has_option(options, "bind") || volume_has_option(options, "rbind")) {
        add_device(arena, device ? device : "", device ? strlen(device) : 0, ret);
    } else if (str_equal(type, "overlay") || str_equal(type, "overlayfs")) {
        add_overlay(arena, options, ret);
    } else if (folder) {
        add_device(arena, folder, strlen(folder), ret);
    } else if (!str_empty(type) && !is_any(type, elsewhere, countof(elsewhere)) && !str_starts(type, "fuse") &&
               !str_starts(device ? device : "", "//")) {
        add_device(arena, device ? device : "", device ? strlen(device) : 0, ret);
        ret->block_device = ret->devices.count > 0;
    }
}

static bool is_text(const struct json *value)
{
    return json_type(value) == JSON_STRING || json_type(value) == JSON_NULL;
}

int volume_parse_options(const char *text, size_t length, struct arena *arena, struct volume_source *ret,
                         struct error *error)
{
    static const struct json_limits limits = {.bytes = 64 * 1024, .depth = 8, .values = 1000};
    static const char *const names[] = {"MountType", "MountOpts", "MountDevice"};
    scoped(cleanup_json_doc) struct json_doc *doc = NULL;
    const struct json *values[countof(names)];
    int r = json_parse(text, length, &limits, &doc, error);

    if (r < 0)
        return r;
    for (size_t i = 0; i < countof(names); i++) {
        values[i] = json_get(json_root(doc), names[i]);
        if (json_type(json_root(doc)) != JSON_OBJECT || !is_text(values[i]))
            return error_set(error, EINVAL, "invalid volume options");
    }
    volume_read_source(json_string(values[0]), json_string(values[1]), json_string(values[2]), arena, ret);
    return 0;
}
