"""The Celery application. Every number here has its reason in `reliability.md` §5 of the design; do not tune one alone.

Celery stays at 5.6.3: 5.7.0 closes its connection before a late ack when Redis restarts, and the worker exits.
"""

import os

from celery import Celery
from celery.signals import worker_init
from django.conf import settings

from aiops.connectors import llm

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")

DECIDE, ACT, DEFAULT = "decide", "act", "default"  # queues, by how late a task may be

app = Celery("aiops")

# Where a sender or a round of the sweeper waits, a silent Redis is given up soon: two failures, which open the breaker, take
# less than 2 s. kombu by itself tries again for 4 s, and measured it was 9 s until it gave up.
IMPATIENT = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "max_retries": 0}


def _broker_url(url: str) -> str:
    """Kombu spells a socket `redis+socket://`, redis-py `unix://`."""
    return url.replace("unix://", "redis+socket://", 1)


app.conf.update(
    broker_url=_broker_url(settings.REDIS_URL),
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        # Longer than any task runs, so that none is started twice by time alone; no countdown may exceed 60 s.
        "visibility_timeout": 120,
        # A lost worker's messages come back after seconds, not after the default scan's 90.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 1,
        **(IMPATIENT if settings.PROCESS in {"web", "sweeper"} else {}),
        "socket_keepalive": True,
        "retry_on_timeout": False,
    },
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_soft_shutdown_timeout=25,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_max_tasks_per_child=1000,
    task_ignore_result=True,
    # There is no result backend; what stands for it holds nothing. Without this every new thread, and so every webhook,
    # looks through the metadata of all installed packages for one.
    result_backend_thread_safe=True,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue=DEFAULT,
    task_create_missing_queues=True,
    task_routes={
        "incidents.tasks.decide": {"queue": DECIDE},
        "approvals.tasks.assess": {"queue": DECIDE},
        "approvals.tasks.execute": {"queue": ACT},
        "approvals.tasks.verify": {"queue": ACT},
    },
    task_annotations={
        "incidents.tasks.decide": {"soft_time_limit": 18, "time_limit": 20},
        "approvals.tasks.execute": {"soft_time_limit": 45, "time_limit": 60},
    },
    task_soft_time_limit=60,
    task_time_limit=90,
    timezone="UTC",
)
app.autodiscover_tasks()


@worker_init.connect  # type: ignore[untyped-decorator]  # celery.signals has no types
def load_models(**_: object) -> None:
    """Before children are forked, so that no decision waits seconds for imports and all share their memory."""
    llm.warm(settings.AIOPS.llm_providers)
