"""What looking for the incident of a new alert costs does not grow with the open ones."""

import pytest
from django.db import connection

from incidents.intake import statements

pytestmark = pytest.mark.django_db
MANY = 5_000
OPEN_MANY = """
    INSERT INTO incidents_incident (title, status, severity, category, environment, cluster, namespace, target_kind, target_name,
        target_unit, services, anomaly_key, alert_name, correlation_keys, clue, is_test, received_at, opened_at, last_alert_at,
        disposition, notes)
    SELECT 'web crashes', 'open', 'P2', 'workload_crash', 'production', '', 'shop', 'Deployment', 'web' || n, '', '{}', '', 'x',
        ARRAY['=shop/web' || n, '<worker-' || n %% 100, '.shop'], '{}', false, now(), now(), now(), '', ''
      FROM generate_series(1, %s) AS n
"""


@pytest.mark.parametrize("analysed", ["before", "after", "never"])
@pytest.mark.parametrize("keys", [["=shop/web7", "<worker-7"], [f"=shop/web{n}" for n in range(200)]], ids=["one", "fifty"])
def test_candidates_are_found_by_the_index_of_their_keys(keys, analysed):
    """A storm after a quiet time comes with the statistics of the quiet time."""
    params = {"keys": keys, "source": "s", "prints": ["f"], "most": 50, "max": 1800, "reopen": 1800}
    with connection.cursor() as cursor:
        if analysed == "before":
            cursor.execute("ANALYZE incidents_incident")
        cursor.execute(OPEN_MANY, [MANY])
        if analysed == "after":
            cursor.execute("ANALYZE incidents_incident")
        statements.lock([statements.Lock(1, exclusive=True)])
        cursor.execute(f"EXPLAIN {statements.FIND_HOMES}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    fitting = plan[plan.index("CTE fitting") : plan.index("CTE newest")]
    assert "incidents_open_keys" in fitting
    assert "incidents_by_status" not in fitting
    assert "Seq Scan" not in plan


def test_of_many_candidates_the_newest_are_taken():
    with connection.cursor() as cursor:
        cursor.execute(OPEN_MANY, [300])
    lock, keys = statements.Lock(1, exclusive=True), ["<worker-7", ".shop"]
    _, homes = statements.lock_and_find_homes([lock], keys, "s", [], most=50, within_s=1800, reopen_within_s=1800)
    assert len(homes) == 50
    assert homes[-1].keys[0] == "=shop/web300"
