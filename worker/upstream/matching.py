"""Match phrases: tables of patterns, word sets, and normalisation of texts and member names."""

import re
from functools import lru_cache

PatternTable = tuple[tuple[re.Pattern[str], str], ...]

_MAX_LENGTH = 4096  #: characters of a normalised text: its two halves
_MAX_NAME = 64  #: characters of the name of a member that may be known
_QUOTES = {0x2019: "'", 0x2018: "'", 0x201C: '"', 0x201D: '"'}
_QUOTATION = re.compile(
    r"“[^“”]{1,400}”|\"[^\"\n]{1,400}\"|「[^「」]{1,400}」|『[^『』]{1,400}』|《[^《》]{1,400}》"
    r"|«[^«»]{1,400}»|‘[^‘’\n]{1,200}’(?!\w)"
    r"|„[^„“”]{1,400}[“”]|(?<![\w`])`[^`\n]{1,400}`(?![\w`])|(?<!\w)'[^'\n]{2,200}'(?!\w)|＂[^＂]{1,400}＂"
)
# traditional Chinese characters and their simplified forms, so that each phrase is listed only once
_TRADITIONAL = (
    "餘額儲帳賬戶無權飽載負請繁統維護過頻數達後試臨時鐘內並併發圖畫繪創處違規審詞檢測該訪問為號點購買錯誤異務體現寫會們"
    "準備訴與對沒辦幫傳給來說節還暫費鑰認證驗敗響應斷連線將從見視觸動範組單隊絕擬關開終結錄樣麼風細個張幾這長較壓縮徑級滿"
    "減儘盡獲獎調參禁闆讓則報廢暫擁擠當積遲適術標稱簡詳須產進輸閉權類須質衝預顯簽種許聯絡繫係總計劃歸還導據憑於"
)
_SIMPLIFIED = (
    "余额储账账户无权饱载负请繁统维护过频数达后试临时钟内并并发图画绘创处违规审词检测该访问为号点购买错误异务体现写会们"
    "准备诉与对没办帮传给来说节还暂费钥认证验败响应断连线将从见视触动范组单队绝拟关开终结录样么风细个张几这长较压缩径级满"
    "减尽尽获奖调参禁板让则报废暂拥挤当积迟适术标称简详须产进输闭权类须质冲预显签种许联络系系总计划归还导据凭于"
)
_TO_SIMPLIFIED = str.maketrans(_TRADITIONAL, _SIMPLIFIED)


def compile_patterns(*rows: tuple[str, ...]) -> PatternTable:
    """Compile rows of ``(name, pattern, pattern, …)``, in order, for normalised texts."""
    return tuple((re.compile("|".join(alternatives)), kind) for kind, *alternatives in rows)


def first_match(table: PatternTable, text: str) -> str | None:
    """Return the name of the first row with a match in ``text``."""
    return next((kind for pattern, kind in table if pattern.search(text)), None)


def find_match(table: PatternTable, text: str) -> tuple[str, str] | None:
    """Return the name of the first row with a match in ``text``, and the words that match."""
    for pattern, kind in table:
        if found := pattern.search(text):
            return kind, found[0]
    return None


def normalize(text: str) -> str:
    """Return a text in lower case, with straight quotes and simplified characters, cut in the middle."""
    text = text.strip()
    if len(text) > _MAX_LENGTH:
        text = text[: _MAX_LENGTH // 2] + text[-_MAX_LENGTH // 2 :]
    return fold(text)


def fold(text: str) -> str:
    """Return a text in lower case, with straight quotes and simplified characters."""
    return to_simplified(text.lower().translate(_QUOTES))


def to_simplified(text: str) -> str:
    """Return a text of the same length in simplified characters; other scripts stay as they are."""
    return text if text.isascii() else text.translate(_TO_SIMPLIFIED)


def without_quotations(text: str) -> str:
    """Return a text without what it quotes."""
    return _QUOTATION.sub(" … ", text)


def word_set(text: str) -> frozenset[str]:
    """Return the set of words in ``text``."""
    return frozenset(text.split())


def fold_name(name: str) -> str:
    """Return a member's name in lower case and without separators: ``JobStatus`` is ``job_status``."""
    return _fold_name(name) if len(name) <= _MAX_NAME else name


@lru_cache(maxsize=4096)
def _fold_name(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
