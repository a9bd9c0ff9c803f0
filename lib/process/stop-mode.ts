/** How pgpool stops: when the last client has left, or at once (commands.md 1). */
export type StopMode = "smart" | "fast" | "immediate";

/** Signals to the supervisor that stop pgpool, with the number the log names. */
export const STOP_SIGNALS = {
  SIGTERM: { mode: "smart", number: 15 },
  SIGINT: { mode: "fast", number: 2 },
  SIGQUIT: { mode: "immediate", number: 3 },
} as const;

/** The signal that begins a stop. */
export const SIGNAL_OF = {
  smart: "SIGTERM",
  fast: "SIGINT",
  immediate: "SIGQUIT",
} as const satisfies Readonly<Record<StopMode, keyof typeof STOP_SIGNALS>>;

const STRENGTH: Readonly<Record<StopMode, number>> = { smart: 1, fast: 2, immediate: 3 };

/** Whether a stop under way (undefined for none) has to become a stronger one. */
export function isStronger(mode: StopMode, present: StopMode | undefined): boolean {
  return present === undefined || STRENGTH[mode] > STRENGTH[present];
}

/** How long workers may take to end, in milliseconds; a smart stop waits for the clients. */
export const STOP_DEADLINE_MS: Readonly<Record<StopMode, number | undefined>> = {
  smart: undefined,
  fast: 10_000,
  immediate: 3000,
};
