/* Evidence of section 3, and of users' own conditions on files and documents. */
#include "agent/words/words_internal.h"

/* clang-format off */
static const struct words_entry entries[] = {
    {" (a group that does not exist)", "（该组不存在）"},
    {"%s has a %s of more than %d bytes; the pattern is not applied", "%s 的某个%s超过 %d 字节，未应用该表达式"},
    {"%s has a %s with a NUL byte; the pattern cannot be applied", "%s 的某个%s含有 NUL 字节，无法应用该表达式"},
    {"%s has mode %04o, %04lo or stricter is required%s", "%s 的权限为 %04o，要求 %04lo 或更严格%s"},
    {"%s has mode %04o, required %04lo or stricter (extra bits %04o)%s", "%s 的权限为 %04o，要求 %04lo 或更严格（多出 %04o）%s"},
    {"%s is %s", "%s 为 %s"},
    {"%s is neither a list nor an object, so it has no members", "%s 既不是列表也不是对象，因此没有成员"},
    {"%s is owned by %s%s", "%s 的属主为 %s%s"},
    {"%s is owned by %s, expected %s(%u):%s(%u), whose engine this is", "%s 的属主为 %s，应为 %s(%u):%s(%u)，即该引擎所属的用户"},
    {"%s is owned by %s, expected %s:%s%s", "%s 的属主为 %s，应为 %s:%s%s"},
    {"%s would give it to %s:%s again (SocketUser=, SocketGroup=)", "%s 会再次把它交给 %s:%s（SocketUser=、SocketGroup=）"},
    {"%s would open it with mode %04lo again (SocketMode=)", "%s 会再次以权限 %04lo 打开它（SocketMode=）"},
    {"%s: %s matches", "%s：%s匹配"},
    {"%s: the engine's document has no %s", "%s：引擎的文档中没有 %s"},
    {", whose engine this is", "，即该引擎所属的用户"},
    {"; its access control list lets nobody else in", "；其访问控制列表未允许其他人访问"},
    {"; the group's bits are the mask of its access control list", "；组的权限位是其访问控制列表的掩码"},
    {"@socket is valid only with the source sockets:", "@socket 只能用于 source 为 sockets: 的规则"},
    {"a FIFO", "FIFO"},
    {"a device", "设备"},
    {"a directory", "目录"},
    {"a file of an unknown type", "未知类型的文件"},
    {"a line", "有一行"},
    {"a regular file", "普通文件"},
    {"a socket", "套接字"},
    {"document", "文档"},
    {"is %s, expected %s", "是%s，应为%s"},
    {"it was not kept", "未保留"},
    {"its content was not read (the source must be content:)", "未读取其内容（source 必须以 content: 开头）"},
    {"no line", "没有任何行"},
    {"not in the engine's list", "不在引擎的列表中"},
    {"services", "服务"},
    {"the access control list of %s lets in %s", "%s 的访问控制列表允许访问：%s"},
    {"the default access control list of %s lets in %s to what is made there", "%s 的默认访问控制列表允许其中新建的文件被访问：%s"},
    {"the engine's document was read before this rule was known", "读取引擎的文档时，该规则尚未加载"},
    {"there are no services", "没有服务"},
};
/* clang-format on */

WORDS_TABLE(words_checks_files, entries);
