import { RotctlError } from '../errors/rotctl-error.ts';
import type { CertificatePlace } from '../fleet/certificates.ts';
import { CertificateProgram } from './certificate-command.ts';
import { readFiles, rehearseFiles, writeShown, writeTrust } from './certificate-files.ts';
import type { CertificateDriver, CertificateParty } from './certificates.ts';
import { type CommandPorts, commandLoader } from './loader.ts';
import type { CertificateStore, CommandResult } from './ports.ts';

/** What changing certificates takes. */
export interface CertificatePorts extends CommandPorts {
  readonly certificates: CertificateStore;
}

/** Makes the driver of a fleet's certificates, each of which is changed where it stands. */
export function createCertificateDriver(ports: CertificatePorts): CertificateDriver {
  const { certificates: store } = ports;
  const programOf = (place: Extract<CertificatePlace, { driver: 'command' }>) => new CertificateProgram(place, ports);
  const load = async (party: CertificateParty, action: 'reload' | 'restart'): Promise<CommandResult> => {
    if (party.place.driver === 'files') return commandLoader(party, ports).load(action);
    if (party[action] === undefined) throw unlisted(action);
    return programOf(party.place).load(action);
  };
  return {
    read: async (place) => (place.driver === 'files' ? readFiles(place, store) : programOf(place).read()),
    writeTrust: async (place, bundle) =>
      place.driver === 'files' ? writeTrust(place, bundle, store) : programOf(place).writeTrust(bundle),
    writeShown: async (place, shown) =>
      place.driver === 'files' ? writeShown(place, shown, store) : programOf(place).writeShown(shown),
    async request(place, wish) {
      if (place.driver === 'command') return programOf(place).request(wish);
      throw new RotctlError('INTERNAL', 'who has its key in a file makes none itself');
    },
    reload: (party) => load(party, 'reload'),
    restart: (party) => load(party, 'restart'),
    async endSessions(party) {
      const { place, endSessions, restart, deadlineMs } = party;
      if (endSessions === undefined) return load(party, restart === undefined ? 'reload' : 'restart');
      if (place.driver === 'command') return programOf(place).load('end-sessions');
      return ports.commands.run(endSessions, { cwd: ports.cwd, deadlineMs });
    },
    rehearse: async (place) => (place.driver === 'files' ? rehearseFiles(place, store) : programOf(place).rehearse()),
  };
}

function unlisted(action: string): RotctlError {
  return new RotctlError('PRECONDITION_FAILED', `the fleet file does not list ${action} under loads`);
}
