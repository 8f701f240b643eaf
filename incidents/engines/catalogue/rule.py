"""What a rule is, and when it fits."""

import re
from dataclasses import dataclass

from aiops.core.actions import ActionClass
from aiops.core.categories import Category
from aiops.core.targets import Target
from incidents.engines.sign import Sign
from incidents.engines.signs import Case
from incidents.vocabulary import phrases

NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class Rule:
    """What it matches, which act follows, under which condition it is justified, and how that is told to people.

    What is left empty asks for nothing. `words` and `not_words` are searched in the words of the alert's name. `when` must
    all hold, of `any_of` one, of `unless` none. `because` may name `{name}`, `{pod}`, `{unit}` and `{mount}`. `sure`: the
    alert alone settles it, so a machine with a flawless record could do it unattended, if policy agrees. `unit` is the
    systemd unit to restart where the alert names none.
    """

    act: ActionClass
    because: str
    categories: frozenset[Category] = frozenset()
    kinds: frozenset[str] = frozenset()
    words: re.Pattern[str] | None = None
    not_words: re.Pattern[str] = NEVER
    when: frozenset[Sign] = frozenset()
    any_of: frozenset[Sign] = frozenset()
    unless: frozenset[Sign] = frozenset()
    sure: bool = False
    unit: str = ""

    def fits(self, case: Case) -> bool:
        return (
            self.when <= case.signs
            and not self.unless & case.signs
            and (not self.any_of or bool(self.any_of & case.signs))
            and (not self.categories or case.category in self.categories)
            and (not self.kinds or _kind(case.target) in self.kinds)
            and (self.words is None or self.words.search(case.words) is not None)
            and self.not_words.search(case.words) is None
        )


def _kind(target: Target | None) -> str:
    return target.kind if target is not None else ""


def rule(
    act: ActionClass,
    because: str,
    *,
    of: tuple[Category, ...] = (),
    kinds: str = "",
    words: str = "",
    not_words: str = "",
    when: tuple[Sign, ...] = (),
    any_of: tuple[Sign, ...] = (),
    unless: tuple[Sign, ...] = (),
    sure: bool = False,
    unit: str = "",
) -> Rule:
    """A rule as it is written in the catalogue: kinds as words, phrases separated by commas."""
    return Rule(
        act=act,
        because=because,
        categories=frozenset(of),
        kinds=frozenset(kinds.split()),
        words=phrases(words) if words else None,
        not_words=phrases(not_words) if not_words else NEVER,
        when=frozenset(when),
        any_of=frozenset(any_of),
        unless=frozenset(unless),
        sure=sure,
        unit=unit,
    )
