/** Environment variable by which a process knows that it is a worker, and which. */
export const WORKER_VARIABLE = "PGPOOL_WORKER";

/** Environment variable by which a process knows that it writes the log files, and of how many. */
export const COLLECTOR_VARIABLE = "PGPOOL_LOG_COLLECTOR";
