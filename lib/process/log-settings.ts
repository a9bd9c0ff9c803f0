import type { Config } from "../config/config.ts";
import type { Logger } from "../log/log.ts";

/** Brings a logger in line with the configuration; `debug` is -d of the command line. */
export function configureLogger(logger: Logger, config: Config, debug: boolean): void {
  const { log_min_messages, log_line_prefix, log_error_verbosity } = config.values;
  const level = log_min_messages;
  logger.configure({
    level: debug && !level.startsWith("debug") ? "debug1" : level,
    prefix: log_line_prefix,
    verbosity: log_error_verbosity,
  });
}

/** Sends a logger's messages where log_destination says. */
export function applyDestinations(logger: Logger, config: Config): void {
  const { log_destination: destination, syslog_ident, syslog_facility } = config.values;
  logger.configure({
    destinations: {
      destination,
      syslogIdent: syslog_ident,
      syslogFacility: syslog_facility,
    },
  });
}
