DROP INDEX events_user_id_kind_id;
