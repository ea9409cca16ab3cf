/* The attribute is a version and entries of a tag, permissions and an id, all little-endian (the kernel's
 * posix_acl_xattr.h). Every entry but the owner's and that of all others is limited by the mask, which is what stat(2)
 * shows as the group's bits. */
#include "probes/host/acl.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

enum { ACL_VERSION = 2, ACL_BYTES_MAX = 65536 };

enum {
    TAG_USER_OBJ = 0x01,
    TAG_USER = 0x02,
    TAG_GROUP_OBJ = 0x04,
    TAG_GROUP = 0x08,
    TAG_MASK = 0x10,
    TAG_OTHER = 0x20
};

struct acl_header {
    uint32_t version;
};

struct acl_item {
    uint16_t tag, permissions;
    uint32_t id;
};

static struct acl_item item_at(const unsigned char *bytes, size_t i)
{
    struct acl_item item;

    memcpy(&item, bytes + sizeof(struct acl_header) + i * sizeof item, sizeof item);
    return (struct acl_item){le16toh(item.tag), le16toh(item.permissions), le32toh(item.id)};
}

int acl_parse(const void *bytes, size_t length, struct arena *arena, struct acl_facts *ret)
{
    struct acl_facts acl = {.present = true};
    struct acl_header header;
    unsigned mask = 7;
    size_t count;

    if (length < sizeof header || (length - sizeof header) % sizeof(struct acl_item))
        return -EBADMSG;
    memcpy(&header, bytes, sizeof header);
    if (le32toh(header.version) != ACL_VERSION)
        return -EBADMSG;
    count = (length - sizeof header) / sizeof(struct acl_item);
    acl.entries = arena_alloc(arena, (count + 1) * sizeof *acl.entries);
    for (size_t i = 0; i < count; i++) {
        struct acl_item item = item_at(bytes, i);

        if (item.permissions > 7)
            return -EBADMSG;
        if (item.tag == TAG_MASK)
            mask = item.permissions;
        else if (item.tag == TAG_GROUP_OBJ)
            acl.group = item.permissions;
        else if (item.tag == TAG_USER || item.tag == TAG_GROUP)
            acl.entries[acl.count++] =
                (struct acl_entry){.is_group = item.tag == TAG_GROUP, .id = item.id, .permissions = item.permissions};
        else if (item.tag == TAG_OTHER)
            acl.other = item.permissions;
        else if (item.tag != TAG_USER_OBJ)
            return -EBADMSG;
    }
    for (size_t i = 0; i < acl.count; i++)
        acl.entries[i].permissions &= mask;
    *ret = acl;
    return 0;
}

static int read_attribute(int fd, const char *attribute, struct arena *arena, struct acl_facts *ret)
{
    scoped(cleanup_free) unsigned char *bytes = NULL;
    char path[32];
    ssize_t length;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    length = getxattr(path, attribute, NULL, 0);
    if (length > 0) {
        bytes = mem_alloc(ACL_BYTES_MAX);
        length = getxattr(path, attribute, bytes, ACL_BYTES_MAX);
    }
    if (length < 0 && errno != ENODATA && errno != EOPNOTSUPP && errno != ENOSYS)
        return -errno;
    if (length > 0)
        return acl_parse(bytes, (size_t)length, arena, ret);
    *ret = (struct acl_facts){0};
    return 0;
}

int acl_read(int fd, struct arena *arena, struct acl_facts *ret, struct acl_facts *ret_defaults)
{
    struct acl_facts acl = {0}, defaults = {0};
    int r = read_attribute(fd, "system.posix_acl_access", arena, &acl);

    if (r == 0)
        r = read_attribute(fd, "system.posix_acl_default", arena, &defaults);
    if (r < 0)
        return r;
    *ret = acl;
    *ret_defaults = defaults;
    return 0;
}
