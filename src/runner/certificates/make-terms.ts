import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { reveal, Secret } from '../../credential/secret.ts';
import type { CertificateDriver, PlacedCertificates, Shown } from '../../deploy/certificates.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { KeyKind } from '../../fleet/certificates.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { namesOf } from '../../pki/alt-names.ts';
import { bundleText, certificatesOf, unionOf, without } from '../../pki/bundle.ts';
import { issueServer } from '../../pki/issue.ts';
import { keyKindOf, makeKey } from '../../pki/keys.ts';
import { makeRequest } from '../../pki/request.ts';
import { subjectPartsOf } from '../../pki/subject.ts';
import type { NextAuthority } from './next-authority.ts';
import { LISTENER, type Party, partiesOf, partyKey } from './parties.ts';
import type { CertificateTerms, PartyTerms } from './terms.ts';

/** For how long a certificate that only our own listener shows is valid: longer than a rotation takes. */
const LISTENER_DAYS = 90;

/** What the terms of a new rotation are made by. */
export interface MakingTerms {
  readonly fleet: Fleet;
  readonly driver: CertificateDriver;
  /** Makes or reaches the authority that certificates move to, after a present one with a key of this kind. */
  authority(present: KeyKind): Promise<NextAuthority>;
  /** Tells the requests of this rotation from those of others. */
  readonly id: string;
  /** The key of the authority that an earlier rotation of ours has left in force; it counts where it still is. */
  readonly currentAuthorityKey: Secret | undefined;
  /** Unix milliseconds. */
  readonly now: number;
}

/** What a party has now. */
export interface PartyNow {
  readonly party: Party;
  readonly placed: PlacedCertificates;
}

/** Reads what every party has. @throws RotctlError as the driver does */
async function partiesNow(fleet: Fleet, driver: Pick<CertificateDriver, 'read'>): Promise<readonly PartyNow[]> {
  const now: PartyNow[] = [];
  for (const party of partiesOf(fleet)) now.push({ party, placed: await driver.read(party.place) });
  return now;
}

/**
 * Makes the next authority's certificate for every party, and says what each is to trust in every phase. Nothing of the
 * fleet is changed by it, but that a party which keeps its keys makes one.
 *
 * @throws RotctlError `INPUT_INVALID` for what stands there and is none, `DRIVER_FAILED`, `PRECONDITION_FAILED`
 */
export async function makeTerms(making: MakingTerms): Promise<CertificateTerms> {
  const { fleet, driver, currentAuthorityKey: known, id } = making;
  const now = await partiesNow(fleet, driver);
  const withdrawn = authoritiesInUse(now).toSorted(
    (one, other) => Number(fits(other, known)) - Number(fits(one, known)),
  );
  const [present] = withdrawn;
  if (present === undefined) {
    throw new RotctlError(
      'PRECONDITION_FAILED',
      'no certificate of a party chains to an authority that another trusts',
      {
        hint: 'look at the bundles and chains under `certificates`: rotctl check tells what each holds',
      },
    );
  }
  const currentAuthorityKey = fits(present, known) ? known : undefined;
  const authority = await making.authority(keyKindOf(present.publicKey));
  const trust = certificatesOf(authority.trust);
  const parties = new Map<string, PartyTerms>();
  for (const { party, placed } of now) {
    const before = certificatesOf(placed.trust);
    parties.set(partyKey(party), {
      trustBefore: placed.trust,
      trustBoth: bundleText(unionOf(before, trust)),
      trustAfter: bundleText(unionOf(without(before, withdrawn), trust)),
      current: { chain: placed.chain, key: placed.key },
      next: await issued(party, placed, { driver, authority, id }),
    });
  }
  const issuer = currentAuthorityKey === undefined ? undefined : { cert: present, key: currentAuthorityKey };
  parties.set(LISTENER, await listenerTerms(now, { fleet, authority, now: making.now }, issuer));
  return {
    parties,
    authorities: { current: bundleText(withdrawn), next: bundleText(trust) },
    authorityKey: authority.key,
    currentAuthorityKey,
  };
}

/**
 * What a listener of ours shows to clients that are asked whom they trust: a server's certificate of the next authority, and
 * of the present one that of a replica whose key is at hand, or one that is made with the authority's own key.
 */
