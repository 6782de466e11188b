import { escapeForeign } from '../../errors/escape.ts';
import { RotctlError } from '../../errors/rotctl-error.ts';
import type { AnsibleDeploy, AnsiblePlace, GateFormat } from '../../fleet/fleet.ts';
import type { Loader } from '../loader.ts';
import type { TextPlace } from '../text-store.ts';
import type { Draft, ValueStore } from '../values.ts';
import { type AnsibleHosts, nameOf } from './hosts.ts';

/** A file on a host of an inventory. */
export function hostFile(place: AnsiblePlace, hosts: AnsibleHosts): TextPlace {
  return {
    name: nameOf(place),
    read: () => hosts.read(place),
    replace: (text) => hosts.write(place, text),
    async hindrance() {
      // What would keep it from being read is thrown by the reading that comes before; the folder is the host's to say.
      await hosts.read(place);
      return undefined;
    },
  };
}

/** Loads by the commands that the fleet file states, on the target's host. */
export function hostLoader(deploy: AnsibleDeploy | AnsiblePlace, hosts: AnsibleHosts): Loader {
  return {
    async load(action) {
      const argv = 'restart' in deploy ? deploy[action] : undefined;
      if (argv === undefined || !('restart' in deploy))
        throw new RotctlError('PRECONDITION_FAILED', `the fleet file states no ${action} command`);
      return hosts.load(deploy, argv);
    },
    async hindrances() {
      const missing = await hosts.missingPrograms(deploy);
      return missing.map((program) => `${escapeForeign(program)} is no program that host ${deploy.host} has`);
    },
  };
}

/**
 * The variables of a gate on a host, where its secrets must stand in the env file itself: a value that names a file of
 * that host is refused rather than taken for the secret.
 */
export function withoutFiles(store: ValueStore, { names }: GateFormat): ValueStore {
  const refuse = (name: string, value: string | undefined): string | undefined => {
    if ((name !== names.secret && name !== names.prev) || value === undefined || !/^\/\S*$/.test(value)) return value;
    throw new RotctlError(
      'INPUT_INVALID',
      `${name} names a file; driver ansible changes secrets that stand in the env file`,
      {
        at: { file: store.place },
        hint: 'put the secret into the env file, or use driver command for this target',
      },
    );
  };
  const guarded = <D extends Draft>(draft: D): D =>
    Object.create(draft, { get: { value: (name: string) => refuse(name, draft.get(name)) } });
  return { ...store, open: async () => guarded(await store.open()) };
}
