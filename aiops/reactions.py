"""What follows from what, a line each. Reactions run after the commit, carry an id, and may be lost: the sweeper finds
the same work in the database.
"""

from incidents import tasks as incidents_tasks
from incidents.decision_state import decision_opened

decision_opened.react(incidents_tasks.decide)
