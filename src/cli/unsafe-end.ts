import { safetyDocument } from '../report/safety-json.ts';
import { renderSafety } from '../report/safety-text.ts';
import { positionOf, type UnsafeRunbook } from '../runner/safety.ts';
import { paletteFor } from './colour.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';
import type { CommandEnd } from './result.ts';

/** What a command shows that was refused because its runbook is not proven safe: the counterexample, also as data. */
export async function unsafeEnd(
  platform: Pick<Platform, 'stdout' | 'env'>,
  flags: GlobalFlags,
  { safety }: UnsafeRunbook,
): Promise<Pick<CommandEnd, 'text' | 'result'>> {
  const palette = await paletteFor(platform, flags, platform.stdout);
  const options = { palette, columns: platform.stdout.columns, verbose: flags.verbose, at: positionOf(safety) };
  const { name, title } = safety.runbook;
  return { text: renderSafety(safety, `${name}: ${title}`, options), result: { safety: safetyDocument(safety) } };
}
