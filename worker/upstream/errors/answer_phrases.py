"""Phrases of models and relays in a good answer instead of an image, and the error kind each means.

In order: the first match wins.
"""

import re

from worker.upstream.errors.shared_phrases import (
    NEVER_CONNECTED,
    PROMPT_REFUSED,
    TIMED_OUT,
    TOO_LARGE_FOR_RELAY,
    UPSTREAM_LOST,
)
from worker.upstream.matching import PatternTable, compile_patterns

_DRAW = r"(?:generate|create|produce|make|draw|render|paint|illustrate|edit|design|process)"
_IMAGE = r"(?:image|picture|photo|illustration|drawing|artwork|poster)s?"

#: words of a text that describes a picture: what it says is in the picture, not in the provider
DEPICTION = re.compile(
    r"\b(?:posters?|comics?|manga|cartoon|billboards?|signboards?|neon|murals?|storyboard|protagonist"
    r"|lettering"
    r"|(?:the|a|this) scene\b|in the (?:background|foreground)|(?:depict|portray|illustrat)(?:s|ed|ing)\b"
    r"|(?:signs?|screens?|labels?|banners?|shirts?|notes?|terminals?|monitors?|papers?|boards?|placards?"
    r"|dialogs?|windows?"
    r"|phones?|cards?|tickets?|receipts?|bubbles?) (?:that |which )?(?:reads?|reading|says?|saying|shows?"
    r"|showing|displays?"
    r"|displaying|with the (?:words?|text))|(?:saying|says|reading|reads|written|titled|captioned|(?:words?"
    r"|text|caption|title)):? +…"
    r"|would you like me to (?:draw|make|create|generate)|hope you like)"
    r"|海报|漫画|画面(?!生成)|霓虹|招牌|牌子|标语|横幅|写着|写有|显示着|印着|主角|背景(?:是|为|中)|插画"
    r"|场景|构图|风格的|标题|希望你喜欢|希望您喜欢"
    r"|ポスター|看板|と書かれ|背景|포스터|간판|배경"
)

_CANNOT = (
    r"(?:can't|cannot|can not|couldn't|could not|won't|will not|must decline|wasn't able to|was unable to"
    r"|am unable to|refuse to)"
)
_DOING = (
    r"(?:generate|create|produce|make|draw|render|help|assist|fulfil\w*|comply|provide|edit|alter|change"
    r"|modify|complete|process"
    r"|do (?:that|this|it|so)|depict|show|support|engage|continue|accommodate|proceed|satisfy|respond"
    r"|answer|discuss|design"
    r"|recreate|reproduce|replicate|participate)"
)

