/**
 * The canary's thread: an entry of its own, as `main.ts` is for the command. It joins the load to the real clock,
 * network and randomness of this thread, so that what the main thread is busy with never delays a request.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, parentPort } from 'node:worker_threads';
import { Secret } from '../credential/secret.ts';
import type { CanaryCounts } from './canary-counts.ts';
import { CanaryLoad } from './canary-load.ts';
import type { CanaryAsk, CanaryCall, CanarySetup, CanaryWord, SecretBytes } from './canary-messages.ts';
import { openWire, secureContext } from './canary-wire.ts';
import { KeyIds } from './key-ids.ts';
import type { Clock } from './ports.ts';

/** How often the main thread is told, at most. */
const NOTICE_MS = 250;

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
};

interface Running {
  readonly load: CanaryLoad;
  close(): void;
}

function serve(port: MessagePort): void {
  let running: Running | undefined;
  const say = (word: CanaryWord): void => port.postMessage(word);
  const answer = async (call: CanaryAsk): Promise<CanaryCounts | undefined> => {
    if (call.ask === 'set-up') {
      running = start(call.setup, (counts) => say({ say: 'changed', counts }));
      return undefined;
    }
    if (running === undefined) throw new Error('the canary was not set up');
    return obey(running, call);
  };
  port.on('message', (call: CanaryCall) => {
    answer(call).then(
      (counts) => {
        say({ say: 'reply', id: call.id, counts });
        if (call.ask === 'stop') port.close();
      },
      (error: unknown) =>
        say({ say: 'failed', id: call.id, reason: error instanceof Error ? error.message : String(error) }),
    );
  });
}

async function obey(running: Running, call: Exclude<CanaryAsk, { ask: 'set-up' }>): Promise<CanaryCounts | undefined> {
  const { load } = running;
  switch (call.ask) {
    case 'secrets':
      await load.setSecrets(wrap(call.secrets), new KeyIds(call.keyIds));
      return undefined;
    case 'snapshot':
      return load.snapshot();
    case 'mark':
      return load.mark(call.label);
    case 'stop': {
      const counts = await load.stop();
      running.close();
      return counts;
    }
  }
}

function start(setup: CanarySetup, tell: (counts: CanaryCounts) => void): Running {
  const secure = setup.routes.some((route) => new URL(route.url).protocol === 'https:');
  const context = secure ? secureContext(setup.tls) : undefined;
  const wires = new Map(
    setup.routes.map((route) => [route.name, openWire(route, context, setup.limits, clock.monotonic)]),
  );
  let told = Number.NEGATIVE_INFINITY;
  const notice = (): void => {
    if (!setup.notify || clock.monotonic() - told < NOTICE_MS) return;
    told = clock.monotonic();
    tell(load.snapshot());
  };
  const load = new CanaryLoad(
    setup.plan,
    {
      clock,
      nonce: () => randomBytes(16).toString('hex'),
      send: (route, request) => {
        const wire = wires.get(route);
        if (wire === undefined) throw new Error(`no route ${route}`);
        return wire.send(request);
      },
    },
    notice,
  );
  return { load, close: () => wires.forEach((wire) => void wire.close()) };
}

function wrap(secrets: SecretBytes): Map<string, Secret[]> {
  return new Map(
    secrets.map(([client, list]) => [
      client,
      list.map((bytes) => {
        const secret = Secret.fromBytes(bytes);
        bytes.fill(0);
        return secret;
      }),
    ]),
  );
}

if (parentPort !== null) serve(parentPort);
