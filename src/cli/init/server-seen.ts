import { resolve } from 'node:path';
import type { DraftWords } from '../../fleet/draft.ts';
import type { ProfileName } from '../../fleet/profiles.ts';
import type { Platform } from '../platform.ts';
import type { Answers } from './answers.ts';
import { seeReplica, type WireSeen } from './wire-seen.ts';

/** What one replica showed, and what had to be asked so that it would. */
export interface ServerSeen {
  readonly profile: ProfileName | undefined;
  /** Of each address that was asked, in order, the name in its certificate where that is another than its host. */
  readonly serverNames: readonly (string | undefined)[];
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly words: readonly DraftWords[];
  readonly notes: readonly string[];
}

/** Whom to look at: addresses of which the first is a replica's, the authorities they are trusted by, a client id. */
export interface Whom {
  readonly urls: readonly string[];
  readonly ca: string | undefined;
  readonly client: string;
}

/** How a refused name lists those that the certificate has. */
const NAMES = /DNS:([A-Za-z0-9.-]+)/;

/**
 * Looks at one replica, and at the certificates of the others. Where one has another name than its address, that name is
 * taken; where a replica refuses in the handshake, a client certificate is asked for.
 */
export async function seeServer(platform: Platform, answers: Answers, whom: Whom): Promise<ServerSeen> {
  const { urls, client } = whom;
  let own: Own = { ca: whom.ca, cert: answers.given('cert'), key: answers.given('key') };
  const [first = '', ...others] = urls.filter((url) => URL.canParse(url));
  if (first === '') return { profile: undefined, words: [], serverNames: [], cert: own.cert, key: own.key, notes: [] };
  const byName = (url: string) => underItsName(platform, url, answers.given('server-name'), own, client);
  let seen = await byName(first);
  if (own.cert === undefined && !seen.wire.reached && REFUSED.test(seen.wire.why)) {
    const cert = await answers.take('cert', `${first} wants a client certificate; PEM file of rotctl's own`);
    own = { ...own, cert, key: await answers.take('key', 'PEM file of its private key') };
    answers.requireAll();
    seen = await byName(first);
  }
  const rest = [];
  for (const url of others) rest.push(await byName(url));
  const { wire } = seen;
  return {
    ...(wire.reached ? { profile: wire.profile, words: wire.words } : { profile: undefined, words: [] }),
    serverNames: [seen, ...rest].map(({ serverName }) => serverName),
    cert: own.cert,
    key: own.key,
    notes: [wire.reached ? told(wire) : `${first} could not be looked at: ${wire.why}`],
  };
}

interface Own {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** How a server without alerts, or with one, refuses a caller that has no certificate. */
const REFUSED = /ALERT|ECONNRESET|EPROTO|EPIPE/;

interface Named {
  readonly serverName: string | undefined;
  readonly wire: WireSeen;
}

/** Asks an address, and again under the name that its certificate has. */
async function underItsName(
  platform: Platform,
  url: string,
  given: string | undefined,
  own: Own,
  client: string,
): Promise<Named> {
  const wire = await look(platform, url, given, own, client);
  const serverName = given ?? (await nameThere(wire, () => look(platform, url, NOBODY, own, client)));
  if (serverName === given) return { serverName, wire };
  return { serverName, wire: await look(platform, url, serverName, own, client) };
}

/** A name that no certificate has (RFC 6761): what refuses it lists the names that it does have, as for an address it does not. */
const NOBODY = 'rotctl.invalid';

/** The first name of a certificate that was refused for its name; `undefined` where it was not. */
async function nameThere(wire: WireSeen, askAsNobody: () => Promise<WireSeen>): Promise<string | undefined> {
  if (wire.reached || !wire.why.includes('ALTNAME')) return undefined;
  const told = NAMES.exec(wire.why)?.[1];
  if (told !== undefined) return told;
  const again = await askAsNobody();
  return again.reached ? undefined : NAMES.exec(again.why)?.[1];
}

async function look(
  platform: Platform,
  url: string,
  serverName: string | undefined,
  { ca, cert, key }: Own,
  client: string,
): Promise<WireSeen> {
  const at = (path: string | undefined) =>
    path === undefined || path === '' ? undefined : resolve(platform.cwd, path);
  const transport = await platform.transport({ ca: at(ca), cert: at(cert), key: at(key), required: false });
  const to = new URL(url);
  try {
    return await seeReplica({ ...platform, transport }, { url: to, serverName: serverName ?? to.hostname }, client);
  } finally {
    await transport.close();
  }
}

function told({ profile, words }: Extract<WireSeen, { reached: true }>): string {
  if (profile !== undefined) return `it answers as ${profile} does`;
  return `it answers in words of its own; ${words.length} of 4 refusals could be told apart, see outcomes`;
}
