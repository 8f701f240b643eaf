"""The few statements that store a batch, whatever its size (measured reasons: the design's performance notes).

Rows travel as one JSON parameter, so one text serves every size and is prepared once. ORDER BY fingerprint gives every
transaction the same lock order. Nothing here decides anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic_core import to_json

from aiops.postgresql.prepared import fetch, fetch_together

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

# A repeat needs its fingerprint alone: nothing is read of its labels, nothing of them travels.
_OPEN = """source = %(source)s::varchar AND fingerprint = ANY (%(prints)s::varchar[]) AND status IN ('firing', 'stale')"""

# A request that only repeats is this statement, with no transaction around it. One that brings anything else is only told how
# much of it is known: it locks and writes nothing. What is locked is looked at again, and may not be open any more.
COUNT_REPEATS = f"""
WITH seen AS MATERIALIZED (SELECT count(*) AS known FROM incidents_alert WHERE {_OPEN}),
known AS MATERIALIZED (
    SELECT id FROM incidents_alert
     WHERE {_OPEN} AND (SELECT known FROM seen) = cardinality(%(prints)s::varchar[])
     ORDER BY fingerprint
       FOR NO KEY UPDATE),
whole AS MATERIALIZED (SELECT count(*) AS known FROM known HAVING count(*) = cardinality(%(prints)s::varchar[])),
touched AS (
    UPDATE incidents_alert a SET occurrences = a.occurrences + 1, last_seen = now(), status = 'firing'
      FROM known, whole WHERE a.id = known.id
    RETURNING a.incident_id),
logged AS (
    INSERT INTO incidents_delivery (source, received_at, accepted, deduplicated, ignored, quarantined, truncated, receiver)
    SELECT %(source)s::varchar, now(), 0, known, %(ignored)s::int, 0, 0, %(receiver)s::varchar FROM whole)
SELECT (SELECT known FROM seen), array_agg(DISTINCT incident_id) FROM touched
"""

TOUCH_KNOWN = f"""
WITH known AS MATERIALIZED (SELECT id FROM incidents_alert WHERE {_OPEN} ORDER BY fingerprint FOR NO KEY UPDATE)
UPDATE incidents_alert a SET occurrences = a.occurrences + 1, last_seen = now(), status = 'firing'
  FROM known WHERE a.id = known.id
RETURNING a.fingerprint, a.id, a.incident_id, false
"""

# A body that is not newer than the last end we know, or of an episode that has ended, is a replay: it reopens nothing.
# An end that only was missing from the sender's list (`unlisted_since`) is no such end: whoever sends the alert again
# knows better. One that another request has stored meanwhile is counted there.
UPSERT_FIRING = f"""
WITH {_GIVEN}, fired AS (
    INSERT INTO incidents_alert ({_COLUMNS})
    SELECT %(source)s::varchar, g.fingerprint, g.name, 'firing', g.severity, g.category, g.environment, g.cluster, g.target,
           g.labels, g.annotations, g.group_key, g.generator_url, g.anomaly_key, g.is_test, g.is_deadman, g.starts_at, NULL,
           now(), now(), 1
      FROM given g
     WHERE NOT EXISTS (SELECT FROM incidents_alert old
                        WHERE old.source = %(source)s AND old.fingerprint = g.fingerprint AND old.status = 'resolved'
                          AND (old.ended_at >= g.starts_at OR old.starts_at = g.starts_at) AND old.unlisted_since IS NULL)
     ORDER BY g.fingerprint
        ON CONFLICT (source, fingerprint) WHERE status IN ('firing', 'stale')
        DO UPDATE SET occurrences = incidents_alert.occurrences + 1, last_seen = now(), status = 'firing'
    RETURNING id, fingerprint, incident_id, xmax = 0 AS is_new, is_deadman)
SELECT fingerprint, id, incident_id, is_new FROM fired
"""

# A resolved alert that was never heard firing is stored too, once, and opens nothing. An episode that began in the future,
# as its sender says, began when it was first heard: Alertmanager gives alerts without a beginning that of their end.
UPSERT_RESOLVED = f"""
WITH {_GIVEN}, ended AS (
    UPDATE incidents_alert a SET status = 'resolved', ended_at = g.ended_at, last_seen = now(),
           unlisted_since = NULL
      FROM (SELECT * FROM given ORDER BY fingerprint) g
     WHERE a.source = %(source)s AND a.fingerprint = g.fingerprint AND a.status IN ('firing', 'stale')
       AND (least(a.starts_at, a.first_seen) <= g.ended_at OR a.starts_at = g.starts_at)
    RETURNING a.id, a.fingerprint, a.incident_id),
