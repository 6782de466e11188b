import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type Issued, issueAuthority, issueClient, issueServer } from '../../pki/issue.ts';
import { kindOf, type Protocol } from '../kinds.ts';
import { hostOf, type Layout, paths } from '../layout.ts';
import { writePrivate } from './files.ts';
import { gateFleetText } from './gate-fleet.ts';
import { pickPorts } from './ports.ts';
import { writeGates } from './provision-gates.ts';
import { writeSigners } from './provision-signers.ts';
import { signerFleetText } from './signer-fleet.ts';

const DAYS = 30;
const TOKEN_BYTES = 32;
const MAX_REPLICAS = 26;

/** What a new fleet is to be. */
export interface FleetWish {
  readonly home: string;
  readonly protocol: Protocol;
  readonly replicas: number;
  /** Path of this program, for the commands in `rotctl.yaml`. */
  readonly program: string;
}

/** Makes a fleet's folder: certificates, secrets, configuration files, `rotctl.yaml`. Refuses one that is in use. */
export async function provision({ home, protocol, replicas, program }: FleetWish): Promise<Layout> {
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > MAX_REPLICAS) {
    throw new Error(`--replicas must be 1 to ${MAX_REPLICAS}`);
  }
  if (existsSync(paths.fleetFile(home)))
    throw new Error(`${paths.fleetFile(home)} exists and is not a practice fleet's`);
  const [balancerPort = 0, storePort = 0, controlPort = 0, ...ports] = await pickPorts(replicas + 3);
  const { replica } = kindOf({ protocol });
  const layout: Layout = {
    home,
    protocol,
    replicas: ports.map((port, index) => ({ name: `${replica}-${String.fromCharCode(97 + index)}`, port })),
    balancerPort,
    storePort,
    controlPort,
    token: randomBytes(TOKEN_BYTES).toString('hex'),
  };
  const ctl = (...words: string[]): string =>
    `[${[process.execPath, program, 'ctl', '--home', home, ...words].map((word) => JSON.stringify(word)).join(', ')}]`;
  const isGate = protocol === 'gate-v1';
  await writeCertificates(layout, isGate ? [] : [...kindOf(layout).clientIds, 'rotctl']);
  (isGate ? writeGates : writeSigners)(layout);
  writePrivate(paths.token(home), layout.token);
  writePrivate(paths.fleetFile(home), (isGate ? gateFleetText : signerFleetText)(layout, ctl));
  return layout;
}

/** Certificates of every replica, and of the callers that must show one. */
async function writeCertificates(layout: Layout, callers: readonly string[]): Promise<void> {
  const { home, replicas } = layout;
  const now = Date.now();
  const authority = await issueAuthority({ commonName: 'rotctl practice CA', now, days: DAYS });
  writePrivate(paths.tls(home, 'ca.pem'), authority.cert);
  const servers = replicas.map(async ({ name }) => {
    const names = { dnsNames: [hostOf(name), kindOf(layout).sharedName], ipv4: ['127.0.0.1'] };
    writeIdentity(home, name, await issueServer(authority, { commonName: hostOf(name), now, days: DAYS, ...names }));
  });
  const clients = callers.map(async (name) => {
    writeIdentity(home, name, await issueClient(authority, { commonName: name, now, days: DAYS }));
  });
  await Promise.all([...servers, ...clients]);
}

function writeIdentity(home: string, name: string, issued: Issued): void {
  writePrivate(paths.tls(home, `${name}.pem`), issued.cert);
  writePrivate(paths.tls(home, `${name}.key`), issued.key);
}
