"""What an alert is about. The component decides before the symptom: slow queries in PostgreSQL are `database`."""

from enum import StrEnum


class Category(StrEnum):
    WORKLOAD_CRASH = "workload_crash"
    WORKLOAD_STUCK_ROLLOUT = "workload_stuck_rollout"
    LATENCY = "latency"
    ERROR_RATE = "error_rate"
    SATURATION_CPU = "saturation_cpu"
    SATURATION_MEMORY = "saturation_memory"
    STORAGE = "storage"
    NODE = "node"
    NETWORK = "network"
    CERTIFICATE = "certificate"
    DATABASE = "database"
    QUEUE = "queue"
    CACHE = "cache"
    BATCH_JOB = "batch_job"
    CONTROL_PLANE = "control_plane"
    MONITORING_META = "monitoring_meta"
    SECURITY = "security"
    CAPACITY_QUOTA = "capacity_quota"
    EXTERNAL_DEPENDENCY = "external_dependency"
    DEADMAN = "deadman"
    OTHER = "other"
