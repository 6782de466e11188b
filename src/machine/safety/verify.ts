import type { Scheme } from '../scheme.ts';
import type { ReplicaSettings, RotatingGeneration } from '../step.ts';
import type { Message } from './world.ts';

/** Whether a replica that goes by these settings accepts the message: one good signature is enough. */
export function accepts(scheme: Scheme, settings: ReplicaSettings, message: Message): boolean {
  if (scheme !== 'gate') return message.signs.some((generation) => settings.accepts.includes(generation));
  return message.signs.some((generation, place) => {
    const label = labelOf(generation, place, message.keyIds);
    if (settings.revokes.some((revoked) => label === ownLabel(revoked))) return false;
    if (!settings.accepts.includes(generation)) return false;
    return !settings.strict || namedBy(settings, label) === generation;
  });
}

/** Whether a signature by the generation is accepted under any label that a caller might think of. */
export function acceptsSomehow(settings: ReplicaSettings, generation: RotatingGeneration): boolean {
  const { strict, revokes, keyIds } = settings;
  // Only an own key id can be revoked: a gate that goes by default ones still finds the secret under those.
  return settings.accepts.includes(generation) && !(strict && keyIds === 'own' && revokes.includes(generation));
}

/** A probe's request: signed by one generation, and named by its own key id, or by the one that is usual. */
export function probeWith(generation: RotatingGeneration, keyIds: Message['keyIds'] = 'own'): Message {
  return { signs: [generation], keyIds };
}

/** A key id that belongs to one generation for good. */
function ownLabel(generation: RotatingGeneration): string {
  return `id of ${generation}`;
}

/** The key ids that a gate has by default go by place: the primary secret's, and the other's. */
const DEFAULT_LABELS = ['default id of the primary', 'default id of the other'] as const;

/** The key id that a caller puts to its signature; the primary one is the first. */
function labelOf(generation: RotatingGeneration, place: number, keyIds: Message['keyIds']): string {
  return keyIds === 'own' ? ownLabel(generation) : (DEFAULT_LABELS[place] ?? '');
}

/** The generation that a gate takes a key id for. */
function namedBy(settings: ReplicaSettings, label: string): RotatingGeneration | undefined {
  return settings.accepts.find((generation, place) => label === labelOf(generation, place, settings.keyIds));
}
