"""Patch semantics, as the API conventions define them."""

import pytest

from aiops.sandbox.cluster.patches import json_patch, merge, strategic_merge
from aiops.sandbox.cluster.refusals import Refused

POD = {
    "containers": [{"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}]}, {"name": "proxy", "image": "proxy:1"}]
}


def test_merge_patch_removes_with_null_and_replaces_lists():
    assert merge({"a": 1, "b": {"c": 1, "d": 2}, "e": [1, 2]}, {"a": None, "b": {"c": 3}, "e": [9]}) == {
        "b": {"c": 3, "d": 2},
        "e": [9],
    }


def test_strategic_merge_joins_containers_and_env_by_name():
    patch = {"containers": [{"name": "web", "image": "web:2", "env": [{"name": "B", "value": "2"}]}]}
    assert strategic_merge(POD, patch)["containers"] == [
        {"name": "web", "image": "web:2", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"name": "proxy", "image": "proxy:1"},
    ]


def test_strategic_merge_deletes_and_replaces_by_directive():
    patch = {"containers": [{"name": "proxy", "$patch": "delete"}]}
    assert [one["name"] for one in strategic_merge(POD, patch)["containers"]] == ["web"]
    patch = {"containers": [{"name": "only"}, {"$patch": "replace"}]}
    assert strategic_merge(POD, patch)["containers"] == [{"name": "only"}]
    assert strategic_merge(
        {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}, {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}
    ) == {"strategy": {"type": "Recreate"}}


def test_strategic_merge_keeps_the_order_that_is_asked_for():
    patch = {
        "$setElementOrder/containers": [{"name": "proxy"}, {"name": "web"}],
        "containers": [{"name": "web", "image": "web:2"}],
    }
    assert [one["name"] for one in strategic_merge(POD, patch)["containers"]] == ["proxy", "web"]


def test_strategic_merge_replaces_lists_without_a_merge_key():
    assert strategic_merge({"tolerations": [{"key": "a"}], "args": ["x"]}, {"tolerations": [{"key": "b"}], "args": []}) == {
        "tolerations": [{"key": "b"}],
        "args": [],
    }


def test_json_patch_operations():
    document = {"metadata": {"annotations": {"a/b": "1"}}, "items": [1, 2]}
    operations = [
        {"op": "replace", "path": "/metadata/annotations/a~1b", "value": "2"},
        {"op": "add", "path": "/items/-", "value": 3},
        {"op": "remove", "path": "/items/0"},
        {"op": "copy", "from": "/items/0", "path": "/first"},
        {"op": "move", "from": "/first", "path": "/only"},
        {"op": "test", "path": "/only", "value": 2},
    ]
    assert json_patch(document, operations) == {"metadata": {"annotations": {"a/b": "2"}}, "items": [2, 3], "only": 2}
    assert document == {"metadata": {"annotations": {"a/b": "1"}}, "items": [1, 2]}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "replace", "path": "/missing", "value": 2},
        {"op": "remove", "path": "/list/7"},
        {"op": "add", "path": "/missing/deeper", "value": 2},
    ],
)
def test_json_patch_that_fails_refuses_everything(operation):
    with pytest.raises(Refused) as refused:
        json_patch({"a": 1, "list": []}, [{"op": "replace", "path": "/a", "value": 5}, operation])
    assert refused.value.code == 422
