import { isIPv4, isIPv6 } from "node:net";

/** An IP address as bytes: 4 or 16; an IPv4 address mapped into IPv6 has 4. */
export type AddressBytes = Uint8Array;

/** A range of addresses: those equal to `network` in the bits of `mask`. */
export interface AddressRange {
  readonly network: AddressBytes;
  readonly mask: AddressBytes;
}

const IPV4_LENGTH = 4;
const IPV6_LENGTH = 16;
/** Length in bytes of ::ffff:0:0/96. */
const MAPPED_PREFIX = 12;

/** The bytes of a numeric address, without its zone; undefined for anything else. */
export function parseAddress(text: string): AddressBytes | undefined {
  if (isIPv4(text)) return parseIPv4(text);
  const withoutZone = text.replace(/%[^%]+$/, "");
  return isIPv6(withoutZone) ? unmap(parseIPv6(withoutZone)) : undefined;
}

/**
 * The range `address/bits`.
 * @returns undefined when the address is not numeric or the number of bits does not fit it
 */
export function parseCidr(address: string, bits: string): AddressRange | undefined {
  const network = parseAddress(address);
  if (network === undefined || !/^\d{1,3}$/.test(bits)) return undefined;
  const mapped = network.length === IPV4_LENGTH && address.includes(":");
  const count = Number(bits) - (mapped ? MAPPED_PREFIX * 8 : 0);
  if (count < 0 || count > network.length * 8) return undefined;
  return { network, mask: prefixMask(count, network.length) };
}

/** The range of one address and a separate mask; undefined when they do not go together. */
export function parseMasked(address: string, mask: string): AddressRange | undefined {
  const network = parseAddress(address);
  const maskBytes = isIPv4(mask) ? parseIPv4(mask) : isIPv6(mask) ? parseIPv6(mask) : undefined;
  if (network === undefined || maskBytes === undefined) return undefined;
  const mapped = network.length === IPV4_LENGTH && address.includes(":");
  const fitting = mapped && maskBytes.length === IPV6_LENGTH
    ? maskBytes.subarray(MAPPED_PREFIX)
    : maskBytes;
  return fitting.length === network.length ? { network, mask: fitting } : undefined;
}

/** Whether the address lies in the range. */
export function inRange(address: AddressBytes, range: AddressRange): boolean {
  if (address.length !== range.network.length) return false;
  return address.every((byte, i) => {
    const mask = range.mask[i] ?? 0;
    return (byte & mask) === ((range.network[i] ?? 0) & mask);
  });
}

/** Whether both are the same address. */
export function sameAddress(left: AddressBytes, right: AddressBytes): boolean {
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}

function prefixMask(bits: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => {
    const inByte = Math.min(Math.max(bits - i * 8, 0), 8);
    return 256 - 2 ** (8 - inByte);
  });
}

function parseIPv4(text: string): AddressBytes {
  return Uint8Array.from(text.split("."), Number);
}

function parseIPv6(text: string): AddressBytes {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const [, prefix = text, tail] = dotted ?? [];
  const groups = tail === undefined ? text : prefix + hexGroups(parseIPv4(tail));
  const [head = "", rest] = groups.split("::", 2);
  const front = head === "" ? [] : head.split(":");
  const back = rest === undefined || rest === "" ? [] : rest.split(":");
  const zeros = Array<string>(IPV6_LENGTH / 2 - front.length - back.length).fill("0");
  const all = [...front, ...zeros, ...back].map((group) => Number.parseInt(group, 16));
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function hexGroups(bytes: AddressBytes): string {
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function unmap(bytes: AddressBytes): AddressBytes {
  const mapped = bytes.subarray(0, MAPPED_PREFIX - 2).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes.subarray(MAPPED_PREFIX) : bytes;
}
