DROP TRIGGER write_changed_tags ON connections;
DROP TRIGGER write_tags_of_new ON connections;
DROP FUNCTION patchbay_write_tags;
DROP TABLE connection_tags;
