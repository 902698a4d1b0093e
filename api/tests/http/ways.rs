//! The same over every way: what holds directly holds behind both gateways of the platform.

use crate::common::gateway::Kind;

/// Each test of the modules once more, behind each gateway.
macro_rules! every_way {
    ($($module:ident { $($name:ident),+ $(,)? })+) => {
        mod api_gateway {$(
            mod $module {$(
                #[test]
                fn $name() {
                    crate::common::through(super::super::API, crate::$module::$name);
                }
            )+}
        )+}

        mod brain_gateway {$(
            mod $module {$(
                #[test]
                fn $name() {
                    crate::common::through(super::super::brain(), crate::$module::$name);
                }
            )+}
        )+}
    };
}

const API: Kind = Kind::Api;

/// The tenant is the token's: it puts none in.
const fn brain() -> Kind {
    Kind::Brain { tenant: String::new() }
}

every_way! {
    resources {
        an_order_is_placed_read_amended_and_cancelled,
        lists_come_in_pages_newest_first,
        a_dry_run_places_nothing,
        the_same_key_gives_the_same_answer_and_one_order,
        market_data_is_read,
        a_strategy_lives,
        the_portals_find_their_shapes,
    }
    risk {
        one_person_kills_and_two_arm,
        kill_works_without_the_store_and_arming_waits_for_it,
        what_is_not_the_callers_cannot_be_killed,
        limits_are_tightened_by_one_and_loosened_by_two,
    }
    errors {
        every_error_has_one_body,
        refusals_come_in_the_order_401_403_404_422,
        unknown_fields_and_parameters_are_refused,
        a_tenant_has_its_own_rate,
    }
    once {
        an_order_whose_answer_was_lost_is_placed_once_however_often_it_is_asked_for,
        an_order_that_was_refused_for_a_while_keeps_its_identifier,
        a_stored_error_is_given_under_the_name_of_the_request_that_asks,
        rights_come_before_the_syntax_of_the_key,
        every_write_takes_a_key,
        an_order_is_there_though_the_session_does_not_show_it,
    }
    strategies {
        a_change_that_the_store_refuses_changes_nothing_that_runs,
        a_session_that_refuses_leaves_the_store_as_it_was,
        what_the_store_does_not_keep_as_active_does_not_run,
        one_that_is_removed_or_stopped_runs_no_more_whatever_the_store_says,
        one_that_cannot_run_is_not_made_and_can_be_asked_for_again,
    }
    jobs {
        an_agent_never_gets_a_persons_backtest,
        a_job_that_is_stopped_is_charged_what_it_took_and_ends_when_it_ends,
        a_quota_that_is_used_up_is_429_and_holds_at_the_same_moment,
    }
}
