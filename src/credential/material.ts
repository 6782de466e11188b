import { RotctlError } from '../errors/rotctl-error.ts';
import { type KeyHolder, reveal, Secret } from './secret.ts';

const SCHEMA = 'rotctl.vault.v1';
const HELD = 'heldElsewhere';

/** Of a key that is held elsewhere only the name was sealed; whoever has it sign asks its holder anew. */
const UNREACHED: KeyHolder = {
  mac: async () => {
    throw new RotctlError('INTERNAL', 'the holder of a sealed key was not asked for');
  },
};

/** The generations that a vault keeps: those that a rotation moves between. */
export type SealedGeneration = 'current' | 'next';

/** The secrets of one rotation, by client id. */
export type Material = Readonly<Record<string, { readonly current?: Secret; readonly next?: Secret }>>;

/**
 * The plain text that is sealed: JSON with the secrets' bytes in base64, or of a secret that is held elsewhere its
 * fingerprint. Never written to a disk as it is.
 */
export function encodeMaterial(material: Material): string {
  const clients = Object.entries(material).map(([client, secrets]) => [
    client,
    Object.fromEntries(Object.entries(secrets).map(([generation, secret]) => [generation, sealable(secret)])),
  ]);
  return JSON.stringify({ schema: SCHEMA, clients: Object.fromEntries(clients) });
}

/** Reads what `encodeMaterial` wrote; throws `INPUT_INVALID`, without content, for anything else. */
export function decodeMaterial(text: string, file: string): Material {
  const refuse = () => new RotctlError('INPUT_INVALID', 'the sealed file does not hold a rotation', { at: { file } });
  const clients = property(parse(text, refuse), 'clients');
  if (!isRecord(clients)) throw refuse();
  return Object.fromEntries(
    Object.entries(clients).map(([client, secrets]) => {
      const current = secretIn(secrets, 'current', refuse);
      const next = secretIn(secrets, 'next', refuse);
      return [client, { ...(current && { current }), ...(next && { next }) }];
    }),
  );
}

/** The material without one generation, and without the clients of which nothing is left. */
export function withoutGeneration(material: Material, generation: SealedGeneration): Material {
  const kept = generation === 'current' ? 'next' : 'current';
  return Object.fromEntries(
    Object.entries(material).flatMap(([client, secrets]) => {
      const secret = secrets[kept];
      return secret === undefined ? [] : [[client, { [kept]: secret }]];
    }),
  );
}

type Refuse = () => RotctlError;

function parse(text: string, refuse: Refuse): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    if (property(parsed, 'schema') === SCHEMA) return parsed;
  } catch {
    // The parser's message would quote secrets.
  }
  throw refuse();
}

function secretIn(secrets: unknown, generation: SealedGeneration, refuse: Refuse): Secret | undefined {
  const encoded = property(secrets, generation);
  if (encoded === undefined) return undefined;
  const held = property(encoded, HELD);
  if (typeof held === 'string') return Secret.heldBy(UNREACHED, held);
  if (typeof encoded !== 'string') throw refuse();
  return Secret.fromBytes(Buffer.from(encoded, 'base64'));
}

function property(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sealable(secret: Secret): string | { readonly [HELD]: string } {
  return secret.isHeldElsewhere ? { [HELD]: secret.fingerprint } : reveal(secret).toString('base64');
}
