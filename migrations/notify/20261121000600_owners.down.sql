DROP TABLE notify.owners;
