import { tellsClientsApart } from './deploy-place.ts';
import type { Refuse } from './refuse.ts';
import type { FleetInput } from './schema.ts';

/** What of a fleet file belongs to clients with a second id: each names its place, and every signer tells the ids apart. */
export function checkSecondIds(fleet: FleetInput, refuse: Refuse): void {
  const { clients, protocol } = fleet;
  const owners = new Map(clients.map(({ id }) => [id, id]));
  for (const [index, { id, second, deploy }] of clients.entries()) {
    const at = ['clients', index] as const;
    const given = (['idVariable', 'idPointer'] as const).filter((name) => fieldOf(deploy ?? {}, name) !== undefined);
    if (second === undefined) {
      for (const name of given) refuse([...at, 'deploy', name], 'is only for a client with a second id');
      continue;
    }
    if (protocol !== 'keyring-v1') refuse([...at, 'second'], 'is only for protocol keyring-v1');
    const owner = owners.get(second);
    if (owner !== undefined) refuse([...at, 'second'], `is an id of client ${owner} already`);
    owners.set(second, id);
    if (deploy?.driver === 'command') {
      refuse(
        [...at, 'deploy'],
        'is of driver command, which changes secrets and no client ids: use env-file or json-file',
      );
    } else if (given.length === 0) {
      refuse([...at, 'deploy'], 'needs idVariable (or idPointer), where the client reads the id that it sends');
    }
  }
  checkAcceptors(fleet, refuse);
}

function checkAcceptors({ clients, replicas, templates }: FleetInput, refuse: Refuse): void {
  const twice = clients.some(({ second }) => second !== undefined);
  const acceptors = [
    ...replicas.map(({ deploy }, index) => ({ deploy, at: ['replicas', index, 'deploy'] })),
    ...templates.map(({ deploy }, index) => ({ deploy, at: ['templates', index, 'deploy'] })),
  ];
  const withDefault = acceptors.filter(({ deploy }) => fieldOf(deploy, 'defaultClient') !== undefined);
  for (const { deploy, at } of acceptors) {
    const names = fieldOf(deploy, 'defaultClient') !== undefined;
    if (twice && !tellsClientsApart(deploy)) refuse(at, 'needs {client} or {CLIENT}, because a client has two ids');
    if (names && !twice) refuse([...at, 'defaultClient'], 'is only for a fleet whose clients have a second id');
    if (!names && withDefault.length > 0) {
      refuse(at, 'needs defaultClient, because another replica has one: a fleet has a default client id or has none');
    }
  }
}

function fieldOf(deploy: object, name: string): unknown {
  return new Map<string, unknown>(Object.entries(deploy)).get(name);
}
