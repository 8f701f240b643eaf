"""Sentry's integration webhooks, told apart by the header Sentry-Hook-Resource.

https://docs.sentry.io/organization/integrations/integration-platform/webhooks/

What an event carries is written by whoever holds the project's key, which for a web page is everybody. So nothing that
names something to act on is read from it: project, environment, release and level become labels, texts stay texts.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from aiops.core.errors import Invalid
from incidents.intake.alertmanager import known_time, reason_of
from incidents.intake.signals import Bad, Parsed, Signal

ISSUE_ALERT, METRIC_ALERT = "SentryIssueAlert", "SentryMetricAlert"
UNREAD = {
    "comment": "a comment is no alert; our own come back this way",
    "error": "single errors are not read; subscribe to issues, or use alert rules",
    "installation": "installing the integration is no alert",
}
# `lastSeen` may lag behind the newest event; an end is never put later than this after it, so that an old
# "resolved" sent again does not end a later episode.
LAST_SEEN_LAG = timedelta(hours=1)
_PROJECT_IN_URL = re.compile(r"/projects/[^/]+/([^/]+)/")
_ISSUE_IN_URL = re.compile(r"/issues/(\d{1,30})(?:/|$)")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


def _word(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _tags(value: object) -> dict[str, str]:
    """Tags come as pairs; anything else is no tag."""
    pairs = value if isinstance(value, list) else []
    return {
        pair[0]: pair[1] for pair in pairs if isinstance(pair, list) and len(pair) == 2 and all(isinstance(p, str) for p in pair)
    }


Id = Annotated[str, BeforeValidator(_word), StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,40}$")]
Text = Annotated[str, BeforeValidator(_text)]
Tags = Annotated[dict[str, str], BeforeValidator(_tags)]


class _In(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=False)


class EventIn(_In):
    issue_id: Id
    title: Text = ""
    message: Text = ""
    culprit: Text = ""
    level: Text = "error"
    at: datetime | None = Field(None, alias="datetime")
    environment: Text = ""
    release: Text = ""
    project_slug: Text = ""
    url: Text = ""
    web_url: Text = ""
    tags: Tags = Field(default_factory=dict)

    @property
    def slug(self) -> str:
        in_url = _PROJECT_IN_URL.search(self.url)
        return self.project_slug or (in_url[1] if in_url else "")


class ProjectIn(_In):
    slug: Text = ""


class IssueIn(_In):
    id: Id
    shortId: Text = ""
    title: Text = ""
    culprit: Text = ""
    level: Text = "error"
    firstSeen: datetime | None = None
    lastSeen: datetime | None = None
    permalink: Text = ""
    web_url: Text = ""
    project: ProjectIn = ProjectIn()


class RuleIn(_In):
    name: Text = ""
    environment: Text = ""
    query: Text = ""
    aggregate: Text = ""


class MetricAlertIn(_In):
    id: Id
    title: Text = ""
    date_started: datetime | None = None
    date_detected: datetime | None = None
    projects: list[Text] = Field(default_factory=list)
    alert_rule: RuleIn = RuleIn()


def parse(body: Mapping[str, JsonValue], *, resource: str, received_at: datetime) -> Parsed:
    """The one signal of a message, or none with the reason; Invalid for a body that is no message of Sentry's."""
    action, data = body.get("action"), body.get("data")
    if not isinstance(action, str):
        raise Invalid("action is a word", loc=("body", "action"))
    if not isinstance(data, dict):
        raise Invalid("data is an object", loc=("body", "data"))
    read = READERS[resource]
    try:
        signal = read(action, data, received_at)
    except ValidationError as error:
        return Parsed(bad=(Bad(_kept(resource, action, data), f"data.{_KEPT[resource][0]}, {reason_of(error)}"),))
    if signal is None:
        return Parsed(ignored=1, reason=f"{resource} {action[:40]}: it says nothing about whether the trouble goes on")
    return Parsed((signal,))


def parse_kept(kept: JsonValue, *, received_at: datetime) -> Parsed:
    """What `_kept` put aside, read again."""
    resource = kept.get("resource") if isinstance(kept, dict) else None
    if not isinstance(kept, dict) or resource not in READERS:
        raise Invalid("it names no resource of Sentry's that is read", loc=("raw",))
    return parse(kept, resource=str(resource), received_at=received_at)


def ignored(resource: str) -> Parsed | None:
    """What becomes of a resource that is not read; None for one that is."""
    if resource in READERS:
        return None
    return Parsed(ignored=1, reason=UNREAD.get(resource, f"{resource[:40]} is not read here"))


