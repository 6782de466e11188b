import type { Layout } from '../layout.ts';

/** The `chaos` of a practice fleet's `rotctl.yaml`. `ctl` makes a control command. */
export function chaosText({ storeForm }: Pick<Layout, 'storeForm'>, ctl: (...words: string[]) => string): string {
  const failover = storeForm !== 'sentinel' ? '' : `  failover: ${ctl('store', 'failover')}\n`;
  return `
# How rotctl verify-replay --chaos takes the replay store away, and gives it back.
chaos:
  stop: ${ctl('store', 'stop')}
  start: ${ctl('store', 'start')}
  freeze: ${ctl('store', 'freeze')}
  thaw: ${ctl('store', 'thaw')}
  fill: ${ctl('store', 'fill')}
  drain: ${ctl('store', 'relieve')}
${failover}  health: /health
`;
}
