"""Phrases that mean the same in an error message and in an answer: a refused prompt, a lost upstream.

Regular expressions for normalised text; ``error_phrases`` and ``answer_phrases`` have them as rows.
"""

#: what moderation looks at: these nouns mean nothing else
_PROMPT = (
    r"(?:prompts?|words?|terms?|phrases?|keywords?|content|nudity|violence|gore|celebrit(?:y|ies)|likeness"
    r"|copyrighted|trademarked?)"
)
#: nouns that may mean the request as a whole, where the text does not speak of access
_PICTURE = (
    r"(?:(?:input |reference |uploaded |generated )?(?:images?|pictures?|photos?)|text|descriptions?"
    r"|person|people|faces?)"
)
_ACCESS = (
    r"(?:\b(?:api|keys?|tokens?|accounts?|plans?|tier|subscription|organi[sz]ation|projects?|groups?|roles?"
    r"|permissions?"
    r"|access|endpoint|region|country|ip|models?|channels?|format|size|mime|resolution)\b"
    r"|令牌|密钥|账号|账户|分组|权限|套餐|模型|渠道|地区|格式|尺寸)"
)
_REFUSED = (
    r"(?:banned|forbidden|prohibited|disallowed|not (?:be )?(?:allowed|permitted|acceptable)|blocked"
    r"|flagged|illegal|unsafe"
    r"|inappropriate|rejected|sensitive|violat\w+|against (?:our|the)|filtered|unacceptable|offensive"
    r"|harmful|explicit)"
)
_CHINESE_PROMPT = r"(?:提示词|提示语|提示|关键词|词语|词汇|文本|内容|描述|文案|输入|画面|图片|图像|人物|请求)"
_CHINESE_REFUSED = (
    r"(?:禁用词|违禁|禁词|被?禁止(?!访问)|屏蔽|违规|违法|非法词|敏感|不合规|不允许|不被允许|不当"
    r"|色情|暴力|血腥|裸露|侵权|政治|涉黄|涉政)"
)

#: the prompt or its subject is refused, in any wording
PROMPT_REFUSED = (
    rf"\b{_PROMPT}\b[^.!?。\n]{{0,60}}?\b{_REFUSED}\b",
    rf"\b{_REFUSED} (?:\w+ )?{_PROMPT}\b(?! (?:polic|type|length|encoding|filter))",
    rf"(?s:^(?!.*{_ACCESS}).*\b{_PICTURE}\b[^.!?。\n]{{0,40}}?\b{_REFUSED}\b)",
    r"\brequests? (?:has been |have been |was |were |is )?(?:flagged|considered high risk|refused by)",
    r"\b(?:nudity|nude|nsfw|gore|celebrity|public figure|photorealistic people|real (?:person|people)"
    r"|minors?|child"
    r"|violence|sexual|weapons?|copyright\w*|trademark|third-party) (?:\w+ ){0,2}?(?:detected|violation"
    r"|not allowed|blocked"
    r"|infring\w+)",
    r"(?:failed|did(?: not|n't) pass|not pass) (?:the |our |a )?(?:safety|content|moderation|risk"
    r"|compliance)",
    r"potentially (?:sensitive|unsafe|harmful|infringing)",
    r"considered high risk",
    rf"{_CHINESE_PROMPT}[^。！？\n]{{0,24}}?{_CHINESE_REFUSED}",
    rf"{_CHINESE_REFUSED}的?(?:\w{{0,4}})?(?:提示词|词语|词汇|词|内容|文本|文字|人物|图片)",
    r"(?:审核|安全检查|风控|内容检测)(?:未|不|没有)(?:能)?通过",
    r"(?:禁止|不适当|不適切).{0,8}(?:プロンプト|コンテンツ|単語|ワード|言葉)|(?:プロンプト|コンテンツ"
    r"|画像).{0,24}"
    r"(?:禁止|不適切|ポリシー|違反)",
    r"(?:금지|부적절|유해).{0,8}(?:단어|콘텐츠|프롬프트)|(?:프롬프트|콘텐츠|단어).{0,24}(?:금지|위반|부적절"
    r"|차단)",
)

