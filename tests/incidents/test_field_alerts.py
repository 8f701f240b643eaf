"""Alerts that the rules were not written for (`field_alerts.py`), scored by the corpus' own scorer."""

from typing import Any

from bench.corpus import score


def expectation(row: Any) -> dict[str, Any]:
    labels, categories, targets, acceptable = row
    first, *others = categories.split("|")
    target, *alternatives = [parsed(text) for text in targets.split("|")]
    good = acceptable.split()
    return {
        "category": first, "category_alt": others, "target": target, "target_alt": alternatives, "acceptable": good, "auto_ok": False,
        "forbidden": [action for action in score.MUTATING if action not in good],
    }  # fmt: skip


def parsed(text: str) -> dict[str, str | None] | None:
    if text == "-":
        return None
    kind, _, path = text.partition(" ")
    if kind in ("Endpoint", "External", "Queue") or "/" not in path:
        return {"kind": kind, "namespace": None, "name": path}
    namespace, _, name = path.partition("/")
    return {"kind": kind, "namespace": namespace, "name": name}
