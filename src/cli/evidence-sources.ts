import { dirname } from 'node:path';
import { Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { PrometheusServer } from '../fleet/evidence.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Transport } from '../probe/ports.ts';
import type { UsageParts } from '../runner/usage-parts.ts';
import type { Platform } from './platform.ts';
import type { Redactor } from './redactor.ts';

/** Logs, commands and Prometheus servers, as a session reads them. */
export type EvidenceSources = UsageParts['sources'] & {
  /** Ends the connections to the servers. */
  close(): Promise<void>;
};

/** Longest answer of a Prometheus server. */
const MOST_BYTES = 16 * 1024 * 1024;

/** Where evidence may be beside the replicas themselves. Nothing is opened before it is asked for. */
export async function evidenceSources(platform: Platform, fleet: Fleet, redactor: Redactor): Promise<EvidenceSources> {
  const [files, commands] = await Promise.all([platform.logFiles(), platform.lineCommands(dirname(fleet.file))]);
  const transports = new Map<string, Promise<Transport>>();
  const transportTo = ({ ca }: PrometheusServer): Promise<Transport> => {
    const key = ca ?? '';
    const known = transports.get(key) ?? platform.transport({ ca, cert: undefined, key: undefined, required: false });
    transports.set(key, known);
    return known;
  };
  return {
    files,
    commands,
    servers: {
      async get(server, path) {
        const { url, serverName, deadlineMs } = server;
        const transport = await transportTo(server);
        const token = await tokenOf(platform, server, redactor);
        const headers = {
          accept: 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        };
        return transport.send(
          { url: new URL(url.origin), serverName },
          { method: 'GET', path: `${url.pathname.replace(/\/$/, '')}${path}`, headers, body: undefined },
          { fresh: false, certificate: false, deadlineMs, maxBytes: MOST_BYTES },
        );
      },
    },
    async close() {
      for (const transport of transports.values()) await transport.then((one) => one.close()).catch(() => undefined);
    },
  };
}

/** A token is read anew each time: it may be one that others renew. @throws RotctlError `SECRET_REFUSED` */
async function tokenOf(
  platform: Pick<Platform, 'privateFiles'>,
  { token: path }: PrometheusServer,
  redactor: Redactor,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const text = (await (await platform.privateFiles()).read(path)).trim();
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new RotctlError('SECRET_REFUSED', 'the file of the bearer token is empty, or holds more than a token', {
      at: { file: path },
    });
  }
  redactor.learn(Secret.fromText(text));
  return text;
}
