DROP INDEX lesson.lesson_changes_described;
