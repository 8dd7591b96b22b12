"""What models and relays say in a good answer instead of a picture. The first match wins."""

from worker.upstream.patterns import Patterns, patterns

#: the ruling, then the regular expressions that mean it; letter case makes no difference
TEXTS: Patterns = patterns(
    (
        "quota_exhausted",
        r"余额不足",
        r"额度不足",
        r"额度已用尽",
        r"欠费",
        r"请充值",
        r"insufficient (?:user |account )?(?:balance|quota|credits?|funds)",
        r"exceeded your current quota",
    ),
    (
        "moderation_output",
        r"output_moderation",
        r"the (?:generated )?images? (?:we|i|that was) ?(?:created|generated|made)? ?.{0,24}"
        r"(?:violate|was blocked|unsafe)",
        r"image_safety",
        r"生成的(?:图片|图像|视频).{0,8}(?:未通过|被)(?:安全)?(?:审核|拦截)",
    ),
    (
        "moderation_input",
        r"input_moderation",
        r"(?:the|your|this) (?:prompt|request|input|uploaded image|reference image)s? "
        r"(?:may |might |could |seems to |appears to )?"
        r"(?:violates?|was flagged|was blocked|contains? (?:sensitive|prohibited))",
        r"提示词?.{0,12}(?:违规|敏感|违反)",
        r"敏感词",
        r"input was flagged",
    ),
    (
        "daily_limit",
        r"daily (?:image )?(?:generation )?(?:limit|quota)",
        r"(?:今日|今天|每日).{0,12}(?:上限|限制|用完|用尽|达到)",
    ),
    (
        "rate_limited",
        r"hit (?:the|your|a) .{0,24}limit",
        r"rate[ -]?limit",
        r"too many requests",
        r"请求过于频繁",
        r"请求数限制",
        r"频率限制",
        r"生成(?:图片|图像)?.{0,12}(?:次数)?.{0,4}上限",
        r"reached (?:the|your|our) .{0,30}limit",
        r"操作过于频繁",
    ),
    (
        "upstream_saturated",
        r"系统繁忙",
        r"服务繁忙",
        r"服务器繁忙",
        r"负载已饱和",
        r"上游已饱和",
        r"overloaded",
        r"(?:server|system|service)s? (?:is|are) (?:currently )?(?:too )?busy",
        r"all channels .{0,12}busy",
        r"high demand",
    ),
    (
        "upstream_error",
        r"(?:无法|不能|失败)[^。\n]{0,30}稍后(?:再试|重试)",
        r"(?:unable|couldn't|could not|can't|cannot)[^\n]{0,80}try again (?:later|in a)",
    ),
    (
        "refusal",
        r"\bsorry\b[^.\n]{0,60}\b(?:can't|cannot|can not|unable to|not able to|won't)\b",
        r"\b(?:i|we) (?:can't|cannot|can not|won't|must decline|wasn't able to|was unable to)\b[^.\n]{0,40}"
        r"\b(?:generate|create|produce|make|draw|help|assist|fulfill|comply|provide|edit|complete|process|do)\b",
        r"\bi(?:'m| am) (?:unable|not able) to\b",
        r"(?:我|抱歉|对不起)[^。\n]{0,24}(?:无法|不能|没办法)[^。\n]{0,16}"
        r"(?:生成|创建|创作|绘制|提供|协助|帮|满足|完成|处理|画)",
    ),
    (
        "moderation",
        r"guardrails",
        r"content polic(?:y|ies)",
        r"safety (?:system|polic)",
        r"内容政策",
        r"违反[^。\n]{0,14}(?:政策|规定|准则)",
        r"content moderation",
        r"内容(?:违规|审核)",
        r"审核未通过",
        r"blocked by .{0,24}(?:filter|moderation)",
    ),
    (
        "deferred",
        r"准备好后.{0,12}通知",
        r"(?:完成|好了?)后.{0,8}(?:会)?通知",
        r"(?:notify|let) you (?:know )?(?:when|once|as soon)",
        r"很多人(?:在|正在)创建",
        r"lots of people (?:are )?creating",
        r"(?:稍后|过一会儿?)(?:再)?(?:查看|查收)",
        r"(?:image|picture) (?:will be|is being) (?:ready|generated|processed|created) "
        r"(?:soon|shortly|now|in the background)",
    ),
    (
        "upstream_error",
        r"(?:图片|图像|视频|绘图|绘画|生成|创作|处理|任务)(?:图片|图像|视频)?(?:生成)?失败",
        r"generation failed",
        r"failed to (?:generate|create|draw|process)",
        r"(?:图片|图像|生成).{0,6}(?:出错|错误|异常)",
        r"an error (?:has )?occurred",
        r"something went wrong",
        r"encountered an error",
        r"internal server error",
        r"upstream (?:error|timeout)",
        r"请求超时",
        r"bad gateway",
        r"service unavailable",
        r"发生错误",
        r"出现(?:错误|异常)",
        r"❌",
    ),
    (
        "needs_input",
        r"请(?:您)?(?:先)?(?:上传|提供|发送|分享)[^。\n]{0,24}(?:图|照片|参考|描述|信息)",
        r"请问您?(?:想|希望|需要|要)",
        r"(?:please|could you|can you)[^.\n]{0,24}(?:upload|provide|share|attach|send)[^.\n]{0,40}"
        r"(?:image|photo|picture|file|detail|description)",
        r"what would you like",
        r"which (?:image|photo|picture)",
        r"(?:没有|未)(?:收到|看到|检测到)[^。\n]{0,12}(?:图|照片)",
        r"(?:don't|do not|didn't) see (?:any|an|the)[^.\n]{0,16}(?:image|photo|picture)",
    ),
)
