"""Alertmanager's part: alerts grouped, told after a wait, told again when the group changes or a long time has passed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from aiops.sandbox.telemetry.rules import Alert

GROUP_BY = ("alertname", "namespace")
GROUP_WAIT_S = 10.0
GROUP_INTERVAL_S = 60.0
REPEAT_S = 4 * 3600.0
RECEIVER = "aiops"
EXTERNAL_URL = "http://alertmanager.sandbox.example:9093"
GENERATOR = "http://prometheus.sandbox.example:9090/graph?g0.expr="
_NEVER = "0001-01-01T00:00:00Z"

Notification = dict[str, Any]  # the body of a webhook, version 4


@dataclass
class _Group:
    labels: dict[str, str]
    key: str
    alerts: dict[str, Alert] = field(default_factory=dict)
    next_at: float = 0.0
    told: tuple[frozenset[str], frozenset[str]] | None = None  # firing and resolved, as of the last notification
    told_at: float = 0.0
    sending: tuple[frozenset[str], frozenset[str]] | None = None


@dataclass
class Notifier:
    """Times are simulated, stamps the wall's. What is due is returned; somebody else delivers it and says how that went."""

    _groups: dict[str, _Group] = field(default_factory=dict)
    expressions: dict[str, str] = field(default_factory=dict)  # by alert name, for the link to their graph

    def take(self, alerts: Iterable[Alert], elapsed: float) -> None:
        for alert in alerts:
            labels = {name: alert.labels[name] for name in GROUP_BY if name in alert.labels}
            key = "{}:{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"
            group = self._groups.get(key)
            if group is None:
                if not alert.is_firing:
                    continue
                group = self._groups[key] = _Group(labels, key, next_at=elapsed + GROUP_WAIT_S)
            group.alerts[alert.fingerprint] = alert

    def due(self, elapsed: float) -> list[Notification]:
        """The notifications whose time has come. A group speaks again only after `delivered` or `failed` was told of the last."""
        found: list[Notification] = []
        for key, group in list(self._groups.items()):
            if elapsed < group.next_at or group.sending is not None:
                continue
            group.next_at = elapsed + GROUP_INTERVAL_S
            if self._is_news(group, elapsed):
                found.append(self._body(group))
                group.sending = _state(group)
            elif not any(alert.is_firing for alert in group.alerts.values()):
                del self._groups[key]
        return found

    def delivered(self, notification: Notification, elapsed: float) -> None:
        group = self._groups.get(notification["groupKey"])
        if group is None or group.sending is None:
            return
        _, resolved = group.told = group.sending
        group.told_at, group.sending = elapsed, None
        group.alerts = {which: alert for which, alert in group.alerts.items() if alert.is_firing or which not in resolved}
        if not group.alerts:
            del self._groups[group.key]

    def failed(self, notification: Notification, elapsed: float) -> None:
        """The receiver did not take it: it is told again with the next round of its group."""
        if (group := self._groups.get(notification["groupKey"])) is not None:
            group.sending, group.next_at = None, elapsed + GROUP_INTERVAL_S

    @property
    def groups(self) -> list[dict[str, Alert]]:
        return [group.alerts for group in self._groups.values()]

    def _is_news(self, group: _Group, elapsed: float) -> bool:
        firing, resolved = _state(group)
        if group.told is None:
            return bool(firing)
        if not firing <= group.told[0]:
            return True
        if resolved - group.told[1]:
            return True
        return bool(firing) and elapsed - group.told_at >= REPEAT_S

    def _body(self, group: _Group) -> Notification:
        alerts = sorted(
            group.alerts.values(), key=lambda alert: (alert.starts_at or datetime.min.replace(tzinfo=UTC), alert.fingerprint)
        )
        return {
            "version": "4",
            "groupKey": group.key,
            "truncatedAlerts": 0,
            "status": "firing" if any(alert.is_firing for alert in alerts) else "resolved",
            "receiver": RECEIVER,
            "groupLabels": group.labels,
            "commonLabels": _common([alert.labels for alert in alerts]),
            "commonAnnotations": _common([alert.annotations for alert in alerts]),
            "externalURL": EXTERNAL_URL,
            "alerts": [self.alert_body(alert) for alert in alerts],
        }

    def alert_body(self, alert: Alert) -> dict[str, Any]:
        return {
            "status": "firing" if alert.is_firing else "resolved",
            "labels": alert.labels,
            "annotations": alert.annotations,
            "startsAt": _precise(alert.starts_at),
            "endsAt": _precise(alert.ends_at),
            "generatorURL": f"{GENERATOR}{quote(self.expressions.get(alert.rule, ''))}&g0.tab=1",
            "fingerprint": alert.fingerprint,
        }


def _state(group: _Group) -> tuple[frozenset[str], frozenset[str]]:
    firing = frozenset(which for which, alert in group.alerts.items() if alert.is_firing)
    return firing, frozenset(group.alerts) - firing


def _common(maps: list[dict[str, str]]) -> dict[str, str]:
    first = maps[0] if maps else {}
    return {key: value for key, value in first.items() if all(one.get(key) == value for one in maps)}


def _precise(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if at else _NEVER
