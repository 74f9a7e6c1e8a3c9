DROP TABLE connection_keys;
DROP TABLE import_errors;
DROP TABLE imports;
