import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';
import type { Output, Platform } from '../../src/cli/platform.ts';
import { runCli } from '../../src/cli/run.ts';
import { openLedger } from '../../src/ledger/open.ts';
import { systemPlatform } from '../../src/system/platform.ts';
import { temporaryFolder } from '../support/temporary.ts';

const ROOT = new URL('../../', import.meta.url);
/** Made once: it listens on this process's own streams. */
const SYSTEM = systemPlatform(ROOT, pathToFileURL(`${tmpdir()}/`), new AbortController().signal);

/** A stream that keeps what was written to it. */
export class Captured implements Output {
  text = '';
  readonly live: boolean;
  readonly columns = 80;

  constructor(live = false) {
    this.live = live;
  }

  write(text: string): void {
    this.text += text;
  }

  get lines(): string[] {
    return this.text.split('\n').filter((line) => line !== '');
  }
}

/** The real platform, working in a folder of its own, with streams that can be read. */
export interface World {
  readonly cwd: string;
  readonly stdout: Captured;
  readonly stderr: Captured;
  readonly platform: Platform;
  run(...argv: readonly string[]): Promise<number>;
}

export function makeWorld(settings: { env?: Platform['env']; live?: boolean } = {}): World {
  const { env = {}, live = false } = settings;
  const cwd = temporaryFolder('rotctl-cli-');
  const stdout = new Captured(live);
  const stderr = new Captured(live);
  const platform: Platform = {
    ...SYSTEM,
    env,
    cwd,
    stdout,
    stderr,
    version: '1.2.3',
    openLedger: async (path) => openLedger(path, { disk: await SYSTEM.ledgerDisk(), clock: SYSTEM.clock }),
    lock: async () => Promise.reject(new Error('no test of the command line takes a lock')),
  };
  return { cwd, stdout, stderr, platform, run: (...argv) => runCli(argv, platform) };
}
