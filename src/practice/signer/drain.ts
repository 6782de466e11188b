import type { Server } from 'node:https';
import type { Signer } from './service.ts';

/** The balancer looks each 100 ms: after two looks and some it sends nothing new here. */
const LEAVE_MS = 250;
/** Idle connections are given this long in all to be used and closed, or given up. */
const LINGER_MS = 700;
const TICK_MS = 10;

/**
 * Leaves service without losing a request: health says 503, each answer closes its connection, and when the balancer has
 * turned away and no request is open, the listener closes. Resolves when the last connection is gone.
 */
export function drain(signer: Signer, server: Server): Promise<void> {
  const began = performance.now();
  signer.draining = true;
  return new Promise((resolve) => {
    const look = (): void => {
      server.getConnections((_error, open) => {
        const spent = performance.now() - began;
        if (spent < LEAVE_MS || (open > 0 && spent < LINGER_MS)) {
          setTimeout(look, TICK_MS);
          return;
        }
        // Closes idle connections at once and the others when their answer is out.
        server.close(() => {
          signer.store.close();
          resolve();
        });
      });
    };
    look();
  });
}
