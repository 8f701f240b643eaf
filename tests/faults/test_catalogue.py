"""Which test stands for which fault. What is listed exists; what a fault still lacks is said beside it.

Tests of `tests/faults` run short in `make test` and at full size in `make faults`; the others have one size.
"""

import re

import pytest

from tests.product import HOME

CATALOGUE: dict[str, tuple[str, ...]] = {
    "F1": ("faults/test_kills.py::test_a_kill_doubles_nothing_and_loses_nothing",
           "faults/test_kills.py::test_a_killed_act_is_settled_within_45_s"),
    "F2": ("faults/test_running_product.py::test_f2_a_pool_child_that_is_killed_in_the_middle_is_replaced",
           "approvals/test_execution_leases.py::test_what_kills_its_worker_before_anything_is_sent_fails_after_five_starts",
           "approvals/test_execution_leases.py::test_what_kills_its_worker_after_sending_is_a_persons"),
    "F3": ("faults/test_running_product.py::test_f3_a_worker_that_is_killed_every_three_seconds_makes_nothing_late",),
    "F4": ("faults/test_running_product.py::test_f4_a_flush_loses_nothing_that_waits",
           "faults/test_running_product.py::test_f4_a_restart_of_redis_under_acts_doubles_nothing"),
    "F5": ("faults/test_running_product.py::test_f5_without_redis_decisions_and_signed_acts_go_on_and_autonomy_waits",),
    "F6": ("faults/test_running_product.py::test_f6_a_redis_that_never_answers_holds_nobody_up",),
    "F7": ("faults/test_running_product.py::test_f7_a_database_that_is_killed_under_posts_loses_nothing_that_was_taken",
           "faults/test_running_product.py::test_f7_a_database_that_takes_no_writes_takes_no_alert_and_sends_nothing"),
    "F8": ("faults/test_unclear_answers.py::test_f8_every_message_comes_ten_times",),
    "F9": ("faults/test_people_and_clocks.py::test_f9_two_who_sign_at_once_start_one_act",
           "faults/test_people_and_clocks.py::test_f9_one_person_twenty_times_is_one_signature"),
    "F10": ("faults/test_people_and_clocks.py::test_f10_a_signature_around_the_expiry_is_either_in_time_or_refused",
            "faults/test_people_and_clocks.py::test_f10_what_resolves_while_it_waits_is_withdrawn",
            "faults/test_people_and_clocks.py::test_f10_what_resolves_while_it_is_queued_is_not_sent",
            "faults/test_people_and_clocks.py::test_f10_what_resolves_while_it_runs_is_finished"),
    "F11": ("faults/test_unclear_answers.py::test_f11_a_change_before_or_under_the_send_is_left_alone",
            "faults/test_unclear_answers.py::test_f11_another_object_of_the_same_name_is_left_alone",
            "faults/test_unclear_answers.py::test_f11_churn_and_autoscalers_do_not_stop_it"),
    "F12": ("faults/test_unclear_answers.py::test_f12_a_lost_answer_makes_at_most_one_effect",),
    "F13": ("faults/test_unclear_answers.py::test_f13_everything_goes_wrong_at_random",),
    "F14": ("faults/test_unclear_answers.py::test_f14_a_disruption_budget_that_refuses_is_never_bypassed",
            "faults/test_unclear_answers.py::test_f14_what_cannot_be_read_back_is_nobodys_guess"),
    "F15": ("faults/test_unclear_answers.py::test_f15_two_incidents_never_act_on_one_target_at_once",),
    "F16": ("faults/test_unclear_answers.py::test_f16_a_rollback_never_undoes_what_a_person_deployed",),
    "F17": ("faults/test_bad_models.py::test_f17_a_model_that_gives_no_answer",
            "faults/test_bad_models.py::test_f17_a_model_that_gives_a_bad_answer",
            "faults/test_bad_models.py::test_f17_alerts_at_the_running_product_while_the_model_gives_no_answer",
            "incidents/test_asking_models.py::test_a_bad_model_costs_its_opinion_and_never_the_decision",
            "incidents/test_asking_models.py::test_what_nobody_offered_is_discarded_and_counted",
            "connectors/test_asking_a_model.py::test_whatever_the_server_does_there_is_a_reason_in_time"),
    "F18": ("faults/test_storms_and_senders.py::test_f18_a_storm_with_pages_open_loses_nothing_and_the_most_urgent_are_first",
            "incidents/test_decisions.py::test_in_a_storm_the_most_urgent_wait_least",),
    "F19": ("faults/test_storms_and_senders.py::test_f19_posts_that_web_dies_under_are_taken_once_however_often_they_are_sent",
            "e2e/test_alertmanager.py::test_nothing_is_lost_or_doubled_when_web_is_killed_in_the_middle",
            "incidents/test_webhook_alertmanager.py::test_a_bad_alert_is_quarantined_and_its_neighbours_are_taken",
            "incidents/test_webhook_alertmanager.py::test_an_older_body_replayed_reopens_nothing"),
    "F20": ("faults/test_people_and_clocks.py::test_f20_a_worker_with_a_wrong_clock_is_neither_early_nor_late",
            "incidents/test_sender_clocks.py::test_an_end_is_heard_whatever_the_sender_s_clock_says"),
    "F21": ("faults/test_storms_and_senders.py::test_f21_pages_whose_sockets_are_cut_are_current_again",
            "e2e/test_link.py::test_a_cut_socket_is_said_and_the_page_asks_instead",
            "pages/test_live.py::test_a_lost_message_leaves_no_page_stale",
            "pages/test_live.py::test_a_viewer_that_reads_nothing_is_closed"),
    "F22": ("faults/test_running_product.py::test_f22_two_of_everything_do_everything_once",
            "faults/test_running_product.py::test_f22_without_a_sweeper_for_a_while_nothing_is_lost"),
    "F23": ("faults/test_messages.py::test_f23_no_message_is_lost_while_the_provider_is_away_or_silent",
            "outbox/test_delivery.py::test_a_receiver_that_is_down_is_tried_again_later",
            "outbox/test_delivery.py::test_what_nobody_knows_is_tried_once_more_and_says_so"),
    "F24": ("faults/test_running_product.py::test_f24_who_is_told_to_stop_finishes_or_hands_over",
            "faults/test_running_product.py::test_f24_a_rolling_restart_after_the_schema_grew"),
}  # fmt: skip


def test_every_fault_has_its_tests():
    assert list(CATALOGUE) == [f"F{n}" for n in range(1, 25)]


@pytest.mark.parametrize("fault", CATALOGUE)
def test_what_is_listed_exists(fault):
    for place in CATALOGUE[fault]:
        file, _, name = place.partition("::")
        assert re.search(rf"^(async )?def {name}\(", (HOME / "tests" / file).read_text(), re.M), place
