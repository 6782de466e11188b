import { type Palette, PLAIN } from '../report/palette.ts';
import type { Output, Platform } from './platform.ts';

/** Whether anything but plain lines may be written to a stream: it is a terminal, and neither NO_COLOR nor CI is set. */
export function isFancy({ env }: Pick<Platform, 'env'>, { color }: { readonly color: boolean }, to: Output): boolean {
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  return to.live && color && !isSet('NO_COLOR') && !isSet('CI') && env.TERM !== 'dumb';
}

/** The palette for a stream; the colours are loaded only for a terminal that shows them. */
export async function paletteFor(
  platform: Pick<Platform, 'env'>,
  flags: { readonly color: boolean },
  to: Output,
): Promise<Palette> {
  if (!isFancy(platform, flags, to)) return PLAIN;
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: 1 });
  return { good: chalk.green, bad: chalk.red, doubt: chalk.yellow, faint: chalk.dim, strong: chalk.bold };
}
