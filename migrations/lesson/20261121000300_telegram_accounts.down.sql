DROP TABLE lesson.telegram_accounts;
