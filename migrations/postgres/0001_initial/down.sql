DROP TABLE setup;
DROP TABLE keys;
DROP TABLE events;
DROP TABLE attempts;
DROP TABLE sessions;
DROP TABLE user_roles;
DROP TABLE users;
