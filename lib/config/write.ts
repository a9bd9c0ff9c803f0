import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";

/** A configuration file that could not be written; the cause tells why. */
export class WriteError extends Error {
  override readonly name = "WriteError";
}

/**
 * Replaces a file as a whole, so that a reader sees the old or the new one. Mode and owner stay.
 * Gives the path of the copy of the old one that is kept beside it. Throws WriteError.
 */
export function replaceKeeping(path: string, text: string): string {
  try {
    const target = realpathSync(path);
    const backup = freeName(`${target}.bak`);
    copyFileSync(target, backup, constants.COPYFILE_EXCL);
    const { mode, uid, gid } = statSync(target);
    put(target, text, mode & 0o7777, { uid, gid });
    return backup;
  } catch (cause) {
    throw new WriteError(`could not write "${path}"`, { cause });
  }
}

/** Writes a file that must not be there yet. Throws WriteError. */
export function writeNew(path: string, text: string, mode: number): void {
  try {
    writeFileSync(path, text, { flag: "wx", mode });
  } catch (cause) {
    throw new WriteError(`could not write "${path}"`, { cause });
  }
}

/** Writes a file as a whole, whether it is there already or not. Throws WriteError. */
export function writeWhole(path: string, text: string, mode: number): void {
  try {
    put(path, text, mode, undefined);
  } catch (cause) {
    throw new WriteError(`could not write "${path}"`, { cause });
  }
}

function put(
  target: string,
  text: string,
  mode: number,
  owner: { readonly uid: number; readonly gid: number } | undefined,
): void {
  const draft = freeName(`${target}.new`);
  const descriptor = openSync(draft, "wx", 0o600);
  try {
    try {
      writeFileSync(descriptor, text);
      if (owner !== undefined && process.getuid?.() === 0) {
        fchownSync(descriptor, owner.uid, owner.gid);
      }
      fchmodSync(descriptor, mode);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function freeName(path: string): string {
  if (!existsSync(path)) return path;
  let number = 1;
  while (existsSync(`${path}${number}`)) number++;
  return `${path}${number}`;
}
