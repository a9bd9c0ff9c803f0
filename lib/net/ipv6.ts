/** The 16 bytes of an IPv6 address in one of its text forms (RFC 4291 section 2.2). */
export function parseIpv6(text: string): Uint8Array {
  const [left = "", right] = expandIpv4(text).split("::");
  const before = groups(left);
  const after = right === undefined ? [] : groups(right);
  const zeros = right === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...new Array<number>(Math.max(0, zeros)).fill(0), ...after];
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  all.slice(0, 8).forEach((group, index) => view.setUint16(index * 2, group));
  return bytes;
}

function groups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
}

/** The last four bytes may be written as an IPv4 address. */
function expandIpv4(text: string): string {
  return text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
}
