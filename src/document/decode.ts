import { RotctlError } from '../errors/rotctl-error.ts';

/**
 * The text of a file's bytes. A byte order mark is kept, so that a digest over the text is one over the bytes.
 * Throws `INPUT_UNREADABLE` when the bytes are not UTF-8.
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new RotctlError('INPUT_UNREADABLE', 'the file is not UTF-8', { at: { file } });
  }
}
