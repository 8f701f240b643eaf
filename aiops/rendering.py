"""The template engine of the console: no character of a text from outside is invisible or reorders its line.

Autoescape keeps markup out; this keeps out what markup is not needed for: a bidi override in a label that turns a
command around, an escape sequence, a NUL. It is done to the finished text, so that no template can forget it.
"""

import re
from typing import Any

from django.http import HttpRequest
from django.template.backends.django import DjangoTemplates, Template
from django.utils.safestring import SafeString

# Controls but tab and newline, bidi marks and overrides, line separators, and the widthless characters that no script needs.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff]")


def visible(text: str) -> str:
    """`text` with every hidden character shown: `␀` for a NUL, `[U+202E]` for an override. Carriage returns go."""
    return _HIDDEN.sub(lambda match: _shown(ord(match[0])), text)


def _shown(code: int) -> str:
    if code == 0x0D:
        return ""
    if code < 0x20:
        return chr(0x2400 + code)
    return f"[U+{code:04X}]"


class VisibleTemplate(Template):
    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> SafeString:
        return SafeString(visible(super().render(context, request)))


class ConsoleTemplates(DjangoTemplates):
    """Django's own backend with `visible` after every template."""

    def from_string(self, template_code: str) -> Template:
        return _visible(super().from_string(template_code))

    def get_template(self, template_name: str) -> Template:
        return _visible(super().get_template(template_name))


def _visible(template: Template) -> VisibleTemplate:
    return VisibleTemplate(template.template, template.backend)
