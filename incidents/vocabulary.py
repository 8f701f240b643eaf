"""Names of alerts as words, and the way in which rules ask for them."""

import re
from functools import lru_cache

MAX_NAME = 300
MAX_TEXT = 4_000

_WORD = re.compile(
    r"[1-5][xX]{2}|[pP]\d{2,3}|[xX]509|[kK]8[sS]|[sS]3(?![a-z])|[eE][cC]2|neo4j|log4j|IPv[46]"
    r"|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\d_a-zA-Z]+|\d+"
)
_TEXT_WORD = re.compile(r"\w+(?:[-.'/:]\w+)*|%")
_LINK = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://\S+")
_GAP = r" (?:\S+ ){0,6}?"
# What the splitting at capitals takes apart, and senders write in two ways.
_TOGETHER = re.compile(
    r"(?<= )(?:(?:postgre|my|ms) sql|(?:mongo|maria|dynamo|influx|couch) db|core dns|(?:rabbit|active) mq|pg bouncer"
    r"|(?:elastic|open) search|click house|ha proxy|argo cd|dead (?:locks?|man)|crash loop\w*|cron jobs?|time outs?|file systems?"
    r"|maxed out|over (?:commit\w*|scaled|provisioned)|under utili[sz]ed|(?:stateful|daemon|replica) sets?|api server"
    r"|auto scal\w+|back ups?|alert manager|push gateway|mis scheduled|persistent volumes?|heart beat|data source|pub sub"
    r"|jet stream|mem cached?|black box|text file)(?= )"
)


@lru_cache(maxsize=8192)
def words_of(name: str) -> str:
    """`KubePodCrashLooping` → ` kube pod crashlooping `: lower case, one space before, between and after the words."""
    text = " " + " ".join(word.lower() for word in _WORD.findall(name[:MAX_NAME])) + " "
    return _TOGETHER.sub(lambda pair: pair[0].replace(" ", ""), text)


@lru_cache(maxsize=2048)
def text_words(text: str) -> str:
    """A text of people in the same form: words and numbers in lower case, links and punctuation left out."""
    return " " + " ".join(_TEXT_WORD.findall(_LINK.sub(" ", text[:MAX_TEXT].lower()))) + " "


def phrases(text: str) -> re.Pattern[str]:
    """A pattern that finds any of the comma-separated phrases as whole words in what `words_of` and `text_words` return.

    A phrase is a small regular expression; `...` stands for up to six words: `out of (disk )?space, standby ... caught up`.
    """
    alternatives = (" ".join(phrase.split()).replace(" ... ", _GAP) for phrase in text.split(",") if phrase.strip())
    return re.compile(f" (?:{'|'.join(alternatives)}) ")
