DO $$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY
        ARRAY['lessons', 'users', 'teachers', 'availabilities', 'series', 'groups']
    LOOP
        EXECUTE format('DROP TRIGGER %1$s_made_logged ON lesson.%1$s', relation);
        EXECUTE format('DROP TRIGGER %1$s_changed_logged ON lesson.%1$s', relation);
    END LOOP;
END
$$;
DROP FUNCTION lesson.log_change();
DROP VIEW lesson.change_log_now;
DROP TABLE lesson.change_log;
DROP TABLE lesson.changes;
