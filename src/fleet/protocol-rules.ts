import { type AnyDeploy, gateVariablesPlace } from './deploy-place.ts';
import type { Path, Refuse } from './refuse.ts';
import type { FleetInput } from './schema.ts';
import { checkScheme } from './scheme-rules.ts';

/** What of a fleet file belongs to its protocol and to no other. */
export function checkProtocol(fleet: FleetInput, refuse: Refuse): void {
  if (fleet.protocol === 'gate-v1') checkGate(fleet, refuse);
  else checkKeyring(fleet, refuse);
  if (fleet.protocol === 'described') checkScheme(fleet, refuse);
  else if (fleet.scheme !== undefined)
    refuse(['scheme'], `is only for protocol described, and this fleet says ${fleet.protocol}`);
}

function deploys({ replicas, templates, clients }: FleetInput): { deploy: AnyDeploy; path: Path; isClient: boolean }[] {
  const placed = (key: string, items: readonly { readonly deploy?: AnyDeploy | undefined }[]) =>
    items.flatMap(({ deploy }, index) =>
      deploy === undefined ? [] : [{ deploy, path: [key, index, 'deploy'], isClient: key === 'clients' }],
    );
  return [...placed('replicas', replicas), ...placed('templates', templates), ...placed('clients', clients)];
}

function refuseGiven(values: object, names: readonly string[], at: Path, why: string, refuse: Refuse): void {
  const given = new Map(Object.entries(values));
  for (const name of names) if (given.get(name) !== undefined) refuse([...at, name], why);
}

/** Whether the place is a JSON text, which has no variables. */
function isJson(deploy: AnyDeploy): boolean {
  return deploy.driver === 'json-file' || (deploy.driver === 'ansible' && deploy.file === 'json');
}

const GATE_PROBE = ['tool', 'session', 'actor', 'conviction', 'params'];

function checkKeyring(fleet: FleetInput, refuse: Refuse): void {
  const why = 'is only for protocol gate-v1';
  for (const { deploy, path, isClient } of deploys(fleet)) {
    refuseGiven(deploy, ['variables', 'secretFiles'], path, why, refuse);
    if (deploy.driver === 'json-file' || deploy.driver === 'command' || isJson(deploy)) continue;
    const [name, value] = deploy.driver === 'kubernetes' ? ['key', deploy.key] : ['variable', deploy.variable];
    if (value === undefined) refuse([...path, name], 'is missing');
    if (deploy.format === undefined && !isClient) refuse([...path, 'format'], 'is missing: list, json or single');
  }
  refuseGiven(fleet.probe, GATE_PROBE, ['probe'], why, refuse);
  for (const [index, client] of fleet.clients.entries())
    refuseGiven(client, ['actor'], ['clients', index], why, refuse);
}

function checkGate(fleet: FleetInput, refuse: Refuse): void {
  const why = 'is not for protocol gate-v1';
  for (const { deploy, path } of deploys(fleet)) {
    if (deploy.driver === 'json-file' || isJson(deploy)) {
      const field = deploy.driver === 'ansible' ? 'file' : 'driver';
      refuse(
        [...path, field],
        `${why}, whose settings are variables; use ${field === 'file' ? 'env' : 'env-file or command'}`,
      );
      continue;
    }
    refuseGiven(
      deploy,
      ['variable', 'key', 'format', 'pointer', 'separator'],
      path,
      `${why}, whose variables have names of their own`,
      refuse,
    );
  }
  refuseGiven(fleet.probe, ['body'], ['probe'], `${why}, whose body is made of tool, session and params`, refuse);
  for (const need of ['tool', 'session'] as const) {
    if (fleet.probe[need] === undefined) refuse(['probe'], `needs ${need} for protocol gate-v1`);
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
    if (deploy === undefined) continue;
    const place = gateVariablesPlace(deploy);
    const gate = gates.find((one) => gateVariablesPlace(one.deploy) === place);
    if (place !== undefined && gate !== undefined) {
      refuse(
        ['clients', index, 'deploy'],
        `reads the same variables as ${gate.name}; gates change before signing services, so each needs a file of its own`,
      );
    }
  }
}