unheard AS (
    INSERT INTO incidents_alert ({_COLUMNS})
    SELECT %(source)s::varchar, g.fingerprint, g.name, 'resolved', g.severity, g.category, g.environment, g.cluster, g.target,
           g.labels, g.annotations, g.group_key, g.generator_url, g.anomaly_key, g.is_test, g.is_deadman, g.starts_at,
           g.ended_at, now(), now(), 1
      FROM given g
     WHERE NOT EXISTS (SELECT FROM incidents_alert known
                        WHERE known.source = %(source)s AND known.fingerprint = g.fingerprint
                          AND (known.status IN ('firing', 'stale') OR known.ended_at >= g.starts_at
                               OR known.starts_at = g.starts_at))
    RETURNING id, fingerprint)
SELECT fingerprint, id, incident_id, false AS is_new FROM ended
UNION ALL SELECT fingerprint, id, NULL, true FROM unheard
"""

# What follows is planned as if there were many open incidents: statistics are those of the quiet time before a storm, when
# reading everything looked cheaper than one look into the index of keys. Holds are few, and mostly none has begun.
LOCK = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true), set_config('jit', 'off', true),
       CASE WHEN exclusive THEN pg_advisory_xact_lock(number) ELSE pg_advisory_xact_lock_shared(number) END,
       EXISTS (SELECT FROM incidents_hold WHERE ended_at IS NULL AND starts_at <= now())
  FROM (SELECT number, exclusive FROM unnest(%(numbers)s::bigint[], %(exclusive)s::boolean[]) AS wanted (number, exclusive)
         ORDER BY number) AS ordered
"""

LOG_DELIVERY = """
INSERT INTO incidents_delivery (source, received_at, accepted, deduplicated, ignored, quarantined, truncated, receiver)
VALUES (%s, now(), %s, %s, %s, %s, %s, %s)
"""

# One row for the first of any number of concurrent requests with this id; the others wait for its transaction.
FIRST_TIME = """
INSERT INTO incidents_seenrequest AS seen (source, request_id, received_at) VALUES (%(source)s, %(request)s, now())
    ON CONFLICT (source, request_id) DO UPDATE SET received_at = now()
 WHERE seen.received_at < now() - %(within)s * interval '1 second'
RETURNING id
"""

# Severities are P0 to P3, so the smaller text is the worse one.
WORSEN = """
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (alert bigint, severity text, labels jsonb)),
raised AS (
    UPDATE incidents_alert a SET severity = given.severity, labels = given.labels
      FROM given WHERE a.id = given.alert AND given.severity < a.severity
    RETURNING a.incident_id, a.name, a.severity),
risen AS (
    UPDATE incidents_incident i SET severity = worst.severity
      FROM (SELECT incident_id, min(severity) AS severity FROM raised GROUP BY 1) AS worst
     WHERE i.id = worst.incident_id AND worst.severity < i.severity)
INSERT INTO incidents_timelineevent (incident_id, at, kind, status, title, detail, actor)
SELECT incident_id, now(), 'alert.worsened', 'bad', left(name, 200) || ' is ' || severity || ' now', '', 'system'
  FROM raised WHERE incident_id IS NOT NULL
RETURNING incident_id
"""

# Incident, INIT decision, the links of its alerts and its first timeline row are born together or not at all.
OPEN_INCIDENTS = """
WITH given AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('incidents_incident', 'id')) AS id, g.*
      FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (
        n int, title text, severity text, category text, environment text, cluster text, namespace text,
        target_kind text, target_name text, target_unit text, services text[], anomaly_key text, alert_name text,
        correlation_keys text[], clue jsonb, is_test boolean, root_alert bigint, alerts bigint[], token text, frozen text,
        detail text)),
opened AS (
    INSERT INTO incidents_incident (id, title, status, severity, category, environment, cluster, namespace, target_kind,
        target_name, target_unit, services, anomaly_key, alert_name, correlation_keys, clue, is_test, root_alert_id,
        received_at, opened_at, last_alert_at, disposition, notes)
    SELECT id, title, 'open', severity, category, environment, cluster, namespace, target_kind, target_name, target_unit,
        services, anomaly_key, alert_name, correlation_keys, clue, is_test, root_alert, now(), now(), now(), '', ''
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

# What a new root changes is null where the root stays. An incident that turned out to be a part of another (`absorbed`) is
# written down: merging the two is work of its own, with locks of its own.
JOIN_INCIDENTS = """
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (
        incident bigint, alerts bigint[], correlation_keys text[], services text[], severity text, detail text,
        root_alert bigint, clue jsonb, title text, category text, environment text, cluster text, namespace text,
        target_kind text, target_name text, target_unit text, anomaly_key text, alert_name text, absorbed jsonb)),
