import { compose, type Verdict } from '../../errors/verdict.ts';
import type { Replica } from '../../fleet/fleet.ts';
import { oddIdentities } from '../../pki/odd.ts';
import { askPresenting, type Control } from '../certificate-refusal.ts';
import type { Identity, Presented, TlsVersion } from '../ports.ts';
import { ask } from '../retry.ts';
import type { Check, CheckContext, MtlsLook } from './check.ts';
import { type Offered, offeredBy, sayVersion } from './handshake-versions.ts';
import { onReplicas, type Sight } from './on-replicas.ts';

/** What a certificate is to meet. */
type Expect = 'ACCEPTED' | 'AUTH_MTLS_REQUIRED';

/** One row of the matrix: what is presented, how it is called in words, and what it is to meet. */
interface Row {
  readonly name: string;
  readonly presented: Presented;
  readonly expect: Expect;
}

interface Cell {
  readonly verdict: Verdict;
  /** `TLS 1.2: AUTH_MTLS_REQUIRED`. */
  readonly seen: string;
  readonly reason?: string;
  readonly samples: number;
}

/** Rows of a check, or why there are none. */
type Rows = (context: CheckContext) => Promise<readonly Row[] | string>;

interface Matter extends Pick<Check, 'id' | 'title' | 'why' | 'remedy'> {
  readonly rows: Rows;
}

const CANNOT =
  'no key of the authority is at hand to make one with: a rotation tries it where authority.from is rotctl';

const MATTERS: readonly Matter[] = [
  {
    id: 'mtls.generations',
    title: 'the certificates that are in force are accepted, and those that are not are refused',
    why: 'a replica that trusts less than its neighbours locks callers out, and one that trusts more keeps a retired authority alive',
    remedy: 'compare the bundle that the replica has loaded with the one on its disk, and reload it',
    rows: async ({ mtls }) =>
      mtls?.generations?.map(({ generation, identity, expect }) => ({
        name: `the certificate of ${generation}`,
        presented: identity,
        expect,
      })) ?? [{ name: 'our certificate', presented: true, expect: 'ACCEPTED' }],
  },
  {
    id: 'mtls.no-certificate',
    title: 'a caller that shows no certificate is refused, over each version of TLS',
    why: 'traffic that is not mutually authenticated must fail closed',
    remedy: 'require client certificates on the replica, or behind what terminates TLS for it',
    rows: async () => [{ name: 'a request without a certificate', presented: false, expect: 'AUTH_MTLS_REQUIRED' }],
  },
  {
    id: 'mtls.unknown-authority',
    title: 'a certificate of an authority that nobody trusts is refused',
    why: 'a server that asks for a certificate and does not look at who issued it lets everybody in',
    remedy: 'have the server verify client certificates against its bundle, and refuse those that do not chain to it',
    rows: (context) => oddRows(context, ['unknown CA']),
  },
  {
    id: 'mtls.expired',
    title: 'a certificate that is expired, or not valid yet, is refused',
    why: 'the dates are what ends the life of a certificate whose key was lost',
    remedy: 'have the server check the dates of client certificates, and set its clock',
    rows: (context) => oddRows(context, ['expired', 'not yet valid']),
  },
  {
    id: 'mtls.wrong-purpose',
    title: 'a certificate that is for servers only is refused from a caller',
    why: 'otherwise every server of the fleet can pass for a client',
    remedy: 'have the server check the extended key usage of client certificates (clientAuth)',
    rows: (context) => oddRows(context, ['wrong purpose']),
  },
];

/** The handshake matrix: which client certificates a replica accepts over TLS 1.2 and 1.3, and what it shows itself. */
export const MTLS_CHECKS: readonly Check[] = MATTERS.map(({ id, title, why, remedy, rows }) => ({
  id,
  group: 'mtls',
  protocol: ['keyring-v1', 'described'],
  critical: true,
  title,
  why,
  remedy,
  needs: ['tls', 'required-certificate', 'client-certificate'],
  look: async (context) => {
    const given = await rows(context);
    if (typeof given === 'string') {
      const none = { expected: 'AUTH_MTLS_REQUIRED', seen: 'not sent', samples: 0, ms: 0 };
      return [{ ...none, target: 'fleet', verdict: 'not-applicable', reason: given }];
    }
    return onReplicas(context, async (replica) => lookAt(context, replica, id, given));
  },
}));

async function lookAt(context: CheckContext, replica: Replica, id: string, rows: readonly Row[]): Promise<Sight> {
  const none = { expected: 'a refusal', seen: 'not sent', samples: 0 };
  if (replica.url.protocol !== 'https:') return { ...none, verdict: 'not-applicable', reason: 'its address is http' };
  const accepted = acceptedOf(context.mtls);
  const control = controlOf(context, accepted);
  if (control === undefined) return { ...none, verdict: 'unknown', reason: 'no accepted secret is known' };
  const offered = await offeredBy(context, replica, accepted);
  const cells: Cell[] = [];
  for (const row of rows) {
    for (const one of offered) {
      if (one.kind === 'offered') cells.push(await tryRow(context, replica, row, one.version, control));
      else if (one.kind === 'unclear')
        cells.push({ verdict: 'unknown', seen: 'nothing', reason: one.reason, samples: 0 });
    }
  }
  if (id === 'mtls.generations') cells.push(...offered.flatMap((one) => judgeShown(context, replica, one) ?? []));
  return sightOf(rows, offered, cells);
}

