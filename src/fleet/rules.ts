import type * as z from 'zod';
import { forClient } from '../credential/placeholder.ts';
import { durationText } from '../document/scalars.ts';
import { looksLikeSecret } from '../document/secret-text.ts';
import { addressOf } from './address.ts';
import { checkCertificates } from './certificate-rules.ts';
import { checkChaos } from './chaos-schema.ts';
import { placeForClient, samePlace, sameWorkload, tellsClientsApart } from './deploy-place.ts';
import { checkStores } from './domains.ts';
import { checkEvidence } from './evidence-rules.ts';
import { checkProtocol } from './protocol-rules.ts';
import { signatureScheme } from './read-scheme.ts';
import type { Path, Refuse } from './refuse.ts';
import { checkReplayOn } from './replay-off-rules.ts';
import type { FleetInput } from './schema.ts';
import { checkSecondIds } from './second-id-rules.ts';
import { checkSecretPlaces } from './secret-rules.ts';
import { checkStore } from './store.ts';

/** The rules of a fleet file that hold between fields; the single fields are known to be right. */
export function checkFleet(fleet: FleetInput, context: z.RefinementCtx): void {
  const refuse: Refuse = (path, message, within) =>
    context.addIssue({ code: 'custom', path: [...path], message, params: { within } });
  checkNames(fleet, refuse);
  checkAddresses(fleet, refuse);
  checkPlaceholders(fleet, refuse);
  checkTemplatePlaces(fleet, refuse);
  checkTogether(fleet, refuse);
  checkClientPlaces(fleet, refuse);
  checkTls(fleet, refuse);
  checkProtocol(fleet, refuse);
  checkEvidence(fleet, refuse);
  checkReplay(fleet, refuse);
  checkReplayOn(fleet, refuse);
  checkSecretPlaces(fleet, refuse);
  checkStore(fleet.store, refuse);
  checkStores(fleet, refuse);
  checkChaos(fleet, refuse);
  checkProbeDeadline(fleet, refuse);
  checkSecondIds(fleet, refuse);
  checkCertificates(fleet, refuse);
  checkSecrets(fleet, [], refuse);
}

/** Everything that accepts secrets, each with its place in the file. */
function acceptors({ replicas, templates }: FleetInput) {
  const placed = <Item>(key: string, items: readonly Item[]) =>
    items.map((item, index) => ({ ...item, path: [key, index], text: `${key}[${index}]` }));
  return [...placed('replicas', replicas), ...placed('templates', templates)];
}

function checkNames(fleet: FleetInput, refuse: Refuse): void {
  const { clients } = fleet;
  const named = acceptors(fleet);
  unique(
    named,
    ({ name }) => name,
    (index, first) => refuse([...(named[index]?.path ?? []), 'name'], `is the name of ${named[first]?.text} too`),
  );
  unique(
    clients,
    ({ id }) => id,
    (index, first) => refuse(['clients', index, 'id'], `is the id of clients[${first}] too`),
  );
}

function checkAddresses({ replicas, balancer }: FleetInput, refuse: Refuse): void {
  const address = ({ url }: { readonly url: string }) => addressOf(new URL(url));
  unique(replicas, address, (index, first) =>
    refuse(['replicas', index, 'url'], `is the address of replicas[${first}] too`),
  );
  if (balancer === undefined) return;
  for (const [index, replica] of replicas.entries()) {
    if (address(replica) === address(balancer)) {
      refuse(['replicas', index, 'url'], 'is the address of the balancer; a replica is addressed directly');
    }
  }
}

function checkPlaceholders(fleet: FleetInput, refuse: Refuse): void {
  const { clients, protocol } = fleet;
  if (protocol === 'gate-v1') return;
  for (const { deploy, path, text } of acceptors(fleet)) {
    if (clients.length > 1 && !tellsClientsApart(deploy)) {
      const where =
        { 'json-file': 'pointer', kubernetes: 'key or pointer' }[String(deploy.driver)] ?? 'variable or pointer';
      refuse([...path, 'deploy'], `needs {client} or {CLIENT} in ${where}, because there are several clients`);
      continue;
    }
    unique(
      clients,
      ({ id }) => placeForClient(deploy, id),
      (client, first) =>
        refuse(['clients', client, 'id'], `has the same place as clients[${first}] in the deploy of ${text}`),
    );
  }
}

/** A template that is a replica's own file would be changed with the replica, and never before it. */
function checkTemplatePlaces(fleet: FleetInput, refuse: Refuse): void {
  for (const [index, template] of fleet.templates.entries()) {
    const place = samePlace(template.deploy);
    const replica = fleet.replicas.findIndex((one) => samePlace(one.deploy) === place);
    if (place !== undefined && replica !== -1)
      refuse(['templates', index, 'deploy'], `writes the same place as replicas[${replica}]`);
  }
}

