"""What follows from what, a line each. Reactions run after the commit, carry an id, and may be lost: the sweeper finds
the same work in the database.
"""

from approvals import tasks as approvals_tasks
from approvals.execution_state import execution_planned, execution_succeeded
from incidents import tasks as incidents_tasks
from incidents.decision_state import decision_opened

decision_opened.react(incidents_tasks.decide)
execution_planned.react(approvals_tasks.execute)
execution_succeeded.react(approvals_tasks.verify)
