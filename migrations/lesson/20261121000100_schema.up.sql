-- The schema is normally made beforehand, together with the role that owns it, by
-- migrations/roles.sql: that role may not create schemas, and PostgreSQL asks for
-- the permission before it looks whether the schema is there. Hence the guard.
DO $$
BEGIN
    IF to_regnamespace('lesson') IS NULL THEN
        CREATE SCHEMA lesson;
    END IF;
END
$$;

-- Lets an exclusion constraint compare ids (=) and ranges (&&) in one GiST index. In
-- public, not in the schema that happens to be first on the search path: other
-- services of this database use it too.
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
