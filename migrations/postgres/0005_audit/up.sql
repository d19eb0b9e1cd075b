-- Pages of the events of one user and one kind, in order of id: of an account at which somebody guesses for weeks, the one
-- change of its password is found without reading every guess. Of an expression, so that no other index has the order in
-- which such a page is asked for. What is older than is kept is found by the primary key.

CREATE INDEX events_user_id_kind_id ON events ((user_id || ' ' || kind), id);
