"""What the console's templates need beside Django's own tags. All of it escapes; nothing here knows a model."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from django import template
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from aiops import charts
from aiops.core import wording
from aiops.core.actions import Action
from aiops.core.commands import render

register = template.Library()

CUT = 160  # characters of a text from outside that fit where only a line is shown

LEVELS = {"auto": "alone", "human": "one person", "dual": "two people", "blocked": "never"}
STATES = {
    "INIT": "New",
    "ANALYZING": "Analyzing",
    "READY": "Ready",
    "EXECUTING": "Executing",
    "COMPLETED": "Completed",
    "ERROR": "Error",
    "EXPIRED": "Expired",
    "WITHDRAWN": "Withdrawn",
    "HELD": "Held",
}


@register.simple_tag
def asset(path: str) -> str:
    """The address of a static file, with a mark of its content: a new version is fetched at once, an old one kept long."""
    return f"{static(path)}?v={_content_mark(path)}"


@cache
def _content_mark(path: str) -> str:
    """Read once a process: files change with a release, and a release starts new processes."""
    found = finders.find(path)
    return hashlib.sha256(Path(found).read_bytes()).hexdigest()[:10] if found else ""


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """A symbol of the sprite; decoration, the words stand beside it."""
    css = f"icon {size}".strip()
    href = f"{asset('icons.svg')}#{name}"
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', css, href)


@register.simple_tag(takes_context=True)
def part(context: template.Context, name: str) -> str:
    """A live fragment that the view has rendered for this viewer; nothing where they may not see it."""
    parts: Mapping[str, str] = context["parts"]
    return parts.get(name, "")


# Times are UTC in the markup, the same for all viewers; app.js shows them in the viewer's zone and lets them tick.


@register.simple_tag
def clock(at: datetime | None, style: str = "seconds") -> SafeString:
    """A time of day, with its day if it is not today. `style` is `seconds` or `minutes`."""
    if at is None:
        return SafeString("–")
    text = wording.clock(at.astimezone(UTC), timezone.now(), seconds=style == "seconds")
    return format_html('<time datetime="{}" data-clock="{}">{}</time>', _iso(at), style, text)


@register.simple_tag
def until(at: datetime) -> SafeString:
    """A countdown. The server judges the expiry, this only shows it."""
    left = (at - timezone.now()).total_seconds()
    return format_html('<time class="countdown" datetime="{}" data-until>{}</time>', _iso(at), wording.countdown(left))


@register.simple_tag
def since(at: datetime) -> SafeString:
    gone = (timezone.now() - at).total_seconds()
    return format_html('<time datetime="{}" data-since>{}</time>', _iso(at), wording.countdown(gone))


@register.simple_tag
def ago(at: datetime | None) -> SafeString:
    if at is None:
        return SafeString('<span class="dim">never</span>')
    return format_html('<time datetime="{}" data-ago>{}</time>', _iso(at), wording.ago(at.astimezone(UTC), timezone.now()))


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@register.filter
def duration(value: float | timedelta | None) -> str:
    if value is None:
        return "–"
    return wording.duration(value.total_seconds() if isinstance(value, timedelta) else value)


@register.filter
def lasted(start: datetime | None, end: datetime | None) -> str:
    return "–" if start is None or end is None else wording.duration((end - start).total_seconds())


@register.filter
def milliseconds(value: float | None) -> str:
    return "–" if value is None else wording.milliseconds(value)


@register.filter
def percent(value: float | None) -> str:
    return "–" if value is None else wording.percent(value)


@register.filter
def initials(name: object) -> str:
    return wording.initials(str(name))


@register.filter
def cut(text: object, length: int = CUT) -> str:
    """The beginning of a long text, with how long it is in all."""
    whole = str(text)
    return whole if len(whole) <= length else f"{whole[:length]}… ({len(whole):,} characters)"


@register.filter
def level(tier: str) -> str:
    """A tier as the trust pages name it: alone, one person, two people, never."""
    return LEVELS.get(tier, tier)


@register.filter
def counted(number: int, words: str) -> str:
    """`{{ 4|counted:"alert" }}`, `{{ 2|counted:"person,people" }}`."""
    one, _, many = words.partition(",")
    return wording.counted(number, one, many)


@register.filter
def ordinal(number: int) -> str:
    return wording.ordinal(number)


@register.filter
def at(rows: Sequence[object], index: int) -> object:
    return rows[index]


@register.filter
def get(mapping: Mapping[str, object], key: str) -> object:
    return mapping.get(key, "")


@register.simple_tag
def severity(value: str) -> SafeString:
    return format_html('<span class="sev" data-sev="{}">{}</span>', value, value)


@register.simple_tag
def risk(value: str) -> SafeString:
    bars = SafeString('<span class="bars" aria-hidden="true"><i></i><i></i><i></i><i></i></span>')
    return format_html('<span class="risk" data-risk="{}">{}{}</span>', value, bars, value.capitalize())


@register.simple_tag
def minirail(state: str) -> SafeString:
    dots = SafeString("<i></i>" * 5)
    return format_html('<span class="minirail" data-state="{}">{}<span>{}</span></span>', state, dots, STATES.get(state, state))


@register.simple_tag
def avatar(who: object) -> SafeString:
    """A person's initials; a machine's symbol for autonomy. Names stand beside it or in the hidden text."""
    name = str(who)
    if name in ("autonomy", "system"):
        return format_html(
            '<span class="avatar bot" aria-hidden="true">{}</span><span class="sr">{}</span>', icon("bot"), name.capitalize()
        )
    return format_html(
        '<span class="avatar" aria-hidden="true">{}</span><span class="sr">{}</span>', wording.initials(name), name
    )


@register.simple_tag
def command(action: Action | None) -> SafeString:
    """The command with what it is aimed at marked; empty where there is none to type."""
    text = render(action) if action else None
    if not text:
        return SafeString("")
    words = text.split(" ")
    marked = [_marked(word, words[index - 1] if index else "") for index, word in enumerate(words)]
    return format_html_join(" ", "{}", ((word,) for word in marked))


def _marked(word: str, before: str) -> SafeString | str:
    if word.startswith("--") and "=" in word:
        option, value = word.split("=", 1)
        return format_html("<span>{}=<mark>{}</mark></span>", option, value)
    aimed_at = "/" in word or before in ("-n", "-c", "-H", "pod", "drain", "renew", "pvc", "restart")
    return format_html("<mark>{}</mark>", word) if aimed_at and not word.startswith("-") else word


@register.simple_tag
def meter(value: float, label: str, of: float = 100, tone: str = "accent", limit: float | None = None) -> SafeString:
    return charts.meter(value, label, of=of, tone=tone, marks=() if limit is None else (limit,))


@register.simple_tag
def blast_scale(score: int, label: str) -> SafeString:
    return charts.blast(score, label)


@register.simple_tag
def strip(outcomes: Sequence[str], label: str) -> SafeString:
    return charts.strip(outcomes, label)


@register.simple_tag
def spark(values: Sequence[float | None], label: str, tone: str = "accent") -> SafeString:
    return charts.spark(values, label, tone=tone)
