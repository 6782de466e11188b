import type { SealedGeneration } from '../credential/material.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { Phase } from '../machine/phase.ts';
import { settingOf } from '../machine/rotation.ts';
import { type CertificateTerms, openedTerms } from './certificates/terms.ts';
import { requireSameReplicas } from './enumeration.ts';
import { learnKeyIds } from './gate/standing.ts';
import type { GateTerms } from './gate/terms.ts';
import { type History, isOpen, newestHistory } from './history.ts';
import { inventoryOf } from './inventory.ts';
import { Journal } from './journal.ts';
import type { Pair, Pairs } from './pair.ts';
import { reachKeys } from './reach-keys.ts';
import type { OpenLedger, Tools } from './tools.ts';

/** A rotation that is taken up where the ledger left it. */
export interface TakenUp {
  readonly journal: Journal;
  readonly pairs: Pairs;
  readonly history: History;
  /** For a fleet of gates. */
  readonly terms: GateTerms | undefined;
  /** Of a rotation of certificates. */
  readonly certificates: CertificateTerms | undefined;
}

/** The newest rotation in the ledger while it is open, else `undefined`; with `owed` also a finished one whose replay checks are not. */
export async function openHistory(tools: Tools, ledger: OpenLedger, owed: boolean): Promise<History | undefined> {
  const history = newestHistory(await ledger.entries(), tools.runbook, tools.fleet.name);
  return (owed && history !== undefined && history.owed.length > 0) || isOpen(history) ? history : undefined;
}

/**
 * Takes up an open rotation: its runbook and targets must be those that it began with, and its sealed secrets those that
 * the ledger names.
 *
 * @throws RotctlError `INPUT_INVALID` when the runbook or the inventory has changed since, `SECRET_REFUSED` when the
 *   sealed secrets are missing or are others
 */
export async function takeUp(tools: Tools, ledger: OpenLedger, history: History): Promise<TakenUp> {
  if (history.runbook !== tools.runbook.name || history.runbookDigest !== tools.runbook.digest) {
    throw new RotctlError(
      'INPUT_INVALID',
      `runbook ${tools.runbook.name} is not the one that rotation ${history.id} began with`,
      {
        hint: `a rotation ends by the runbook that it began with, here ${history.runbook}: name its file with --runbook, as it was then`,
      },
    );
  }
  const now = inventoryOf(tools.fleet, history.inventory.clients, history.inventory.beginning);
  requireSame('templates', history.inventory.templates, now.templates);
  requireSameReplicas(history, tools.fleet);
  const stillThere = (names: readonly string[]) => names.filter((name) => !history.gone.has(name));
  requireSame('replicas', stillThere(history.inventory.replicas), stillThere(now.replicas));
  const unknown = history.inventory.clients.filter((id) => !tools.fleet.clients.some((client) => client.id === id));
  if (unknown.length > 0)
    throw new RotctlError('INPUT_INVALID', `the fleet has lost client ${unknown.join(', ')} since the rotation began`);
  const isOfCertificates = tools.runbook.scheme === 'mtls';
  const pairs = await (isOfCertificates ? presentPairs(tools, history.inventory.clients) : openPairs(tools, history));
  const journal = new Journal(
    ledger,
    settingOf(tools.runbook.program, history.inventory),
    { rotation: history.id, fleet: tools.fleet.name, runbook: history.runbook },
    history.rotation,
  );
  const { terms } = history;
  if (terms !== undefined) learnKeyIds(tools, pairs, terms, DESTROYED_IN[history.rotation.phase]);
  const certificates = isOfCertificates
    ? openedTerms(await tools.vault.open(history.id), history.fingerprints, history.id)
    : undefined;
  return { journal, pairs, history, terms, certificates };
}

/** While certificates rotate, every client signs with the secret that it has. @throws RotctlError as reading it does */
async function presentPairs(tools: Pick<Tools, 'readCurrent'>, clients: readonly string[]): Promise<Pairs> {
  const present = await tools.readCurrent(clients);
  return new Map([...present].map(([id, secret]) => [id, { current: secret, next: secret }]));
}

function requireSame(what: string, before: readonly string[], now: readonly string[]): void {
  if (before.length === now.length && before.every((name) => now.includes(name))) return;
  const list = (names: readonly string[]) => (names.length === 0 ? 'none' : names.join(', '));
  throw new RotctlError(
    'INPUT_INVALID',
    `the fleet's ${what} are not those that the rotation began with: ${list(before)} then, ${list(now)} now`,
  );
}

/** The generation that the end of a phase destroys: after a crash it may be gone before the ledger says so. */
const DESTROYED_IN: Readonly<Partial<Record<Phase, SealedGeneration>>> = {
  destroying: 'current',
  destroyed: 'current',
  closing: 'next',
  'rolled-back': 'next',
};

/** The sealed secrets; for a generation that is destroyed by design, the one that is left stands in, as nothing asks for it any more. */
async function openPairs(tools: Tools, history: History): Promise<Pairs> {
  const gone = DESTROYED_IN[history.rotation.phase];
  const material = await tools.vault.open(history.id);
  const pairs = new Map<string, Pair>();
  for (const client of history.inventory.clients) {
    const sealed = material?.[client] ?? {};
    const current = sealed.current ?? (gone === 'current' ? sealed.next : undefined);
    const next = sealed.next ?? (gone === 'next' ? sealed.current : undefined);
    const wanted = history.fingerprints[client];
    if (current === undefined || next === undefined || wanted === undefined) {
      throw new RotctlError(
        'SECRET_REFUSED',
        `the sealed secrets of ${client} for rotation ${history.id} are missing`,
        {
          hint: 'restore the vault folder from a copy',
        },
      );
    }
    if (sealed.next !== undefined && next.fingerprint !== wanted.next) {
      throw new RotctlError('SECRET_REFUSED', `the sealed next of ${client} is not the one that the ledger names`);
    }
    const ids = history.ids[client];
    const reached = await reachKeys(tools, history, client, { current, next }, gone);
    pairs.set(client, { ...reached, ...(ids === undefined ? {} : { ids }) });
  }
  return pairs;
}
