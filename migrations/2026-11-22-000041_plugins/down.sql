DROP TRIGGER note_plugin_version ON runs;
DROP FUNCTION patchbay_note_plugin_version;
ALTER TABLE runs DROP COLUMN plugin_version_id;
DROP TABLE plugin_pins;
DROP TABLE plugin_components;
DROP TABLE plugin_versions;
DROP TABLE plugin_keys;
