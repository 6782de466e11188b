import type { Check } from '../probe/checks/check.ts';
import type { Finding } from '../probe/finding.ts';
import { HAZARDS, hazardsOf } from '../probe/hazards.ts';
import type { Palette } from '../report/palette.ts';
import { renderChecks } from '../report/text.ts';
import { paletteFor } from './colour.ts';
import type { Platform } from './platform.ts';
import type { GlobalFlags } from './request.ts';

/** Prints checks on stdout, one by one as they are done, aligned: their result, and what to do where it is no pass. */
export class CheckLines {
  readonly #stdout: Platform['stdout'];
  readonly #palette: Palette;
  readonly #verbose: boolean;
  readonly #width: number;

  private constructor(stdout: Platform['stdout'], palette: Palette, verbose: boolean, width: number) {
    this.#stdout = stdout;
    this.#palette = palette;
    this.#verbose = verbose;
    this.#width = width;
  }

  static async open(
    platform: Pick<Platform, 'stdout' | 'env'>,
    flags: GlobalFlags,
    checks: readonly Pick<Check, 'id'>[],
  ): Promise<CheckLines> {
    const palette = await paletteFor(platform, flags, platform.stdout);
    return new CheckLines(platform.stdout, palette, flags.verbose, Math.max(0, ...checks.map(({ id }) => id.length)));
  }

  tell({ why, remedy }: Pick<Check, 'why' | 'remedy'>, findings: readonly Finding[]): void {
    const aligned = findings.map((finding) => ({ ...finding, id: finding.id.padEnd(this.#width) }));
    const lines = [renderChecks(aligned, { palette: this.#palette, verbose: this.#verbose })];
    const named = hazardsOf(...findings.map(({ hazards }) => hazards)) ?? [];
    lines.push(...named.map((hazard) => this.#palette.faint(`         ${hazard}: ${HAZARDS[hazard]}`)));
    const isBad = findings.some(({ verdict }) => verdict === 'fail' || verdict === 'unknown');
    if (isBad) lines.push(...[`why: ${why}`, `do:  ${remedy}`].map((line) => this.#palette.faint(`         ${line}`)));
    this.#stdout.write(`${lines.join('\n')}\n`);
  }
}
