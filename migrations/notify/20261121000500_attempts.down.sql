DROP TABLE notify.attempts;
