import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openSession, type Session } from '../../../src/cli/session.ts';
import { replaceVariable } from '../../../src/credential/env-file.ts';
import type { Fleet } from '../../../src/fleet/fleet.ts';
import { readFleet } from '../../../src/fleet/read-fleet.ts';
import type { Model } from '../../../src/machine/safety/world.ts';
import { inventoryOf } from '../../../src/runner/inventory.ts';
import { deployLoader } from '../../../src/runner/loader.ts';
import type { World as RunnerWorld } from '../../../src/runner/world.ts';
import { systemPlatform } from '../../../src/system/platform.ts';
import type { PracticeFleet } from '../../support/practice-fleet.ts';
import { type Supervisor, supervisorOf } from './practice-commands.ts';
import { signerModel, signerRunbook } from './signer-model.ts';

const ROOT = new URL('../../../', import.meta.url);
const SYSTEM = systemPlatform(ROOT, pathToFileURL(`${tmpdir()}/`), new AbortController().signal);
/** The clients send so often, and show themselves so soon. */
const CLIENT_RATE = 25;
const CADENCE_MS = 160;

/** What a walk on a practice fleet works with: the same that a command of an operator does, but for the supervisor. */
export interface Opened {
  readonly model: Model;
  readonly supervisor: Supervisor;
  readonly session: Session;
  /** As far as carrying out an effect needs it. */
  readonly runner: Omit<RunnerWorld, 'pairs' | 'configurations'>;
}

/** Opens a session on a practice fleet that runs. The clients' new rate holds from their next start on. */
export async function openPractice(practice: PracticeFleet, clients: readonly string[]): Promise<Opened> {
  const supervisor = await supervisorOf(practice.home);
  const fleet = await readPatient(practice, clients);
  const runbook = await signerRunbook();
  const model = await signerModel(inventoryOf(fleet, clients, undefined));
  const platform = { ...SYSTEM, commands: async () => supervisor, openLedger: never, lock: never };
  const session = await openSession(platform, { ledger: undefined }, fleet, runbook, { progress: SILENT });
  const { driver, clock, stop } = session.tools;
  const runner = {
    ...{
      fleet,
      runbook,
      loader: deployLoader({ fleet, driver }),
      clock,
      stop,
      setting: model.setting,
      progress: SILENT,
    },
    prover: { ready: never, silent: never, sighted: never, prove: never, burn: never, anew: () => [], settle: never },
    traffic: { sign: never, report: never, alarm: () => undefined, stop: never },
    keeper: { destroy: never },
    enumerate: async () => [],
    confirmed: async () => [],
    gone: new Map(),
  };
  return { model, supervisor, session, runner };
}

/** The fleet file, of clients that send more often, and where a proof is one look: nothing is still on its way here. */
async function readPatient(practice: PracticeFleet, clients: readonly string[]): Promise<Fleet> {
  for (const client of clients) await setRate(join(practice.home, 'clients', `${client}.env`));
  const fleet = readFleet(await SYSTEM.readText(practice.fleetFile), practice.fleetFile);
  return {
    ...fleet,
    clients: fleet.clients.map((client) => ({ ...client, cadenceMs: CADENCE_MS })),
    readiness: { deadlineMs: 1, consecutive: 2 },
  };
}

async function setRate(file: string): Promise<void> {
  const files = await SYSTEM.privateFiles();
  const text = replaceVariable(await files.read(file), 'KEYRING_RATE_PER_SECOND', String(CLIENT_RATE), file);
  await files.replace(file, text);
}

const never = () => Promise.reject(new Error('no walk asks for this'));
const ignore = () => {};
const SILENT = {
  ...{ phase: ignore, task: ignore, taskDone: ignore, wait: ignore, findings: ignore },
  ...{ cells: ignore, part: ignore, note: ignore, incident: ignore },
};
