import { Secret } from '../../credential/secret.ts';
import type { Listed } from '../../deploy/driver.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { beginningOf } from '../../machine/as-before.ts';
import type { Task } from '../../machine/roll.ts';
import type { Effect, Inventory, RotatingGeneration } from '../../machine/step.ts';
import { nameOf } from '../key-name.ts';
import { type GenerationIds, idsNow } from '../second-id.ts';
import type { Tools } from '../tools.ts';

/** What one setting of one target would be changed from and to, by names of keys or in words. */
export interface Change {
  readonly target: string;
  /** `accepts of client-a`, `signs with`, …; for what is no setting, what happens, in words. */
  readonly setting: string;
  /** Absent where there is nothing to compare. */
  readonly from?: string;
  readonly to?: string;
}

type Names = { readonly current: string; readonly next: string };
type Settings = Readonly<Record<string, string>>;

/** What stands for a secret that is made when the overlap opens. */
const NOT_MADE = 'next (made when the overlap opens)';

/** What a party goes by when a rotation begins, where a setting is not read from its files. */
function settingsAtFirst(inventory: Inventory): Settings {
  const { strict, keyIds } = beginningOf(inventory);
  return {
    accepts: 'current',
    presents: 'current',
    signs: 'current',
    strict: sayValue(strict),
    revokes: 'nothing',
    keyIds,
    defaultId: 'current',
    namespace: 'declared',
    dual: 'no',
  };
}

/** A setting's name in words, where that differs. */
const IN_WORDS: Settings = { keyIds: 'key ids', defaultId: 'default client id is that of' };

/** What the configuration of every party says, by names of keys, as a plan goes on. */
export class Picture {
  readonly material: ReadonlyMap<string, Names>;
  readonly #held: Map<string, Map<string, string>>;
  readonly #clients: readonly string[];
  readonly #ids: ReadonlyMap<string, GenerationIds>;
  readonly #atFirst: Settings;

  private constructor(
    material: ReadonlyMap<string, Names>,
    held: Map<string, Map<string, string>>,
    inventory: Inventory,
    ids: ReadonlyMap<string, GenerationIds> = new Map(),
  ) {
    this.#ids = ids;
    this.material = material;
    this.#held = held;
    this.#clients = inventory.clients;
    this.#atFirst = settingsAtFirst(inventory);
  }

  /**
   * Reads the configurations of a fleet. The names of an open rotation's secrets are its ledger's; of a new one's, `current`
   * is read from where each client has it, and `next` is not made yet.
   */
  static async take(
    tools: Pick<Tools, 'fleet' | 'runbook' | 'driver' | 'readCurrent'>,
    inventory: Inventory,
    known: Readonly<Record<string, Names>> | undefined,
    knownIds: Readonly<Record<string, GenerationIds>> = {},
  ): Promise<Picture> {
    const { clients } = inventory;
    if (tools.runbook.scheme !== 'keyring') return new Picture(new Map(), new Map(), inventory);
    const material = new Map(Object.entries(known ?? {}));
    if (known === undefined) {
      const present = await tools.readCurrent(clients);
      for (const [id, secret] of present) material.set(id, { current: nameOf(secret), next: NOT_MADE });
    }
    const ids = new Map(Object.entries(knownIds));
    if (known === undefined) {
      for (const client of tools.fleet.clients.filter(({ id }) => clients.includes(id))) {
        const own = await idsNow(tools.driver, client);
        if (own !== undefined) ids.set(client.id, own);
      }
    }
    return new Picture(material, await readAll(tools, clients, ids), inventory, ids);
  }