linked AS (
    UPDATE incidents_alert a SET incident_id = given.incident FROM given WHERE a.id = ANY (given.alerts)),
joined AS (
    UPDATE incidents_incident i
       SET last_alert_at = now(),
           severity = least(i.severity, given.severity),
           correlation_keys = (SELECT array_agg(DISTINCT k) FROM unnest(i.correlation_keys || given.correlation_keys) k),
           services = (SELECT coalesce(array_agg(DISTINCT s), '{}') FROM unnest(i.services || given.services) s),
           root_alert_id = coalesce(given.root_alert, i.root_alert_id), clue = coalesce(given.clue, i.clue),
           title = coalesce(given.title, i.title), category = coalesce(given.category, i.category),
           environment = coalesce(given.environment, i.environment), cluster = coalesce(given.cluster, i.cluster),
           namespace = coalesce(given.namespace, i.namespace), target_kind = coalesce(given.target_kind, i.target_kind),
           target_name = coalesce(given.target_name, i.target_name), target_unit = coalesce(given.target_unit, i.target_unit),
           anomaly_key = coalesce(given.anomaly_key, i.anomaly_key), alert_name = coalesce(given.alert_name, i.alert_name)
      FROM given WHERE i.id = given.incident),
found AS (
    INSERT INTO incidents_pendingmerge (incident_id, into_id, has_root, found_at)
    SELECT part.incident, given.incident, part.has_root, now()
      FROM given, jsonb_to_recordset(given.absorbed) AS part (incident bigint, has_root boolean)
        ON CONFLICT (incident_id) DO NOTHING)
INSERT INTO incidents_timelineevent (incident_id, at, kind, status, title, detail, actor)
SELECT incident, now(), 'alerts.joined', '', cardinality(alerts) ||
       CASE cardinality(alerts) WHEN 1 THEN ' alert joined' ELSE ' alerts joined' END, detail, 'system'
  FROM given
UNION ALL
SELECT given.incident, now(), 'root.changed', 'wait', 'Most likely root is now ' || left(given.alert_name, 200),
       'It explains ' || i.alert_name, 'system'
  FROM given JOIN incidents_incident i ON i.id = given.incident WHERE given.root_alert IS NOT NULL
"""


# Where a new alert may belong: open incidents that have a key of it, newest first as far as they are taken, and the
# incidents of its own earlier episodes. Candidates are locked: one that is being resolved now is either kept open by this
# or not found. Keys are looked up one by one, apart from `newest`, and live is told as the index of keys tells it: no number,
# limit or old statistics then tempt the planner to read something else.
FIND_HOMES = """
WITH fitting AS MATERIALIZED (
    SELECT DISTINCT i.id, i.opened_at
      FROM unnest(%(keys)s::varchar[]) AS wanted (key) JOIN incidents_incident i ON i.correlation_keys @> ARRAY[wanted.key]
     WHERE i.resolved_at IS NULL AND i.closed_at IS NULL),
newest AS MATERIALIZED (
    SELECT id FROM fitting WHERE opened_at > now() - %(max)s * interval '1 second' ORDER BY id DESC LIMIT %(most)s),
candidate AS MATERIALIZED (
    SELECT i.id, i.correlation_keys, i.opened_at, i.last_alert_at, i.root_alert_id, i.clue::text AS clue, i.split_from_id,
           coalesce((SELECT d.state = 'EXECUTING' FROM incidents_decision d
                      WHERE d.incident_id = i.id AND d.state IN ('INIT', 'ANALYZING', 'READY', 'EXECUTING')), false) AS acted
      FROM incidents_incident i
     WHERE i.status IN ('open', 'investigating', 'mitigating') AND i.id IN (SELECT id FROM newest)
     ORDER BY i.id
       FOR NO KEY UPDATE OF i),
earlier AS (
    SELECT DISTINCT ON (a.fingerprint) a.fingerprint, i.id, i.status IN ('open', 'investigating', 'mitigating') AS is_live,
           i.resolved_at
      FROM incidents_alert a JOIN incidents_incident i ON i.id = a.incident_id
     WHERE a.source = %(source)s AND a.fingerprint = ANY (%(prints)s::varchar[]) AND a.status = 'resolved'
     ORDER BY a.fingerprint, a.ended_at DESC)
