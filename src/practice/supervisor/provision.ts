import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { kindOf, type Protocol } from '../kinds.ts';
import { type Layout, paths } from '../layout.ts';
import { writePrivate } from './files.ts';
import { gateFleetText } from './gate-fleet.ts';
import { pickPorts } from './ports.ts';
import { writeCertificates } from './provision-certificates.ts';
import { writeGates } from './provision-gates.ts';
import { writeSigners } from './provision-signers.ts';
import { declareStore } from './provision-store.ts';
import { signerFleetText } from './signer-fleet.ts';
import { formOf, isDeclared, STORE_PORTS, type StoreChoice } from './store-choice.ts';

const TOKEN_BYTES = 32;
const MAX_REPLICAS = 26;

/** What a new fleet is to be. */
export interface FleetWish {
  readonly home: string;
  readonly protocol: Protocol;
  readonly replicas: number;
  readonly store: StoreChoice;
  /** Path of this program, for the commands in `rotctl.yaml`. */
  readonly program: string;
}

/** Makes a fleet's folder: certificates, secrets, configuration files, `rotctl.yaml`. Refuses one that is in use. */
export async function provision({ home, protocol, replicas, program, store }: FleetWish): Promise<Layout> {
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > MAX_REPLICAS) {
    throw new Error(`--replicas must be 1 to ${MAX_REPLICAS}`);
  }
  if (existsSync(paths.fleetFile(home)))
    throw new Error(`${paths.fleetFile(home)} exists and is not a practice fleet's`);
  const storeForm = formOf(store);
  const needed = STORE_PORTS[storeForm];
  const [balancerPort = 0, controlPort = 0, ...others] = await pickPorts(replicas + needed + 2);
  const [storePorts, ports] = [others.slice(0, needed), others.slice(needed)];
  const { replica } = kindOf({ protocol });
  const layout: Layout = {
    home,
    protocol,
    replicas: ports.map((port, index) => ({ name: `${replica}-${String.fromCharCode(97 + index)}`, port })),
    balancerPort,
    storePort: storePorts[0] ?? 0,
    storeForm,
    storePorts,
    controlPort,
    token: randomBytes(TOKEN_BYTES).toString('hex'),
  };
  const ctl = (...words: string[]): string =>
    `[${[process.execPath, program, 'ctl', '--home', home, ...words].map((word) => JSON.stringify(word)).join(', ')}]`;
  const isGate = protocol === 'gate-v1';
  await writeCertificates(layout);
  (isGate ? writeGates : writeSigners)(layout);
  writePrivate(paths.token(home), layout.token);
  const text = (isGate ? gateFleetText : signerFleetText)(layout, ctl);
  writePrivate(paths.fleetFile(home), isDeclared(store) ? `${text}${declareStore(layout)}` : text);
  return layout;
}
