-- Roles and schemas: run once in each new database by its superuser (on the
-- deployment's own terms in production; `cargo xtask up` does it for development).
-- Safe to repeat. Passwords are set separately, so that none stands in a file.
--
-- Each service owns its schema and sees no other: what couples services is the
-- contract, never a table.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'olm_lesson') THEN
        CREATE ROLE olm_lesson LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'olm_notify') THEN
        CREATE ROLE olm_notify LOGIN;
    END IF;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO olm_lesson, olm_notify', current_database());
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS lesson AUTHORIZATION olm_lesson;
CREATE SCHEMA IF NOT EXISTS notify AUTHORIZATION olm_notify;

-- Exclusion constraints over uuid and ranges need it; creating it takes rights
-- that the services' roles do not have.
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
-- Teachers are searched by any part of their name.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
