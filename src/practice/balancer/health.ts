import { Agent, get } from 'node:https';

const EVERY_MS = 100;
const TIMEOUT_MS = 500;

/** What the balancer knows of its backends. */
export interface Health {
  /** Ports of healthy backends, the next one in turn first; every backend when none is healthy. */
  inTurn(): readonly number[];
  /** Resolves when every backend has been healthy at least once. */
  whenAllUp(): Promise<void>;
}

/**
 * Asks each backend's `/health` every 100 ms over TLS; one failure takes it out, one success brings it in. It looks at no
 * certificate: TLS goes end to end, so that whom to trust is for the clients to say, and a balancer that trusted
 * certificates of its own would be a party that has to be rotated.
 */
export function watchHealth(ports: readonly number[], serverName: string): Health {
  const agent = new Agent({ keepAlive: true, maxSockets: 2, rejectUnauthorized: false, servername: serverName });
  const healthy = new Set<number>();
  const seen = new Set<number>();
  let turn = 0;
  let allUp = (): void => {};
  const whenAllUp = new Promise<void>((resolve) => {
    allUp = resolve;
  });
  const look = async (port: number): Promise<void> => {
    // A kept connection may be closed just as it is used, when a backend ends its sessions: that is no failure.
    const answered = await ask(port, agent);
    if (answered === 'healthy' || (answered === 'closed' && (await ask(port, agent)) === 'healthy')) {
      healthy.add(port);
      seen.add(port);
      if (seen.size === ports.length) allUp();
    } else healthy.delete(port);
  };
  for (const port of ports) {
    // One after the other, so that an old answer never overrules a newer one.
    const round = async (): Promise<void> => {
      await look(port);
      setTimeout(round, seen.has(port) ? EVERY_MS : EVERY_MS / 5).unref();
    };
    void round();
  }
  return {
    inTurn: () => {
      const candidates = healthy.size > 0 ? ports.filter((port) => healthy.has(port)) : ports;
      turn = (turn + 1) % candidates.length;
      return [...candidates.slice(turn), ...candidates.slice(0, turn)];
    },
    whenAllUp: () => whenAllUp,
  };
}

function ask(port: number, agent: Agent): Promise<'healthy' | 'closed' | 'failed'> {
  return new Promise((resolve) => {
    const options = { agent, host: '127.0.0.1', port, path: '/health', signal: AbortSignal.timeout(TIMEOUT_MS) };
    const sent = get(options, (response) => {
      response.resume();
      response.on('error', () => resolve('failed'));
      response.on('end', () => resolve(response.statusCode === 200 ? 'healthy' : 'failed'));
    });
    sent.on('error', () => resolve(sent.reusedSocket && !options.signal.aborted ? 'closed' : 'failed'));
  });
}
