-- Writes src/schema.rs from a migrated database, one line per row; `cargo dev schema` runs it, a test compares.
WITH kinds(pg, diesel) AS (VALUES
    ('uuid', 'Uuid'), ('text', 'Text'), ('bytea', 'Binary'), ('jsonb', 'Jsonb'), ('boolean', 'Bool'),
    ('timestamp with time zone', 'Timestamptz'), ('smallint', 'SmallInt'), ('integer', 'Integer'), ('bigint', 'BigInt'),
    ('text[]', 'Array<Text>'), ('uuid[]', 'Array<Uuid>'), ('bigint[]', 'Array<BigInt>')),
tables AS (
    SELECT c.oid, c.relname AS name, obj_description(c.oid) AS about
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT LIKE '\_\_%'),
columns AS (
    SELECT t.oid, a.attnum, a.attname AS name, col_description(t.oid, a.attnum) AS about,
        CASE WHEN a.attnotnull THEN k.diesel ELSE 'Nullable<' || k.diesel || '>' END AS kind
    FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN kinds k ON k.pg = format_type(a.atttypid, a.atttypmod)),
keys AS (
    SELECT i.indrelid AS oid, string_agg(a.attname, ', ' ORDER BY array_position(i.indkey::int2[], a.attnum)) AS names
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indisprimary GROUP BY i.indrelid),
lines(relname, place, line) AS (
    SELECT t.name, 0, E'\ndiesel::table! {\n    /// ' || t.about || E'\n    ' || t.name || ' (' || k.names || ') {'
    FROM tables t JOIN keys k USING (oid)
    UNION ALL
    SELECT t.name, c.attnum, '        /// ' || c.about || E'\n        ' || c.name || ' -> ' || c.kind || ','
    FROM tables t JOIN columns c USING (oid)
    UNION ALL
    SELECT t.name, 10000, E'    }\n}' FROM tables t)
SELECT line FROM (
    SELECT '' AS relname, 0 AS place, '// Written by `cargo dev schema` from the migrated database. Do not edit.' AS line
    UNION ALL SELECT relname, place, line FROM lines
    UNION ALL SELECT '~', 0, E'\ndiesel::allow_tables_to_appear_in_same_query!(\n    ' || string_agg(name, E',\n    ' ORDER BY name) || E'\n);' FROM tables
) AS everything ORDER BY relname COLLATE "C", place;
