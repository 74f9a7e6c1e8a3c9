DROP TABLE key_rewraps;
DROP INDEX credentials_by_environment;
