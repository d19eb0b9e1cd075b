-- What kind of session a row is and how its user authenticated; services beside users in the audit log.
--
-- A row that an earlier version wrote, before this migration or beside it, is a direct session whose user gave the password
-- when it was opened: `authenticated_at` NULL is `created_at`, `methods` NULL is `pwd`. Only a grant has a client and a
-- parent, which is checked when a row is read. No foreign key: a grant can outlive its parent.

ALTER TABLE sessions ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'direct';
ALTER TABLE sessions ADD COLUMN client_id TEXT COLLATE "C";
ALTER TABLE sessions ADD COLUMN parent_id TEXT COLLATE "C";
ALTER TABLE sessions ADD COLUMN authenticated_at BIGINT;
ALTER TABLE sessions ADD COLUMN methods TEXT;

-- Instead of `user_id` and `actor_id` where a service is the subject or the actor of an event.
ALTER TABLE events ADD COLUMN service_id TEXT COLLATE "C";
ALTER TABLE events ADD COLUMN actor_service_id TEXT COLLATE "C";
