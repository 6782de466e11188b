import { RotctlError } from '../errors/rotctl-error.ts';
import type { Deploy, GateFormat, LoadCommands, Place } from '../fleet/fleet.ts';
import type { AnsibleHosts } from './ansible/hosts.ts';
import { hostFile, hostLoader, withoutFiles } from './ansible/place.ts';
import { programLoader, programSecrets, programVariables } from './command/stores.ts';
import { type Rollouts, rolloutLoader } from './kubernetes/rollout.ts';
import { secretValues } from './kubernetes/secret.ts';
import { listedSecrets } from './listed-secrets.ts';
import { type CommandPorts, commandLoader, type Loader } from './loader.ts';
import type { GateFiles } from './ports.ts';
import type { SecretStore } from './secret-store.ts';
import { envValues, textFile, wholeText } from './text-store.ts';
import type { Twins } from './twin-entry.ts';
import { type ValueStore, WHOLE } from './values.ts';

/** What drivers work with. */
export interface DriverPorts extends CommandPorts {
  readonly files: GateFiles;
  /** The hosts that driver `ansible` reaches; without it there are none. */
  readonly ansible?: AnsibleHosts;
  /** Client ids of which a configuration may lack one. */
  readonly twins?: Twins | undefined;
}

/** A gate's settings: how they stand, and among which named values. */
export interface GateSite {
  readonly format: GateFormat;
  readonly store: ValueStore;
}

/** Where a driver keeps the secrets of clients. Throws `INTERNAL` for a place of a gate. */
export function secretStoreOf(place: Place, ports: DriverPorts): SecretStore {
  switch (place.driver) {
    case 'env-file':
      if (place.format.kind === 'gate') throw new RotctlError('INTERNAL', 'a gate has no lists of secrets');
      return listedSecrets(envValues(textFile(place.path, ports.files)), {
        name: place.variable,
        format: place.format,
        twins: ports.twins,
      });
    case 'json-file':
      return listedSecrets(wholeText(textFile(place.path, ports.files)), {
        name: WHOLE,
        format: place.format,
        called: 'the file',
        twins: ports.twins,
      });
    case 'command':
      return programSecrets(place, ports);
    case 'ansible': {
      if (place.format.kind === 'gate') throw new RotctlError('INTERNAL', 'a gate has no lists of secrets');
      const file = hostFile(place, hostsOf(ports));
      return place.file === 'json'
        ? listedSecrets(wholeText(file), { name: WHOLE, format: place.format, called: 'the file', twins: ports.twins })
        : listedSecrets(envValues(file), { name: place.variable, format: place.format, twins: ports.twins });
    }
    case 'kubernetes':
      if (place.format.kind === 'gate') throw new RotctlError('INTERNAL', 'a gate has no lists of secrets');
      return listedSecrets(secretValues(place, ports), { name: place.key, format: place.format, twins: ports.twins });
  }
}

/** Where a driver keeps the settings of a gate; `undefined` for a place that is none of a gate. */
export function gateSiteOf(place: Place, ports: DriverPorts): GateSite | undefined {
  switch (place.driver) {
    case 'env-file':
      if (place.format.kind !== 'gate') return undefined;
      return { format: place.format, store: envValues(textFile(place.path, ports.files)) };
    case 'json-file':
      return undefined;
    case 'command':
      if (place.format === undefined) return undefined;
      return { format: place.format, store: programVariables(place, place.format.names, ports) };
    case 'ansible': {
      if (place.format.kind !== 'gate') return undefined;
      const store = withoutFiles(envValues(hostFile(place, hostsOf(ports))), place.format);
      return { format: place.format, store };
    }
    case 'kubernetes':
      return place.format.kind === 'gate' ? { format: place.format, store: secretValues(place, ports) } : undefined;
  }
}

/**
 * The whole text of the place as it stands now; `undefined` where it is not one text. Throws as the driver's reading does.
 */
export async function wholeTextOf(
  place: Place,
  ports: Pick<DriverPorts, 'files' | 'ansible'>,
): Promise<string | undefined> {
  switch (place.driver) {
    case 'env-file':
    case 'json-file':
      return ports.files.read(place.path);
    case 'ansible':
      return hostsOf(ports).read(place);
    case 'command':
    case 'kubernetes':
      return undefined;
  }
}

function hostsOf({ ansible }: Pick<DriverPorts, 'ansible'>): AnsibleHosts {
  if (ansible === undefined) throw new RotctlError('INTERNAL', 'a place of ansible without its hosts');
  return ansible;
}

/** What makes the process of a deploy read its configuration; of a template, nothing does and nothing need be. */
export function loaderOf(
  deploy: Deploy | Place,
  ports: CommandPorts & Pick<DriverPorts, 'ansible'>,
  rollouts: Rollouts,
): Loader {
  switch (deploy.driver) {
    case 'env-file':
    case 'json-file':
      return commandLoader(deploy as Partial<LoadCommands>, ports);
    case 'command':
      return programLoader(deploy, ports);
    case 'ansible':
      return hostLoader(deploy, hostsOf(ports));
    case 'kubernetes':
      return 'workload' in deploy ? rolloutLoader(deploy, rollouts, ports) : NOTHING_TO_LOAD;
  }
}

/** Of a template no process runs. */
const NOTHING_TO_LOAD: Loader = {
  load: async () => {
    throw new RotctlError('INTERNAL', 'a template has no process');
  },
  hindrances: async () => [],
};
