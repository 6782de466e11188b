import { realpathSync } from 'node:fs';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type FaultName, faultOf } from '../faults.ts';
import { isProtocol, kindOf, type Protocol } from '../kinds.ts';
import { type Layout, paths, readRecord } from '../layout.ts';
import { makeCommands } from './commands.ts';
import { listenForControl } from './control.ts';
import { prepare } from './files.ts';
import { makePractice, type Practice, startAll, stopAll } from './practice.ts';
import type { FleetWish } from './provision.ts';
import { formOf, isStoreChoice, STORE_CHOICES, type StoreChoice } from './store-choice.ts';

const IDLE_MS = 15 * 60_000;

/**
 * Role `fleet`: starts a whole practice fleet and looks after it. Prints one line of JSON when all is ready, or why it
 * is not. Runs until `down`, a signal, or fifteen minutes without a control request; whoever started it may die.
 */
export async function runFleet(args: readonly string[]): Promise<void> {
  // The one who reads the line may be gone.
  process.stdout.on('error', () => {});
  let practice: Practice | undefined;
  try {
    practice = await makeFleet(args);
    await startAll(practice);
    await serveControl(practice);
    announce(practice);
  } catch (error) {
    if (practice !== undefined) await stopAll(practice);
    print({ ready: false, error: error instanceof Error ? error.message : 'unknown failure' });
    process.exitCode = 1;
  }
}

async function makeFleet(args: readonly string[]): Promise<Practice> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      home: { type: 'string' },
      protocol: { type: 'string' },
      store: { type: 'string', default: 'auto' },
      replicas: { type: 'string', default: '3' },
      fault: { type: 'string', multiple: true, default: [] },
    },
  });
  if (values.home === undefined) throw new Error('--home DIR must be given');
  const home = resolve(values.home);
  const program = realpathSync(process.argv[1] ?? '');
  const wished = parseProtocol(values.protocol);
  const store = parseStore(values.store);
  const layout =
    (await existing(home, wished, store)) ??
    (await newFleet({ home, protocol: wished ?? 'keyring-v1', replicas: Number(values.replicas), program, store }));
  prepare(home);
  const faults = parseFaults(values.fault, layout);
  return makePractice({ layout, store, program, faults });
}

/** Loaded only here: issuing certificates is the heaviest import of this program. */
async function newFleet(wish: FleetWish): Promise<Layout> {
  const { provision } = await import('./provision.ts');
  return provision(wish);
}

/** The fleet that lived in this folder before, to be started again as it was. */
async function existing(home: string, wished: Protocol | undefined, store: StoreChoice): Promise<Layout | undefined> {
  const record = readRecord(home);
  if (record === undefined) return undefined;
  if (await answers(record.controlPort)) throw new Error(`a practice fleet is running in ${home} already`);
  const { pids: _pids, store: _store, ...layout } = record;
  const { protocol, storeForm } = layout;
  if (wished !== undefined && wished !== protocol)
    throw new Error(
      `the practice fleet in ${home} speaks ${protocol}, not ${wished}: give --protocol ${protocol}, or another folder`,
    );
  if (store !== 'auto' && formOf(store) !== storeForm)
    throw new Error(
      `the store of the practice fleet in ${home} is of the form ${storeForm}: leave --store out, or give another folder`,
    );
  return layout;
}

async function serveControl(practice: Practice): Promise<void> {
  const commands = makeCommands(practice);
  const end = (): void => void stopAll(practice).finally(() => process.exit(0));
  const idle = setTimeout(end, IDLE_MS);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, end);
  await listenForControl({
    port: practice.layout.controlPort,
    token: practice.layout.token,
    run: async (words) => {
      if (words[0] !== 'down') return commands.run(words);
      await stopAll(practice);
      return {};
    },
    onRequest: () => idle.refresh(),
    onDown: () => process.exit(0),
  });
}

function announce({ layout, store, pids }: Practice): void {
  print({
    ready: true,
    home: layout.home,
    fleetFile: paths.fleetFile(layout.home),
    control: { port: layout.controlPort, tokenFile: paths.token(layout.home) },
    store: store.description,
    pids: pids(),
  });
}

function print(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function parseStore(text: string): StoreChoice {
  if (isStoreChoice(text)) return text;
  throw new Error(`--store must be one of ${STORE_CHOICES.join(', ')}`);
}

function parseProtocol(text: string | undefined): Protocol | undefined {
  if (text === undefined || isProtocol(text)) return text;
  throw new Error('--protocol must be keyring-v1 or gate-v1');
}

function parseFaults(texts: readonly string[], layout: Layout): ReadonlyMap<string, ReadonlySet<FaultName>> {
  const planted = new Map<string, Set<FaultName>>();
  const kind = kindOf(layout).replica;
  for (const text of texts) {
    const [name = '', target = ''] = text.split('@');
    const wrong = `--fault must be name@${kind}, got ${JSON.stringify(text)}`;
    const fault = orBecause(wrong, () => faultOf(kind, name));
    if (!layout.replicas.some((replica) => replica.name === target)) {
      throw new Error(`${wrong}: there is no such ${kind}`);
    }
    planted.set(target, (planted.get(target) ?? new Set()).add(fault));
  }
  return planted;
}

function orBecause<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : 'unknown reason'}`);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('connect', () => socket.destroy());
  });
}
