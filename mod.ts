/** What pgpool offers as a library. */
export {};
