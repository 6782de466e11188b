/**
 * The safety checker on the shipped runbooks: how long an answer takes in a process that has just begun, the search alone
 * and on the whole fleet as asked; and its time against that of the second model in `test/machine/safety/independent`,
 * which is written for clarity alone and looks at the same states.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beginningsOf } from '../src/machine/as-before.ts';
import { settingOf } from '../src/machine/rotation.ts';
import { check, modelOf } from '../src/machine/safety/check.ts';
import { ENVIRONMENT } from '../src/machine/safety/environment.ts';
import { explore } from '../src/machine/safety/explore.ts';
import { readRunbook } from '../src/runbook/read.ts';
import { explore as exploreNaively } from '../test/machine/safety/independent/explore.ts';
import { readProgram } from '../test/machine/safety/independent/program.ts';
import { inFull, inventoryOf } from '../test/machine/safety/independent/state.ts';
import { compare, ownCpu, program, ratioRow, row } from './measure.ts';

const SHIPPED = ['signer-hmac', 'gate-hmac', 'signer-mtls'] as const;
/** An answer is waited for at the start of a rotation. */
const MOST_MS = 1000;
const ENVIRONMENT_ON = new Set(ENVIRONMENT);

const texts = SHIPPED.map((name) => [name, readFileSync(join(program(), 'runbooks', `${name}.yaml`), 'utf8')] as const);

for (const [name, text] of texts) {
  const { scheme, program } = readRunbook(text, name);
  for (const beginning of beginningsOf(scheme)) {
    const inventory = { ...inventoryOf(3, 3, 1), beginning };
    const begins = beginning.keyIds === 'default' ? '' : `, own ids${beginning.strict ? ', strict' : ''}`;
    const started = performance.now();
    const { states, verdict } = check({ scheme, program, inventory, environment: ENVIRONMENT_ON });
    row(
      `checker: ${name} at 3 × 3 × 1${begins} (ms)`,
      performance.now() - started,
      0,
      { most: MOST_MS },
      `${verdict}, ${states} states`,
    );
  }
}

const [[, text] = ['', '']] = texts;
const { scheme, program: steps } = readRunbook(text, 'signer-hmac');
const inventory = inventoryOf(2, 1, 1);
const model = modelOf({ scheme, environment: ENVIRONMENT_ON }, settingOf(steps, inventory));
const naive = { program: readProgram(text), inventory, environment: inFull([...ENVIRONMENT]) };
ratioRow(
  'checker: CPU over a plain model of the same rules',
  await compare(
    () => ownCpu(() => explore(model)),
    () => ownCpu(() => exploreNaively(naive)),
  ),
  undefined,
  'ms',
);
