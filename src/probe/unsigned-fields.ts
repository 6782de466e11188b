import type { DescribedScheme, GateProbe } from '../fleet/fleet.ts';
import { placeholdersIn } from '../protocol/described/template.ts';
import type { Signed } from './call.ts';

/** A field of a request that no signature covers, and another value for it that is as harmless. */
export interface UnsignedField {
  /** In words that follow "accepted again with": `other params`. */
  readonly what: string;
  /** @param hex four random hex digits: with others the value is another one again */
  readonly alter: (signed: Signed, hex: string) => Signed;
}

interface GateBody {
  readonly params: Readonly<Record<string, unknown>>;
  readonly conviction: number;
  readonly ts: number;
}

/** What of a fleet's probe says which fields are signed. */
interface Signing {
  readonly gate?: GateProbe | undefined;
  readonly scheme?: Pick<DescribedScheme, 'signs' | 'headers'> | undefined;
}

/** Values that four hex digits have. */
const FRESH = 65_536;
/** The most that `ts` is moved, in milliseconds, so that it leaves no window. */
const MOST_MOVED = 100;

/**
 * Of a gate: what its signature leaves out. A conviction is lowered, and raised by a hundredth at most where it is 0, so that
 * it approves nothing; `idempotency_key` and `cosign` are left out, because a gate answers from a cache for the one, and does
 * something for the other.
 */
const GATE_FIELDS: readonly UnsignedField[] = [
  inBody('other params', ({ params }, fresh) => ({ params: { ...params, rotctl: fresh.toString(16) } })),
  inBody('another conviction', ({ conviction }, fresh) => {
    const part = (1 + fresh) / FRESH / 100;
    return { conviction: conviction > 0 ? conviction * (1 - part) : part };
  }),
  inBody('another fraction of ts', ({ ts }, fresh) => {
    const ms = Math.round(ts * 1000);
    const moved = 1 + (fresh % MOST_MOVED);
    return { ts: (ms % 1000 < 500 ? ms + moved : ms - moved) / 1000 };
  }),
];

/** Headers that every client or proxy may set, and no service does anything for. */
const HEADERS: Readonly<Record<string, (before: string, hex: string) => string>> = {
  'user-agent': (before, hex) => `${before} (${hex})`,
  'x-request-id': (_, hex) => `rotctl-${hex}`,
};

/** What may be altered in captured bytes of a fleet, signature and nonce staying as they are. */
export function unsignedFieldsOf({ gate, scheme }: Signing): readonly UnsignedField[] {
  const signed = scheme === undefined ? [] : placeholdersIn(scheme.signs).map((one) => ('of' in one ? one.of : ''));
  const own = scheme === undefined ? [] : scheme.headers.map(({ name }) => name);
  const taken = new Set([...signed, ...own].map((name) => name.toLowerCase()));
  const headers = Object.entries(HEADERS).filter(([name]) => !taken.has(name));
  return [...(gate === undefined ? [] : GATE_FIELDS), ...headers.map(([name, alter]) => inHeaders(name, alter))];
}

function inHeaders(name: string, alter: (before: string, hex: string) => string): UnsignedField {
  return {
    what: `another ${name}`,
    alter: (signed, hex) => {
      const { headers } = signed.request;
      const changed = { ...headers, [name]: alter(headers[name] ?? '', hex) };
      return { ...signed, request: { ...signed.request, headers: changed } };
    },
  };
}

function inBody(what: string, alter: (body: GateBody, fresh: number) => Partial<GateBody>): UnsignedField {
  return {
    what,
    alter: (signed, hex) => {
      // Our own bytes, written by `signGateCall`.
      const before = JSON.parse(Buffer.from(signed.request.body ?? '').toString('utf8')) as GateBody;
      const body = { ...before, ...alter(before, Number.parseInt(hex, 16)) };
      return { ...signed, request: { ...signed.request, body: Buffer.from(JSON.stringify(body)) } };
    },
  };
}
