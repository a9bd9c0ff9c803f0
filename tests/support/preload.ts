// Loaded before all test files (bunfig.toml): whatever a test leaves behind is gone when all end.
import { afterAll } from "bun:test";
import { cleanUp } from "./clean-up.ts";

afterAll(cleanUp, 60_000);
