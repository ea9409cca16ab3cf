/* agentctl's screens. */
#include "agent/words/words_internal.h"

/* clang-format off */
static const struct words_entry entries[] = {
    {"%s is not a regular file", "%s 不是普通文件"},
    {"%s was edited by hand, which changing it would lose; rename it within its folder",
     "%s 曾被手工编辑，更改会丢失这些内容；请在其目录内将它改名"},
    {"h", "小时"},
    {"it has more than a list of waivers", "除豁免列表外还有其他内容"},
    {"min", "分钟"},
    {"s", "秒"},
    {"waiver %zu has other members than a waiver has", "第 %zu 个豁免含有豁免所没有的成员"},
};
/* clang-format on */

WORDS_TABLE(words_screens, entries);
