import { type DescriptorWriter, nonBlockingWriter } from "./descriptor.ts";
import { JsonSink } from "./json.ts";
import type { LogSink } from "./record.ts";
import { StderrSink } from "./stderr.ts";
import { SyslogSink } from "./syslog.ts";

/** What configuration says of where messages go. */
export interface DestinationSettings {
  /** log_destination: a comma list of stderr, syslog and jsonlog; nothing known means stderr. */
  readonly destination: string;
  readonly syslogIdent: string;
  readonly syslogFacility: string;
}

/** The places one process writes its messages to, kept over changes of the configuration. */
export class Destinations {
  /** Made when it is needed: it has a descriptor of its own. */
  #opened: LogSink | undefined;
  #syslog: SyslogSink | undefined;
  #settings: DestinationSettings | undefined;

  /** @param stream takes text and JSON lines; standard error by default. */
  constructor(stream?: LogSink) {
    this.#opened = stream;
  }

  get #stream(): LogSink {
    return this.#opened ??= new StderrSink();
  }

  /** From now on text and JSON lines go to another descriptor: the collector's pipe. */
  redirect(fd: number): readonly LogSink[] {
    const writer: DescriptorWriter = nonBlockingWriter(fd);
    this.#opened?.flush();
    this.#opened = new StderrSink(writer);
    return this.sinks;
  }

  apply(settings: DestinationSettings): readonly LogSink[] {
    this.#settings = settings;
    return this.sinks;
  }

  get sinks(): readonly LogSink[] {
    const settings = this.#settings;
    const names = (settings?.destination ?? "").toLowerCase().split(",").map((each) => each.trim());
    const sinks: LogSink[] = [];
    if (names.includes("jsonlog")) sinks.push(new JsonSink(this.#stream));
    if (settings !== undefined && names.includes("syslog")) sinks.push(this.#syslogSink(settings));
    else this.#closeSyslog();
    if (names.includes("stderr") || sinks.length === 0) sinks.unshift(this.#stream);
    return sinks;
  }

  #syslogSink({ syslogIdent: ident, syslogFacility: facility }: DestinationSettings): SyslogSink {
    this.#syslog ??= new SyslogSink({ ident, facility });
    this.#syslog.settings = { ident, facility };
    return this.#syslog;
  }

  #closeSyslog(): void {
    this.#syslog?.close();
    this.#syslog = undefined;
  }
}
