"""The few statements that store a batch, whatever its size (measured reasons: the design's performance notes).

Rows travel as one JSON parameter, so one text serves every size and is prepared once. ORDER BY fingerprint gives every
transaction the same lock order. Nothing here decides anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

# One row of a batch, by column; JSON values only.
Row = Mapping[str, object]

_GIVEN = """
    given AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (
            fingerprint text, name text, severity text, category text, environment text, cluster text, target jsonb,
            labels jsonb, annotations jsonb, group_key text, generator_url text, anomaly_key text, is_test boolean,
            is_deadman boolean, starts_at timestamptz, ended_at timestamptz))
"""

_COLUMNS = """source, fingerprint, name, status, severity, category, environment, cluster, target, labels, annotations,
    group_key, generator_url, anomaly_key, is_test, is_deadman, starts_at, ended_at, first_seen, last_seen, occurrences"""

# A body that is not newer than the last end we know is a replay: it reopens nothing. A known alert costs one UPDATE.
UPSERT_FIRING = f"""
WITH {_GIVEN}, fired AS (
    INSERT INTO incidents_alert ({_COLUMNS})
    SELECT %(source)s, g.fingerprint, g.name, 'firing', g.severity, g.category, g.environment, g.cluster, g.target, g.labels,
           g.annotations, g.group_key, g.generator_url, g.anomaly_key, g.is_test, g.is_deadman, g.starts_at, NULL,
           now(), now(), 1
      FROM given g
     WHERE NOT EXISTS (SELECT FROM incidents_alert old
                        WHERE old.source = %(source)s AND old.fingerprint = g.fingerprint AND old.status = 'resolved'
                          AND old.ended_at >= g.starts_at)
     ORDER BY g.fingerprint
        ON CONFLICT (source, fingerprint) WHERE status IN ('firing', 'stale')
        DO UPDATE SET occurrences = incidents_alert.occurrences + 1, last_seen = now(), status = 'firing'
    RETURNING id, fingerprint, incident_id, xmax = 0 AS is_new, is_deadman)
SELECT fingerprint, id, incident_id, is_new FROM fired
"""

# A resolved alert that was never heard firing is stored too, once, and opens nothing.
UPSERT_RESOLVED = f"""
WITH {_GIVEN}, ended AS (
    UPDATE incidents_alert a SET status = 'resolved', ended_at = g.ended_at, last_seen = now()
      FROM (SELECT * FROM given ORDER BY fingerprint) g
     WHERE a.source = %(source)s AND a.fingerprint = g.fingerprint AND a.status IN ('firing', 'stale')
       AND a.starts_at <= g.ended_at
    RETURNING a.id, a.fingerprint, a.incident_id),
unheard AS (
    INSERT INTO incidents_alert ({_COLUMNS})
    SELECT %(source)s, g.fingerprint, g.name, 'resolved', g.severity, g.category, g.environment, g.cluster, g.target,
           g.labels, g.annotations, g.group_key, g.generator_url, g.anomaly_key, g.is_test, g.is_deadman, g.starts_at,
           g.ended_at, now(), now(), 1
      FROM given g
     WHERE NOT EXISTS (SELECT FROM incidents_alert known
                        WHERE known.source = %(source)s AND known.fingerprint = g.fingerprint
                          AND (known.status IN ('firing', 'stale') OR known.ended_at >= g.starts_at))
    RETURNING id, fingerprint)
SELECT fingerprint, id, incident_id, false AS is_new FROM ended
UNION ALL SELECT fingerprint, id, NULL, true FROM unheard
"""

LOCK_KEYS = "SELECT pg_advisory_xact_lock(k) FROM (SELECT k FROM unnest(%s::bigint[]) AS k ORDER BY k) AS ordered"

LOG_DELIVERY = """
INSERT INTO incidents_delivery (source, received_at, accepted, deduplicated, ignored, quarantined)
VALUES (%s, now(), %s, %s, %s, %s)
"""

# Incident, INIT decision, the links of its alerts and its first timeline row are born together or not at all.
OPEN_INCIDENTS = """
WITH given AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('incidents_incident', 'id')) AS id, g.*
      FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (
        n int, title text, severity text, category text, environment text, cluster text, namespace text,
        target_kind text, target_name text, target_unit text, services text[], anomaly_key text, alert_name text,
        correlation_keys text[], is_test boolean, root_alert bigint, alerts bigint[], token text, frozen text,
        detail text)),