async function listenerTerms(
  now: readonly PartyNow[],
  { fleet, authority, now: at }: { readonly fleet: Fleet; readonly authority: NextAuthority; readonly now: number },
  present: { readonly cert: X509Certificate; readonly key: Secret } | undefined,
): Promise<PartyTerms> {
  const serverName = dialledName(fleet);
  const servers = now.flatMap(({ party, placed }) => (party.purpose === 'server' ? placed : []));
  const [first] = servers;
  if (first === undefined) throw new RotctlError('INTERNAL', 'a fleet without replicas');
  const fitting = servers.find(({ chain, key }) => key !== undefined && covers(chain, serverName));
  const wish = { commonName: serverName, names: [serverName] };
  const key = await makeKey(kindAfter(authority, first.chain));
  const chain = await authority.issue(await makeRequest({ ...wish, key }), {
    ...wish,
    purpose: 'server',
    name: 'rotctl-listener',
  });
  const made = fitting === undefined && present !== undefined ? await shownBy(present, serverName, at) : undefined;
  return {
    ...{ trustBefore: '', trustBoth: '', trustAfter: '' },
    current: made ?? fitting ?? { chain: first.chain, key: undefined },
    next: { chain, key: Secret.fromText(key) },
  };
}

async function shownBy(
  { cert, key }: { readonly cert: X509Certificate; readonly key: Secret },
  serverName: string,
  now: number,
): Promise<Shown> {
  const authority = { cert: cert.toString(), key: reveal(key).toString('utf8') };
  const wish = { commonName: serverName, dnsNames: [serverName], ipv4: [], now, days: LISTENER_DAYS };
  const issued = await issueServer(authority, wish);
  return { chain: issued.cert, key: Secret.fromText(issued.key) };
}

function fits(authority: X509Certificate, key: Secret | undefined): boolean {
  return key !== undefined && authority.checkPrivateKey(createPrivateKey(reveal(key)));
}

/** The name by which clients dial. */
export function dialledName({ balancer, replicas: [first] }: Pick<Fleet, 'balancer' | 'replicas'>): string {
  return balancer?.serverName ?? first?.serverName ?? '';
}

function covers(chain: string, name: string): boolean {
  const leaf = new X509Certificate(chain);
  return (isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) !== undefined;
}

async function issued(
  party: Party,
  placed: PlacedCertificates,
  { driver, authority, id }: Pick<MakingTerms, 'driver' | 'id'> & { readonly authority: NextAuthority },
): Promise<Shown> {
  const { place, purpose } = party;
  const names = namesFor(party, placed);
  const like = placed.chain;
  const commonName = party.commonName ?? commonNameOf(placed.chain) ?? party.name;
  const kind = kindAfter(authority, placed.chain);
  const key = place.driver === 'command' && place.keys === 'kept' ? undefined : await makeKey(kind);
  const request =
    key === undefined
      ? await driver.request(place, { id, commonName, subject: subjectPartsOf(like, commonName), names, key: kind })
      : await makeRequest({ commonName, names, like, key });
  const chain = await authority.issue(request, {
    purpose,
    names,
    commonName,
    like,
    name: party.kind === 'own' ? 'rotctl' : party.name,
  });
  return { chain, key: key === undefined ? undefined : Secret.fromText(key) };
}

/** What kind of key follows that of a certificate: who reads the one may not be able to read any other. */
function kindAfter({ keyKind }: NextAuthority, chain: string): KeyKind {
  return keyKind ?? keyKindOf(new X509Certificate(chain).publicKey);
}

/** Of a server also the names that its present certificate is for: clients may dial them, and nobody else knows. */
function namesFor({ purpose, names }: Party, { chain }: PlacedCertificates): readonly string[] {
  return purpose === 'client' ? names : [...new Set([...names, ...namesOf(new X509Certificate(chain))])];
}

function commonNameOf(chain: string): string | undefined {
  return /^CN=(.+)$/m.exec(new X509Certificate(chain).subject)?.[1];
}

/** The authorities, in any party's bundle, that have issued what another party shows. */
function authoritiesInUse(now: readonly PartyNow[]): readonly X509Certificate[] {
  const shown = now.flatMap(({ placed }) => certificatesOf(placed.chain));
  const trusted = unionOf(...now.map(({ placed }) => certificatesOf(placed.trust)));
  return trusted.filter((authority) =>
    shown.some((one) => one.checkIssued(authority) && one.verify(authority.publicKey)),
  );
}
