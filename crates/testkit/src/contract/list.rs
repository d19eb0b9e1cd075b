/// Lists every case of the contract by feature and module, and passes the list to the macro `$then`.
///
/// This is the only place where a case is listed: the list makes the cases public, and `store_contract!` makes a test
/// of each.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_contract_cases {
    ([$($then:tt)+] [$($argument:ident)?]) => {
        $($then)+! {
            [$($argument)?]
            account {
                repository {
                    an_account_is_found_by_id_and_by_address
                    an_unknown_account_is_none_and_not_an_error
                    an_email_address_is_taken_in_every_spelling
                    a_taken_address_leaves_the_transaction_usable
                    the_address_of_a_deleted_account_can_be_reused
                    an_update_writes_all_mutable_fields
                    an_update_keeps_address_password_and_creation_time
                    changes_to_one_account_affect_no_other
                    a_digest_is_replaced_only_at_the_expected_version
                    a_new_digest_changes_nothing_else
                    deleting_an_account_deletes_its_roles_and_sessions
                    only_active_administrators_are_counted
                    addresses_are_compared_only_by_their_canonical_forms
                }
                pages {
                    pages_list_every_account_once_in_order
                    pages_order_ids_by_their_bytes
                    pages_are_filtered_by_every_condition
                    pages_are_filtered_by_address
                    an_account_cursor_survives_insertions_and_deletions
                }
                round_trips {
                    names_are_read_back_unchanged
                    addresses_are_read_back_as_typed
                    roles_are_read_back_unchanged
                    status_versions_and_times_are_read_back_unchanged
                    the_proof_of_an_address_is_read_back_unchanged
                    digests_are_read_back_unchanged
                }
            }
            session {
                repository {
                    an_unknown_session_is_none_and_not_an_error
                    a_session_is_found_with_its_user
                    a_session_requires_an_existing_user
                    a_rotation_records_its_use_and_changes_nothing_else
                    a_generation_rotates_once
                    the_last_generation_cannot_rotate
                    an_ended_session_never_rotates
                    changes_to_one_session_affect_no_other
                    ending_a_session_changes_nothing_else
                    the_first_end_is_never_overwritten
                    ending_all_sessions_spares_the_exception_and_other_users
                    the_list_contains_sessions_neither_ended_nor_expired
                    the_list_starts_with_the_most_recently_used
                    surplus_sessions_are_the_least_recently_used
                }
                repeats {
                    repeats_are_counted_for_each_generation
                    repeats_of_other_generations_and_ended_sessions_are_not_counted
                    counts_of_repeats_are_read_back_unchanged
                    concurrent_repeats_each_get_another_count
                }
                round_trips {
                    sessions_are_read_back_unchanged
                    session_kinds_are_read_back_unchanged
                    authentications_are_read_back_unchanged
                    session_clients_are_read_back_unchanged
                    session_ends_are_read_back_unchanged
                }
                revocations {
                    revocations_are_read_back_in_order
                    a_reader_continues_where_it_stopped
                    a_rolled_back_revocation_is_not_listed
                    ending_a_session_revokes_and_records_it_once
                    a_transaction_that_commits_late_is_not_missed
                    a_reader_misses_no_revocation_however_writers_overlap
                    a_reader_notices_that_the_last_entries_were_lost
                }
            }
            attempt {
                records {
                    the_latest_attempt_record_is_kept
                    deleted_attempt_records_are_gone
                    an_attempt_record_is_replaced_only_if_it_is_the_expected_one
                    a_transaction_sees_the_attempt_record_that_it_replaced
                    the_states_of_keys_are_in_their_order
                    attempt_records_are_read_back_unchanged
                }
                networks {
                    the_last_recorded_login_of_a_network_is_found
                    several_logins_are_recorded_at_once
                    networks_are_listed_by_their_latest_login
                    the_networks_with_the_latest_logins_are_kept
                }
            }
            audit {
                events {
                    an_event_commits_with_its_change
                    an_event_is_rolled_back_with_its_change
                    an_event_outlives_its_user_and_session
                }
                pages {
                    event_pages_list_every_event_once_newest_first
                    event_pages_are_filtered_by_every_condition
                    event_pages_split_events_of_one_instant
                    event_pages_order_ids_by_their_bytes
                    an_event_cursor_survives_insertions_and_deletions
                }
                round_trips {
                    events_are_read_back_unchanged
                }
            }
            job {
                queue {
                    a_queued_job_is_ready_and_without_an_attempt
                    a_job_is_rolled_back_with_its_cause
                    a_dedupe_key_queues_one_job
                    completion_and_death_release_the_dedupe_key
                    jobs_are_read_back_unchanged
                    jobs_are_counted_by_kind_and_state
                    dead_jobs_are_deleted_by_their_death
                }
                claims {
                    due_jobs_are_claimed_oldest_first
                    a_claim_leases_the_job_and_counts_an_attempt
                    a_job_is_due_again_when_its_lease_ends
                    the_next_due_time_is_the_earliest_of_the_kind
                    jobs_of_other_kinds_are_left_alone
                    a_completed_job_is_gone
                    a_retried_job_waits_and_remembers_its_failure
                    a_dead_job_never_runs_again
                    a_worker_that_lost_its_lease_settles_nothing
                    a_late_worker_settles_a_job_that_nobody_claimed_since
                }
                races {
                    concurrent_jobs_with_one_key_have_one_winner
                    concurrent_claims_share_the_jobs
                    a_late_completion_and_a_new_claim_exclude_each_other
                    a_claim_that_is_rolled_back_leases_nothing
                }
            }
            key {
                repository {
                    keys_are_listed_in_order_of_their_ordinals
                    a_taken_ordinal_keeps_its_key
                    a_taken_ordinal_leaves_the_transaction_usable
                    resealing_a_key_changes_only_its_sealed_bytes
                    resealing_requires_the_same_key
                    deleting_a_key_deletes_no_other
                    keys_are_read_back_unchanged
                }
            }
            mail {
                outbox {
                    a_queued_mail_is_read_back
                    a_mail_is_rolled_back_with_its_cause
                    a_mail_is_deleted_with_its_account
                    a_dedupe_key_queues_one_mail
                    concurrent_mails_with_one_key_have_one_winner
                    a_mail_is_settled_on_condition_of_state_and_attempt
                    concurrent_attempts_have_one_winner
                    mails_are_read_back_unchanged
                    mails_about_an_account_are_counted
                    the_status_counts_open_and_dead_mails
                    the_latest_mails_are_listed_first
                    mails_are_deleted_by_their_expiry
                }
            }
            password {
                pepper {
                    a_recorded_pepper_is_read_back_until_it_is_replaced
                    a_rolled_back_pepper_is_not_recorded
                }
            }
            setup {
                repository {
                    the_first_setup_token_offered_is_kept
                    a_setup_token_can_be_replaced
                    only_a_configured_setup_token_is_withdrawn
                    setup_is_completed_once
                    setup_can_be_completed_without_a_token
                    a_rolled_back_completion_can_be_repeated
                    setup_is_read_back_unchanged
                }
            }
            store {
                transactions {
                    a_fresh_store_is_ready_and_empty
                    a_commit_keeps_everything
                    a_rollback_discards_everything
                    ok_commits_and_err_rolls_back
                    a_panic_rolls_back_and_the_store_stays_usable
                    a_transaction_sees_its_own_writes
                    uncommitted_writes_are_invisible_to_others
                    a_snapshot_sees_one_consistent_state
                }
                locks {
                    an_account_is_locked_by_one_transaction_at_a_time
                    an_unchanged_account_is_locked_by_one_transaction_at_a_time
                    a_changed_account_is_not_locked_as_unchanged
                    an_account_that_changes_while_its_lock_is_awaited_is_not_unchanged
                    administrators_are_counted_by_one_transaction_at_a_time
                    counting_administrators_is_exclusive_even_without_any
                    an_account_lock_returns_the_state_committed_before_it
                    locking_a_deleted_account_returns_none
                    an_account_lock_returns_the_original_state_after_a_rollback
                    an_administrator_count_sees_the_state_committed_before_it
                    an_attempt_record_is_not_replaced_twice_by_concurrent_transactions
                    concurrent_account_updates_are_all_applied
                    concurrent_attempts_are_all_counted
                }
                races {
                    concurrent_rotations_have_one_winner
                    concurrent_rotations_after_a_read_have_one_winner
                    no_rotation_succeeds_after_the_end
                    concurrent_ends_have_one_winner
                    concurrent_registrations_of_one_address_have_one_winner
                    an_address_is_available_after_a_rollback
                    concurrent_key_insertions_have_one_winner
                    concurrent_setup_token_offers_have_one_winner
                    concurrent_setup_completions_have_one_winner
                    the_last_administrator_is_kept_when_counted_first
                    the_last_administrator_is_kept_when_locked_first
                    no_session_outlives_its_user
                }
                retention {
                    expired_sessions_are_deleted_and_others_kept
                    attempt_records_are_deleted_by_last_attempt
                    networks_are_deleted_by_last_login
                    revocations_are_deleted_by_their_time
                    events_are_deleted_by_the_time_in_their_ids
                    a_deletion_run_is_bounded
                }
            }
        }
    };
}

/// Makes a `#[test]` of each case, in a module for each feature. `$check` is the function that runs a case.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_contract_tests {
    ([$check:ident] $($feature:ident { $($module:ident { $($case:ident)* })* })*) => {
        $(
            mod $feature {
                $(
                    mod $module {
                        $(
                            #[test]
                            fn $case() {
                                super::super::super::$check($crate::contract::cases::$case);
                            }
                        )*
                    }
                )*
            }
        )*
    };
}

/// Tests a store against the [contract](crate::contract): defines a module `$name` with a test for each case.
///
/// `$fresh` is evaluated for each test. It returns a fresh, empty store and the resources it depends on, or the reason
/// why there is none: a `Result<impl StoreUnderTest, NotRun>`.
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
