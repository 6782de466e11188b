import { connectParent } from '../parent.ts';
import { drain } from '../replica/drain.ts';
import { fileMemory } from '../replica/memory.ts';
import { connectStore, memoryStore } from '../replica/nonce-store.ts';
import { listen, orCrash, parseReplicaArgs } from '../replica/start.ts';
import { makeAnswerCache } from './answer-cache.ts';
import { readGateConfig } from './config.ts';
import { makeGateKeys } from './keys.ts';
import { openAcceptedLedger } from './ledger.ts';
import { makeGateMetrics } from './metrics.ts';
import { answerDetail, type Gate, serveGate } from './service.ts';

/** Role `gate`: one gate of the practice fleet. Reads its env file at start only, drains on SIGTERM. */
export async function runGate(args: readonly string[]): Promise<void> {
  const { envFile, memory, planted } = parseReplicaArgs(args);
  // It goes by what it started with: the signal that reloads others does nothing here.
  process.on('SIGHUP', () => {});
  const config = readGateConfig(envFile);
  const keys = orCrash(() => makeGateKeys(config.rules, fileMemory(memory), planted));
  const gate: Gate = {
    config,
    faults: planted,
    draining: false,
    farewells: 0,
    startedBroken: planted.has('503-on-start'),
    keys,
    cache: makeAnswerCache(),
    ledger: openAcceptedLedger(config.ledger),
    metrics: makeGateMetrics(),
    store: await connectStore(config.name, config.store),
    memory: memoryStore(Date.now),
  };
  const server = await listen({
    port: config.port,
    tls: config.tls,
    serve: (request, response) => serveGate(gate, request, response),
    failed: (response) => answerDetail(response, 500, 'internal error'),
  });
  const parent = connectParent({
    faults: (names) => {
      gate.faults = new Set(names);
      orCrash(() => keys.plant(gate.faults));
    },
  });
  process.once('SIGTERM', () => drain(gate, server).then(() => process.exit(0)));
  parent.tell({ type: 'ready' });
}
