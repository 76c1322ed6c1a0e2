-- What a migration may not do to a release that is running: each statement breaks the rule that
-- is named before it, and the check fails when squawk finds nothing wrong with one of them.

-- breaks: adding-field-with-default
ALTER TABLE lesson.lessons ADD COLUMN drawn uuid DEFAULT gen_random_uuid();
-- breaks: adding-not-nullable-field
ALTER TABLE lesson.lessons ALTER COLUMN notes SET NOT NULL;
-- breaks: adding-required-field
ALTER TABLE lesson.lessons ADD COLUMN room text NOT NULL;
-- breaks: adding-serial-primary-key-field
ALTER TABLE lesson.lessons ADD COLUMN number bigserial PRIMARY KEY;
-- breaks: ban-drop-column
ALTER TABLE lesson.lessons DROP COLUMN notes;
-- breaks: ban-drop-default
ALTER TABLE lesson.lessons ALTER COLUMN version DROP DEFAULT;
-- breaks: ban-drop-function
DROP FUNCTION lesson.tell();
-- breaks: ban-drop-not-null
ALTER TABLE lesson.lessons ALTER COLUMN status DROP NOT NULL;
-- breaks: ban-drop-schema
DROP SCHEMA lesson;
-- breaks: ban-drop-table
DROP TABLE lesson.lessons;
-- breaks: ban-drop-type
DROP TYPE lesson.kind;
-- breaks: ban-drop-view
DROP VIEW lesson.taken;
-- breaks: changing-column-type
ALTER TABLE lesson.lessons ALTER COLUMN version TYPE integer;
-- breaks: constraint-missing-not-valid
ALTER TABLE lesson.lessons ADD CONSTRAINT lessons_noted CHECK (notes <> '');
-- breaks: disallowed-unique-constraint
ALTER TABLE lesson.lessons ADD CONSTRAINT lessons_once UNIQUE (teacher_id, status);
-- breaks: renaming-column
ALTER TABLE lesson.lessons RENAME COLUMN notes TO remarks;
-- breaks: renaming-table
ALTER TABLE lesson.lessons RENAME TO classes;
