import { type Issued, issueAuthority, issueClient, issueServer, type Wish } from '../../pki/issue.ts';
import { kindOf } from '../kinds.ts';
import { hostOf, type Layout, paths, SIGNER_IMAGE } from '../layout.ts';
import { writePrivate } from './files.ts';

const DAYS = 30;

/** Names that a server's certificate is made for. */
type Names = Pick<Parameters<typeof issueServer>[1], 'dnsNames' | 'ipv4'>;

/**
 * Issues what the parties of a new fleet show, all under one authority, and writes down whom each trusts. The signers of
 * `keyring-v1`, their template and their clients have files of their own, so that each can be rotated by itself; gates ask
 * for no certificate, and who calls them trusts one file.
 */
export async function writeCertificates(layout: Layout): Promise<void> {
  const { home, replicas, protocol } = layout;
  const validity = { now: Date.now(), days: DAYS };
  const authority = await issueAuthority({ commonName: 'rotctl practice CA', ...validity });
  writePrivate(paths.authority(home), authority.cert);
  const issuer: Issuer = { home, authority, validity };
  const hosts = replicas.map(({ name }) => hostOf(name));
  const servers = replicas.map(({ name }) => server(issuer, name, namesOf(layout, hostOf(name))));
  if (protocol === 'gate-v1') return void (await Promise.all(servers));
  const image = server(issuer, SIGNER_IMAGE, namesOf(layout, ...hosts));
  const { clientIds } = kindOf(layout);
  const clients = [...clientIds, 'rotctl'].map((name) => client(issuer, name));
  const odd = replicas.map(({ name }) => oddServer(issuer, name));
  await Promise.all([...servers, image, ...clients, ...odd]);
  for (const party of [...replicas.map(({ name }) => name), SIGNER_IMAGE, ...clientIds])
    writePrivate(paths.trust(home, party), authority.cert);
}

interface Issuer {
  readonly home: string;
  readonly authority: Issued;
  readonly validity: Pick<Wish, 'now' | 'days'>;
}

function namesOf(layout: Layout, ...hosts: readonly string[]): Names {
  return { dnsNames: [...hosts, kindOf(layout).sharedName], ipv4: ['127.0.0.1'] };
}

async function server({ home, authority, validity }: Issuer, name: string, names: Names): Promise<void> {
  const commonName = hostOf(name);
  writeIdentity(home, name, await issueServer(authority, { commonName, ...validity, ...names }));
}

/** What the fault `wrong-purpose` shows: it bears the signer's name, and is not for servers. */
async function oddServer({ home, authority, validity }: Issuer, name: string): Promise<void> {
  const { cert, key } = await issueClient(authority, { commonName: hostOf(name), ...validity });
  writePrivate(paths.wrongPurpose(home, name), cert + key);
}

async function client({ home, authority, validity }: Issuer, name: string): Promise<void> {
  writeIdentity(home, name, await issueClient(authority, { commonName: name, ...validity }));
}

function writeIdentity(home: string, name: string, issued: Issued): void {
  writePrivate(paths.cert(home, name), issued.cert);
  writePrivate(paths.key(home, name), issued.key);
}
