import { durationText } from '../document/scalars.ts';
import type { UsageInput } from './evidence-schema.ts';
import { signatureScheme } from './read-scheme.ts';
import type { Path, Refuse } from './refuse.ts';
import type { FleetInput } from './schema.ts';

/** What of usage evidence, logs and clients hangs together: which fields belong to which kind of source, and who moves whom. */
export function checkEvidence(fleet: FleetInput, refuse: Refuse): void {
  const places: [FleetInput['usage'], Path][] = [
    [fleet.usage, []],
    ...fleet.clients.map(({ usage }, index): [FleetInput['usage'], Path] => [usage, ['clients', index]]),
  ];
  for (const [given, path] of places) {
    if (Array.isArray(given)) {
      for (const [index, one] of given.entries()) checkUsage(fleet, one, [...path, 'usage', index], refuse);
    } else if (given !== undefined) checkUsage(fleet, given, [...path, 'usage'], refuse);
  }
  checkLogs(fleet, refuse);
  checkMovable(fleet, refuse);
  checkOverlap(fleet, refuse);
}

type Kind = UsageInput['from'];

/** The fields that each kind of source must have, and those that it may have. */
const FIELDS: Readonly<Record<Kind, { readonly needs: readonly string[]; readonly may: readonly string[] }>> = {
  metrics: { needs: ['metric', 'labels'], may: ['path'] },
  ledger: { needs: ['at', 'client', 'keyId'], may: ['path', 'entries', 'instance'] },
  prometheus: { needs: ['prometheus', 'labels'], may: [] },
  log: { needs: ['pattern'], may: ['own', 'file'] },
  command: { needs: ['pattern', 'command'], may: ['own'] },
  confirmation: { needs: [], may: [] },
};
const ALL = [...new Set(Object.values(FIELDS).flatMap(({ needs, may }) => [...needs, ...may]))];

/** What one source has to have and may have. @param at its place in the file */
export function checkUsage(fleet: FleetInput, usage: UsageInput, at: Path, refuse: Refuse): void {
  const { from } = usage;
  const { needs, may } = FIELDS[from];
  const given = new Map(Object.entries(usage));
  for (const name of ALL) {
    if (given.get(name) !== undefined && !needs.includes(name) && !may.includes(name)) {
      refuse([...at, name], `is not for a usage source from ${from}`);
    }
  }
  const missing = needs.filter((name) => given.get(name) === undefined);
  for (const name of missing) refuse(at, `needs ${name} from ${from}`);
  if (fleet.protocol === 'gate-v1' && usage.fingerprint !== undefined && usage.fingerprint !== 'key-id') {
    refuse([...at, 'fingerprint'], 'must be key-id for protocol gate-v1');
  }
  // Of a scheme whose key ids belong to secrets, they name them.
  const hasKeyIds = fleet.protocol === 'gate-v1' || hasOwnKeyIds(fleet);
  if (!hasKeyIds && usage.fingerprint === 'key-id') {
    refuse([...at, 'fingerprint'], 'key-id is only for protocol gate-v1');
  }
  if (from === 'metrics' && usage.labels?.replica !== undefined) {
    refuse(
      [...at, 'labels', 'replica'],
      'is not for a usage source from metrics: each replica shows a page of its own',
    );
  }
  checkLines(fleet, usage, at, refuse);
  checkServer(usage.prometheus, [...at, 'prometheus'], refuse);
}

function checkLines({ replicas }: FleetInput, usage: UsageInput, at: Path, refuse: Refuse): void {
  const { from, pattern, command = [], file } = usage;
  if (pattern === undefined || (from !== 'log' && from !== 'command')) return;
  const groups = groupsOf(pattern);
  for (const name of ['client', 'key']) {
    if (!groups.includes(name)) refuse([...at, 'pattern'], `needs the named group ${name}, as (?<${name}>\\S+)`);
  }
  const known = ['client', 'key', 'time', 'caller', 'instance'];
  for (const name of groups) {
    if (!known.includes(name))
      refuse([...at, 'pattern'], `has the group ${name}, which is none of ${known.join(', ')}`);
  }
  if (groups.includes('caller') && usage.own !== undefined) {
    refuse([...at, 'own'], 'is not needed: the pattern has the group caller, which tells rotctl by ownCaller');
  }
  if (command.some((word) => word.includes('{since}')) && !groups.includes('time')) {
    refuse([...at, 'pattern'], 'needs the named group time, because the command has {since}');
  }
  if (from !== 'log' || file !== undefined) return;
  const without = replicas.find(({ log }) => log === undefined);
  if (without !== undefined) refuse(at, `needs file, or a log of each replica: ${without.name} has none`);
}

/** The named groups of a pattern. */
export function groupsOf(pattern: RegExp): string[] {
  return [...pattern.source.matchAll(/\(\?<([A-Za-z_]\w*)>/g)].map(([, name = '']) => name);
}

function checkServer(
  server: { readonly url: string; readonly ca?: string | undefined; readonly token?: string | undefined } | undefined,
  at: Path,
  refuse: Refuse,
): void {
  if (server === undefined) return;
  const secure = server.url.startsWith('https:');
  if (secure && server.ca === undefined) refuse(at, 'needs ca, the authorities of the server, for https');
  if (!secure && server.token !== undefined)
    refuse([...at, 'token'], 'is for https only, or it could be read on the way');
}

function checkLogs({ logs }: FleetInput, refuse: Refuse): void {
  if (logs === undefined) return;
  checkServer(logs.prometheus, ['logs', 'prometheus'], refuse);
  if (logs.prometheus === undefined && logs.refused === undefined) refuse(['logs'], 'needs refused, or prometheus');
  for (const name of ['refused', 'own', 'command'] as const) {
    if (logs.prometheus !== undefined && logs[name] !== undefined) refuse(['logs', name], 'is not for prometheus');
  }
  if (logs.factor !== undefined && logs.window === undefined) refuse(['logs', 'factor'], 'needs window');
}

function checkMovable({ clients, protocol }: FleetInput, refuse: Refuse): void {
  for (const [index, { movable, deploy, secret }] of clients.entries()) {
    const at: Path = ['clients', index];
    if (movable === 'us') {
      if (deploy === undefined)
        refuse([...at, 'deploy'], 'is missing; or movable: owner, where somebody else moves it');
      continue;
    }
    if (protocol === 'gate-v1') {
      refuse(
        [...at, 'movable'],
        'must be us for protocol gate-v1, whose services change several variables step by step',
      );
      continue;
    }
    if (deploy !== undefined)
      refuse([...at, 'deploy'], `is not for movable: ${movable}; rotctl leaves such a client alone`);
    if (secret === undefined) refuse(at, `needs secret, where its present secret is read, with movable: ${movable}`);
  }
}

function checkOverlap({ clients, policy }: FleetInput, refuse: Refuse): void {
  if (policy.minOverlap === undefined) return;
  const least = Math.max(
    ...clients.filter(({ cacheTtl }) => cacheTtl > 0).map(({ cadence, cacheTtl }) => cadence + cacheTtl),
  );
  if (policy.minOverlap >= least) return;
  const got = `${durationText(policy.minOverlap)} is less than ${durationText(least)}`;
  refuse(['policy', 'minOverlap'], `must be at least the cadence and cacheTtl of each client (${got})`);
}

function hasOwnKeyIds({ scheme }: FleetInput): boolean {
  return scheme !== undefined && signatureScheme(scheme).keyId !== undefined;
}