#: the relay sent the request on, and lost the upstream or its answer
UPSTREAM_LOST = (
    r"\b(?:stream|connection|response|socket|transport|session|channel|body"
    r"|upstream)\b[^.\n]{0,40}?\b(?:(?:was |is |has been |been "
    r"|got )?(?:unexpectedly |prematurely |abnormally |forcibly )?(?:disconnect\w*|interrupt\w*|clos(?:ed"
    r"|e)|reset"
    r"|abort\w*|terminat\w*|dropped|broken?|lost|truncated|cut off|incomplete|ended (?:before|prematurely"
    r"|unexpectedly"
    r"|early)))\b",
    r"\b(?:disconnect\w*|interrupt\w*|clos(?:ed|ing)|lost|reset|abort\w*|dropped|broken?) (?:the "
    r"|its )?(?:upstream|stream"
    r"|connection|socket|response)\b",
    r"\bunexpected (?:eof|end of (?:file|stream|data|json|input))|(?:^|[:;,] ?)eof\b|\beof (?:occurred"
    r"|while|reading)",
    r"socket hang ?up|econnreset|econnaborted|epipe\b|broken pipe|goaway|rst_stream"
    r"|err_stream_premature_close",
    r"premature(?:ly)? (?:clos\w+|end\w*|eof)|ended prematurely|without (?:response|sending (?:a )?complete)",
    r"server disconnected|remote end closed|peer closed|client connection (?:lost|force closed)"
    r"|(?:remote|far) (?:host|end|server) (?:has )?(?:closed|reset|terminated)|forcibly closed",
    r"incomplete(?: chunked)? ?read|incompleteread|chunkedencodingerror|remoteprotocolerror"
    r"|clientpayloaderror"
    r"|serverdisconnected|clientconnectorreset|transfer closed|protocol_error.{0,20}stream"
    r"|http2: .{0,40}(?:closed|lost)",
    r"context cancell?ed|(?:request|operation|call|fetch|query) (?:was |has been )?(?:cancell?ed|aborted"
    r"|interrupted)"
    r"|this operation was aborted|aborterror|request aborted",
    r"(?:error|failed|failure)(?: while| to|:)? ?(?:reading|read|receiving"
    r"|receive)(?: the)?(?: upstream)? (?:stream|response"
    r"|body|chunk)|stream (?:read|receive) error|\bstream error\b",
    r"(?:did not|never|failed to) (?:receive|get|send)[^.\n]{0,30}(?:completed|done|final"
    r"|terminal) (?:event|message|response)"
    r"|before (?:response\.completed|completion|image generation completed|a response was received)",
    r"(?:上游|连接|流|响应|数据流|请求|网络|链接)[^。！\n]{0,8}?(?:中断|断开|断流|重置|意外(?:关闭|终止"
    r"|结束)|异常(?:关闭|断开|终止"
    r"|结束)|提前(?:关闭|结束|终止)|被(?:关闭|重置|取消|中止)|已(?:关闭|取消))|读取(?:上游)?(?:响应|流"
    r"|数据)?(?:流)?(?:失败|出错|异常)",
    r"(?:接続|ストリーム|通信)[^。\n]{0,8}(?:切断|中断|リセット|失われ|途切れ)|(?:연결"
    r"|스트림)[^.\n]{0,8}(?:끊|중단|종료|초기화)",
)
#: the connection was never made: nothing was sent to the upstream, so it is no loss
NEVER_CONNECTED = (
    r"econnrefused|connection refused|enotfound|eai_again|getaddrinfo|no such host|dial tcp|name resolution"
    r"|name or service"
    r"|no route to host|enetunreach|ehostunreach|connect (?:etimedout|error|timeout)|connect: |certificate"
    r"|tls handshake"
    r"|ssl handshake|拒绝连接|连接(?:被)?拒绝|无法(?:建立)?连接|连接失败",
)
#: no answer came in time
TIMED_OUT = (
    r"\b(?:time-?out|timed[ -]out|deadline exceeded)\b",
    r"(?:空闲|读取|响应|等待)超时",
)
#: the answer was larger than a buffer of the relay: the image was made
TOO_LARGE_FOR_RELAY = (
    r"token too long",
    r"(?:buffer|line|chunk|frame|message|response|body|scanner)\b[^.\n]{0,24}(?:too (?:long|large|big)"
    r"|overflow|limit exceeded"
    r"|exceed\w* (?:the )?(?:max|buffer|limit|allowed))[^.\n]{0,40}",
    r"(?:max(?:imum)? (?:response|buffer|message|line|body)|maxcontentlength"
    r"|max_?buffer)[^.\n]{0,24}(?:size |length )?"
    r"(?:of \d+ )?exceeded|err_(?:fr_max_content_length|body_too_large)"
    r"|separator is not found, and chunk exceed"
    r"|got more than \d+ bytes|chunk too big",
    r"响应(?:体|内容)?(?:过大|太大|超过|超出)",
)
