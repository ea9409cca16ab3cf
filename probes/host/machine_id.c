/* systemd makes an application-specific id of this process's own machine only (sd_id128_get_app_specific(), which takes
 * another one, came with systemd 255), and the agent may see the host's files at another root. */
#include "probes/host/machine_id.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <systemd/sd-id128.h>

static const sd_id128_t application = SD_ID128_MAKE(ed, e6, a1, 0f, d5, c0, 4e, 54, 9b, d3, 65, c5, cd, 00, 63, 05);

int machine_id_read(const struct host_root *root, char ret[MACHINE_ID_SIZE], struct error *error)
{
    static const char path[] = "/etc/machine-id";
    scoped_str text = STR_INIT;
    unsigned char hash[EVP_MAX_MD_SIZE];
    sd_id128_t machine, id;
    int r = host_read(root, path, 1024, &text, error);

    if (r < 0)
        return r;
    while (text.length && text.data[text.length - 1] == '\n')
        text.data[--text.length] = '\0';
    if (sd_id128_from_string(str_text(&text), &machine) < 0 || sd_id128_is_null(machine))
        return error_set(error, EINVAL, "%s is not a machine id", path);
    if (!HMAC(EVP_sha256(), machine.bytes, sizeof machine.bytes, application.bytes, sizeof application.bytes, hash,
              NULL))
        return error_set(error, EIO, "%s: HMAC-SHA256 failed", path);
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = hash[i];
    /* a UUID of version 4, as systemd does it */
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    sd_id128_to_string(id, ret);
    return 0;
}
