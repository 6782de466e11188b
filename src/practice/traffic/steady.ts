import { parseArgs } from 'node:util';
import { connectParent, type Hands } from '../parent.ts';
import { type Dialect, makeSender, type Route } from './sender.ts';

/** Reads the command line of what sends requests: the path of its env file. */
export function envFileOf(args: readonly string[]): string {
  const { values } = parseArgs({ args: [...args], options: { 'env-file': { type: 'string', default: '' } } });
  return values['env-file'];
}

/**
 * Sends at a steady rate and tells the supervisor how each request ended. On SIGTERM it sends no more, waits for what is
 * open, and the process exits with 0.
 */
export function sendSteadily(
  route: Route & { readonly ratePerSecond: number },
  dialect: Dialect,
  hands: Hands = {},
): void {
  const parent = connectParent(hands);
  const sender = makeSender(route, dialect, ({ kind, code }) => parent.tell({ type: 'outcome', kind, code }));
  // Open loop: the next request does not wait for the last one's answer.
  const timer = setInterval(() => void sender.send(), 1000 / route.ratePerSecond);
  process.once('SIGTERM', () => {
    clearInterval(timer);
    sender.finish().then(() => process.exit(0));
  });
  parent.tell({ type: 'ready' });
}
