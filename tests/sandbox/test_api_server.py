"""What the executor relies on: revisions, conflicts, dry runs, preconditions, budgets, and the log of every write."""

import pytest

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.patches import MERGE_PATCH
from aiops.sandbox.cluster.refusals import Refused
from aiops.sandbox.world import World
from tests.sandbox.worlds import ADMIN, VIEWER, call, evict, get, patch, pods_of


@pytest.fixture(scope="module")
def made() -> bytes:
    import pickle

    return pickle.dumps(World(seed=3))


@pytest.fixture
def world(made: bytes) -> World:
    import pickle

    return pickle.loads(made)


def web(world: World):
    return get(world, r.DEPLOYMENTS, "shop", "web")


def refusal(action) -> Refused:
    with pytest.raises(Refused) as caught:
        action()
    return caught.value


def test_every_write_moves_the_revision_and_only_spec_the_generation(world):
    before = web(world)
    after = patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 6}})
    assert int(after["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    labelled = patch(world, r.DEPLOYMENTS, "shop", "web", {"metadata": {"labels": {"seen": "yes"}}})
    assert int(labelled["metadata"]["resourceVersion"]) > int(after["metadata"]["resourceVersion"])
    assert labelled["metadata"]["generation"] == after["metadata"]["generation"]


def test_annotations_of_a_deployment_count_as_its_generation(world):
    before = web(world)["metadata"]["generation"]
    assert (
        patch(world, r.DEPLOYMENTS, "shop", "web", {"metadata": {"annotations": {"a": "b"}}})["metadata"]["generation"]
        == before + 1
    )


def test_writing_what_is_there_changes_nothing(world):
    before = web(world)
    assert patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": before["spec"]["replicas"]}}) == before


def test_stale_revision_in_a_merge_patch_is_a_conflict(world):
    stale = web(world)["metadata"]["resourceVersion"]
    patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 5}})
    body = {"metadata": {"resourceVersion": stale}, "spec": {"replicas": 6}}
    assert refusal(lambda: patch(world, r.DEPLOYMENTS, "shop", "web", body, kind=MERGE_PATCH)).code == 409
    assert web(world)["spec"]["replicas"] == 5


def test_stale_revision_in_a_json_patch_is_a_conflict(world):
    def scaled(revision: str, replicas: int):
        operations = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": revision},
            {"op": "replace", "path": "/spec/replicas", "value": replicas},
        ]
        return patch(world, r.DEPLOYMENTS, "shop", "web", operations)

    revision = web(world)["metadata"]["resourceVersion"]
    scaled(revision, 5)
    assert refusal(lambda: scaled(revision, 6)).reason == "Conflict"
    assert web(world)["spec"]["replicas"] == 5


def test_stale_revision_in_an_update_is_a_conflict_and_none_is_unconditional(world):
    document = web(world)
    patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 5}})
    document["spec"] = document["spec"] | {"replicas": 7}
    assert refusal(lambda: world.api.update(call(r.DEPLOYMENTS, "shop", "web"), document)).code == 409
    del document["metadata"]["resourceVersion"]
    assert world.api.update(call(r.DEPLOYMENTS, "shop", "web"), document)["spec"]["replicas"] == 7


def test_another_uid_in_a_patch_is_a_conflict(world):
    assert refusal(lambda: patch(world, r.DEPLOYMENTS, "shop", "web", {"metadata": {"uid": "somebody-else"}})).code == 409


