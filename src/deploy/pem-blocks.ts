import { RotctlError } from '../errors/rotctl-error.ts';
import { scanPem } from '../pki/pem.ts';

/** One block of a PEM file, without the blank lines and trailing spaces that it may have had; it ends in a newline. */
export interface PemBlock {
  readonly label: string;
  readonly text: string;
}

/**
 * The blocks of a PEM file, in order. What stands between them (comments, what `openssl` prints of a certificate) is left
 * out. Nothing of the text is in an error.
 *
 * @throws RotctlError `INPUT_INVALID` where a block begins and does not end, as in a file that was cut short
 */
export function blocksIn(text: string, file: string): readonly PemBlock[] {
  const { blocks, begun, ended } = scanPem(text);
  if (begun !== blocks.length || ended !== blocks.length) {
    throw new RotctlError('INPUT_INVALID', `a PEM block is torn: ${begun} begin, ${ended} end`, { at: { file } });
  }
  return blocks.map(({ label, text: block }) => ({ label, text: withoutBlanks(block) }));
}

/** Whether a block is a private key, of whatever form. */
export function isKey({ label }: PemBlock): boolean {
  return label.endsWith('PRIVATE KEY');
}

/** The blocks as the text of a file. */
export function joined(blocks: readonly PemBlock[]): string {
  return blocks.map(({ text }) => text).join('');
}

function withoutBlanks(block: string): string {
  const lines = block.split('\n').map((line) => line.trim());
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}
