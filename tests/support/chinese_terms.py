"""Terms of the glossary in Chinese: one word each, in documents and on pages; former words stay away."""

import re
from collections.abc import Mapping

TERMS: Mapping[str, tuple[str, str]] = {
    r"held(?! up)": ("待人工处理", "挂起 搁置 扣留 待决定"),
    r"channels?": ("渠道", "通道 信道 频道"),
    r"campaigns?": ("批次", "活动 战役"),
    r"jobs?": ("任务", "作业"),
    r"callers?": ("调用方", "调用者"),
    r"workers?": ("工作进程", "工作者 工人"),
    r"providers?": ("供应商", "提供商 服务商"),
    r"reviewers?": ("审阅者", "评审者 评审员 审阅员"),
    r"operators?": ("操作员", "运维人员 运维权限 运维方 运营者"),
    r"verdicts?": ("评审", "裁决 评判"),
    r"canary": ("试运行", "金丝雀 试跑"),
    r"re-?rolls?": ("重新生成", "重抽 重新抽取 重掷"),
    r"slots?": ("槽位", "插槽"),
    r"gallery": ("图库", "画廊"),
    r"alerts?": ("告警", "警报 报警"),
    r"circuit breaker": ("熔断", "断路器"),
    r"keys?": ("密钥", "秘钥 钥匙"),
    r"re-?read": ("重新解析", "重读 再读"),
}
"""By the English term: its Chinese, and the words that are not used for it."""

CODE = re.compile(r"`[^`\n]+`|\[\[\w+\]\]|%\(\w+\)s|--\w+|https?://\S+")


def former_words(text: str) -> set[str]:
    """Return the words in a text that a term of the glossary has replaced."""
    return {word for _, former in TERMS.values() for word in former.split() if word in CODE.sub("", text)}
