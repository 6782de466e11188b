import type { X509Certificate } from 'node:crypto';
import { nameOf, without } from './bundle.ts';
import { constraintFaults } from './constraints.ts';
import { pathLengthOf, weakness } from './details.ts';
import { findPath, isIssuerOf, isSelfSigned } from './path.ts';
import { oneLine } from './tls-files.ts';

/** What a chain is, against a bundle of authorities. */
export interface ChainJudgement {
  /** Why a peer that trusts this bundle refuses it, or may. */
  readonly faults: readonly string[];
  /** Keys and signatures that TLS libraries refuse at their usual level of security, and some servers take all the same. */
  readonly weaknesses: readonly string[];
  /** What is odd and harms nothing. */
  readonly remarks: readonly string[];
  /** The certificate, those between, and the authority; empty where none leads there. */
  readonly path: readonly X509Certificate[];
}

const NOTHING: ChainJudgement = { faults: [], weaknesses: [], remarks: [], path: [] };

/**
 * Judges whether a peer that trusts these authorities can follow a chain: its own certificate first, each the issuer of
 * the one before, none missing, to an authority in the bundle. Dates, names and purposes are `certificateFaults`' matter.
 */
export function judgeChain(chain: readonly X509Certificate[], trust: readonly X509Certificate[]): ChainJudgement {
  const [first] = chain;
  const leaf = leafOf(chain);
  if (first === undefined || leaf === undefined) return { ...NOTHING, faults: ['it holds no certificate'] };
  if (first !== leaf) {
    const what = `its own certificate must come first: it begins with ${nameOf(first)}, an authority, before ${nameOf(leaf)}`;
    return { ...NOTHING, faults: [what] };
  }
  const search = findPath(chain, trust);
  if (search?.found !== true) {
    return { ...NOTHING, faults: [lost(search?.stuckAt ?? leaf, chain, trust)] };
  }
  const { certificates: path, rooted } = search.path;
  return {
    faults: [...disorder(chain, path), ...tooLong(path), ...constraintFaults(path)],
    weaknesses: weak(path),
    remarks: [...extras(chain, path), ...(rooted ? [] : [unrooted(path)])],
    path,
  };
}

/** The certificate of a chain that is its own: the first that is no authority, or else the first. */
function leafOf(chain: readonly X509Certificate[]): X509Certificate | undefined {
  return chain.find((one) => !one.ca) ?? chain[0];
}

function lost(stuck: X509Certificate, chain: readonly X509Certificate[], trust: readonly X509Certificate[]): string {
  const trusted = trust.length === 0 ? 'nothing' : trust.map(nameOf).join(', ');
  if (isSelfSigned(stuck)) return `it leads to ${nameOf(stuck)}, which is not trusted there: trusted is ${trusted}`;
  const twin = trust.find((one) => one.subject === stuck.issuer);
  const issuer = oneLine(stuck.issuer);
  if (twin !== undefined) {
    return `${nameOf(stuck)} was issued by an authority of the name ${issuer}, but not by the ${nameOf(twin)} that is trusted there`;
  }
  const sent = chain.length === 1 ? 'it has its own certificate alone' : `it has ${chain.length} certificates`;
  return `${sent}, and ${nameOf(stuck)} was issued by ${issuer}, which is neither in it nor trusted there (trusted is ${trusted}): an intermediate is missing in the chain, or the authority in the bundle`;
}

function disorder(chain: readonly X509Certificate[], path: readonly X509Certificate[]): string[] {
  const expected = path.filter((one) => without([one], chain).length === 0);
  const sent = chain.filter((one) => without([one], expected).length === 0);
  const isInOrder = expected.every((one, index) => one.fingerprint256 === sent[index]?.fingerprint256);
  const order = expected.map(nameOf).join(', then ');
  return isInOrder ? [] : [`its certificates stand in the wrong order; each must be issued by the next: ${order}`];
}

/** The lowest authority that has too many below it. */
function tooLong(path: readonly X509Certificate[]): string[] {
  const [first] = path.slice(1).flatMap((authority, below) => {
    const allowed = pathLengthOf(authority);
    if (allowed === undefined || below <= allowed) return [];
    return [`${nameOf(authority)} allows ${allowed} authorities below it (its path length), and there are ${below}`];
  });
  return first === undefined ? [] : [first];
}

function weak(path: readonly X509Certificate[]): string[] {
  return path.flatMap((one) => {
    const why = weakness(one, isSelfSigned(one));
    return why === undefined ? [] : [`${nameOf(one)} ${why}`];
  });
}

function extras(chain: readonly X509Certificate[], path: readonly X509Certificate[]): string[] {
  const [, ...rest] = chain;
  return rest.flatMap((one) => {
    if (isSelfSigned(one)) return [`it holds the root ${nameOf(one)}, which nobody needs there`];
    return without([one], path).length === 0 ? [] : [`it holds ${nameOf(one)}, which is no part of it`];
  });
}

function unrooted(path: readonly X509Certificate[]): string {
  const top = path.at(-1);
  const name = top === undefined ? 'its authority' : nameOf(top);
  return `${name} is trusted there without its root, which OpenSSL does not take without being told to`;
}

/** Those of a bundle from which certificates of a chain come, directly or not. */
export function authoritiesOf(
  chain: readonly X509Certificate[],
  trust: readonly X509Certificate[],
): readonly X509Certificate[] {
  return trust.filter((authority) => chain.some((one) => isIssuerOf(authority, one)));
}
