import type { Path, Refuse } from './refuse.ts';
import type { FleetInput } from './schema.ts';

type Deploy = FleetInput['templates'][number]['deploy'];

/** What of a fleet file belongs to its protocol, or to its kind of usage source, and to no other. */
export function checkProtocol(fleet: FleetInput, refuse: Refuse): void {
  const check = fleet.protocol === 'gate-v1' ? checkGate : checkKeyring;
  check(fleet, refuse);
  checkUsage(fleet, refuse);
}

function deploys({ replicas, templates, clients }: FleetInput): { deploy: Deploy; path: Path; isClient: boolean }[] {
  const placed = (key: string, items: readonly { readonly deploy: Deploy }[]) =>
    items.map(({ deploy }, index) => ({ deploy, path: [key, index, 'deploy'], isClient: key === 'clients' }));
  return [...placed('replicas', replicas), ...placed('templates', templates), ...placed('clients', clients)];
}

function refuseGiven(values: object, names: readonly string[], at: Path, why: string, refuse: Refuse): void {
  const given = new Map(Object.entries(values));
  for (const name of names) if (given.get(name) !== undefined) refuse([...at, name], why);
}

const GATE_PROBE = ['tool', 'session', 'actor', 'conviction', 'params'];

function checkKeyring(fleet: FleetInput, refuse: Refuse): void {
  const why = 'is only for protocol gate-v1';
  for (const { deploy, path, isClient } of deploys(fleet)) {
    refuseGiven(deploy, ['variables', 'secretFiles'], path, why, refuse);
    if (deploy.variable === undefined) refuse([...path, 'variable'], 'is missing');
    if (deploy.format === undefined && !isClient) refuse([...path, 'format'], 'is missing: list, json or single');
  }
  refuseGiven(fleet.probe, GATE_PROBE, ['probe'], why, refuse);
  for (const [index, client] of fleet.clients.entries())
    refuseGiven(client, ['actor'], ['clients', index], why, refuse);
  if (fleet.usage?.from === 'ledger') refuse(['usage', 'from'], 'ledger is only for protocol gate-v1');
  if (fleet.usage?.fingerprint === 'key-id') refuse(['usage', 'fingerprint'], 'key-id is only for protocol gate-v1');
}

function checkGate(fleet: FleetInput, refuse: Refuse): void {
  const why = 'is not for protocol gate-v1';
  for (const { deploy, path } of deploys(fleet)) {
    refuseGiven(
      deploy,
      ['variable', 'format', 'pointer', 'separator'],
      path,
      `${why}, whose variables have names of their own`,
      refuse,
    );
  }
  refuseGiven(fleet.probe, ['body'], ['probe'], `${why}, whose body is made of tool, session and params`, refuse);
  for (const need of ['tool', 'session'] as const) {
    if (fleet.probe[need] === undefined) refuse(['probe'], `needs ${need} for protocol gate-v1`);
  }
  const { usage } = fleet;
  if (usage?.from === 'metrics' && usage.fingerprint !== 'key-id') {
    refuse(['usage', 'fingerprint'], 'must be key-id for protocol gate-v1');
  }
  checkActors(fleet, refuse);
  checkOwnFiles(fleet, refuse);
}

/** Evidence is told by actor: each client has its own, and `rotctl` another. */
function checkActors({ clients, probe }: FleetInput, refuse: Refuse): void {
  const actors = new Map([[probe.actor ?? 'rotctl', 'rotctl']]);
  for (const [index, { id, actor = id }] of clients.entries()) {
    const other = actors.get(actor);
    if (other !== undefined) refuse(['clients', index, 'actor'], `is the actor of ${other} too`);
    actors.set(actor, id);
  }
}

/** A gate and a signing service that read one file would change together, and neither could go first. */
function checkOwnFiles(fleet: FleetInput, refuse: Refuse): void {
  const { replicas, templates, clients } = fleet;
  const gates = [...replicas, ...templates];
  for (const [index, { deploy }] of clients.entries()) {
    const gate = gates.find((one) => one.deploy.path === deploy.path && secretOf(one.deploy) === secretOf(deploy));
    if (gate !== undefined) {
      refuse(
        ['clients', index, 'deploy'],
        `reads the same variables as ${gate.name}; gates change before signing services, so each needs a file of its own`,
      );
    }
  }
}

function secretOf({ variables }: Deploy): string | undefined {
  return variables?.secret;
}

const METRICS_ONLY = ['metric', 'labels'];
const LEDGER_ONLY = ['entries', 'at', 'client', 'keyId'];

function checkUsage({ usage }: FleetInput, refuse: Refuse): void {
  if (usage === undefined) return;
  const [own, other] = usage.from === 'ledger' ? [LEDGER_ONLY, METRICS_ONLY] : [METRICS_ONLY, LEDGER_ONLY];
  refuseGiven(usage, other, ['usage'], `is not for a usage source from ${usage.from}`, refuse);
  const given = new Map(Object.entries(usage));
  for (const name of own) {
    if (name !== 'entries' && given.get(name) === undefined) refuse(['usage'], `needs ${name} from ${usage.from}`);
  }
}
