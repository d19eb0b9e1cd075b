/// Names every case of the contract, by the module it is in, and hands the list to the macro `$then`.
///
/// This is the only place where a case is named: the list makes the cases public, and `store_contract!` makes a test of
/// each.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_contract_cases {
    ([$($then:tt)+] [$($argument:ident)?]) => {
        $($then)+! {
            [$($argument)?]
            transactions {
                a_fresh_store_is_ready_and_empty
                a_commit_keeps_everything
                a_rollback_forgets_everything
                ok_commits_and_err_rolls_back
                a_panic_keeps_nothing_and_the_store_goes_on
                a_transaction_sees_its_own_writes
                nobody_sees_what_is_not_committed
                a_reading_transaction_sees_one_state_throughout
            }
            accounts {
                an_account_is_found_by_id_and_by_address
                an_unknown_account_is_none_and_no_error
                an_address_is_taken_in_every_spelling
                a_taken_address_leaves_the_transaction_usable
                a_deleted_address_is_free_again
                an_update_writes_what_may_change
                an_update_leaves_address_password_and_creation_alone
                changes_to_one_account_touch_no_other
                a_digest_is_replaced_at_the_expected_version_only
                a_new_digest_changes_nothing_else
                a_deletion_takes_roles_and_sessions_along
                only_active_administrators_are_counted
                addresses_are_compared_by_their_canonical_forms_only
            }
            pages {
                pages_list_every_account_once_in_order
                pages_order_ids_by_their_bytes
                pages_are_filtered_by_every_condition
                pages_are_filtered_by_address
                a_cursor_survives_accounts_that_come_and_go
            }
            round_trips {
                names_come_back_as_they_were
                addresses_come_back_as_typed
                roles_come_back_as_they_were
                status_versions_and_times_come_back_as_they_were
                digests_come_back_as_they_were
                sessions_come_back_as_they_were
                clients_come_back_as_they_were
                ends_come_back_as_they_were
                attempts_come_back_as_they_were
                events_come_back_as_they_were
                keys_come_back_as_they_were
                setup_comes_back_as_it_was
            }
            sessions {
                a_session_is_found_or_is_none
                a_session_is_found_with_its_user
                a_session_needs_its_user
                a_rotation_notes_its_use_and_nothing_else
                a_generation_rotates_once
                the_last_generation_has_no_next
                an_ended_session_never_rotates
                changes_to_one_session_touch_no_other
                an_end_leaves_everything_else_alone
                the_first_end_stands
                ending_all_spares_the_exception_and_others
                the_list_has_what_has_neither_ended_nor_expired
                the_list_begins_with_the_latest_use
                the_surplus_is_what_was_used_least_recently
            }
            attempts {
                the_latest_attempts_are_remembered
                forgotten_attempts_are_gone
                a_lock_alone_remembers_nothing
                what_is_found_is_what_is_remembered
            }
            networks {
                the_latest_login_noted_is_found
                networks_are_listed_by_their_latest_login
                the_networks_kept_have_the_latest_logins
            }
            events {
                an_event_commits_with_its_change
                an_event_is_rolled_back_with_its_change
                an_event_outlives_whom_it_tells_of
            }
            event_pages {
                event_pages_list_every_event_once_newest_first
                event_pages_are_filtered_by_every_condition
                event_pages_split_events_of_one_instant
                event_pages_order_ids_by_their_bytes
                an_event_cursor_survives_what_is_written_and_swept
            }
            revocations {
                revocations_come_back_as_they_were
                a_reader_goes_on_after_what_it_has_seen
                an_entry_commits_with_its_change_or_not_at_all
                entries_are_written_by_one_transaction_at_a_time
                no_entry_turns_up_behind_one_that_was_seen
            }
            sweeping {
                expired_sessions_are_swept_and_others_stay
                attempts_are_swept_by_their_latest
                networks_are_swept_by_their_latest_login
                revocations_are_swept_and_their_numbers_stay_used
                events_are_swept_by_the_time_in_their_ids
                a_sweep_is_bounded
            }
            keys {
                keys_are_listed_in_order_of_their_place
                a_place_that_is_taken_keeps_its_key
                a_place_that_is_taken_leaves_the_transaction_usable
                a_key_is_sealed_anew_and_otherwise_left_alone
                what_is_sealed_anew_is_that_very_key
                a_deleted_key_is_gone_and_no_other
            }
            setup {
                the_first_token_offered_is_kept
                a_token_can_be_replaced
                setup_is_completed_once_and_for_all
                setup_can_be_completed_without_a_token
                a_completion_rolled_back_can_be_repeated
            }
            turns {
                an_account_is_locked_by_one_transaction_at_a_time
                administrators_are_counted_by_one_transaction_at_a_time
                administrators_are_counted_in_turns_though_there_are_none
                attempts_are_locked_by_one_transaction_at_a_time
                first_attempts_are_locked_by_one_transaction_at_a_time
                a_lock_finds_what_the_transaction_before_left
                a_lock_finds_nothing_where_the_account_was_deleted
                a_lock_finds_nothing_of_what_was_rolled_back
                a_count_finds_what_the_transaction_before_left
                attempts_are_found_as_the_transaction_before_left_them
                no_change_of_an_account_is_lost
                no_guess_goes_uncounted
            }
            races {
                one_of_many_rotates_a_generation
                one_of_many_rotates_what_all_have_seen
                nothing_rotates_after_the_end
                one_of_many_ends_a_session
                one_of_many_registers_an_address
                an_address_is_free_after_a_rollback
                one_of_many_takes_a_place_for_its_key
                one_of_many_offers_the_setup_token
                one_of_many_completes_setup
                the_last_administrator_stays_when_counted_first
                the_last_administrator_stays_when_locked_first
                no_session_outlives_its_user
            }
        }
    };
}

/// Makes a `#[test]` of each case, in a module for each kind. `$check` is the function that runs a case.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_contract_tests {
    ([$check:ident] $($kind:ident { $($case:ident)* })*) => {
        $(
            mod $kind {
                $(
                    #[test]
                    fn $case() {
                        super::super::$check($crate::contract::cases::$case);
                    }
                )*
            }
        )*
    };
}

/// Holds a store to the [contract](crate::contract): makes a module `$name` with a test for each case.
///
/// `$fresh` is evaluated once a test. It gives a fresh, empty store and whatever the store lives in, or says why there is
/// none: a `Result<impl StoreUnderTest, NotRun>`.
#[macro_export]
macro_rules! store_contract {
    ($name:ident, $fresh:expr $(,)?) => {
        fn $name(case: $crate::contract::Case) {
            $crate::contract::run($fresh, case);
        }

        mod $name {
            $crate::__store_contract_cases! { [$crate::__store_contract_tests] [$name] }
        }
    };
}
