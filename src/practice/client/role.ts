import { parseArgs } from 'node:util';
import { connectParent } from '../parent.ts';
import { readClientConfig } from './config.ts';
import { makeSender } from './sender.ts';

/**
 * Role `client`: signs business requests at a steady rate, through the balancer, with the secret that its env file
 * held when it started. On SIGTERM it sends no more, waits for what is open, and exits with 0.
 */
export function runClient(args: readonly string[]): void {
  const { values } = parseArgs({ args: [...args], options: { 'env-file': { type: 'string', default: '' } } });
  const config = readClientConfig(values['env-file']);
  const parent = connectParent();
  const sender = makeSender(config, ({ kind, code }) => parent.tell({ type: 'outcome', kind, code }));
  // Open loop: the next request does not wait for the last one's answer.
  const timer = setInterval(() => void sender.send(), 1000 / config.ratePerSecond);
  process.once('SIGTERM', () => {
    clearInterval(timer);
    sender.finish().then(() => process.exit(0));
  });
  parent.tell({ type: 'ready' });
}
