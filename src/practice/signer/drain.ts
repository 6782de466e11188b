import type { Server } from 'node:https';
import type { Signer } from './service.ts';

/** When the balancer has asked for the second time, it has acted on the first answer and sends nothing new here. */
const FAREWELLS = 2;
/** A signer that nobody asks leaves after this long. */
const LEAVE_MS = 1000;
/** Idle connections are given this long in all to be used and closed, or given up. */
const LINGER_MS = 700;
const TICK_MS = 10;

/**
 * Leaves service without losing a request: health says 503, each answer closes its connection, and when the balancer has
 * turned away the listener closes. Resolves when the last connection is gone.
 */
export function drain(signer: Signer, server: Server): Promise<void> {
  const began = performance.now();
  signer.draining = true;
  return new Promise((resolve) => {
    const look = (): void => {
      server.getConnections((_error, open) => {
        const spent = performance.now() - began;
        const left = signer.farewells >= FAREWELLS || spent > LEAVE_MS;
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
