DROP TABLE lesson.weekly_rules;
DROP TABLE lesson.availabilities;