opened AS (
    INSERT INTO incidents_incident (id, title, status, severity, category, environment, cluster, namespace, target_kind,
        target_name, target_unit, services, anomaly_key, alert_name, correlation_keys, is_test, root_alert_id,
        received_at, opened_at, last_alert_at, disposition, notes)
    SELECT id, title, 'open', severity, category, environment, cluster, namespace, target_kind, target_name, target_unit,
        services, anomaly_key, alert_name, correlation_keys, is_test, root_alert, now(), now(), now(), '', ''
      FROM given),
linked AS (
    UPDATE incidents_alert a SET incident_id = given.id FROM given WHERE a.id = ANY (given.alerts)),
decided AS (
    INSERT INTO incidents_decision (incident_id, token, state, reason, cause, received_at, created_at, state_since,
        auto_approved, error)
    SELECT id, token, CASE WHEN frozen = '' THEN 'INIT' ELSE 'WITHDRAWN' END,
           CASE WHEN frozen = '' THEN '' ELSE 'frozen' END, 'opened', now(), now(), now(), false, ''
      FROM given
    RETURNING id, incident_id, state),
told AS (
    INSERT INTO incidents_timelineevent (incident_id, at, kind, status, title, detail, actor)
    SELECT id, now(), 'incident.opened', 'bad', 'Incident opened from ' || cardinality(alerts) ||
           CASE cardinality(alerts) WHEN 1 THEN ' alert' ELSE ' alerts' END, detail, 'system'
      FROM given
    UNION ALL
    SELECT id, now(), 'decision.withdrawn', '', 'Not decided now: ' || frozen, '', 'system' FROM given WHERE frozen <> '')
SELECT given.n, given.id, decided.id, decided.state FROM given JOIN decided ON decided.incident_id = given.id ORDER BY n
"""

JOIN_INCIDENTS = """
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (
        incident bigint, alerts bigint[], correlation_keys text[], services text[], severity text, detail text)),
linked AS (
    UPDATE incidents_alert a SET incident_id = given.incident FROM given WHERE a.id = ANY (given.alerts)),
joined AS (
    UPDATE incidents_incident i
       SET last_alert_at = now(),
           severity = least(i.severity, given.severity),
           correlation_keys = (SELECT array_agg(DISTINCT k) FROM unnest(i.correlation_keys || given.correlation_keys) k),
           services = (SELECT coalesce(array_agg(DISTINCT s), '{}') FROM unnest(i.services || given.services) s)
      FROM given WHERE i.id = given.incident)
INSERT INTO incidents_timelineevent (incident_id, at, kind, status, title, detail, actor)
SELECT incident, now(), 'alerts.joined', '', cardinality(alerts) ||
       CASE cardinality(alerts) WHEN 1 THEN ' alert joined' ELSE ' alerts joined' END, detail, 'system'
  FROM given
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database made of one signal. `is_new`: a new episode, to be correlated."""

    fingerprint: str
    alert: int
    incident: int | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Opened:
    n: int
    incident: int
    decision: int
    state: str


def _json(rows: Sequence[Row]) -> str:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def upsert(sql: str, source: str, rows: Sequence[Row]) -> list[Stored]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"rows": _json(rows), "source": source})
        return [Stored(*row) for row in cursor.fetchall()]


def lock(keys: Sequence[int]) -> None:
    """Hold these correlation keys until the end of the transaction; signed 64-bit numbers."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_KEYS, [list(keys)])


def open_incidents(rows: Sequence[Row]) -> list[Opened]:
    with connection.cursor() as cursor:
        cursor.execute(OPEN_INCIDENTS, {"rows": _json(rows)})
        return [Opened(*row) for row in cursor.fetchall()]


def join_incidents(rows: Sequence[Row]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(JOIN_INCIDENTS, {"rows": _json(rows)})


def log_delivery(source: str, *, accepted: int, deduplicated: int, ignored: int, quarantined: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOG_DELIVERY, [source, accepted, deduplicated, ignored, quarantined])
