"""Alerts of the field that are not in the corpus, with the answer that an experienced on-call engineer would give.

Names, severities and label names are as public rule files write them, values and judgements are ours. They were written before
the rules were tuned, and guard against rules that know the corpus by heart. A row:

    (labels, categories, targets, acceptable action classes best first)

Categories and targets are alternatives separated by `|`; a target is `Kind namespace/name`, `Kind name` or `-` for none.
A change that is not acceptable counts as harmful.
"""

Row = tuple[dict[str, str], str, str, str]

_KSM_POD = "kube-prometheus-stack-kube-state-metrics-7d9c5f6b84-x2xkz"


def ksm(name: str, severity: str = "warning", /, **labels: str) -> dict[str, str]:
    """An object of Kubernetes as kube-state-metrics reports it: pod, container and service are the exporter's."""
    reporter = {"job": "kube-state-metrics", "instance": "10.57.1.230:8080", "service": "kube-prometheus-stack-kube-state-metrics",
                "container": "kube-state-metrics", "endpoint": "http", "pod": _KSM_POD}  # fmt: skip
    return {"alertname": name, "severity": severity, "cluster": "prod-eu1", **reporter, **labels}


def pod(name: str, severity: str = "warning", /, **labels: str) -> dict[str, str]:
    """A pod as kube-state-metrics reports it: pod and container are real."""
    reporter = {"job": "kube-state-metrics", "instance": "10.57.1.230:8080", "service": "kube-prometheus-stack-kube-state-metrics",
                "uid": "0e61aa2b-391c-49bf-a846-54f592e7e20b"}  # fmt: skip
    return {"alertname": name, "severity": severity, "cluster": "prod-eu1", **reporter, **labels}


def plain(name: str, severity: str = "warning", /, **labels: str) -> dict[str, str]:
    """Labels that an aggregation or a person has chosen."""
    return {"alertname": name, "severity": severity, "cluster": "prod-eu1", **labels}


def node(name: str, severity: str = "warning", /, address: str = "10.0.0.71", **labels: str) -> dict[str, str]:
    """A machine as the node-exporter in the cluster reports it."""
    reporter = {"job": "node-exporter", "instance": f"{address}:9100", "namespace": "monitoring", "container": "node-exporter",
                "pod": "node-exporter-x4q7d", "service": "node-exporter", "endpoint": "http-metrics"}  # fmt: skip
    return {"alertname": name, "severity": severity, "cluster": "prod-eu1", **reporter, **labels}


def host(name: str, severity: str = "warning", /, machine: str = "app-11.prod.example.net", **labels: str) -> dict[str, str]:
    """A machine outside Kubernetes."""
    return {"alertname": name, "severity": severity, "cluster": "prod-eu1", "job": "node", "instance": f"{machine}:9100", **labels}


def exporter(name: str, job: str, severity: str = "warning", /, **labels: str) -> dict[str, str]:
    return {"alertname": name, "severity": severity, "cluster": "prod-eu1", "job": job, **labels}


def prometheus(name: str, severity: str = "warning", /, **labels: str) -> dict[str, str]:
    own = {"job": "prometheus-k8s", "instance": "10.42.7.80:9090", "namespace": "monitoring", "pod": "prometheus-k8s-0",
           "container": "prometheus", "service": "prometheus-k8s", "endpoint": "web"}  # fmt: skip
    return {"alertname": name, "severity": severity, "cluster": "prod-eu1", **own, **labels}


def etcd(name: str, severity: str = "warning", /, **labels: str) -> dict[str, str]:
    own = {"job": "etcd", "instance": "10.0.0.11:2379", "namespace": "kube-system", "pod": "etcd-cp-1", "service": "kube-etcd"}
    return {"alertname": name, "severity": severity, "cluster": "prod-eu1", **own, **labels}


LOOK = "notify_only create_ticket"
PLAN = "create_ticket notify_only"
CRASH = "restart_workload delete_pod rollback notify_only"
SICK_POD = "delete_pod restart_workload notify_only"
PG = {"instance": "db-04.prod.example.net:9187", "server": "db-04.prod.example.net:5432"}

