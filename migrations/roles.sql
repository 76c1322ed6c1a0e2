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
    -- Who makes backups, see below.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'olm_backup') THEN
        CREATE ROLE olm_backup LOGIN;
    END IF;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO olm_lesson, olm_notify, olm_backup', current_database());
END
$$;


REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA IF NOT EXISTS lesson AUTHORIZATION olm_lesson;
CREATE SCHEMA IF NOT EXISTS notify AUTHORIZATION olm_notify;

-- Backups read both schemas whole, also what migrations add later, and nothing else:
-- pg_read_all_data would show the passwords' digests too.
GRANT USAGE ON SCHEMA lesson, notify TO olm_backup;
GRANT SELECT ON ALL TABLES IN SCHEMA lesson, notify TO olm_backup;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA lesson, notify TO olm_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE olm_lesson IN SCHEMA lesson GRANT SELECT ON TABLES TO olm_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE olm_lesson IN SCHEMA lesson GRANT SELECT ON SEQUENCES TO olm_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE olm_notify IN SCHEMA notify GRANT SELECT ON TABLES TO olm_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE olm_notify IN SCHEMA notify GRANT SELECT ON SEQUENCES TO olm_backup;

-- Exclusion constraints over uuid and ranges need it; creating it takes rights
-- that the services' roles do not have.
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
-- Teachers are searched by any part of their name.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
