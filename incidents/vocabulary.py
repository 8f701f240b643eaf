"""Names of alerts as words, and the way in which rules ask for them."""

import re
from functools import lru_cache

MAX_NAME = 300

_WORD = re.compile(r"[1-5]xx|p\d\d+|x509|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\d_a-zA-Z]+|\d+")
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


def phrases(text: str) -> re.Pattern[str]:
    """A pattern that finds any of the comma-separated phrases as whole words in what `words_of` returns.

    A phrase is a small regular expression: `out of (disk )?space, expir\\w*`.
    """
    alternatives = "|".join(" ".join(phrase.split()) for phrase in text.split(",") if phrase.strip())
    return re.compile(f" (?:{alternatives}) ")
