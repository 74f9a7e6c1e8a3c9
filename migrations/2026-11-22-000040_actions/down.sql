DROP TABLE action_run_logs;
DROP TABLE action_runs;