SELECT NULL AS fingerprint, id, true AS is_live, correlation_keys, opened_at, last_alert_at, root_alert_id, clue,
       split_from_id, acted
  FROM candidate
UNION ALL
SELECT fingerprint, id, is_live, NULL, NULL, NULL, NULL, NULL, NULL, false FROM earlier
 WHERE is_live OR resolved_at > now() - %(reopen)s * interval '1 second'
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database made of one signal. `is_new`: a new episode, to be correlated."""

    fingerprint: str
    alert: int
    incident: int | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Home:
    """An incident that alerts may belong to: by key, or as the one of an earlier episode (`fingerprint`), then ids alone.

    `clue` is that of its root, as JSON. `acted`: an act is under way. `split_from`: a person took it apart from that incident.
    """

    fingerprint: str | None
    incident: int
    is_live: bool
    keys: Sequence[str]
    opened_at: datetime
    last_alert_at: datetime
    root_alert: int | None
    clue: str
    split_from: int | None
    acted: bool


@dataclass(frozen=True, slots=True)
class Lock:
    """An advisory lock: a signed 64-bit number, held alone or shared with others."""

    number: int
    exclusive: bool


@dataclass(frozen=True, slots=True)
class Opened:
    n: int
    incident: int
    decision: int
    state: str


def _json(rows: Sequence[Row]) -> str:
    return to_json(rows).decode()


def touch_known(source: str, prints: Sequence[str]) -> list[Stored]:
    """Count a repeat of every open alert among `prints`; returns those."""
    return [Stored(*row) for row in fetch(TOUCH_KNOWN, {"source": source, "prints": list(prints)})]


@dataclass(frozen=True, slots=True)
class Repeats:
    """How many of the fingerprints are open alerts; their incidents where all of them are, which are counted then."""

    known: int
    incidents: Sequence[int | None] | None


def count_repeats(source: str, prints: Sequence[str], *, ignored: int, receiver: str) -> Repeats:
    """Count a repeat of every one of `prints`, all different, and log their delivery: if all are known, else do nothing."""
    params = {"source": source, "prints": list(prints), "ignored": ignored, "receiver": receiver}
    [(known, incidents)] = fetch(COUNT_REPEATS, params)
    return Repeats(known, incidents)


def upsert(sql: str, source: str, rows: Sequence[Row]) -> list[Stored]:
    return [Stored(*row) for row in fetch(sql, {"rows": _json(rows), "source": source})]


def lock(locks: Sequence[Lock]) -> None:
    """Hold these until the end of the transaction, which looks keys up in their index from now on."""
    fetch(*_lock(locks))


def _lock(locks: Sequence[Lock]) -> tuple[str, Row]:
    return LOCK, {"numbers": [one.number for one in locks], "exclusive": [one.exclusive for one in locks]}


def lock_and_find_homes(
    locks: Sequence[Lock],
    keys: Sequence[str],
    source: str,
    prints: Sequence[str],
    *,
    most: int,
    within_s: int,
    reopen_within_s: int,
) -> tuple[bool, list[Home]]:
    """Hold `locks`, and then find at most `most` live incidents with one of `keys`, opened `within_s` ago; and those of earlier
    episodes of `prints`.

    Returns also whether any hold has begun, so that they need to be read.
    """
    params = {
        "keys": list(keys), "source": source, "prints": list(prints), "most": most, "max": within_s, "reopen": reopen_within_s,
    }  # fmt: skip
    locked, homes = fetch_together(_lock(locks), (FIND_HOMES, params))
    return any(row[-1] for row in locked), [Home(*row) for row in homes]


def open_incidents(rows: Sequence[Row]) -> list[Opened]:
    return [Opened(*row) for row in fetch(OPEN_INCIDENTS, {"rows": _json(rows)})]


def join_incidents(rows: Sequence[Row]) -> None:
    fetch(JOIN_INCIDENTS, {"rows": _json(rows)})


def log_delivery(
    source: str, *, accepted: int, deduplicated: int, ignored: int, quarantined: int, truncated: int, receiver: str
) -> None:
    fetch(LOG_DELIVERY, [source, accepted, deduplicated, ignored, quarantined, truncated, receiver])


def first_time(source: str, request_id: str, *, within_s: int) -> bool:
    """Whether this request was not taken within `within_s`; from now on it was."""
    return bool(fetch(FIRST_TIME, {"source": source, "request": request_id[:200], "within": within_s}))


def worsen(rows: Sequence[Row]) -> list[int]:
    """Raise the severity of alerts, and of their incidents; returns the incidents whose alerts rose."""
    return [pk for (pk,) in fetch(WORSEN, {"rows": _json(rows)})]
