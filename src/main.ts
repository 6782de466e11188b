import type { Platform } from './cli/platform.ts';
import { runCli } from './cli/run.ts';
import { RotctlError } from './errors/rotctl-error.ts';
import { systemPlatform } from './system/platform.ts';
import { watchSignals } from './system/signals.ts';
import { hardenProcess, refuseDebugSwitches, refuseOldNode } from './system/startup.ts';
import { flushed } from './system/streams.ts';

const ROOT = new URL('../', import.meta.url);
const BUILT = new URL('./', import.meta.url);
/** Stopped by the operator, at once. */
const STOPPED_EXIT = 14;
const BUG_EXIT = 70;

/** The composition root: guards the process, makes the one real platform, and hands the command line to `cli/`. */
async function main(argv: readonly string[]): Promise<number> {
  hardenProcess();
  process.on('uncaughtException', (error) => endWithBug(error));
  return runCli(argv, makePlatform(), refusal());
}

/** Why this process must not work with secrets, if so. */
function refusal(): RotctlError | undefined {
  try {
    refuseDebugSwitches(process.env, process.execArgv);
    return undefined;
  } catch (error) {
    if (error instanceof RotctlError) return error;
    throw error;
  }
}

function makePlatform(): Platform {
  const interrupted = watchSignals({
    say: (line) => process.stderr.write(`${process.stderr.isTTY ? '\n' : ''}${line}\n`),
    end: () => process.exit(STOPPED_EXIT),
  });
  const system = systemPlatform(ROOT, BUILT, interrupted);
  return Object.defineProperties(
    { openLedger: openLedger(system), lock: takeLock(system) },
    Object.getOwnPropertyDescriptors(system),
  ) as Platform;
}

function openLedger(system: Pick<Platform, 'clock' | 'ledgerDisk'>): Platform['openLedger'] {
  return async (path) => {
    const { openLedger: open } = await import('./ledger/open.ts');
    return open(path, { disk: await system.ledgerDisk(), clock: system.clock });
  };
}

function takeLock(system: Pick<Platform, 'clock' | 'ledgerDisk'>): Platform['lock'] {
  return async (path, { runId, command, breakFor }) => {
    const [{ acquireLock }, { systemProcesses }] = await Promise.all([
      import('./ledger/lock.ts'),
      import('./system/process-identity.ts'),
    ]);
    const ports = { disk: await system.ledgerDisk(), processes: systemProcesses(), clock: system.clock };
    const options = breakFor === undefined ? {} : { breakLock: { reason: breakFor } };
    const lock = await acquireLock(path, { runId, command }, ports, options);
    return { token: lock.holder.token, brokeStale: lock.brokeStale?.why, release: () => lock.release() };
  };
}

/** A bug is told by its kind alone: a stack, and even a message, may hold anything. */
function endWithBug(error: unknown): never {
  const kind =
    error instanceof RotctlError ? `${error.code}: ${error.message}` : error instanceof Error ? error.name : 'unknown';
  process.stderr.write(
    `error: a bug in rotctl (${kind}); report it, with the command and the version\nFAIL INTERNAL\n`,
  );
  process.exit(BUG_EXIT);
}

/** Ends the process when all output is handed over, whatever is still open. */
async function end(code: number): Promise<void> {
  process.exitCode = code;
  await flushed(process.stdout, process.stderr);
  process.exit(code);
}

const tooOld = refuseOldNode(process.versions.node);
if (tooOld === undefined) {
  main(process.argv.slice(2)).then(end, endWithBug);
} else {
  process.stderr.write(`error: ${tooOld}\n`);
  process.exitCode = 2;
}
