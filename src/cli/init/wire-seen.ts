import type { DraftWords } from '../../fleet/draft.ts';
import type { Endpoint } from '../../fleet/fleet.ts';
import type { ProfileName } from '../../fleet/profiles.ts';
import type { Clock, Random, Transport } from '../../probe/ports.ts';
import { signCall } from '../../probe/sign-call.ts';
import { judge } from '../../protocol/judge.ts';
import type { Exchange, RefusalCode } from '../../protocol/outcome.ts';

/** What one replica showed of itself. */
export type WireSeen =
  | { readonly reached: false; readonly why: string }
  | { readonly reached: true; readonly profile: ProfileName | undefined; readonly words: readonly DraftWords[] };

/** What is asked, and with what. */
export interface WireParts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
}

const DEADLINE_MS = 3000;
const MAX_BYTES = 64 * 1024;
const HOUR_MS = 3_600_000;
const GARBAGE = '0'.repeat(64);
const SETTINGS = { method: 'POST', path: '/v1/sign/session-transaction', body: '{"probe":true}' };

/**
 * Asks one replica four times, never with a signature that is right: what it says tells its protocol, and, where it
 * answers in words, which words mean what. Words that two questions have in common mean nothing.
 *
 * @param client a client id that it knows
 */
export async function seeReplica(parts: WireParts, replica: Endpoint, client: string): Promise<WireSeen> {
  const asked: { readonly code: RefusalCode; readonly exchange: Exchange }[] = [];
  for (const { code, offset = 0, as = client, signature = GARBAGE } of QUESTIONS) {
    asked.push({ code, exchange: await ask(parts, replica, { client: as, offset, signature }) });
  }
  const [first] = asked;
  if (first === undefined || first.exchange.kind === 'fault') {
    const why =
      first?.exchange.kind === 'fault' ? `${first.exchange.code} ${first.exchange.detail}`.trim() : 'nothing was asked';
    return { reached: false, why };
  }
  if (asked.some(({ exchange }) => judge(exchange).code !== 'UNKNOWN'))
    return { reached: true, profile: 'keyring-v1', words: [] };
  if (asked.some(({ exchange }) => detail(exchange))) return { reached: true, profile: 'gate-v1', words: [] };
  return { reached: true, profile: undefined, words: wordsOf(asked) };
}

const QUESTIONS: readonly { code: RefusalCode; offset?: number; as?: string; signature?: string }[] = [
  { code: 'AUTH_INVALID_HMAC' },
  { code: 'AUTH_TIMESTAMP_SKEW', offset: -HOUR_MS },
  { code: 'AUTH_INVALID_CLIENT', as: 'rotctl-nobody' },
  { code: 'AUTH_INVALID_SIGNATURE_FORMAT', signature: 'not hex' },
];

async function ask(
  { transport, clock, random }: WireParts,
  replica: Endpoint,
  { client, offset, signature }: { readonly client: string; readonly offset: number; readonly signature: string },
): Promise<Exchange> {
  const call = { client, secret: undefined, timestampOffsetMs: offset, overrideSignature: signature };
  const { request } = await signCall(call, {
    settings: SETTINGS,
    userAgent: 'rotctl/init',
    now: clock.now(),
    freshNonce: () => random.hex(16),
    keyIdOf: () => '',
  });
  return transport.send(replica, request, {
    fresh: true,
    certificate: true,
    deadlineMs: DEADLINE_MS,
    maxBytes: MAX_BYTES,
  });
}

/** Whether an answer has the form of a gate's. */
function detail(exchange: Exchange): boolean {
  return exchange.kind === 'answer' && Object.hasOwn(object(exchange.body), 'detail');
}

function object(body: string): object {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function wordsOf(asked: readonly { readonly code: RefusalCode; readonly exchange: Exchange }[]): DraftWords[] {
  const seen = asked.flatMap(({ code, exchange }) => {
    if (exchange.kind === 'fault') return [];
    const texts = Object.entries(object(exchange.body)).filter(([, value]) => typeof value === 'string');
    const [name, words] = texts.find(([key]) => /error|message|reason/i.test(key)) ?? [];
    if (name === undefined || words === undefined) return [];
    return [
      {
        status: exchange.status,
        pointer: `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`,
        words: String(words),
        outcome: code,
      },
    ];
  });
  const same = (one: DraftWords, other: DraftWords): boolean =>
    one.status === other.status && one.words === other.words;
  return seen.filter((one) => seen.filter((other) => same(one, other)).length === 1);
}
