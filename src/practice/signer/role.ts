import { readFileSync } from 'node:fs';
import type { FaultName } from '../faults.ts';
import { connectParent, log } from '../parent.ts';
import { watchConnections } from '../replica/connections.ts';
import { drain } from '../replica/drain.ts';
import { fileMemory } from '../replica/memory.ts';
import { connectStore, memoryStore } from '../replica/nonce-store.ts';
import { listen, orCrash, parseReplicaArgs } from '../replica/start.ts';
import { answerError } from './answers.ts';
import { makeCertificates } from './certificates.ts';
import { readSignerConfig, type SignerConfig } from './config.ts';
import { makeKeys } from './keys.ts';
import { makeMetrics } from './metrics.ts';
import { type Signer, serve } from './service.ts';

/** Role `signer`: one replica of the practice fleet. Reads its env file at start and on SIGHUP, drains on SIGTERM. */
export async function runSigner(args: readonly string[]): Promise<void> {
  const { envFile, memory: folder, planted } = parseReplicaArgs(args);
  let reload = (): void => {};
  process.on('SIGHUP', () => reload());
  const config = readSignerConfig(envFile);
  const memory = fileMemory(folder);
  const signer: Signer = {
    config,
    faults: planted,
    draining: false,
    farewells: 0,
    startedBroken: planted.has('503-on-start'),
    keys: makeKeys(memory),
    certificates: makeCertificates(memory, () => readFileSync(config.wrongPurpose, 'utf8')),
    metrics: makeMetrics(Date.now()),
    store: await connectStore(config.name, config.store),
    memory: memoryStore(Date.now),
  };
  plant(signer, planted);
  load(signer, config);
  const server = await listen({
    port: config.port,
    tls: { ...signer.certificates.context(), requestCert: true, rejectUnauthorized: false },
    serve: (request, response) => serve(signer, request, response),
    failed: (response) => answerError(response, 500, 'INTERNAL_ERROR'),
  });
  const connections = watchConnections(server);
  const renewContext = (): void => server.setSecureContext(signer.certificates.context());
  reload = () => {
    if (reloadFrom(envFile, signer)) renewContext();
  };
  const parent = connectParent({
    faults: (names) => {
      plant(signer, new Set(names));
      renewContext();
    },
    endSessions: async () => {
      signer.certificates.changeTicketKeys();
      renewContext();
      if (!signer.faults.has('keeps-connections')) await connections.end();
    },
  });
  process.once('SIGTERM', () => drain(signer, server).then(() => process.exit(0)));
  parent.tell({ type: 'ready' });
}

function plant(signer: Signer, faults: ReadonlySet<FaultName>): void {
  signer.faults = faults;
  signer.certificates.plant(faults);
  orCrash(() => signer.keys.plant(faults));
}

function load(signer: Signer, config: SignerConfig): void {
  orCrash(() => signer.keys.load(config.clients, JSON.stringify(config.tls)));
  signer.certificates.load(config.tls);
}

/** Takes secrets, windows, profile and certificates from the file; one that does not read leaves all as it was. */
function reloadFrom(envFile: string, signer: Signer): boolean {
  const config = readReloaded(envFile);
  if (config === undefined) return false;
  load(signer, config);
  signer.config = config;
  log('configuration reloaded');
  return true;
}

function readReloaded(envFile: string): SignerConfig | undefined {
  try {
    return readSignerConfig(envFile);
  } catch (error) {
    log(`configuration not reloaded: ${error instanceof Error ? error.message : 'unreadable'}`);
    return undefined;
  }
}
