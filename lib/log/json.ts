import type { LogRecord, LogSink } from "./record.ts";
import { defaultCode, severityLabel } from "./severity.ts";

/**
 * A record as one line of JSON, ended by a newline. The names are those of PostgreSQL's jsonlog
 * (its manual, "Using JSON-Format Log Output"); what is not known is left out.
 */
function jsonLine(record: LogRecord): string {
  return `${
    JSON.stringify({
      timestamp: new Date(record.time).toISOString(),
      user: record.user || undefined,
      dbname: record.database || undefined,
      pid: record.pid,
      line_num: record.line,
      child_number: record.childNumber < 0 ? undefined : record.childNumber,
      backend_type: record.process,
      application_name: record.application || undefined,
      error_severity: severityLabel(record.severity),
      state_code: record.code ?? defaultCode(record.severity),
      message: record.message,
      detail: record.detail,
      hint: record.hint,
      context: record.context,
    })
  }\n`;
}

/** log_destination jsonlog: hands JSON lines to the sink that text lines would go to. */
export class JsonSink implements LogSink {
  constructor(readonly stream: LogSink) {}

  write(record: LogRecord): void {
    this.stream.write(record, () => jsonLine(record));
  }

  flush(): void {
    this.stream.flush();
  }

  close(): void {}
}
