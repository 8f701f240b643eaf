"""Finding incidents by what somebody types: the same answer on a page, in the finder and over the API."""

from django.db.models import Q, QuerySet

from incidents.models import Incident

WORDS_MAX = 8


def matching(rows: QuerySet[Incident], text: str) -> QuerySet[Incident]:
    """By reference (`INC-42`); else every word has to stand in title, alert name or target, or be a service or a number."""
    text = text.replace("\0", " ").strip()
    if text.upper().startswith("INC-") and _is_number(text[4:]):
        return rows.filter(pk=int(text[4:]))
    for word in text.split()[:WORDS_MAX]:
        within = Q(title__icontains=word) | Q(alert_name__icontains=word) | Q(target_name__icontains=word)
        within |= Q(services__contains=[word])
        rows = rows.filter(within | Q(pk=int(word)) if _is_number(word) else within)
    return rows


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= 15