def _event_alert(action: str, data: dict[str, JsonValue], received_at: datetime) -> Signal | None:
    """An issue alert rule was triggered by an event."""
    given = data.get("event")
    if isinstance(given, dict) and "issue_id" not in given and (found := _ISSUE_IN_URL.search(_text(given.get("issue_url")))):
        given = given | {"issue_id": found[1]}
    event = EventIn.model_validate(given)
    rule = _text(data.get("triggered_rule"))
    labels = _labels(
        ISSUE_ALERT,
        slug=event.slug,
        environment=event.environment or event.tags.get("environment", ""),
        level=event.level,
        issue_id=event.issue_id,
        release=event.release or event.tags.get("release", ""),
        rule=rule,
    )
    title = event.title or event.message or "An error without a title"
    return Signal(
        fingerprint=f"issue-{event.issue_id}",
        firing=True,
        labels=labels,
        annotations=_annotations(title, culprit=event.culprit, url=event.web_url),
        starts_at=known_time(event.at, received_at),
        generator_url=event.web_url,
        is_test=event.tags.get("sample_event") == "yes",
    )


def _issue(action: str, data: dict[str, JsonValue], received_at: datetime) -> Signal | None:
    """An issue changed its state. Whom it was assigned to, or that somebody hid it, says nothing about the error."""
    issue = IssueIn.model_validate(data.get("issue"))
    if action not in {"created", "unresolved", "resolved"}:
        return None
    seen = known_time(issue.lastSeen, received_at)
    url = issue.web_url or issue.permalink
    return Signal(
        fingerprint=f"issue-{issue.id}",
        firing=action != "resolved",
        labels=_labels(ISSUE_ALERT, slug=issue.project.slug, level=issue.level, issue=issue.shortId, issue_id=issue.id),
        annotations=_annotations(issue.title or "An error without a title", culprit=issue.culprit, url=url),
        starts_at=known_time(issue.firstSeen, received_at) if action == "created" else seen,
        ended_at=min(received_at, seen + LAST_SEEN_LAG) if action == "resolved" else None,
        generator_url=url,
    )


def _metric_alert(action: str, data: dict[str, JsonValue], received_at: datetime) -> Signal | None:
    """A metric crossed a threshold of its rule, or came back. The same alert goes from warning to critical."""
    alert = MetricAlertIn.model_validate(data.get("metric_alert"))
    if action not in {"critical", "warning", "resolved"}:
        return None
    rule = alert.alert_rule
    url, title = _text(data.get("web_url")), _text(data.get("description_title"))
    return Signal(
        fingerprint=f"metric-{alert.id}",
        firing=action != "resolved",
        labels=_labels(
            rule.name[:200] or METRIC_ALERT,
            slug=alert.projects[0] if len(alert.projects) == 1 else "",
            environment=rule.environment,
            level="" if action == "resolved" else action,
        ),
        annotations=_annotations(
            title or rule.name or alert.title or "A metric crossed its threshold",
            url=url,
            description=_text(data.get("description_text")).replace("\\n", "\n"),
            query=f"{rule.aggregate} {rule.query}".strip(),
        ),
        starts_at=known_time(alert.date_started or alert.date_detected, received_at),
        ended_at=received_at if action == "resolved" else None,
        generator_url=url,
        worsens=action == "critical",
    )


Read = Callable[[str, dict[str, JsonValue], datetime], Signal | None]
READERS: Mapping[str, Read] = {"event_alert": _event_alert, "issue": _issue, "metric_alert": _metric_alert}


def _labels(name: str, *, slug: str, level: str, **more: str) -> dict[str, str]:
    """Sentry's project is the service that is ill."""
    service = slug if _SLUG.fullmatch(slug) else ""
    found = {"alertname": name, "project": service, "service": service, "level": level, "severity": level} | more
    return {label: value[:1000] for label, value in found.items() if value}


def _annotations(title: str, *, url: str, **more: str) -> dict[str, str]:
    found = {"summary": title, "title": title, "url": url} | more
    return {name: value[:4000] for name, value in found.items() if value}


# An event holds whole stack traces, requests and cookies: of a message that is put aside only what is read stays.
_KEPT: Mapping[str, tuple[str, type[_In]]] = {
    "event_alert": ("event", EventIn),
    "issue": ("issue", IssueIn),
    "metric_alert": ("metric_alert", MetricAlertIn),
}


def _kept(resource: str, action: str, data: Mapping[str, JsonValue]) -> JsonValue:
    key, model = _KEPT[resource]
    about = data.get(key)
    if isinstance(about, dict):
        fields = [field.alias or name for name, field in model.model_fields.items()]
        about = {name: about[name] for name in (*fields, "issue_url") if name in about}
    kept: dict[str, JsonValue] = {name: value for name, value in data.items() if isinstance(value, str)}
    return {"resource": resource, "action": action, "data": {**kept, key: about}}
