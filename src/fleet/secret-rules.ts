import { durationText } from '../document/scalars.ts';
import type { Path, Refuse } from './refuse.ts';
import type { FleetInput } from './schema.ts';

type ClientInput = FleetInput['clients'][number];
type Signer = NonNullable<ClientInput['signer']>;

/** The rules of a fleet file on where secrets live. */
export function checkSecretPlaces(fleet: FleetInput, refuse: Refuse): void {
  for (const [index, client] of fleet.clients.entries()) {
    if (client.signer !== undefined) checkSigner(fleet, client, client.signer, index, refuse);
    checkPassed(client, index, refuse);
    if (client.next?.from === 'sealed') {
      refuse(
        ['clients', index, 'next', 'from'],
        'sealed is where rotctl keeps secrets; leave next out to have it made',
      );
    }
  }
  checkDescriptors(fleet, refuse);
}

function checkSigner(fleet: FleetInput, client: ClientInput, signer: Signer, index: number, refuse: Refuse): void {
  const at = ['clients', index];
  const own = signerProblems(fleet, client, signer);
  for (const [path, message] of own) refuse([...at, ...path], message);
  const { usage, replicas, templates } = fleet;
  if ([usage].flat().some((source) => source?.from === 'metrics' && source.fingerprint === 'sha256')) {
    const why = `is made from the bytes of a secret, which the signer of ${client.id} does not show`;
    refuse(['usage'], `fingerprint sha256 ${why}; have your service show fingerprint rotctl`);
  }
  if (own.length > 0) return;
  const deploys: readonly (readonly [Path, { readonly driver?: string | undefined }])[] = [
    ...replicas.map(({ deploy }, n) => [['replicas', n, 'deploy'], deploy] as const),
    ...templates.map(({ deploy }, n) => [['templates', n, 'deploy'], deploy] as const),
    ...(client.deploy === undefined ? [] : [[[...at, 'deploy'], client.deploy] as const]),
  ];
  for (const [path, deploy] of deploys) {
    if (!writesValues(deploy)) continue;
    const why = `writes secrets as values, and ${client.id} has a signer that shows none`;
    refuse(path, `${why}; use driver command, which is told the generation and the fingerprint`);
  }
}

/** What is wrong with a signer by itself, each below the client. */
function signerProblems(
  { protocol, replay }: FleetInput,
  client: ClientInput,
  signer: Signer,
): (readonly [Path, string])[] {
  const problems: (readonly [Path, string])[] = [];
  const words = signer.command.join(' ');
  const byKeyId = words.includes('{keyId}');
  if (protocol === 'gate-v1')
    problems.push([['signer'], 'is not for protocol gate-v1, whose variables hold the secret']);
  if (client.secret !== undefined)
    problems.push([['secret'], 'is not for a client with a signer, whose key is not read']);
  if (client.next !== undefined) {
    problems.push([['next'], 'is not for a client with a signer; use signer.create or signer.keyIds.next']);
  }
  if (!byKeyId && !words.includes('{generation}')) {
    problems.push([['signer', 'command'], 'needs {generation} or {keyId}, or it signs with one key whatever is meant']);
  }
  if (byKeyId && signer.keyIds.current === undefined) {
    problems.push([['signer', 'keyIds'], 'needs current, because the command has {keyId}']);
  }
  if (byKeyId && signer.keyIds.next === undefined && signer.create === undefined) {
    problems.push([['signer', 'keyIds'], 'needs next, or a create command that prints it: the command has {keyId}']);
  }
  if (signer.deadline >= replay.maxAge) {
    const got = `${durationText(signer.deadline)} is not less than ${durationText(replay.maxAge)}`;
    problems.push([['signer', 'deadline'], `must be less than replay.maxAge (${got}), or a late signature is refused`]);
  }
  return problems;
}

/** Whether a driver writes the secret's own text. */
function writesValues({ driver }: { readonly driver?: string | undefined }): boolean {
  return driver !== 'command';
}

/** A variable that holds a secret would reach the commands that are given it by name. */
function checkPassed(client: ClientInput, index: number, refuse: Refuse): void {
  for (const key of ['secret', 'next'] as const) {
    const reference = client[key];
    if (reference?.from !== 'env') continue;
    const passed = [client.secret, client.next].flatMap((one) => (one?.from === 'command' ? one.env : []));
    if ([...passed, ...(client.signer?.env ?? [])].includes(reference.variable)) {
      refuse(
        ['clients', index, key, 'variable'],
        'is passed on to a command too; a variable that holds a secret is not',
      );
    }
  }
}

/** A descriptor is read once, so that it can be the place of one secret only. */
function checkDescriptors({ clients }: FleetInput, refuse: Refuse): void {
  const seen = new Map<number, string>();
  for (const [index, client] of clients.entries()) {
    for (const key of ['secret', 'next'] as const) {
      const reference = client[key];
      if (reference?.from !== 'fd') continue;
      const first = seen.get(reference.fd);
      if (first !== undefined) refuse(['clients', index, key, 'fd'], `is the descriptor of ${first} too`);
      seen.set(reference.fd, `${key} of ${client.id}`);
    }
  }
}
