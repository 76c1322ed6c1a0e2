DROP TABLE notify.replans;
