import { encodePassword } from "./password-bytes.ts";

// Tables of RFC 3454 (stringprep), named as there.
const NON_ASCII_SPACE_C12 = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const MAPPED_TO_NOTHING_B1 =
  /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
const PROHIBITED_C = new RegExp(
  [
    "[\\u0000-\\u001f\\u007f-\\u009f\\u06dd\\u070f\\u180e\\u200c-\\u200f\\u2028-\\u202e]",
    "[\\u2060-\\u2063\\u206a-\\u206f\\ufeff\\ufff9-\\ufffd\\u{1d173}-\\u{1d17a}]",
    "[\\ue000-\\uf8ff\\u{f0000}-\\u{10ffff}\\ufdd0-\\ufdef\\ud800-\\udfff]",
    "[\\u0340\\u0341\\u2ff0-\\u2ffb\\u{e0001}\\u{e0020}-\\u{e007f}]",
    "\\p{Noncharacter_Code_Point}",
  ].join("|"),
  "u",
);
/**
 * Code points without a character in Unicode 3.2 (table A.1), approximated: those that have none
 * today, and in plane 1 everything outside of the blocks that existed then (so all emoji).
 */
const UNASSIGNED_A1 = new RegExp(
  "\\p{Unassigned}|[\\u{10000}-\\u{102ff}\\u{10350}-\\u{103ff}\\u{10450}-\\u{1cfff}" +
    "\\u{1d200}-\\u{1d3ff}\\u{1d800}-\\u{1ffff}]",
  "u",
);
const RIGHT_TO_LEFT_D1 =
  "\\u05be\\u05c0\\u05c3\\u05d0-\\u05ea\\u05f0-\\u05f4\\u061b\\u061f\\u0621-\\u063a\\u0640-\\u064a" +
  "\\u066d-\\u066f\\u0671-\\u06d5\\u06dd\\u06e5\\u06e6\\u06fa-\\u06fe\\u0700-\\u070d\\u0710" +
  "\\u0712-\\u072c\\u0780-\\u07a5\\u07b1\\u200f\\ufb1d\\ufb1f-\\ufb28\\ufb2a-\\ufb36\\ufb38-\\ufb3c" +
  "\\ufb3e\\ufb40\\ufb41\\ufb43\\ufb44\\ufb46-\\ufbb1\\ufbd3-\\ufd3d\\ufd50-\\ufd8f\\ufd92-\\ufdc7" +
  "\\ufdf0-\\ufdfc\\ufe70-\\ufe74\\ufe76-\\ufefc";
const HAS_RIGHT_TO_LEFT = new RegExp(`[${RIGHT_TO_LEFT_D1}]`, "u");
const HAS_LEFT_TO_RIGHT = new RegExp(`(?![${RIGHT_TO_LEFT_D1}])\\p{L}`, "u");
const RIGHT_TO_LEFT_ENDS = new RegExp(`^[${RIGHT_TO_LEFT_D1}](?:[^]*[${RIGHT_TO_LEFT_D1}])?$`, "u");
const ASCII_ONLY = /^[\u0000-\u007f]*$/;

/**
 * The bytes of a password as SCRAM uses them: normalised with SASLprep (RFC 4013), or as they
 * are when SASLprep forbids them or they are not UTF-8, which is what PostgreSQL does on both
 * sides (PostgreSQL documentation, "SCRAM-SHA-256 Authentication").
 */
export function saslPrep(password: string): Buffer {
  if (ASCII_ONLY.test(password) || !password.isWellFormed()) return encodePassword(password);
  const prepared = password
    .replace(NON_ASCII_SPACE_C12, " ")
    .replace(MAPPED_TO_NOTHING_B1, "")
    .normalize("NFKC");
  return encodePassword(isAllowed(prepared) ? prepared : password);
}

function isAllowed(text: string): boolean {
  if (text === "" || PROHIBITED_C.test(text) || UNASSIGNED_A1.test(text)) return false;
  if (!HAS_RIGHT_TO_LEFT.test(text)) return true;
  return !HAS_LEFT_TO_RIGHT.test(text) && RIGHT_TO_LEFT_ENDS.test(text);
}
