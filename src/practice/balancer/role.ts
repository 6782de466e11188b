import { connectParent } from '../parent.ts';
import { parseBalancerArgs } from './arguments.ts';
import { watchHealth } from './health.ts';
import { makeProxy } from './proxy.ts';

/** Role `balancer`: passes TCP connections to healthy replicas in turn. Ready when every one was seen healthy. */
export function runBalancer(args: readonly string[]): void {
  const { port, backends, serverName } = parseBalancerArgs(args);
  const parent = connectParent();
  const health = watchHealth(backends, serverName);
  const proxy = makeProxy(() => health.inTurn());
  process.once('SIGTERM', () => process.exit(0));
  proxy.listen(port, '127.0.0.1', () => {
    health.whenAllUp().then(() => parent.tell({ type: 'ready' }));
  });
}
