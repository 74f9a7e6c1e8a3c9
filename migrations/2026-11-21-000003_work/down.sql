DROP TABLE records, run_seen, run_logs, runs, syncs, jobs;
DROP SCHEMA patchbay_parts;
