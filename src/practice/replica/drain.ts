import type { Server } from 'node:https';

/** When the balancer has asked for the second time, it has acted on the first answer and sends nothing new here. */
const FAREWELLS = 2;
/** A replica that nobody asks leaves after this long. */
const LEAVE_MS = 1000;
/** Idle connections are given this long in all to be used and closed, or given up. */
const LINGER_MS = 700;
const TICK_MS = 10;

/** A replica's way out of service. */
export interface Leaving {
  draining: boolean;
  /** How often its health page has said that it drains. */
  farewells: number;
}

/**
 * Leaves service without losing a request: health says 503, each answer closes its connection, and when the balancer has
 * turned away the listener closes. Resolves when the last connection is gone.
 */
export function drain(leaving: Leaving, server: Server): Promise<void> {
  const began = performance.now();
  leaving.draining = true;
  return new Promise((resolve) => {
    const look = (): void => {
      server.getConnections((_error, open) => {
        const spent = performance.now() - began;
        const left = leaving.farewells >= FAREWELLS || spent > LEAVE_MS;
        if (left && (open === 0 || spent > LINGER_MS)) {
          // Closes idle connections at once and the others when their answer is out.
          server.close(() => resolve());
          return;
        }
        setTimeout(look, TICK_MS);
      });
    };
    look();
  });
}