  /** What a task would change, which is then taken for changed. */
  apply({ step, targets }: Task): Change[] {
    return step.effects.flatMap((effect) => targets.flatMap((target) => this.#change(effect, target)));
  }

  #change(effect: Effect, target: string): Change[] {
    switch (effect.of) {
      case 'template':
      case 'replica':
      case 'client': {
        if ('from' in effect) return [{ target, setting: 'takes up what is on its disk' }];
        const disk = effect.where === 'memory' ? 'in memory ' : '';
        const restored: readonly string[] = effect.restores ?? [];
        return Object.entries(effect.set).flatMap(([setting, value]) => {
          const changes = this.#set(target, disk, setting, value);
          return restored.includes(setting) ? changes.map(sayRestored) : changes;
        });
      }
      case 'flight':
        return [{ target, setting: `waits until no request signed with ${effect.drained} can be on its way` }];
      case 'sessions':
        return [{ target, setting: `ends every session made under ${effect.ended}` }];
      case 'material':
        return [{ target, setting: `the material of ${effect.generation} is ${effect.becomes}` }];
    }
  }

  #set(target: string, where: string, setting: string, value: unknown): Change[] {
    const held = this.#held.get(target) ?? new Map<string, string>();
    this.#held.set(target, held);
    const changed = (name: string, to: string, at: string): Change => {
      const from = held.get(at) ?? this.#atFirst[setting] ?? 'not set';
      held.set(at, to);
      return { target, setting: `${where}${name}`, from, to };
    };
    const isKeyed = this.material.size > 0 && (setting === 'accepts' || setting === 'signs');
    if (!isKeyed) return [changed(IN_WORDS[setting] ?? setting, sayValue(value), setting)];
    const clients = setting === 'signs' ? [target] : this.#clients;
    return clients.flatMap((client) => {
      const generations = (Array.isArray(value) ? value : [value]) as readonly RotatingGeneration[];
      const ids = this.#ids.get(client);
      if (ids !== undefined && setting === 'accepts') {
        return (['current', 'next'] as const).map((generation) => {
          const id = ids[generation];
          const to = generations.includes(generation)
            ? (this.material.get(client)?.[generation] ?? generation)
            : NO_ENTRY;
          return changed(`accepts of ${id}`, to, `accepts ${id}`);
        });
      }
      const to = generations.map((generation) => this.material.get(client)?.[generation] ?? generation).join(', ');
      return changed(setting === 'signs' ? 'signs with' : `accepts of ${client}`, to, `${setting} ${client}`);
    });
  }
}

/** What is put back, with its value; what was never changed is as it is. */
function sayRestored(change: Change): Change {
  return change.from === change.to ? change : { ...change, to: `as before (${change.to ?? ''})` };
}

function sayValue(value: unknown): string {
  if (value === true) return 'yes';
  if (value === false) return 'no';
  return Array.isArray(value) ? value.join(', ') || 'nothing' : String(value);
}

/** What stands for the secrets of a client id that has no entry. */
const NO_ENTRY = 'no entry';

async function readAll(
  { fleet, driver }: Pick<Tools, 'fleet' | 'driver'>,
  clients: readonly string[],
  ids: ReadonlyMap<string, GenerationIds>,
): Promise<Map<string, Map<string, string>>> {
  const held = new Map<string, Map<string, string>>();
  for (const acceptor of acceptorsOf(fleet)) {
    const all = clients.flatMap((client) => Object.values(ids.get(client) ?? { client }));
    const listed = await driver.readAccepted(acceptor, all);
    const twofold = new Set([...ids.values()].flatMap(({ current, next }) => [current, next]));
    const sayListed = (id: string) =>
      twofold.has(id) && listed?.get(id)?.length === 0 ? NO_ENTRY : sayNames(listed?.get(id));
    const names = all.map((id): [string, string] => [`accepts ${id}`, sayListed(id)]);
    held.set(acceptor.name, new Map(names));
  }
  for (const client of fleet.clients.filter(({ id, movable }) => clients.includes(id) && movable === 'us')) {
    const signing = await driver.readSigning(client);
    held.set(client.id, new Map([[`signs ${client.id}`, sayNames(signing === undefined ? undefined : [signing])]]));
  }
  return held;
}

function acceptorsOf({
  templates,
  replicas,
}: Fleet): readonly (Fleet['templates'][number] | Fleet['replicas'][number])[] {
  return [...templates, ...replicas];
}

function sayNames(secrets: readonly Listed[] | undefined): string {
  if (secrets === undefined) return 'what cannot be read';
  const names = secrets.map((one) => (one instanceof Secret ? nameOf(one) : one.fingerprint));
  return names.length === 0 ? 'nothing' : names.join(', ');
}