ROWS: list[Row] = [
    # kube-prometheus, kubernetes-mixin
    (ksm("KubeDeploymentGenerationMismatch", namespace="shop", deployment="checkout"), "workload_stuck_rollout", "Deployment shop/checkout", "notify_only rollback create_ticket"),
    (ksm("KubeStatefulSetGenerationMismatch", namespace="data", statefulset="orders-db"), "workload_stuck_rollout|database", "StatefulSet data/orders-db", LOOK),
    (ksm("KubeStatefulSetUpdateNotRolledOut", namespace="streams", statefulset="kafka"), "workload_stuck_rollout|queue", "StatefulSet streams/kafka", "notify_only create_ticket"),
    (ksm("KubeDaemonSetNotScheduled", namespace="logging", daemonset="fluent-bit"), "workload_stuck_rollout", "DaemonSet logging/fluent-bit", LOOK),
    (ksm("KubeDaemonSetMisScheduled", namespace="kube-system", daemonset="kube-proxy"), "workload_stuck_rollout", "DaemonSet kube-system/kube-proxy", LOOK),
    (plain("KubeJobNotCompleted", namespace="data", job_name="reindex-29386080"), "batch_job", "Job data/reindex-29386080|CronJob data/reindex", LOOK),
    (ksm("KubeHpaReplicasMismatch", namespace="shop", horizontalpodautoscaler="web"), "capacity_quota|workload_stuck_rollout", "HorizontalPodAutoscaler shop/web", LOOK),
    (plain("KubeCPUQuotaOvercommit"), "capacity_quota|saturation_cpu", "-", PLAN),
    (plain("KubeMemoryQuotaOvercommit"), "capacity_quota|saturation_memory", "-", PLAN),
    (plain("KubeQuotaFullyUsed", "info", namespace="media", resource="pods", resourcequota="object-counts"), "capacity_quota", "ResourceQuota media/object-counts", PLAN),
    (plain("KubeNodeReadinessFlapping", node="worker-3"), "node", "Node worker-3", "notify_only cordon_drain_node"),
    (plain("KubeNodeEviction", "info", node="worker-3", instance="10.0.0.43:10250", eviction_signal="memory.available"), "node|saturation_memory|workload_crash", "Node worker-3|Host 10.0.0.43", "notify_only create_ticket cordon_drain_node"),
    (plain("KubeletPlegDurationHigh", node="worker-4", instance="10.0.0.44:10250", quantile="0.99"), "node|control_plane|latency", "Node worker-4|Host 10.0.0.44", "notify_only cordon_drain_node restart_service_host create_ticket"),
    (plain("KubeletPodStartUpLatencyHigh", node="worker-4", instance="10.0.0.44:10250"), "node|control_plane|latency", "Node worker-4", LOOK),
    (exporter("KubeletClientCertificateExpiration", "kubelet", node="worker-8", instance="10.0.0.48:10250"), "certificate|control_plane", "Node worker-8", "notify_only create_ticket renew_certificate"),
    (exporter("KubeletServerCertificateRenewalErrors", "kubelet", node="worker-8", instance="10.0.0.48:10250"), "certificate|control_plane|node", "Node worker-8", LOOK),
    (exporter("KubeletDown", "kubelet", "critical", metrics_path="/metrics"), "node|control_plane|monitoring_meta", "-", "notify_only"),
    (exporter("KubeControllerManagerDown", "kube-controller-manager", "critical"), "control_plane", "-", "notify_only"),
    (exporter("KubeProxyDown", "kube-proxy", "critical"), "control_plane|network", "-", "notify_only"),
    (plain("KubeAPITerminatedRequests"), "control_plane", "-", LOOK),
    (plain("KubeAggregatedAPIDown", name="v1beta1.custom.metrics.k8s.io"), "control_plane", "APIService v1beta1.custom.metrics.k8s.io|-", LOOK),
    (ksm("KubePdbNotEnoughHealthyPods", namespace="shop", poddisruptionbudget="web"), "workload_stuck_rollout|capacity_quota|workload_crash", "PodDisruptionBudget shop/web", LOOK),
    (pod("PodFrequentlyRestarting", namespace="shop", pod="search-7d9f8b6c5-x2xkz", container="search"), "workload_crash", "Deployment shop/search", CRASH),
    (pod("KubePodRestartingTooMuch", namespace="media", pod="encoder-6b8f7d5c9-rk7fd", container="encoder"), "workload_crash", "Deployment media/encoder", CRASH),
    (pod("ContainerRestartingOften", namespace="kube-system", pod="coredns-6d4b75cb6d-f2wvn", container="coredns"), "workload_crash|network", "Deployment kube-system/coredns", "notify_only"),
    (pod("KubePodOOMKilled", namespace="shop", pod="feed-6b8f7d5c9-rk7fd", container="feed", reason="OOMKilled"), "workload_crash|saturation_memory", "Deployment shop/feed", "adjust_resources notify_only rollback"),
    (pod("ContainerOOMKilled", namespace="data", pod="clickhouse-0", container="clickhouse", reason="OOMKilled"), "workload_crash|saturation_memory|database", "StatefulSet data/clickhouse", "notify_only adjust_resources"),
    (pod("KubePodImagePullBackOff", namespace="shop", pod="promo-79b8d6c5f4-pp6tz", container="promo", reason="ErrImagePull"), "workload_stuck_rollout|workload_crash", "Deployment shop/promo", "rollback notify_only"),
    (pod("PodStuckInPending", namespace="shop", pod="promo-79b8d6c5f4-pp6tz", phase="Pending"), "workload_stuck_rollout|workload_crash|capacity_quota", "Deployment shop/promo", LOOK),
    (pod("ContainerCreateFailed", namespace="shop", pod="promo-79b8d6c5f4-pp6tz", container="promo", reason="CreateContainerConfigError"), "workload_stuck_rollout|workload_crash|error_rate", "Deployment shop/promo", "notify_only rollback create_ticket"),
    # awesome-prometheus-alerts: kubernetes
    (ksm("KubernetesNodeNetworkUnavailable", "critical", node="worker-2", condition="NetworkUnavailable", status="true"), "node|network", "Node worker-2", "notify_only cordon_drain_node"),
    (plain("KubernetesNodeOutOfPodCapacity", node="worker-2"), "capacity_quota|node", "Node worker-2", PLAN),
    (exporter("KubernetesVolumeFullInFourDays", "kubelet", "critical", namespace="data", persistentvolumeclaim="wal-orders-db-0", node="worker-1", instance="10.0.0.41:10250"), "storage", "PersistentVolumeClaim data/wal-orders-db-0", "expand_storage"),
    (ksm("KubernetesPersistentvolumeError", "critical", persistentvolume="pvc-0aa3", phase="Failed", namespace="monitoring"), "storage", "PersistentVolume pvc-0aa3", "notify_only"),
    (ksm("KubernetesHpaScaleInability", namespace="shop", horizontalpodautoscaler="web", condition="AbleToScale", status="false"), "capacity_quota|workload_stuck_rollout", "HorizontalPodAutoscaler shop/web", LOOK),
    (ksm("KubernetesHpaScaleMaximum", "info", namespace="shop", horizontalpodautoscaler="web"), "capacity_quota|saturation_cpu", "HorizontalPodAutoscaler shop/web", "create_ticket notify_only scale_up"),
    (ksm("KubernetesDeploymentReplicasMismatch", namespace="search", deployment="suggest"), "workload_stuck_rollout|workload_crash", "Deployment search/suggest", "notify_only restart_workload delete_pod rollback"),
    (ksm("KubernetesStatefulsetReplicasMismatch", namespace="data", statefulset="mongo"), "workload_stuck_rollout|database|workload_crash", "StatefulSet data/mongo", "notify_only"),
    (ksm("KubernetesDeploymentGenerationMismatch", "critical", namespace="search", deployment="suggest"), "workload_stuck_rollout", "Deployment search/suggest", "notify_only rollback"),
    (ksm("KubernetesDaemonsetRolloutStuck", namespace="logging", daemonset="vector"), "workload_stuck_rollout", "DaemonSet logging/vector", "notify_only delete_pod rollback"),
    (ksm("KubernetesDaemonsetMisscheduled", "critical", namespace="logging", daemonset="vector"), "workload_stuck_rollout", "DaemonSet logging/vector", LOOK),
    (ksm("KubernetesCronjobTooLong", namespace="batch", cronjob="thumbnails"), "batch_job", "CronJob batch/thumbnails", LOOK),
    (ksm("KubernetesJobSlowCompletion", "critical", namespace="batch", job_name="thumbnails-29386080"), "batch_job", "Job batch/thumbnails-29386080", LOOK),
    (ksm("KubernetesJobFailed", namespace="batch", job_name="thumbnails-29386080"), "batch_job", "Job batch/thumbnails-29386080", "rerun_job notify_only"),
    (ksm("KubernetesCronjobFailing", "critical", namespace="batch", cronjob="sitemap-build"), "batch_job", "CronJob batch/sitemap-build", "rerun_job notify_only"),
    (plain("KubernetesApiServerErrors", "critical"), "control_plane|error_rate", "-", "notify_only"),
    (exporter("KubernetesApiClientErrors", "apiserver", "critical", instance="10.0.0.11:6443"), "control_plane|error_rate", "Host 10.0.0.11|-", LOOK),
    (exporter("KubernetesClientCertificateExpiresNextWeek", "apiserver"), "certificate|control_plane", "-", PLAN),
    # node-exporter mixin and awesome-prometheus-alerts: machines
    (node("NodeFilesystemFilesFillingUp", "critical", device="/dev/sda3", fstype="ext4", mountpoint="/var/log"), "storage", "Host 10.0.0.71", "clean_disk notify_only"),
    (node("NodeFilesystemSpaceFillingUp", device="/dev/sdb1", fstype="xfs", mountpoint="/srv/data"), "storage", "Host 10.0.0.71", PLAN),
    (node("NodeNetworkTransmitErrs", device="eth0"), "network|node", "Host 10.0.0.71", LOOK),
    (node("NodeMemoryMajorPagesFaults"), "saturation_memory|node", "Host 10.0.0.71", LOOK),
    (node("NodeSystemSaturation"), "saturation_cpu|node", "Host 10.0.0.71", LOOK),
    (node("NodeDiskIOSaturation", device="nvme0n1"), "storage|node", "Host 10.0.0.71", LOOK),
    (node("NodeBondingDegraded", master="bond0"), "network|node", "Host 10.0.0.71", "notify_only create_ticket cordon_drain_node"),
    (node("NodeNetworkInterfaceFlapping", device="eth1"), "network|node", "Host 10.0.0.71", LOOK),
    (host("HostMemoryUnderMemoryPressure"), "saturation_memory|node", "Host app-11.prod.example.net", LOOK),
    (host("HostMemoryIsUnderutilized", "info"), "other|capacity_quota|saturation_memory", "Host app-11.prod.example.net", "create_ticket notify_only silence"),
    (host("HostUnusualNetworkThroughputIn"), "network|node", "Host app-11.prod.example.net", LOOK),
    (host("HostUnusualDiskReadRate"), "storage|node", "Host app-11.prod.example.net", LOOK),
    (host("HostDiskWillFillIn24Hours", mountpoint="/", device="/dev/vda1", fstype="ext4"), "storage", "Host app-11.prod.example.net", "clean_disk notify_only create_ticket"),
    (host("HostDiskWillFillIn24Hours", machine="mysql-02.prod.example.net", mountpoint="/var/lib/mysql"), "storage|database", "Host mysql-02.prod.example.net", "notify_only create_ticket expand_storage"),
    (host("HostOutOfDiskSpace", "critical", machine="files-01.prod.example.net", mountpoint="/export/home"), "storage", "Host files-01.prod.example.net", "notify_only create_ticket expand_storage"),
    (host("HostFilesystemDeviceError", "critical", mountpoint="/srv", device="/dev/sdc1"), "storage|node", "Host app-11.prod.example.net", "notify_only"),
    (host("HostInodesWillFillIn24Hours", mountpoint="/tmp"), "storage", "Host app-11.prod.example.net", "clean_disk notify_only create_ticket"),
    (host("HostUnusualDiskReadLatency", device="sda"), "storage|latency|node", "Host app-11.prod.example.net", LOOK),
    (host("HostHighCpuLoad"), "saturation_cpu|node", "Host app-11.prod.example.net", LOOK),
    (host("HostCpuStealNoisyNeighbor"), "saturation_cpu|node", "Host app-11.prod.example.net", LOOK),
    (host("HostCpuHighIowait"), "saturation_cpu|storage|node", "Host app-11.prod.example.net", LOOK),
    (host("HostUnusualDiskIo", device="sda"), "storage|node", "Host app-11.prod.example.net", LOOK),
    (host("HostContextSwitchingHigh"), "saturation_cpu|node", "Host app-11.prod.example.net", LOOK),
    (host("HostSwapIsFillingUp"), "saturation_memory|node", "Host app-11.prod.example.net", LOOK),
    (host("HostPhysicalComponentTooHot", chip="coretemp"), "node", "Host app-11.prod.example.net", LOOK),
    (host("HostNodeOvertemperatureAlarm", "critical"), "node", "Host app-11.prod.example.net", "notify_only"),
    (host("HostSoftwareRaidInsufficientDrives", "critical", device="md1"), "storage|node", "Host app-11.prod.example.net", LOOK),
    (host("HostKernelVersionDeviations", "info"), "node|other", "Host app-11.prod.example.net", PLAN),
    (host("HostOomKillDetected"), "saturation_memory|node|workload_crash", "Host app-11.prod.example.net", LOOK),
    (host("HostEdacCorrectableErrorsDetected", "info"), "node", "Host app-11.prod.example.net", PLAN),
    (host("HostEdacUncorrectableErrorsDetected"), "node", "Host app-11.prod.example.net", LOOK),
    (host("HostNetworkReceiveErrors", device="eth0"), "network|node", "Host app-11.prod.example.net", LOOK),
    (host("HostNetworkInterfaceSaturated", device="eth0"), "network|node", "Host app-11.prod.example.net", LOOK),
    (host("HostConntrackLimit"), "network|node", "Host app-11.prod.example.net", LOOK),
    (host("HostClockSkew"), "node", "Host app-11.prod.example.net", "restart_service_host"),
    (host("HostClockNotSynchronising"), "node", "Host app-11.prod.example.net", "restart_service_host"),
    (host("HostRequiresReboot", "info"), "node|other", "Host app-11.prod.example.net", PLAN),
    (host("SystemdUnitFailed", name="nginx.service", state="failed"), "node|workload_crash", "Host app-11.prod.example.net", "restart_service_host"),
    (host("NodeSystemdUnitFailed", "critical", machine="cache-01.prod.example.net", name="redis-server.service", state="failed"), "node|cache|workload_crash", "Host cache-01.prod.example.net", "notify_only restart_service_host"),
    (host("SystemdUnitRestarting", name="puppet.service"), "node|workload_crash", "Host app-11.prod.example.net", LOOK),
    # etcd
    (etcd("etcdInsufficientMembers", "critical"), "control_plane", "Pod kube-system/etcd-cp-1|Host 10.0.0.11", "notify_only"),
    (etcd("etcdHighNumberOfLeaderChanges"), "control_plane", "Pod kube-system/etcd-cp-1|Host 10.0.0.11", LOOK),
    (etcd("etcdHighNumberOfFailedGRPCRequests", grpc_method="Range"), "control_plane", "Pod kube-system/etcd-cp-1|Host 10.0.0.11", LOOK),
    (etcd("etcdHighCommitDurations"), "control_plane|latency", "Pod kube-system/etcd-cp-1|Host 10.0.0.11", LOOK),
    (etcd("etcdExcessiveDatabaseGrowth"), "control_plane|database|storage", "Pod kube-system/etcd-cp-1|Host 10.0.0.11", LOOK),
    (etcd("etcdDatabaseHighFragmentationRatio"), "control_plane|database|storage", "Pod kube-system/etcd-cp-1|Host 10.0.0.11", PLAN),
    # the monitoring chain
    (prometheus("PrometheusSDRefreshFailure", mechanism="consul"), "monitoring_meta", "StatefulSet monitoring/prometheus-k8s", LOOK),
    (prometheus("PrometheusNotificationQueueRunningFull"), "monitoring_meta", "StatefulSet monitoring/prometheus-k8s", LOOK),
    (prometheus("PrometheusTSDBReloadsFailing"), "monitoring_meta", "StatefulSet monitoring/prometheus-k8s", LOOK),
    (prometheus("PrometheusNotIngestingSamples"), "monitoring_meta", "StatefulSet monitoring/prometheus-k8s", LOOK),
    (prometheus("PrometheusOutOfOrderTimestamps"), "monitoring_meta", "StatefulSet monitoring/prometheus-k8s", PLAN),
    (prometheus("PrometheusRemoteStorageFailures", "critical", remote_name="a1", url="https://mimir.example.net/push"), "monitoring_meta|external_dependency", "StatefulSet monitoring/prometheus-k8s", "notify_only"),
    (prometheus("PrometheusRemoteWriteDesiredShards", url="https://mimir.example.net/push"), "monitoring_meta", "StatefulSet monitoring/prometheus-k8s", LOOK),
    (prometheus("PrometheusMissingRuleEvaluations", rule_group="/etc/prometheus/rules/x.yaml;slo"), "monitoring_meta", "StatefulSet monitoring/prometheus-k8s", LOOK),
    (prometheus("PrometheusTargetLimitHit"), "monitoring_meta", "StatefulSet monitoring/prometheus-k8s", PLAN),
    (prometheus("PrometheusTargetSyncFailure", "critical"), "monitoring_meta", "StatefulSet monitoring/prometheus-k8s", LOOK),
    (prometheus("PrometheusHighQueryLoad"), "monitoring_meta", "StatefulSet monitoring/prometheus-k8s", LOOK),
    (exporter("PrometheusTargetMissing", "web-metrics", "critical", instance="10.42.3.17:8080", namespace="shop", pod="web-7d9f8b6c5-x2xkz"), "monitoring_meta", "Deployment shop/web", LOOK),
    (exporter("PrometheusJobMissing", "prometheus"), "monitoring_meta", "-", LOOK),
    (prometheus("PrometheusTooManyRestarts"), "monitoring_meta|workload_crash", "StatefulSet monitoring/prometheus-k8s", "notify_only"),
    (plain("PrometheusAlertmanagerE2eDeadManSwitch", "critical"), "deadman", "-", "silence"),
    (plain("DeadMansSwitch", "none"), "deadman", "-", "silence"),
    (exporter("AlertmanagerMembersInconsistent", "alertmanager-main", "critical", namespace="monitoring", pod="alertmanager-main-1", instance="10.42.3.9:9093", service="alertmanager-main"), "monitoring_meta", "StatefulSet monitoring/alertmanager-main", "notify_only"),
    (plain("AlertmanagerClusterFailedToSendAlerts", "critical", namespace="monitoring", service="alertmanager-main", integration="pagerduty"), "monitoring_meta", "Service monitoring/alertmanager-main|StatefulSet monitoring/alertmanager-main", "notify_only"),
    (plain("AlertmanagerConfigInconsistent", "critical", namespace="monitoring", service="alertmanager-main"), "monitoring_meta", "Service monitoring/alertmanager-main|StatefulSet monitoring/alertmanager-main", LOOK),
    (plain("PrometheusOperatorRejectedResources", namespace="monitoring", controller="prometheus", resource="ServiceMonitor"), "monitoring_meta", "Namespace monitoring|-|Deployment monitoring/prometheus-operator", PLAN),
    (plain("KubeStateMetricsWatchErrors", "critical"), "monitoring_meta", "-", LOOK),
    (plain("ThanosCompactHalted", job="thanos-compact", namespace="monitoring", pod="thanos-compact-0"), "monitoring_meta", "StatefulSet monitoring/thanos-compact", LOOK),
    (plain("LokiRequestErrors", "critical", job="loki/querier", namespace="loki", route="loki_api_v1_query_range"), "monitoring_meta|error_rate", "Namespace loki|-|Service loki/loki", LOOK),
    (plain("DatasourceError", "", rulename="Orders per minute", ref_id="B", datasource_uid="P18", grafana_folder="Business"), "monitoring_meta", "-", LOOK),
    # PostgreSQL and its company
    (exporter("PostgresqlExporterError", "postgres-exporter", "critical", **PG), "monitoring_meta|database", "Host db-04.prod.example.net", LOOK),
    (exporter("PostgresqlCommitRateLow", "postgres-exporter", "critical", datname="orders", **PG), "database", "Host db-04.prod.example.net", "notify_only"),
    (exporter("PostgresqlHighRateStatementTimeout", "postgres-exporter", "critical", **PG), "database|latency", "Host db-04.prod.example.net", "notify_only"),
    (exporter("PostgresqlTooManyDeadTuples", "postgres-exporter", relname="events", **PG), "database", "Host db-04.prod.example.net", PLAN),
    (exporter("PostgresqlConfigurationChanged", "postgres-exporter", "info", **PG), "database", "Host db-04.prod.example.net", LOOK),
    (exporter("PostgresqlTooManyLocksAcquired", "postgres-exporter", "critical", **PG), "database", "Host db-04.prod.example.net", "notify_only"),
    (exporter("PostgresqlBloatIndexHigh(>80%)", "postgres-exporter", idxname="events_idx", **PG), "database", "Host db-04.prod.example.net", PLAN),
    (exporter("PostgresqlSplitBrain", "postgres-exporter", "critical"), "database", "-", "notify_only"),
    (exporter("PostgreSQLCacheHitRatio", "postgres-exporter", datname="orders", **PG), "database|cache", "Host db-04.prod.example.net", LOOK),
    (exporter("PostgreSQLMaxConnectionsReached", "postgres-exporter", "critical", **PG), "database|capacity_quota", "Host db-04.prod.example.net", "notify_only"),
    (exporter("PgbouncerErrors", "pgbouncer", instance="pgb-02.prod.example.net:9127"), "database|error_rate", "Host pgb-02.prod.example.net", LOOK),
    (exporter("MysqlSlaveReplicationLag", "mysqld-exporter", "critical", instance="mysql-03.prod.example.net:9104"), "database|latency", "Host mysql-03.prod.example.net", LOOK),
    (exporter("MongodbReplicaMemberUnhealthy", "mongodb-exporter", "critical", instance="mongo-02.prod.example.net:9216"), "database", "Host mongo-02.prod.example.net", "notify_only"),
    # caches, brokers, search
    (exporter("RedisDisconnectedSlaves", "redis_exporter", "critical"), "cache|database", "-", "notify_only"),
    (exporter("RedisReplicationBroken", "redis_exporter", "critical", instance="redis://10.0.1.22:6379"), "cache|database", "Host 10.0.1.22", "notify_only"),
    (exporter("RedisOutOfSystemMemory", "redis-exporter", namespace="shop", pod="redis-cache-1", instance="10.42.4.12:9121"), "cache|saturation_memory", "StatefulSet shop/redis-cache", "notify_only adjust_resources"),
    (exporter("RedisMissingBackup", "redis_exporter", "critical", instance="redis://10.0.1.22:6379"), "cache|database|batch_job", "Host 10.0.1.22", LOOK),
    (exporter("RedisRejectedConnections", "redis_exporter", "critical", instance="redis://10.0.1.22:6379"), "cache|database|capacity_quota", "Host 10.0.1.22", "notify_only"),
    (exporter("RabbitmqMemoryHigh", "rabbitmq", namespace="streams", pod="rabbitmq-server-1", instance="10.42.8.31:15692"), "queue|saturation_memory", "StatefulSet streams/rabbitmq-server", "notify_only adjust_resources"),
    (exporter("RabbitmqTooManyUnackMessages", "rabbitmq", queue="order-events"), "queue", "Queue order-events", LOOK),
    (exporter("RabbitmqUnroutableMessages", "rabbitmq", instance="rabbit-02.prod.example.net:15692"), "queue|error_rate", "Host rabbit-02.prod.example.net", LOOK),
    (exporter("RabbitmqDeadLetterQueueFillingUp", "rabbitmq", queue="orders.dlq", vhost="/", instance="rabbit-02.prod.example.net:9419"), "queue", "Queue orders.dlq", LOOK),
    (exporter("RabbitmqFileDescriptorsUsage", "rabbitmq", instance="rabbit-02.prod.example.net:15692"), "queue|saturation_memory|capacity_quota", "Host rabbit-02.prod.example.net", LOOK),
    (exporter("KafkaUnderReplicatedPartitions", "kafka-exporter", "critical", topic="orders", partition="3", instance="10.42.8.40:9308"), "queue", "Queue orders", "notify_only"),
    (plain("KafkaBrokerDown", "critical", namespace="streams", pod="kafka-2"), "queue|workload_crash", "StatefulSet streams/kafka", "notify_only"),
    (exporter("ElasticsearchDiskSpaceLow", "elasticsearch-exporter", instance="10.42.6.18:9114", name="search-es-data-1", namespace="search"), "storage|database", "Pod search/search-es-data-1|StatefulSet search/search-es-data", "notify_only expand_storage create_ticket"),
    ({**exporter("ElasticsearchClusterYellow", "elasticsearch-exporter", color="yellow", instance="10.42.6.18:9114"), "cluster": "search-es"}, "database", "External search-es|-", LOOK),
    ({**exporter("ElasticsearchRelocatingShards", "elasticsearch-exporter", "info", instance="10.42.6.18:9114"), "cluster": "search-es"}, "database", "External search-es|-", "notify_only create_ticket silence"),
    ({**exporter("ElasticsearchPendingTasks", "elasticsearch-exporter", instance="10.42.6.18:9114"), "cluster": "search-es"}, "database", "External search-es|-", LOOK),
    # edges, probes, DNS, certificates
    (plain("HaproxyHighHttp5xxErrorRateBackend", "critical", proxy="be_orders"), "error_rate", "External be_orders|Service be_orders|-", "notify_only"),
    (plain("HaproxyHighHttp4xxErrorRateBackend", "critical", proxy="be_orders"), "error_rate", "External be_orders|Service be_orders|-", LOOK),
    (plain("HaproxyRetryHigh", proxy="be_orders"), "error_rate|network|latency", "External be_orders|Service be_orders|-", LOOK),
    (exporter("HaproxyServerHealthcheckFailure", "haproxy", proxy="be_orders", server="app3", instance="lb-01.prod.example.net:8404"), "error_rate|network", "Host lb-01.prod.example.net|External be_orders|Host app3", LOOK),
    (exporter("HaproxyHttpSlowingDown", "haproxy", proxy="be_orders", instance="lb-01.prod.example.net:8404"), "latency", "Host lb-01.prod.example.net|External be_orders", LOOK),
    (exporter("BlackboxProbeHttpFailure", "blackbox-http", "critical", instance="https://www.example.com/"), "error_rate|network|external_dependency", "Endpoint https://www.example.com/", "notify_only"),
    (exporter("BlackboxProbeSlowPing", "blackbox-icmp", instance="gw-02.office.example.net"), "latency|network", "Host gw-02.office.example.net|Endpoint gw-02.office.example.net", LOOK),
    (exporter("BlackboxConfigurationReloadFailure", "blackbox-exporter", namespace="monitoring", pod="blackbox-exporter-6d5f7c9b84-2kq7x", instance="10.42.1.9:9115"), "monitoring_meta", "-|Deployment monitoring/blackbox-exporter|Host 10.42.1.9|Service monitoring/blackbox-exporter|Namespace monitoring", LOOK),
    (exporter("CoreDNSDown", "kube-dns", "critical"), "network", "-", "notify_only"),
    (exporter("CoreDNSForwardErrorsHigh", "kube-dns", namespace="kube-system", service="kube-dns", to="10.0.0.2:53"), "network|error_rate", "Service kube-system/kube-dns|Deployment kube-system/coredns", LOOK),
    (exporter("CertManagerAbsent", "cert-manager", "critical"), "certificate|monitoring_meta", "-|Deployment cert-manager/cert-manager", "notify_only"),
    (plain("CertificateExpiresSoon", "critical", namespace="cert-manager", exported_namespace="web", name="www-tls", job="cert-manager", pod="cert-manager-7c9d8f6b54-x2xkz"), "certificate", "Certificate web/www-tls", "renew_certificate notify_only"),
    (exporter("SSLCertExpiringLater", "ssl-exporter", instance="www.example.com:443"), "certificate", "Host www.example.com|Endpoint www.example.com:443", PLAN),
    (plain("NginxConfigReloadFailed", controller_namespace="ingress-nginx", controller_class="k8s.io/ingress-nginx", controller_pod="ingress-nginx-controller-7d9c5f6b84-x2xkz", namespace="ingress-nginx", pod="ingress-nginx-controller-7d9c5f6b84-x2xkz", job="ingress-nginx"), "error_rate|network|other|monitoring_meta", "Deployment ingress-nginx/ingress-nginx-controller", LOOK),
    (plain("IngressHighLatency", exported_namespace="shop", ingress="shop-web", namespace="ingress-nginx"), "latency", "Ingress shop/shop-web", LOOK),
    (plain("TraefikServiceHigh5xx", "critical", service="shop-web-80@kubernetes", namespace="traefik"), "error_rate", "-|External shop-web-80@kubernetes|Namespace traefik", LOOK),
    # GitOps
    (exporter("ArgoCdAppSyncFailed", "argocd-metrics", dest_server="https://kubernetes.default.svc", project="shop", name="web-frontend", phase="Failed"), "workload_stuck_rollout|other", "Application web-frontend", LOOK),
    (exporter("ArgoCdAppAutoSyncDisabled", "argocd-metrics", project="shop", name="web-frontend", autosync_enabled="false"), "workload_stuck_rollout|other", "Application web-frontend", LOOK),
    (plain("FluxReconciliationFailure", kind="HelmRelease", name="podinfo", exported_namespace="apps", namespace="flux-system"), "workload_stuck_rollout|other", "HelmRelease apps/podinfo", LOOK),
    # JVM, containers
    (exporter("JvmGcTimeTooHigh", "cart", namespace="shop", pod="cart-6b8f7d5c9-9tlxv", instance="10.42.5.77:8080"), "saturation_memory|latency|saturation_cpu", "Deployment shop/cart", "notify_only restart_workload delete_pod adjust_resources"),
    (exporter("JvmThreadsBlocked", "cart", namespace="shop", pod="cart-6b8f7d5c9-9tlxv", instance="10.42.5.77:8080"), "workload_crash|latency|saturation_cpu|other", "Deployment shop/cart", "notify_only delete_pod restart_workload"),
    (exporter("ContainerKilled", "cadvisor", instance="docker-02.prod.example.net:8080", name="billing-web", image="billing:1.4"), "workload_crash", "Host docker-02.prod.example.net", "notify_only restart_service_host"),
    (exporter("ContainerHighMemoryUsage", "cadvisor", instance="docker-02.prod.example.net:8080", name="billing-web"), "saturation_memory", "Host docker-02.prod.example.net", "notify_only adjust_resources create_ticket"),
    (plain("ContainerHighThrottleRate", namespace="shop", pod="cart-6b8f7d5c9-9tlxv", container="cart"), "saturation_cpu|capacity_quota", "Deployment shop/cart", "adjust_resources notify_only create_ticket scale_up"),
    (plain("ContainerLowCpuUtilization", "info", pod="cart-6b8f7d5c9-9tlxv", container="cart"), "other|capacity_quota|saturation_cpu", "Deployment cart", "create_ticket notify_only silence"),
    (plain("ContainerVolumeUsage", instance="docker-02.prod.example.net:8080", job="cadvisor"), "storage", "Host docker-02.prod.example.net", LOOK),
    # clouds, networks, hardware
    (exporter("AwsEc2HighCpuUtilization", "cloudwatch-exporter", instance="10.42.7.9:9106", instance_id="i-0abc12de34f567890"), "saturation_cpu|node", "External i-0abc12de34f567890|Host i-0abc12de34f567890|-", LOOK),
    (exporter("AwsRdsLowFreeStorageSpace", "cloudwatch-exporter", dbinstance_identifier="orders-prod", instance="10.42.7.9:9106"), "storage|database", "External orders-prod", "notify_only expand_storage create_ticket"),
    (exporter("AwsSqsQueueMessagesVisible", "cloudwatch-exporter", queue_name="mail-out", instance="10.42.7.9:9106"), "queue", "Queue mail-out", LOOK),
    (exporter("AwsLambdaHighErrorRate", "cloudwatch-exporter", function_name="resize", instance="10.42.7.9:9106", namespace="AWS/Lambda"), "error_rate", "External resize", "notify_only rollback"),
    (exporter("CloudwatchExporterScrapeError", "cloudwatch-exporter", instance="10.42.7.9:9106"), "monitoring_meta", "-|Host 10.42.7.9", PLAN),
    (exporter("SnmpDeviceUnreachable", "snmp-switches", "critical", instance="sw-edge-07"), "network", "Host sw-edge-07", "notify_only"),
    (exporter("GpuXid48DoubleBitEcc", "dcgm-exporter", "critical", Hostname="gpu-w-03", node="gpu-w-03", gpu="1", xid="48", instance="10.0.1.63:9400"), "node", "Node gpu-w-03", "cordon_drain_node notify_only"),
    (exporter("GpuTemperatureHigh", "dcgm-exporter", Hostname="gpu-w-03", gpu="1", instance="10.0.1.63:9400", exported_pod="trainer-1", exported_namespace="research"), "node", "Host gpu-w-03|Node gpu-w-03", LOOK),
    (exporter("GpuMemoryNearlyFull", "dcgm-exporter", Hostname="gpu-w-03", gpu="1", instance="10.0.1.63:9400", exported_pod="trainer-1", exported_namespace="research"), "saturation_memory|node", "Host gpu-w-03|Node gpu-w-03|StatefulSet research/trainer", LOOK),
    (exporter("GpuXid13ApplicationError", "dcgm-exporter", Hostname="gpu-w-03", node="gpu-w-03", gpu="1", xid="13", instance="10.0.1.63:9400"), "node|workload_crash", "Node gpu-w-03", LOOK),
    (ksm("NodeReadonlyFilesystem", "critical", node="worker-17", condition="ReadonlyFilesystem", status="true"), "node|storage", "Node worker-17", "cordon_drain_node notify_only"),
    (ksm("NodeKernelDeadlock", "critical", node="worker-17", condition="KernelDeadlock", status="true"), "node", "Node worker-17", "cordon_drain_node notify_only"),
    # security
    (plain("FalcoWriteBelowEtc", "critical", rule="Write below etc", priority="Error", k8s_ns_name="shop", k8s_pod_name="web-7d9f8b6c5-x2xkz", proc_name="sh"), "security", "Deployment shop/web|Pod shop/web-7d9f8b6c5-x2xkz", "notify_only"),
    (plain("FalcoContactK8sApiFromContainer", rule="Contact K8S API Server From Container", k8s_ns_name="shop", k8s_pod_name="web-7d9f8b6c5-x2xkz"), "security", "Deployment shop/web", "notify_only"),
    (plain("UnauthorizedApiAccess", "critical", user="system:anonymous", verb="list"), "security", "-", "notify_only"),
    (plain("CryptoMinerSuspected", "critical", namespace="ci", pod="runner-6b8f7d5c9-9tlxv"), "security", "Deployment ci/runner", "notify_only"),
    # SLOs, applications
    (plain("PaymentsAvailabilitySLO", "critical", sloth_service="payments", sloth_slo="requests-availability", sloth_severity="page", namespace="payments"), "error_rate", "Service payments/payments|Deployment payments/payments", "notify_only rollback"),
    (plain("SearchLatencySLOBurn", sloth_service="search", sloth_slo="p99-latency", sloth_severity="ticket", namespace="search"), "latency", "Service search/search", PLAN),
    (plain("ErrorBudgetBurn", "critical", service="catalog", slo="availability", namespace="shop"), "error_rate", "Service shop/catalog|Deployment shop/catalog", "notify_only rollback"),
    (plain("HighErrorRate", "critical", namespace="shop", deployment="web"), "error_rate", "Deployment shop/web", "notify_only rollback restart_workload"),
    (plain("High error rate on /checkout", **{"service.name": "checkout", "k8s.namespace.name": "shop", "k8s.deployment.name": "checkout", "ruleId": "0194"}), "error_rate", "Deployment shop/checkout", "notify_only rollback"),
    (plain("k8s pod pending", **{"k8s.pod.name": "report-6b8f7d5c9-9tlxv", "k8s.namespace.name": "shop"}), "workload_stuck_rollout|workload_crash", "Deployment shop/report", LOOK),
    (plain("SentryMetricAlert", project="storefront", environment="production", metric="failure_rate"), "error_rate|other", "External storefront|Service storefront|Deployment storefront", "notify_only rollback"),
    (plain("CPU is high", "high", host="srv42", service="api"), "saturation_cpu", "Host srv42|Service api", LOOK),
    # told by people: the condition is in the alert
    (plain("ErrorsAfterRelease", "critical", namespace="shop", deployment="cart", revision="12", previous_revision="11", release_age_minutes="9"), "error_rate", "Deployment shop/cart", "rollback notify_only"),
    (plain("CrashLoopAfterDeploy", "critical", namespace="shop", deployment="cart", pod="cart-6b8f7d5c9-9tlxv", reason="CrashLoopBackOff"), "workload_crash", "Deployment shop/cart", "rollback notify_only"),
    (plain("LatencyRegressionAfterRollout", namespace="shop", deployment="cart", revision="12", previous_revision="11"), "latency", "Deployment shop/cart", "rollback notify_only"),
    (plain("WorkerHung", namespace="mail", deployment="sender", pod="sender-6b8f7d5c9-9tlxv"), "workload_crash", "Deployment mail/sender", SICK_POD),
    (plain("ServiceDeadlocked", "critical", namespace="mail", deployment="sender"), "workload_crash", "Deployment mail/sender", "restart_workload delete_pod notify_only"),
    (plain("MemoryLeakSuspected", namespace="mail", deployment="templates", memory_ratio="0.93"), "saturation_memory|workload_crash", "Deployment mail/templates", "restart_workload delete_pod adjust_resources notify_only"),
    (plain("ConnectionPoolLeak", namespace="shop", deployment="orders-api"), "workload_crash|saturation_memory|database|error_rate|other", "Deployment shop/orders-api", "restart_workload delete_pod notify_only"),
    (plain("PodStuckTerminating", namespace="shop", pod="cart-6b8f7d5c9-9tlxv"), "workload_crash|workload_stuck_rollout", "Deployment shop/cart", "delete_pod notify_only"),
    (plain("PodEvicted", namespace="shop", pod="cart-6b8f7d5c9-9tlxv", reason="Evicted"), "workload_crash|node", "Deployment shop/cart", "delete_pod notify_only create_ticket"),
    (plain("TrafficSpikeApi", "critical", namespace="shop", deployment="api", rps="9200", rps_baseline="2700", cpu_utilization="0.96"), "saturation_cpu|latency", "Deployment shop/api", "scale_up"),
    (plain("ConsumerLagGrowing", consumergroup="indexer", topic="products", namespace="search", deployment="indexer", cpu_utilisation="0.93"), "queue", "Deployment search/indexer", "scale_up notify_only"),
    (plain("ConsumerStalled", consumergroup="indexer", topic="products", namespace="search", deployment="indexer"), "queue|workload_crash", "Deployment search/indexer", "restart_workload delete_pod notify_only"),
    (plain("OverprovisionedDeployment", "info", namespace="search", deployment="suggest", replicas="20", needed="4"), "capacity_quota|other|saturation_cpu", "Deployment search/suggest", "scale_down create_ticket notify_only"),
    (plain("CdnCacheStale", namespace="media", deployment="varnish", cache="varnish", stale_ratio="0.4"), "cache", "Deployment media/varnish", "clear_cache restart_workload notify_only"),
    (plain("PvcAlmostFull", namespace="logging", persistentvolumeclaim="loki-data-2", storageclass="gp3-expandable"), "storage", "PersistentVolumeClaim logging/loki-data-2", "expand_storage"),
    (plain("CredentialsRotatedPodsStale", namespace="media", deployment="asset-api", secret="media-db"), "security|error_rate|database|other", "Deployment media/asset-api", "restart_workload notify_only"),
    (ksm("KubeJobFailed", namespace="billing", job_name="invoice-run-29386080", condition="true"), "batch_job", "Job billing/invoice-run-29386080", "notify_only"),
    (ksm("KubeJobFailed", namespace="shop", job_name="db-migration-v42", condition="true"), "batch_job", "Job shop/db-migration-v42", "notify_only"),
    (ksm("KubeJobFailed", namespace="media", job_name="tile-render-29386080", condition="true"), "batch_job", "Job media/tile-render-29386080|CronJob media/tile-render", "rerun_job"),
    (plain("ExternalGeocoderErrors", namespace="maps", deployment="maps-api", dependency="geo.example.org", upstream_status="503"), "external_dependency", "External geo.example.org|Deployment maps/maps-api", "notify_only"),
    (plain("BackupFailed", "critical", database="orders", schedule="nightly", instance="backup-01.prod.example.net:9100"), "batch_job|database", "Host backup-01.prod.example.net", "notify_only rerun_job"),
    (plain("VeleroBackupFailure", "critical", schedule="daily", namespace="velero", job="velero", pod="velero-7d9c5f6b84-x2xkz"), "batch_job", "Deployment velero/velero|External daily|Schedule velero/daily", LOOK),
]  # fmt: skip
