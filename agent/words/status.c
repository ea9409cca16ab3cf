/* Verdicts, severities, kinds of subjects and states, as shown to a person. What programs read keeps the English. */
#include "agent/words/words_internal.h"

/* clang-format off */
static const struct words_entry entries[] = {
    {"A full scan was requested", "请求了完整扫描"},
    {"A waiver", "豁免"},
    {"An attestation", "人工确认"},
    {"An exec was acknowledged", "确认了一个 exec 会话"},
    {"The configuration was reloaded", "配置已重新加载"},
    {"agent", "代理"},
    {"any", "任意"},
    {"boolean", "布尔"},
    {"container", "容器"},
    {"critical", "严重"},
    {"daemon", "守护进程"},
    {"degraded", "降级"},
    {"done", "已完成"},
    {"error", "错误"},
    {"exec", "exec 会话"},
    {"fail", "不通过"},
    {"file", "文件"},
    {"gone", "已消失"},
    {"high", "高"},
    {"host", "主机"},
    {"image", "镜像"},
    {"integer", "整数"},
    {"list of strings", "字符串列表"},
    {"low", "低"},
    {"manual", "需人工检查"},
    {"medium", "中"},
    {"network", "网络"},
    {"new", "新增"},
    {"not_applicable", "不适用"},
    {"off", "已关闭"},
    {"ok", "正常"},
    {"pass", "通过"},
    {"ready", "就绪"},
    {"retrying", "重试中"},
    {"starting", "启动中"},
    {"string", "字符串"},
    {"stuck", "停滞"},
    {"swarm", "swarm 集群"},
    {"waived", "已豁免"},
};
/* clang-format on */

WORDS_TABLE(words_status, entries);
