import type { Scheme } from '../scheme.ts';
import type { ClientSettings, ReplicaSettings, RotatingGeneration } from '../step.ts';
import type { Message, Model, World } from './world.ts';

/** What one party goes by, in words. */
export interface Holding {
  readonly party: string;
  readonly kind: 'replica' | 'client' | 'template';
  readonly now: string;
  /** What it would go by after a restart, where that differs. */
  readonly afterRestart?: string;
}

/** What every party holds in a world, in inventory order. */
export function holdingsIn({ scheme, setting }: Model, world: World): Holding[] {
  const { replicas, clients, templates } = setting.inventory;
  return [
    ...templates.map((party, index) => ({
      party,
      kind: 'template' as const,
      now: sayServer(scheme, world.templates[index]),
    })),
    ...replicas.map((party, index) => {
      const { memory, disk } = world.replicas[index] ?? {};
      return { party, kind: 'replica' as const, ...both(sayServer(scheme, memory), sayServer(scheme, disk)) };
    }),
    ...clients.map((party, index) => {
      const { memory, disk } = world.clients[index] ?? {};
      return { party, kind: 'client' as const, ...both(sayClient(scheme, memory), sayClient(scheme, disk)) };
    }),
  ];
}

function both(now: string, then: string): Pick<Holding, 'now' | 'afterRestart'> {
  return now === then ? { now } : { now, afterRestart: then };
}

/** What a verifying process goes by; one that is down goes by nothing. */
export function sayServer(scheme: Scheme, settings: ReplicaSettings | undefined): string {
  if (settings === undefined) return 'is down';
  const { presents, strict, revokes, keyIds, defaultId, namespace } = settings;
  const verb = scheme === 'mtls' ? 'trusts' : 'accepts';
  return [
    `${verb} ${alone(settings.accepts)}`,
    ...(scheme === 'mtls' ? [`shows ${presents}`] : []),
    ...(scheme === 'gate' && keyIds === 'own' ? ['own key ids'] : []),
    ...(defaultId === 'none' ? [] : [`takes ${defaultId} for the default`]),
    ...(strict ? ['strict'] : []),
    ...(revokes.length > 0 ? [`revokes the id of ${revokes.join(' and ')}`] : []),
    ...(namespace === 'other' ? ['another namespace of nonces'] : []),
  ].join(', ');
}

/** Which authorities a verifying process trusts. */
export function sayTrust(settings: ReplicaSettings | undefined): string {
  return settings === undefined ? 'is down' : `trusts ${alone(settings.accepts)}`;
}

function sayClient(scheme: Scheme, settings: ClientSettings | undefined): string {
  if (settings === undefined) return 'is unknown';
  const { signs, dual, keyIds, accepts } = settings;
  if (scheme === 'mtls') return `shows ${signs}, trusts ${alone(accepts)}`;
  const other = signs === 'current' ? 'next' : 'current';
  const labels = scheme === 'gate' ? (keyIds === 'own' ? ', own key ids' : ', default key ids') : '';
  return `signs with ${signs}${dual ? ` and ${other}` : ''}${labels}`;
}

function alone(generations: readonly RotatingGeneration[]): string {
  return generations.length === 1 ? `${generations[0]} alone` : generations.join(' and ');
}

/** A request, by what it bears. */
export function sayMessage(scheme: Scheme, { signs, keyIds }: Message): string {
  const one = signs.length === 1;
  const own = one ? 'its own key id' : 'their own key ids';
  const usual = one ? 'the default key id' : 'the default key ids';
  const labels = scheme === 'gate' ? ` under ${keyIds === 'own' ? own : usual}` : '';
  return `signed with ${signs.join(' and ')}${labels}`;
}

/** How a party of the scheme says no. */
export const REFUSAL: Readonly<Record<Scheme, string>> = {
  keyring: 'AUTH_INVALID_HMAC',
  gate: '401 invalid request signature',
  mtls: 'the handshake fails',
};