#: rows of an error kind and the regular expressions that mean it, for normalised text
ANSWER_PHRASES: PatternTable = compile_patterns(
    (
        "quota_exhausted",
        r"余额不足",
        r"额度不足",
        r"额度已用尽",
        r"(?:积分|点数|算力|金币)不足",
        r"欠费",
        r"请(?:先)?(?:充值|储值)",
        r"残高.{0,4}不足",
        r"insufficient (?:user |account )?(?:balance|quota|credits?|funds)",
        r"(?:balance|quota) is (?:insufficient|not enough|exhausted)",
        r"预扣费(?:额度)?失败",
        r"exceeded your current quota",
    ),
    (
        "moderation_output",
        r"output_moderation",
        r"output new_sensitive",
        r"the (?:generated |resulting )?images? (?:(?:we|i|that was) ?(?:created|generated|made)? ?)?.{0,24}"
        r"(?:violate|was blocked|unsafe)",
        r"image_safety",
        r"生成的(?:图片|图像|视频|内容).{0,8}(?:未通过|被)(?:安全|内容)?(?:审核|拦截)",
    ),
    (
        "moderation",
        r"blocked by .{0,24}(?:filter|moderation|safety)",
    ),
    (
        "moderation_input",
        r"input_moderation",
        r"input new_sensitive",
        r"(?:the|your|this) (?:prompt|request|input|uploaded image|reference image)s? "
        r"(?:may |might |could |seems to |appears to )?"
        r"(?:violates?|was flagged|was blocked|contains? (?:sensitive|prohibited))",
        r"(?:该|此|您的|你的)?提示(?:词|语)?.{0,12}(?:违规|敏感|违反)",
        r"敏感词",
        r"input was flagged",
    ),
    (
        "no_channel_model",
        r"无可用(?:的)?渠道",
    ),
    (
        "maintenance",
        r"(?:系统|服务|正在|例行|停机)[^。\n]{0,4}维护",
        r"(?:down for|under|undergoing) (?:scheduled )?maintenance",
    ),
    (
        "daily_limit",
        r"daily (?:image )?(?:generation )?(?:limit|quota)",
        r"(?:今日|今天|每日|每天).{0,12}(?:上限|限制|用完|用尽|耗尽|达到)",
    ),
    (
        "rate_limited",
        r"hit (?:the|your|a) .{0,24}limit",
        r"\brate[ -]?limit",
        r"too many (?:requests|images|generations)",
        r"(?:请求|操作)(?:过于|太)?频繁",
        r"请求数限制|最多请求\d+次",
        r"频率限制",
        r"次数.{0,6}上限",
        r"requests? too (?:quickly|fast|often)",
        r"please slow down",
        r"生成(?:图片|图像)?.{0,12}(?:次数)?.{0,4}上限",
        r"reached (?:the|your|our) .{0,30}limit",
        r"generating images too quickly",
        r"リクエスト.{0,4}(?:多すぎ|制限)",
    ),
    (
        "upstream_saturated",
        r"(?:系统|服务|服务器|渠道|通道|上游|模型).{0,4}(?:繁忙|拥挤)",
        r"(?:负载|上游)(?:已)?饱和",
        r"排队(?:人数)?(?:过多|已满)",
        r"overloaded",
        r"(?:server|system|service)s? (?:is|are) (?:currently )?(?:too )?busy",
        r"all channels .{0,12}busy",
        r"high demand",
        r"混み合って|混雑して",
    ),
    (
        "upstream_error",
        r"(?:无法|不能|失败)[^。\n]{0,30}稍后(?:再试|重试)",
        r"(?:unable|couldn't|could not|can't|cannot)[^\n]{0,80}try again (?:later|in a)",
        r"(?:wasn't|weren't|not|un)\s?able to[^.\n]{0,60}(?:due to|because of) (?:an? |some )?(?:\w+ )?"
        r"(?:error|issue|problem|glitch|outage)",
        r"生成(?:に|时)失败",
        r"エラーが発生",
    ),
    (
        "refusal",
        r"(?:^|[.!?\n>*]\s*|\b(?:i'm|i am|we're|we are|so|very|truly|really) )sorry\b(?!-)"
        r"[^.\n]{0,60}\b(?:can't|cannot|can not|unable to|not able to|won't)\b",
        r"\b(?:i|we) (?:can't|cannot|can not|won't|must decline|wasn't able to|was unable to)\b[^.\n]{0,40}"
        r"\b(?:generate|create|produce|make|draw|help|assist|fulfill|comply|provide|edit|complete|process"
        r"|do)\b",
        r"\bi(?:'m| am) (?:unable|not able) to\b",
        r"\bi (?:must|have to|need to) (?:decline|refuse)\b",
        r"(?:我(?!们的)|抱歉|对不起)[^。\n]{0,24}(?:无法|不能|没办法)[^。\n]{0,16}"
        r"(?:生成|创建|创作|绘制|提供|协助|帮|满足|完成|处理|画)",
        r"\bich kann [^.\n]{0,40}\bnicht (?:erstellen|generieren|erzeugen)",
        r"\bje ne peux pas (?:générer|créer|produire)",
        r"\bno puedo (?:generar|crear|producir)",
        r"(?:생성|제작|만들)[^.\n]{0,4}수 없",
        r"申し訳(?:ありません|ございません)[^。\n]{0,60}(?:できません|できかねます|いたしかねます)",
    ),
    (
        "moderation",
        *PROMPT_REFUSED,
        r"guardrails",
        r"content polic(?:y|ies)",
        r"safety (?:system|polic|filter)",
        r"内容政策",
        r"违反[^。\n]{0,14}(?:政策|规定|准则|规范)",
        r"content moderation",
        r"内容(?:违规|审核)",
        r"审核(?:未|不)通过",
        r"コンテンツポリシー",
    ),
    ("upstream_error", *NEVER_CONNECTED),
    ("too_large_for_relay", *TOO_LARGE_FOR_RELAY),
    ("upstream_lost", *UPSTREAM_LOST),
    # refusals in any other wording
    (
        "refusal",
        r"\b(?:i|we)(?:'m| am|'re| are)?\b[^.!?\n]{0,60}\b" + _CANNOT + r"\b[^.\n]{0,40}\b" + _DOING + r"\b",
        r"\b(?:i'm|i am|we're|we are) (?:unable|not (?:able|permitted|allowed|authori[sz]ed|comfortable"
        r"|going|willing|designed"
        r"|supposed|in a position|programmed)|prohibited|restricted|forbidden)\b",
        r"\b(?:i|we) (?:must|have to|need to|will have to|'ll have to)(?: respectfully"
        r"| politely)? (?:decline|refuse|refrain)\b",
        r"\b(?:i|we)(?:'d| would) (?:rather|prefer) not\b|\bi don't feel comfortable\b",
        r"\b(?:that|this|it)(?:'s| is)(?: not|n't) something (?:i|we)(?:'m| am| can|'re)",
        r"\b(?:this|that|your|the) (?:request|image|prompt|content)\b[^.\n]{0,30}\b(?:cannot|can't|can not"
        r"|could not|couldn't) be"
        r" (?:generated|created|fulfilled|completed|processed|produced"
        r"|made)\b(?![^\n]{0,60}(?:try again later|error))",
        r"\b(?:goes|go|is|are) against (?:my|our|the) (?:guidelines|polic|rules|values|programming|terms)",
        r"(?:做不到|办不到|无法做到|恕难从命|恕不|不便(?:提供|生成|绘制|协助)|不方便(?:提供|生成|绘制|协助)"
        r"|爱莫能助)",
        r"(?:这个|该|此|您的|你的|这类|此类|这样的)(?:请求|要求|内容|图片|图像|主题"
        r"|需求)[^。\n]{0,16}(?:无法|不能|没法|不便|拒绝|不予|不支持)"
        r"[^。\n]{0,12}(?:生成|创建|创作|绘制|提供|协助|帮|满足|完成|处理|画|实现|执行)",
        r"(?:我|抱歉|对不起|很遗憾|不好意思)[^。\n]{0,30}(?:拒绝|不可以|没法|不会|不被允许"
        r"|不允许)[^。\n]{0,16}"
        r"(?:生成|创建|创作|绘制|提供|协助|帮|满足|完成|处理|画|修改)",
        r"(?:请|建议)(?:您|你)?(?:更换|换(?:一)?个|修改)(?:\w{0,4})?(?:主题|话题|提示词|提示语|描述|内容)",
        r"\b(?:ich (?:kann|darf|werde)|(?:kann|darf) ich)\b[^.\n]{0,60}\bnicht\b|ich bin nicht in der lage"
        r"|tut mir leid, [^.\n]{0,60}nicht",
        r"\bje ne (?:peux|suis) pas\b|\bje suis (?:désolée?|dans l'incapacité)|il m'est impossible"
        r"|impossible (?:de|pour moi de) (?:générer|créer)",
        r"\b(?:no puedo|no me es posible|no estoy (?:autorizad|en condiciones)|no tengo permitido)\b"
        r"|\blo siento\b[^.\n]{0,60}\bno\b",
        r"\b(?:não posso|não consigo|não me é possível|não estou autorizad)|\bdesculpe\b[^.\n]{0,60}\bnão\b",
        r"\b(?:non posso|non sono in grado|non mi è possibile)\b|\bmi dispiace\b[^.\n]{0,60}\bnon\b",
        r"\bik kan\b[^.\n]{0,60}\bniet\b|\bhelaas kan ik\b|\bnie mogę\b|przykro mi",
        r"(?:я |мы )?(?:не могу|не можем|не смогу|не в состоянии|не могу помочь)\b"
        r"|к сожалению[^.\n]{0,40}\bне\b|извините[^.\n]{0,60}\bне\b|не можу",
        r"لا (?:أستطيع|يمكنني|يمكننا)|(?:عذر|آسف)|(?:नहीं कर सकत|असमर्थ)|tôi không thể"
        r"|xin lỗi[^.\n]{0,60}không",
        r"(?:saya|kami) tidak (?:dapat|bisa)|\bmaaf\b[^.\n]{0,60}\btidak\b|ไม่สามารถ|(?:yapamam|oluşturamam"
        r"|üretemem|edemem|çizemem|üzgünüm)",
        r"(?:생성|제작|만들|그릴|그려|도와|제공|처리|할|드릴)[^.\n]{0,8}수 ?(?:는 |가 )?없|(?:죄송"
        r"|미안)[^.\n]{0,60}(?:없|못|불가|어렵)",
        r"(?:生成|作成|描|お手伝い|対応|お応え|提供|編集|変更)[^。\n]{0,16}(?:できません|できかねます"
        r"|いたしかねます|することはできない|ことができません)"
        r"(?!でした)",
    ),
    (
        "upstream_error",
        r"(?:图片|图像|视频|绘图|绘画|生成|创作|处理|任务|画像)(?:图片|图像|视频)?(?:の)?(?:生成|执行|提交"
        r"|处理)?(?:に)?失败",
        r"generation failed",
        r"failed to (?:generate|create|draw|process)",
        r"(?:图片|图像|生成|网络|系统|服务器?|内部).{0,6}(?:出错|错误|异常)",
        r"(?:任务|生成|处理|上游)超时",
        r"an error (?:has )?occurred",
        r"something (?:went|seems to have gone|has gone) wrong",
        r"(?:currently|temporarily) unavailable",
        r"internal server error",
        r"upstream (?:error|timeout)",
        r"请求超时",
        r"bad gateway",
        r"^error code: ?5\d\d",
        r"service unavailable",
        r"发生错误",
        r"出现(?:错误|异常)",
        r"❌",
        r"遇到了?(?:一些|点)?(?:问题|错误)",
        r"出了(?:一?点|一?些)?问题",
        r"(?:there was|encountered|ran into|having) (?:an? |some )?(?:\w+ )?"
        r"(?:issue|problem|error|trouble|difficult)",
    ),
    (
        "deferred",
        r"准备好后.{0,12}通知",
        r"(?:完成|好了?)后.{0,8}(?:会)?通知",
        r"(?:notify|let) you (?:know )?(?:when|once|as soon)",
        r"很多人(?:在|正在)创建",
        r"lots of people (?:are )?creating",
        r"正在[^。\n]{0,8}(?:生成|创建|绘制|处理)[^。\n]{0,12}(?:稍(?:候|等)|请稍后|完成后|稍后(?:查看|查收"
        r"|展示|返回))",
        r"(?:生成|绘制|处理)中[^。\n]{0,6}稍(?:候|后|等)",
        r"(?:image|picture) is (?:currently |now )?being (?:generated|created|processed)",
        r"(?:稍后|过一会儿?)(?:再)?(?:查看|查收)",
        r"(?:image|picture) generation (?:has |is )?(?:started|begun|in progress|under way|underway)",
        r"(?:image|picture) is on its way",
        r"^(?:creating|generating|processing) (?:your |the )?(?:image|picture)\b[^.\n]{0,12}(?:\.\.\.|…)?$",
        r"(?:image|picture) (?:will be|is being) (?:ready|generated|processed|created) "
        r"(?:soon|shortly|now|in the background)",
    ),
    (
        "needs_input",
        r"(?:请|麻烦)(?:您|你)?(?:先)?(?:重新)?(?:上传|提供|发送|分享|补充|描述|告诉我)[^。\n]{0,24}"
        r"(?:图|照片|参考|描述|信息|细节|需求|风格|要求)",
        r"请问(?:您|你)?(?:想|希望|需要|要)",
        r"(?:您|你)(?:想|希望|需要|要)[^。\n]{0,24}(?:什么|怎么|怎样|哪|吗|？|\?)",
        r"(?:please|could you|can you|would you)[^.\n]{0,24}"
        r"(?:upload|provide|share|attach|send|tell me|describe|clarify|specify)[^.\n]{0,48}"
        r"(?:image|photo|picture|file|details?|description|more|style|it\?|what)",
        r"(?:what|which)\b[^.?\n]{0,60}\b"
        r"(?:would you (?:like|prefer)|do you (?:want|prefer|need|have in mind)|should i)",
        r"which (?:image|photo|picture)",
        r"\bi (?:will |'ll )?need (?:an?|the|your|more)\b[^.\n]{0,24}"
        r"(?:image|photo|picture|details?|information)",
        r"before i (?:create|generate|draw|start|begin|proceed)[^\n]{0,120}\?",
        r"(?:do|would) you (?:want|like) me to [^.\n]{1,80}\?",
        r"(?:没有|未)(?:收到|看到|检测到|上传|提供|附上)[^。\n]{0,12}(?:图|照片)",
        r"(?:don't|do not|didn't|did not) (?:see|attach|upload|include|receive) (?:any|an|the|your)"
        r"[^.\n]{0,16}(?:image|photo|picture|file)",
        r"(?:画像|写真).{0,12}(?:アップロード|添付)",
    ),
    (
        "deferred",
        rf"\bi(?:'ll| will|'m going to| am going to) (?:now )?{_DRAW}\b[^?\n]{{0,60}}\b{_IMAGE}\b"
        r"[^?\n]{0,40}\b(?:now|right away|moment|shortly|soon|for you)\b",
        r"\b(?:generating|creating|drawing|rendering) (?:your|the|this|an?) [^?\n]{0,40}"
        rf"{_IMAGE}\b[^?\n]{{0,24}}(?:now|\.\.\.|moment|…)",
        r"(?:这就|马上|立即|现在就|正在)(?:为|给|帮)(?:您|你)[^。？\n]{0,8}(?:生成|绘制|创建|创作|制作|画)",
    ),
    ("timeout", *TIMED_OUT),
)