/** What a replica is known to accept, as the runner or the fleet file says. */
function acceptedOf(mtls: MtlsLook | undefined): Presented {
  return mtls?.generations?.find(({ expect }) => expect === 'ACCEPTED')?.identity ?? true;
}

function controlOf({ clients }: CheckContext, certificate: Presented): Control | undefined {
  const [client] = clients;
  const secret = client?.accepted[0]?.secret;
  return client === undefined || secret === undefined ? undefined : { client: client.id, secret, certificate };
}

async function tryRow(
  context: CheckContext,
  replica: Replica,
  { name, presented, expect }: Row,
  version: TlsVersion,
  control: Control,
): Promise<Cell> {
  const { client, secret } = control;
  const keyId = context.prober.keyIdOf(secret);
  const refusal = expect === 'ACCEPTED' ? {} : { refusal: 'due' as const };
  const call = { client, secret, keyId, certificate: presented, version, ...refusal };
  const known = presented === control.certificate ? undefined : { ...control, version };
  const { result, samples } = await askPresenting(context, replica, call, known, 2);
  const { code, reason } = result.outcome;
  const about = `${name} over ${sayVersion(version)}`;
  const cell = { seen: `${sayVersion(version)}: ${code}`, samples };
  if (code !== expect) {
    const isClear = code === 'ACCEPTED' || code === 'AUTH_MTLS_REQUIRED';
    const why = code === 'ACCEPTED' ? `${about} was accepted` : `${about}: ${reason}`;
    return { ...cell, verdict: isClear ? 'fail' : 'unknown', reason: why };
  }
  // What was refused in the handshake has been compared already; what was accepted needs no comparison.
  if (expect === 'ACCEPTED' || samples > 1) return { ...cell, verdict: 'pass' };
  const positive = await ask(
    context.prober,
    context.clock,
    { ...control, keyId, version, endpoint: replica, fresh: true },
    { faults: 2 },
  );
  if (positive.outcome.code === 'ACCEPTED') return { ...cell, samples: samples + 1, verdict: 'pass' };
  const missed = `${about} was refused, but a valid request was not accepted either: ${positive.outcome.reason}`;
  return { ...cell, samples: samples + 1, verdict: 'unknown', reason: missed };
}

/** Whether a replica shows the certificate that it is to show, where that is known. */
function judgeShown({ mtls }: CheckContext, replica: Replica, offered: Offered): Cell | undefined {
  const expected = mtls?.shown?.get(replica.name);
  if (expected === undefined || offered.kind !== 'offered' || offered.shown === expected.fingerprint) return undefined;
  const shown = offered.shown === undefined ? 'no certificate' : `the certificate ${short(offered.shown)}`;
  const wanted = `the one of ${expected.generation}, ${short(expected.fingerprint)}`;
  const reason = `it shows ${shown} over ${sayVersion(offered.version)}, and not ${wanted}`;
  return { verdict: 'fail', seen: shown, reason, samples: 0 };
}

function sightOf(rows: readonly Row[], offered: readonly Offered[], cells: readonly Cell[]): Sight {
  const verdict = compose(cells.map((cell) => cell.verdict));
  const expected = [...new Set(rows.map(({ expect }) => expect))].join(', ');
  const missing = offered.filter(({ kind }) => kind === 'not-offered').map(({ version }) => sayVersion(version));
  const reasons = [
    ...cells.flatMap((cell) => (cell.verdict === verdict && cell.reason !== undefined ? [cell.reason] : [])),
    ...(missing.length === 0 ? [] : [`it does not offer ${missing.join(' and ')}`]),
  ];
  const shown = [
    ...new Set(offered.flatMap((one) => (one.kind === 'offered' && one.shown !== undefined ? [one.shown] : []))),
  ];
  const seen = [...new Set(cells.map((cell) => cell.seen)), ...shown.map((one) => `shows ${short(one)}`)].join(', ');
  return {
    verdict,
    expected,
    seen: seen === '' ? 'nothing' : seen,
    ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
    samples: cells.reduce((sum, { samples }) => sum + samples, 0),
  };
}

function short(fingerprint: string): string {
  return fingerprint.slice(0, 16);
}

const made = new WeakMap<CheckContext, Promise<readonly Identity[]>>();

/** The odd certificates that are given, or the one that needs no authority, which is made on the spot. */
function oddOf(context: CheckContext): Promise<readonly Identity[]> {
  const { mtls, tls, clock } = context;
  if (mtls?.odd !== undefined) return Promise.resolve(mtls.odd);
  const [own] = tls?.files.cert?.certificates ?? [];
  const issuer = tls?.files.ca?.certificates.find((one) => own?.checkIssued(one) === true);
  const authority = issuer === undefined ? undefined : { cert: issuer.toString(), key: undefined };
  const making = made.get(context) ?? oddIdentities({ authority, commonName: 'rotctl', now: clock.now() });
  made.set(context, making);
  return making;
}

async function oddRows(context: CheckContext, names: readonly string[]): Promise<readonly Row[] | string> {
  const odd = (await oddOf(context)).filter(({ name }) => names.includes(name));
  if (odd.length === 0) return context.mtls?.withoutOdd ?? CANNOT;
  return odd.map((identity) => ({
    name: CALLED[identity.name] ?? `a certificate (${identity.name})`,
    presented: identity,
    expect: 'AUTH_MTLS_REQUIRED',
  }));
}

const CALLED: Readonly<Record<string, string>> = {
  'unknown CA': 'a certificate of an unknown authority',
  expired: 'an expired certificate',
  'not yet valid': 'a certificate that is not valid yet',
  'wrong purpose': 'a certificate that is for servers only',
};
