const trigger = /password|passwd|passphrase/i;

/**
 * `PASSWORD 'x'` of CREATE and ALTER ROLE, `password=x` of connection strings, and their kin. A
 * string may be plain, escaped (`E'..'`), dollar quoted or cut off before its closing quote.
 */
const secret =
  /(password|passwd|passphrase)(["']?\s*[=:]\s*|\s+)(u?&?e?'(?:[^'\\]|''|\\.)*(?:'|$)|\$(\w*)\$[^]*?(?:\$\4\$|$)|(?<=[=:]\s*)[^\s,;)&'"]+|(?<=[=:]\s*)"[^"]*")/gi;

/** Replaces passwords in a text that is about to be logged, such as a statement, by `*****`. */
export function redactSecrets(text: string): string {
  if (!trigger.test(text)) return text;
  return text.replace(secret, (_match, word: string, between: string) => `${word}${between}*****`);
}
