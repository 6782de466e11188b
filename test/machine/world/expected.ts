import { accepts, probeWith } from '../../../src/machine/safety/verify.ts';
import type { Model, World } from '../../../src/machine/safety/world.ts';
import type { RotatingGeneration } from '../../../src/machine/step.ts';

/** What is, or should be, seen in each place, by the name of the place. */
export type Sight = ReadonlyMap<string, string>;

/** Both generations, in the order in which they are asked. */
export const GENERATIONS: readonly RotatingGeneration[] = ['current', 'next'];

/** What is seen of a replica that does not run. */
export const DOWN = 'nobody answers';

/** The names of places: the same for what the model says and for what is seen. */
export const placeOf = {
  cell: (replica: string, generation: RotatingGeneration, client: string) => `${generation} of ${client} at ${replica}`,
  acceptorDisk: (acceptor: string, client: string) => `what the file of ${acceptor} lists for ${client}`,
  clientDisk: (client: string) => `what the file of ${client} signs with`,
  traffic: (client: string) => `what ${client} really signs with`,
};

/** The evidence matrix that the model predicts: what a probe with each generation meets at each replica. */
export function expectedMatrix({ scheme, setting }: Model, world: World): Sight {
  const { replicas, clients } = setting.inventory;
  return new Map(
    replicas.flatMap((replica, index) =>
      GENERATIONS.flatMap((generation) => {
        const memory = world.replicas[index]?.memory;
        const answer = memory !== undefined && accepts(scheme, memory, probeWith(generation));
        const seen = memory === undefined ? DOWN : answer ? 'ACCEPTED' : 'AUTH_INVALID_HMAC';
        return clients.map((client) => [placeOf.cell(replica, generation, client), seen] as const);
      }),
    ),
  );
}

/** What the model says of every configuration file, in its order. */
export function expectedDisks({ setting }: Model, world: World): Sight {
  const { templates, replicas, clients } = setting.inventory;
  const lists = [
    ...templates.map((name, index) => [name, world.templates[index]?.accepts] as const),
    ...replicas.map((name, index) => [name, world.replicas[index]?.disk.accepts] as const),
  ];
  return new Map([
    ...lists.flatMap(([name, list]) =>
      clients.map((client) => [placeOf.acceptorDisk(name, client), (list ?? []).join(', ')] as const),
    ),
    ...clients.map((client, index) => [placeOf.clientDisk(client), world.clients[index]?.disk.signs ?? ''] as const),
  ]);
}

/** What the model says that each client signs with. */
export function expectedTraffic({ setting }: Model, world: World): Sight {
  return new Map(
    setting.inventory.clients.map((client, index) => [
      placeOf.traffic(client),
      world.clients[index]?.memory.signs ?? '',
    ]),
  );
}

/** Where two sights differ, one line each; a place that only one of them has is a difference too. */
export function differences(expected: Sight, seen: Sight): string[] {
  const places = new Set([...expected.keys(), ...seen.keys()]);
  return [...places].flatMap((place) => {
    const [wanted = 'nothing', got = 'nothing'] = [expected.get(place), seen.get(place)];
    return wanted === got ? [] : [`${place}: expected ${wanted}, seen ${got}`];
  });
}

/** The part of a sight that is in some places. */
export function inPlaces(sight: Sight, isPlace: (place: string) => boolean): Sight {
  return new Map([...sight].filter(([place]) => isPlace(place)));
}