def test_dry_run_answers_as_the_write_would_and_changes_nothing(world):
    before = web(world)
    answer = patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 9}}, dry_run=True)
    assert answer["spec"]["replicas"] == 9
    assert answer["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert web(world) == before
    assert refusal(lambda: patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": -1}}, dry_run=True)).code == 422


def test_main_endpoint_leaves_the_status_and_the_status_endpoint_the_spec(world):
    before = web(world)
    assert patch(world, r.DEPLOYMENTS, "shop", "web", {"status": {"replicas": 99}}) == before
    certificate = get(world, r.CERTIFICATES, "edge", "shop-example-net")
    both = {"spec": {"secretName": "other"}, "status": {"revision": 5}}
    after = patch(world, r.CERTIFICATES, "edge", "shop-example-net", both, sub="status")
    assert after["spec"] == certificate["spec"]
    assert after["status"] == certificate["status"] | {"revision": 5}


def test_scale_reads_and_writes_replicas_alone(world):
    scaled = patch(
        world,
        r.DEPLOYMENTS,
        "shop",
        "web",
        {"spec": {"replicas": 6}, "metadata": {"annotations": {"a": "b"}}},
        sub="scale",
        kind=MERGE_PATCH,
    )
    assert scaled["kind"] == "Scale"
    assert scaled["spec"]["replicas"] == 6
    assert web(world)["spec"]["replicas"] == 6
    assert "a" not in web(world)["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"spec": {"replicas": -1}}, "spec.replicas"),
        ({"spec": {"selector": {"matchLabels": {"app": "other"}}}}, "spec.selector"),
        ({"spec": {"template": {"metadata": {"labels": {"app.kubernetes.io/name": "other"}}}}}, "spec.template.metadata.labels"),
        (
            {"spec": {"template": {"spec": {"containers": [{"name": "web", "resources": {"limits": {"memory": "lots"}}}]}}}},
            "limits.memory",
        ),
        (
            {"spec": {"template": {"spec": {"containers": [{"name": "web", "resources": {"limits": {"memory": "1Mi"}}}]}}}},
            "resources.requests",
        ),
        ({"spec": {"template": {"spec": {"containers": [{"name": "new"}]}}}}, "image"),
    ],
)
def test_invalid_specs_are_refused_with_the_field(world, body, field):
    refused = refusal(lambda: patch(world, r.DEPLOYMENTS, "shop", "web", body))
    assert refused.code == 422
    assert any(field in cause["field"] for cause in refused.details["causes"])


def test_what_an_account_may_not_do_is_forbidden_and_logged(world):
    refused = refusal(lambda: patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 1}}, account=VIEWER))
    assert (refused.code, refused.reason) == (403, "Forbidden")
    entry = world.api.mutations.entries[-1]
    assert (entry.account, entry.applied, entry.code, entry.is_effect) == ("aiops-viewer", False, 403, False)


def test_create_twice_says_already_exists(world):
    job = {
        "metadata": {"name": "rerun-7"},
        "spec": get(world, r.CRON_JOBS, "data", "nightly-report")["spec"]["jobTemplate"]["spec"],
    }
    made = world.api.create(call(r.JOBS, "data"), job)
    assert made["metadata"]["uid"]
    assert refusal(lambda: world.api.create(call(r.JOBS, "data"), job)).reason == "AlreadyExists"
    assert refusal(lambda: world.api.create(call(r.JOBS, "nowhere", account=ADMIN), job)).code == 404


# evictions


def test_eviction_spends_the_budget_and_is_refused_when_it_is_spent(world):
    pods = pods_of(world, "shop", "web")
    evict(world, "shop", pods[0]["metadata"]["name"])
    refused = refusal(lambda: evict(world, "shop", pods[1]["metadata"]["name"]))
    assert refused.code == 429
    assert refused.details["causes"][0]["reason"] == "DisruptionBudget"
    assert refused.retry_after_s is None
    world.advance(60)
    assert len(pods_of(world, "shop", "web")) == 4
    evict(world, "shop", pods[1]["metadata"]["name"])


def test_eviction_wants_the_uid_that_was_seen(world):
    pod = pods_of(world, "shop", "cart")[0]
    assert refusal(lambda: evict(world, "shop", pod["metadata"]["name"], uid="another")).code == 409
    evict(world, "shop", pod["metadata"]["name"], uid=pod["metadata"]["uid"])
    world.advance(10)
    assert world.store.find(r.PODS, "shop", pod["metadata"]["name"]) is None
    assert refusal(lambda: evict(world, "shop", pod["metadata"]["name"])).code == 404


def test_a_uid_dies_once(world):
    pod = pods_of(world, "shop", "cart")[0]
    for _ in range(2):
        evict(world, "shop", pod["metadata"]["name"], mark="7")
    effects = [entry for entry in world.api.mutations.entries if entry.is_effect]
    assert [(entry.verb, entry.uid, entry.mark) for entry in effects] == [("evict", pod["metadata"]["uid"], "7")]


