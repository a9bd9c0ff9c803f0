/** pool_hba.conf: its grammar and which of its lines decides about a client. */
export {
  type HbaAddress,
  type HbaMethod,
  type HbaProblem,
  type HbaRule,
  type HbaType,
  parseHba,
} from "./hba-parse.ts";
export {
  type HbaConnection,
  type HbaMatch,
  hbaRejection,
  type LocalAddress,
  matchHba,
} from "./hba-match.ts";
export type { HbaToken, ReadInclude } from "./hba-tokens.ts";
export { loadHba, localAddresses } from "./hba-load.ts";
