DROP TABLE lesson.lesson_changes;
DROP FUNCTION lesson.refuse_rewriting();
