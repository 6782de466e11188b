import { dirname } from 'node:path';
import type { VaultFiles } from '../credential/ports.ts';
import { AnsibleHosts, type AnsiblePorts } from '../deploy/ansible/hosts.ts';
import type { CertificateDriver } from '../deploy/certificates.ts';
import { createCertificateDriver } from '../deploy/create-certificate-driver.ts';
import { createDeployDriver } from '../deploy/create-driver.ts';
import type { DeployDriver, Rehearsable } from '../deploy/driver.ts';
import { createGateDriver } from '../deploy/gate.ts';
import { type DriverPorts, wholeTextOf } from '../deploy/places.ts';
import type { Commands, GateFiles } from '../deploy/ports.ts';
import type { Fleet, Place } from '../fleet/fleet.ts';
import { KeyIds } from '../probe/key-ids.ts';
import { twinsOf } from '../runner/second-id.ts';
import type { GateAccess } from '../runner/tools.ts';
import type { Platform } from './platform.ts';

/** What reads and changes the configurations of a fleet. */
export interface Deploys {
  readonly files: GateFiles & VaultFiles;
  readonly driver: DeployDriver & Rehearsable;
  /** Reads and changes certificates, where the fleet has an authority. */
  readonly certificates: CertificateDriver;
  /** Present exactly for fleets of `gate-v1`. */
  readonly gate: GateAccess | undefined;
  /** The whole text of a configuration as it stands now; `undefined` where it is not one text. */
  textOf(place: Place): Promise<string | undefined>;
}

/** Opens the drivers of a fleet's targets. @param redact replaces every known secret in a text */
export async function openDeploys(
  platform: Pick<Platform, 'privateFiles' | 'certificateStore' | 'commands' | 'ansible' | 'clock'>,
  fleet: Fleet,
  redact: (text: string) => string,
): Promise<Deploys> {
  const files = await platform.privateFiles();
  const commands = await platform.commands(redact);
  const cwd = dirname(fleet.file);
  const places = [...fleet.replicas, ...fleet.templates, ...fleet.clients].flatMap(({ deploy }) =>
    deploy.driver === 'ansible' ? [deploy] : [],
  );
  const ports: DriverPorts = {
    files,
    commands,
    cwd,
    twins: twinsOf(fleet),
    ...(places.length === 0 ? {} : { ansible: await hostsOf(platform, { commands, redact, cwd, places }) }),
  };
  return {
    files,
    driver: createDeployDriver(ports),
    certificates: createCertificateDriver({ certificates: await platform.certificateStore(), commands, cwd }),
    gate: gateAccess(fleet, ports),
    textOf: (place) => wholeTextOf(place, ports),
  };
}

interface HostsOptions extends Pick<AnsiblePorts, 'cwd' | 'places'> {
  readonly commands: Commands;
  readonly redact: (text: string) => string;
}

async function hostsOf(
  platform: Pick<Platform, 'ansible' | 'clock'>,
  { commands, redact, cwd, places }: HostsOptions,
): Promise<AnsibleHosts> {
  const runs = await platform.ansible(commands, redact);
  return new AnsibleHosts({ runs, cwd, places, monotonic: () => platform.clock.monotonic() });
}

/** What a fleet of gates needs beside the rest; `undefined` for other fleets. */
export function gateAccess({ protocol }: Pick<Fleet, 'protocol'>, ports: DriverPorts): GateAccess | undefined {
  return protocol === 'gate-v1' ? { driver: createGateDriver(ports), keyIds: new KeyIds() } : undefined;
}
