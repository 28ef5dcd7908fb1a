"""Looks at what steps run on: cluster policy, node types, an existing cluster, a warehouse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ngm_assets.doctor.observation import Observation
from ngm_assets.doctor.shipping import look_at_runtime
from ngm_assets.doctor.visit import Visit

DEDICATED = ("SINGLE_USER", "DATA_SECURITY_MODE_DEDICATED")
"""Names of the access mode the step launcher needs."""


def look_at_policy(visit: Visit) -> Iterator[Observation]:
    """Look at the policy of new clusters, and at the node types and runtime they name."""
    from databricks.sdk.errors import NotFound

    wanted = visit.settings.workspace.cluster
    if wanted.policy_id is None:
        yield Observation(
            "cluster policy",
            None,
            "none is named; clusters are made without one",
            "Set NGM_CLUSTER_POLICY_ID, unless who runs the steps may create any cluster.",
        )
    else:
        try:
            policy = visit.client.cluster_policies.get(wanted.policy_id)
        except NotFound:
            mend = "Correct NGM_CLUSTER_POLICY_ID."
            yield Observation("cluster policy", False, f"there is no {wanted.policy_id}", mend)
        else:
            yield _policy(visit, policy.name or wanted.policy_id, policy.definition or "{}")
    yield from _nodes(visit)
    known = {one.key for one in visit.client.clusters.spark_versions().versions or []}
    there = wanted.spark_version in known
    mend = "" if there else "Set NGM_SPARK_VERSION to a runtime the workspace offers."
    found = wanted.spark_version if there else f"{wanted.spark_version} is not offered"
    yield Observation("runtime", there, found, mend)


def _policy(visit: Visit, name: str, definition: str) -> Observation:
    wanted = visit.settings.workspace.cluster
    asked: dict[str, str | int] = {
        "data_security_mode": DEDICATED[0],
        "spark_version": wanted.spark_version,
        "node_type_id": wanted.node_type,
        "driver_node_type_id": wanted.driver_node_type or wanted.node_type,
        "num_workers": wanted.workers,
    }
    rules = json.loads(definition)
    refused = [
        f"{field} {value}: {reason}"
        for field, value in asked.items()
        if (reason := refusal(rules.get(field, {}), value))
    ]
    if refused:
        mend = f"Change the policy, or the settings. Steps need data_security_mode {DEDICATED[0]}."
        return Observation("cluster policy", False, f"{name} refuses {'; '.join(refused)}", mend)
    return Observation("cluster policy", True, f"{name} allows {DEDICATED[0]} and the settings")


def refusal(rule: Mapping[str, Any], value: str | int) -> str:
    """Return why a rule of a cluster policy refuses a value; empty when it does not.

    Rules that take the newest runtime (`auto:latest-lts`) are not judged.
    """
    kind, same = rule.get("type"), DEDICATED if value in DEDICATED else (value,)
    given = [rule["value"]] if kind == "fixed" else rule.get("values", [])
    text = [str(one) for one in given]
    found = any(str(one) in text for one in same)
    if any(one.startswith("auto:") for one in text):
        return ""
    if kind == "forbidden":
        return "forbidden"
    if kind in ("fixed", "allowlist") and not found:
        return f"only {', '.join(text)}"
    if kind == "blocklist" and found:
        return "blocked"
    if kind == "regex" and not re.fullmatch(rule["pattern"], str(value)):
        return f"only {rule['pattern']}"
    return _out_of_range(rule, value) if kind == "range" else ""


def _out_of_range(rule: Mapping[str, Any], value: str | int) -> str:
    number = float(value)
    if number < rule.get("minValue", number):
        return f"at least {rule['minValue']}"
    return f"at most {rule['maxValue']}" if number > rule.get("maxValue", number) else ""


def _nodes(visit: Visit) -> Iterator[Observation]:
    wanted = visit.settings.workspace.cluster
    known = {one.node_type_id for one in visit.client.clusters.list_node_types().node_types or []}
    for name in dict.fromkeys((wanted.node_type, wanted.driver_node_type or wanted.node_type)):
        there = name in known
        mend = "" if there else "Set NGM_NODE_TYPE to a node type of this cloud and region."
        yield Observation("node type", there, name if there else f"{name} is not offered", mend)


def look_at_cluster(visit: Visit) -> Iterator[Observation]:
    """Look at the existing cluster: state, access mode, runtime."""
    from databricks.sdk.errors import InvalidParameterValue, NotFound

    cluster_id = visit.settings.workspace.existing_cluster_id or ""
    try:
        found = visit.client.clusters.get(cluster_id)
    except (NotFound, InvalidParameterValue):
        mend = "Correct NGM_CLUSTER_ID."
        yield Observation("cluster", False, f"there is no {cluster_id}", mend)
        return
    state = found.state.value if found.state else "unknown"
    usable = state not in ("ERROR", "UNKNOWN", "unknown")
    mend = "" if usable else "Repair the cluster, or name another with NGM_CLUSTER_ID."
    if state == "TERMINATED":
        mend = "The first step starts it."
    yield Observation("cluster", usable, f"{found.cluster_name or cluster_id}: {state}", mend)
    yield from look_at_runtime(found.spark_version or "unknown", visit.python)
    mode = found.data_security_mode.value if found.data_security_mode else "none"
    dedicated = mode in DEDICATED
    mend = "" if dedicated else f"Set the access mode to Dedicated ({DEDICATED[0]})."
    yield Observation("access mode", dedicated, mode, mend)
    if dedicated and found.single_user_name:
        mine = visit.owns(found.single_user_name)
        mend = "" if mine else f"Dedicate it to {visit.user}, or to a group with it."
        yield Observation("dedicated to", mine, found.single_user_name, mend)


def look_at_warehouse(visit: Visit) -> Iterator[Observation]:
    """Look at the SQL warehouse of `ngm setup`."""
    from databricks.sdk.errors import InvalidParameterValue, NotFound

    warehouse_id = visit.settings.workspace.warehouse_id
    if warehouse_id is None:
        mend = "Set NGM_WAREHOUSE_ID to run `ngm setup`; steps do not need it."
        yield Observation("warehouse", None, "none is named", mend)
        return
    try:
        found = visit.client.warehouses.get(warehouse_id)
    except (NotFound, InvalidParameterValue):
        mend = "Correct NGM_WAREHOUSE_ID."
        yield Observation("warehouse", False, f"there is no {warehouse_id}", mend)
        return
    state = found.state.value if found.state else "unknown"
    yield Observation("warehouse", True, f"{found.name or warehouse_id}: {state}")
