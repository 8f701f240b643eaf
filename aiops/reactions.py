"""What follows from what, a line each. Reactions run after the commit, carry an id, and may be lost: the sweeper finds
the same work in the database.
"""

from aiops.outbox import tasks as outbox_tasks
from aiops.outbox.posting import posted
from approvals import brakes
from approvals import tasks as approvals_tasks
from approvals.execution_state import execution_planned, execution_verified
from incidents import tasks as incidents_tasks
from incidents.decision_state import decision_opened, decision_ready, decision_withdrawn
from incidents.incident_state import merge_found, root_moved
from learning.brakes import reader as brakes_reader

brakes_reader.answered_by(brakes.of_rows)
decision_opened.react(incidents_tasks.decide)
decision_ready.react(approvals_tasks.assess)
decision_withdrawn.react(approvals_tasks.begin_again)
root_moved.react(incidents_tasks.follow_root)
merge_found.react(incidents_tasks.merge)
execution_planned.react(approvals_tasks.execute)
execution_verified.react(approvals_tasks.follow)
posted.react(outbox_tasks.deliver)
