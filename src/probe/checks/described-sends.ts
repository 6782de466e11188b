import type { DescribedScheme } from '../../fleet/fleet.ts';
import { has, placeholdersIn } from '../../protocol/described/template.ts';
import { partsLeftOut } from './left-out.ts';
import { isSent, signsBody } from './scheme-lacks.ts';
import type { SendSizes, Sends } from './send-sizes.ts';

/** What closes each look of the checklist: a valid request, and one with a wrong secret. */
const CLOSED = { ACCEPTED: 1, AUTH_INVALID_HMAC: 1 } as const;
const STRANGERS = 3;

type Sizes = Pick<SendSizes, 'clients' | 'accepted' | 'fleet'>;
type Count = (scheme: DescribedScheme, sizes: Sizes) => Sends;

/** What a check sends to a fleet that describes its own scheme, where that is not what it sends to every fleet. */
const SENDS: Readonly<Record<string, Count>> = {
  'control.unsigned': (scheme) => ({
    first: { AUTH_INVALID_SIGNATURE_FORMAT: partsLeftOut({ gate: undefined, scheme }).length },
    each: { AUTH_INVALID_SIGNATURE_FORMAT: 1, AUTH_INVALID_HMAC: 1, ACCEPTED: 1 },
  }),
  'control.tampered-body': (scheme) =>
    signsBody(scheme) ? { each: { AUTH_INVALID_HMAC: scheme.fields.length > 0 ? 1 : 2, ACCEPTED: 1 } } : {},
  'control.tampered-request': ({ signs }) => {
    const isPath = has(signs, 'path') || has(signs, 'target');
    const isQuery = has(signs, 'query') || has(signs, 'target');
    const refused = Number(isPath) + Number(has(signs, 'method'));
    const other = refused + Number(isQuery);
    return other === 0 ? {} : { first: { AUTH_INVALID_HMAC: refused, OTHER: other, ACCEPTED: 1 } };
  },
  'control.tampered-fields': ({ signs }) => {
    const names = placeholdersIn(signs).map(({ name }) => name);
    const refused = names.filter((name) => ['timestamp', 'nonce', 'client', 'keyId'].includes(name)).length;
    const other = names.filter((name) => name === 'header' || name === 'field').length;
    return refused + other === 0 ? {} : { first: { AUTH_INVALID_HMAC: refused, OTHER: other, ACCEPTED: 1 } };
  },
  'control.signature-exact': () => ({ first: { AUTH_INVALID_HMAC: 3, ACCEPTED: 1 } }),
  'control.foreign-secret': (scheme, { clients }) => {
    if (clients < 2 || !isSent(scheme, 'client')) return {};
    const each = scheme.keyId === undefined ? 1 : 2;
    return { each: { AUTH_INVALID_HMAC: each * Math.min(STRANGERS, clients - 1), ACCEPTED: 1 } };
  },
  'scheme.valid-accepted': (_scheme, { accepted }) => ({ each: { ...CLOSED, ACCEPTED: accepted + 1 } }),
  'scheme.any-signature': ({ between }, { accepted }) =>
    between === undefined ? {} : { first: { ACCEPTED: 2 * accepted + 1, AUTH_INVALID_HMAC: 2 } },
  'scheme.stale-refused': ({ timestamp, tellsTime }) => {
    if (timestamp === undefined) return {};
    return { first: tellsTime ? { ...CLOSED, AUTH_TIMESTAMP_SKEW: 2 } : { ...CLOSED, AUTH_INVALID_HMAC: 3 } };
  },
  'scheme.unknown-client': (scheme) => {
    const ids = [isSent(scheme, 'client'), isSent(scheme, 'keyId')];
    if (!ids.includes(true)) return {};
    const [client, keyId] = ids.map(Number) as [number, number];
    return { nobody: { AUTH_INVALID_CLIENT: client }, first: { ...CLOSED, AUTH_INVALID_HMAC: keyId + 1 } };
  },
  'scheme.certificate-required': (_scheme, { fleet }) =>
    fleet.tls.required ? { first: { AUTH_MTLS_REQUIRED: 1, ACCEPTED: 1 } } : {},
};

/**
 * What a check sends to a fleet of this scheme; `undefined` where that is what it sends to every fleet. What the scheme
 * lacks is not looked at, and nothing is sent for it.
 */
export function describedSends(id: string, scheme: DescribedScheme, sizes: Sizes): Sends | undefined {
  const { timestamp, singleUse, nonce } = scheme;
  if (!singleUse && id.startsWith('replay.')) return {};
  if (timestamp === undefined && (id === 'clock.window' || id === 'replay.window-end')) return {};
  if (nonce?.form === 'uuid' && id === 'replay.nonce-exact') return {};
  return SENDS[id]?.(scheme, sizes);
}