def test_dry_eviction_is_judged_by_the_budget_and_evicts_nothing(world):
    evict(world, "shop", pods_of(world, "shop", "web")[0]["metadata"]["name"], dry_run=True)
    assert refusal(lambda: evict(world, "data", "orders-db-0", dry_run=True)).code == 429
    assert len(pods_of(world, "shop", "web")) == 4


def test_plain_delete_ignores_budgets(world):
    world.api.delete(call(r.PODS, "data", "orders-db-0"), {})
    world.advance(1)
    assert world.store.find(r.PODS, "data", "orders-db-0")["metadata"]["deletionTimestamp"]


# the log


def marks(world: World) -> list[str | None]:
    return [entry.mark for entry in world.api.mutations.entries]


def test_log_tells_whose_write_it_was_by_what_the_request_names(world):
    note = {"aiops.dev/execution": "7"}
    patch(world, r.DEPLOYMENTS, "shop", "web", {"metadata": {"annotations": note}, "spec": {"replicas": 5}})
    patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 6}})  # somebody else, while the mark still stands there
    operations = [{"op": "add", "path": "/metadata/annotations/aiops.dev~1execution", "value": "8"}]
    patch(world, r.DEPLOYMENTS, "shop", "web", operations)
    patch(world, r.DEPLOYMENTS, "shop", "web", {"metadata": {"annotations": {"aiops.dev/executions": "7,8,9"}}})
    patch(
        world, r.DEPLOYMENTS, "shop", "web", {"spec": {"template": {"metadata": {"annotations": {"aiops.dev/execution": "10"}}}}}
    )
    assert marks(world) == ["7", None, "8", "9", "10"]


def test_newest_of_a_list_is_the_one_that_was_not_there(world):
    for listed in ("5,4,3", "6,5,4"):
        patch(world, r.DEPLOYMENTS, "shop", "web", {"metadata": {"annotations": {"aiops.dev/executions": listed}}})
    assert marks(world)[-1] == "6"


def test_whole_object_carries_a_mark_only_when_it_is_new_in_it(world):
    note = {"aiops.dev/execution": "7"}
    document = web(world)
    document = document | {"metadata": document["metadata"] | {"annotations": note}}
    document = world.api.update(call(r.DEPLOYMENTS, "shop", "web"), document)
    world.api.update(call(r.DEPLOYMENTS, "shop", "web"), document | {"spec": document["spec"] | {"replicas": 2}})
    assert marks(world) == ["7", None]


def test_repeated_patch_without_a_revision_shows_as_a_second_effect(world):
    for moment in ("one", "two"):
        body = {
            "metadata": {"annotations": {"aiops.dev/execution": "7"}},
            "spec": {"template": {"metadata": {"annotations": {"at": moment}}}},
        }
        patch(world, r.DEPLOYMENTS, "shop", "web", body)
    assert [entry.mark for entry in world.api.mutations.entries if entry.is_effect] == ["7", "7"]


def test_certificate_renewal_is_marked_in_its_condition(world):
    condition = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "renewed by execution 12"}
    patch(world, r.CERTIFICATES, "edge", "shop-example-net", {"status": {"conditions": [condition]}}, sub="status")
    entry = world.api.mutations.entries[-1]
    assert (entry.mark, entry.is_effect) == ("12", True)


def test_log_is_numbered_and_counts_dry_and_refused_writes_as_no_effect(world):
    patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 9}}, dry_run=True)
    refusal(lambda: patch(world, r.DEPLOYMENTS, "shop", "gone", {"spec": {"replicas": 9}}))
    patch(world, r.DEPLOYMENTS, "shop", "web", {"spec": {"replicas": 5}})
    log = world.api.mutations
    assert [(entry.n, entry.applied, entry.is_effect) for entry in log.entries] == [
        (1, False, False),
        (2, False, False),
        (3, True, True),
    ]
    assert [entry.n for entry in log.after(2)] == [3]
    assert log.entries[2].document["generation_after"] == log.entries[2].document["generation_before"] + 1
