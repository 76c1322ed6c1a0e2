DROP TABLE lesson.calendar_feeds;
