import type { ConsoleClient } from "../../pcp/console.ts";
import type { SessionSettings } from "./settings.ts";

/** One administrator's session: what its statements are answered from and act on. */
export interface Environment extends Pick<ConsoleClient, "service" | "show" | "config"> {
  readonly user: string;
  readonly database: string;
  readonly settings: SessionSettings;
  /** Tells the client something while a statement runs. */
  readonly notice: (message: string, detail: string) => void;
}