/** Replicas that change with each other: the first batch would be more than one replica, which the owner has to say. */
function checkTogether({ replicas }: FleetInput, refuse: Refuse): void {
  const alone = ({ deploy }: FleetInput['replicas'][number]) => deploy.driver === 'kubernetes' && !deploy.together;
  for (const [same, what] of [
    [samePlace, 'has the Secret'],
    [sameWorkload, 'is of the workload'],
  ] as const) {
    const first = new Map<string, number>();
    for (const [index, replica] of replicas.entries()) {
      const key = replica.deploy.driver === 'kubernetes' ? same(replica.deploy) : undefined;
      if (key === undefined) continue;
      const other = first.get(key);
      if (other === undefined) first.set(key, index);
      else if (alone(replica) || replicas.slice(other, other + 1).some(alone)) {
        refuse(
          ['replicas', index, 'deploy'],
          `${what} of replicas[${other}] too, so that they change together; give each its own, or say together: true in both`,
        );
      }
    }
  }
}

/** Two clients that read one place have one secret, and a client id is not signed. Services of a gate share one, in files of their own. */
function checkClientPlaces({ clients, protocol }: FleetInput, refuse: Refuse): void {
  const place = ({ id, deploy }: FleetInput['clients'][number]) =>
    deploy === undefined ? `none of ${id}` : placeForClient(deploy, id);
  unique(clients, place, (index, first) =>
    refuse(
      ['clients', index, 'deploy'],
      `writes the same place as clients[${first}]; two clients must not share a secret`,
    ),
  );
  if (protocol === 'gate-v1') return;
  const named = clients.flatMap(({ secret, id }, index) =>
    secret === undefined || secret.from === 'sealed' ? [] : [{ secret, id, index }],
  );
  unique(
    named,
    ({ secret, id }) => forClient(JSON.stringify(secret), id),
    (nth, first) =>
      refuse(
        ['clients', named[nth]?.index ?? nth, 'secret'],
        `is the same place as of clients[${named[first]?.index ?? first}]; two clients must not share a secret`,
      ),
  );
}

function checkTls({ tls, replicas, balancer }: FleetInput, refuse: Refuse): void {
  const secure = [...replicas, ...(balancer === undefined ? [] : [balancer])].some(({ url }) =>
    url.startsWith('https:'),
  );
  if (secure && tls.ca === undefined)
    refuse(['tls'], 'needs ca, the authorities of the replicas, where an address is https');
  if ((tls.cert === undefined) !== (tls.key === undefined)) refuse(['tls'], 'needs cert and key together');
  if (tls.required === true && tls.cert === undefined)
    refuse(['tls', 'required'], 'needs cert and key, or no probe gets through');
}

/** Its owner may know that it is too short, and take it so: then it shows as a failed check. */
function checkReplay({ replay, accepts, scheme }: FleetInput, refuse: Refuse): void {
  // What a described scheme does not have, no setting bounds.
  if (scheme !== undefined && (scheme.timestamp === undefined || !signatureScheme(scheme).singleUse)) return;
  const least = 2 * replay.maxAge;
  if (replay.nonceTtl >= least || accepts.some(({ check }) => check === 'replay.ttl-bound')) return;
  const got = `${durationText(replay.nonceTtl)} is less than ${durationText(least)}`;
  refuse(
    ['replay', 'nonceTtl'],
    `must be at least twice maxAge (${got}), or a request can be replayed inside its window (H1): raise the TTL of a nonce on every signer to ${durationText(boundOf(replay))} or more, wait for the old one to pass, and only then say so here`,
  );
}

function boundOf({ maxAge, clockError, storeTimeout }: FleetInput['replay']): number {
  return 2 * maxAge + 2 * clockError + storeTimeout;
}

/** A probe that is answered after its timestamp went stale is refused for its age, and says nothing of its secret. */
function checkProbeDeadline({ probe, replay, scheme }: FleetInput, refuse: Refuse): void {
  if (probe.deadline < replay.maxAge || (scheme !== undefined && scheme.timestamp === undefined)) return;
  const got = `${durationText(probe.deadline)} is not less than ${durationText(replay.maxAge)}`;
  refuse(['probe', 'deadline'], `must be less than replay.maxAge (${got}), or a slow probe is refused for its age`);
}

/** Walks every text of the file. A probe's body may hold anything that looks random, such as a transaction's hash. */
function checkSecrets(value: unknown, path: Path, refuse: Refuse): void {
  if (value instanceof RegExp || path.join('.') === 'probe.body') return;
  if (typeof value === 'string') {
    if (looksLikeSecret(value))
      refuse(path, 'looks like a secret; the fleet file names places where secrets live, never secrets');
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkSecrets(item, [...path, index], refuse);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) checkSecrets(item, [...path, key], refuse);
  }
}

function unique<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string | undefined,
  onRepeat: (index: number, first: number) => void,
): void {
  const seen = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else onRepeat(index, first);
  }
}
