-- What changed, for those who watch. Read in the order (xid, id) below the oldest running
-- transaction: whatever has a lower xid is committed or gone by then, so that nobody passes
-- over a change that commits late. Written by triggers, so that no way of changing
-- something leaves it out, and kept for a day.
CREATE TABLE lesson.changes (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    -- The lesson, person, teacher, series or group; of availability the teacher.
    entity_id uuid NOT NULL,
    version bigint NOT NULL,
    -- By the database's clock; retention goes by it.
    create_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (xid, id),
    CONSTRAINT changes_kind_known CHECK (
        kind IN ('lesson', 'user', 'teacher', 'availability', 'series', 'group')
    )
);

-- Up to where the log was forgotten, and which it is: the service draws a new log_id when it
-- finds transactions that this cluster has yet to begin, which came in a dump of another.
CREATE TABLE lesson.change_log (
    only_row boolean PRIMARY KEY DEFAULT true,
    log_id uuid NOT NULL DEFAULT gen_random_uuid(),
    floor_xid xid8 NOT NULL DEFAULT '0',
    floor_id bigint NOT NULL DEFAULT 0,
    CONSTRAINT change_log_one_row CHECK (only_row)
);
INSERT INTO lesson.change_log DEFAULT VALUES;

-- The log that cursors are of. Whatever takes a database back to an earlier state, or to
-- another place, makes it another log: a dump restores into a new database or makes the table
-- anew, and so its file; a copy of the files, a snapshot of the volume and a standby that takes
-- over begin with a start of the server. The cluster's identifier tells none of the latter from
-- what it was copied of, and its timeline not a volume's snapshot. A plain restart of PostgreSQL
-- also ends the log: everybody reads once more, and nobody ever believes what was taken back.
CREATE VIEW lesson.change_log_now AS
SELECT
    encode(substr(sha256(convert_to(concat_ws(
        ' ', g.log_id, extract(epoch FROM pg_postmaster_start_time()),
        d.oid, pg_relation_filenode(g.tableoid)
    ), 'UTF8')), 1, 16), 'hex')::uuid AS id,
    g.floor_xid,
    g.floor_id
FROM lesson.change_log g JOIN pg_database d ON d.datname = current_database();

CREATE FUNCTION lesson.log_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entity_id uuid;
BEGIN
    CASE TG_ARGV[1]
        WHEN 'id' THEN entity_id := NEW.id;
        WHEN 'user_id' THEN entity_id := NEW.user_id;
        WHEN 'teacher_id' THEN entity_id := NEW.teacher_id;
    END CASE;
    INSERT INTO lesson.changes (kind, entity_id, version) VALUES (TG_ARGV[0], entity_id, NEW.version);
    RETURN NULL;
END
$$;
DO $$
DECLARE
    logged record;
BEGIN
    FOR logged IN SELECT * FROM (VALUES
        ('lessons', 'lesson', 'id'), ('users', 'user', 'id'), ('teachers', 'teacher', 'user_id'),
        ('availabilities', 'availability', 'teacher_id'), ('series', 'series', 'id'),
        ('groups', 'group', 'id')) AS t (relation, kind, key)
    LOOP
        EXECUTE format('CREATE TRIGGER %1$s_made_logged AFTER INSERT ON lesson.%1$s
            FOR EACH ROW EXECUTE FUNCTION lesson.log_change(%2$L, %3$L)',
            logged.relation, logged.kind, logged.key);
        EXECUTE format('CREATE TRIGGER %1$s_changed_logged AFTER UPDATE ON lesson.%1$s
            FOR EACH ROW WHEN (OLD.version <> NEW.version)
            EXECUTE FUNCTION lesson.log_change(%2$L, %3$L)',
            logged.relation, logged.kind, logged.key);
    END LOOP;
END
$$;
