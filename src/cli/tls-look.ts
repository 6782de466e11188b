import { RotctlError } from '../errors/rotctl-error.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { readTlsFiles, unusableIn } from '../pki/tls-files.ts';
import type { TlsLook } from '../probe/checks/check.ts';
import { explaining } from '../probe/explain.ts';
import type { Transport } from '../probe/ports.ts';
import type { Platform } from './platform.ts';

type Connecting = Pick<Platform, 'readText' | 'privateFiles' | 'transport' | 'handshakes' | 'clock'>;

/** A fleet's connections, and its certificates to be looked at. */
export interface Connections {
  readonly transport: Transport;
  readonly tls: TlsLook;
  /** Why no connection can be made with the TLS files, naming the file; then every request is a fault that says so. */
  readonly unusable: RotctlError | undefined;
}

/** Reads a fleet's TLS files, and opens a transport with them. Files that cannot be used are no throw here, but `unusable`. */
export async function openConnections(platform: Connecting, { tls }: Pick<Fleet, 'tls'>): Promise<Connections> {
  const privateFiles = await platform.privateFiles();
  const files = await readTlsFiles(tls, platform.readText, privateFiles.read);
  const found = unusableIn(files);
  if (found !== undefined) {
    const unusable = new RotctlError('INPUT_INVALID', found.reason, { at: { file: found.file } });
    return {
      transport: closed(found.reason),
      tls: { files, handshakes: async () => faultFor(found.reason) },
      unusable,
    };
  }
  const transport = explaining(await platform.transport(tls), files, platform.clock);
  return { transport, tls: { files, handshakes: await platform.handshakes(tls) }, unusable: undefined };
}

/** Connections that can be made to go by the TLS files as they stand now. */
export interface Reopening extends Connections {
  /** From the next request on; what is under way ends as it began. @throws RotctlError `INPUT_INVALID` for files of no use */
  reopen(): Promise<void>;
}

/** As `openConnections`, for a fleet whose own TLS files change meanwhile. */
export async function openReopening(platform: Connecting, fleet: Pick<Fleet, 'tls'>): Promise<Reopening> {
  const first = await openConnections(platform, fleet);
  const opened = [first];
  let now = first;
  return {
    unusable: first.unusable,
    transport: {
      send: (to, request, options) => now.transport.send(to, request, options),
      close: async () => void (await Promise.all(opened.map(({ transport }) => transport.close()))),
    },
    tls: {
      get files() {
        return now.tls.files;
      },
      handshakes: (to, options) => now.tls.handshakes(to, options),
    },
    async reopen() {
      const next = await openConnections(platform, fleet);
      if (next.unusable !== undefined) throw next.unusable;
      opened.push(next);
      now = next;
    },
  };
}

const PROXIES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'];

/** That variables which name a proxy are set and not used, or `undefined`: replicas are connected to directly. */
export function proxyIgnored(env: Platform['env']): string | undefined {
  const set = PROXIES.flatMap((name) => [name, name.toLowerCase()]).filter((name) => (env[name] ?? '') !== '');
  if (set.length === 0) return undefined;
  return `${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set and not used: rotctl connects to replicas directly, never through a proxy`;
}

function faultFor(detail: string): { kind: 'fault'; code: string; detail: string } {
  return { kind: 'fault', code: 'TLS_FILES', detail };
}

function closed(reason: string): Transport {
  return { send: async () => ({ ...faultFor(reason), sent: false, ms: 0 }), close: async () => {} };
}
