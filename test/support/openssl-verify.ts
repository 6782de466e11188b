import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What is asked of `openssl verify`. */
export interface VerifyWish {
  /** The chain, its own certificate first. */
  readonly chain: string;
  /** The authorities that are trusted. */
  readonly trust: string;
  readonly purpose: 'sslserver' | 'sslclient' | 'any';
  readonly more?: readonly string[];
}

/** `openssl verify -x509_strict`: the words of an independent judge, ending in `: OK` when it is content. */
export async function opensslVerify({ chain, trust, purpose, more = [] }: VerifyWish): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'rotctl-verify-'));
  const file = (text: string): string => {
    const path = join(folder, randomBytes(8).toString('hex'));
    writeFileSync(path, text);
    return path;
  };
  try {
    const files = ['-CAfile', file(trust), '-untrusted', file(chain)];
    const args = ['verify', '-x509_strict', '-purpose', purpose, ...files, ...more, file(chain)];
    const { stdout, stderr } = await promisify(execFile)('openssl', args).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
