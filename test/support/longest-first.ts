import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes minutes: begun last, it would be waited for alone. Parts of paths below `test/`. */
const LONGEST: readonly string[] = [
  ...['secrets/canary', 'cli/gate-rotation', 'drill/drill', 'cli/plan-live', 'secrets/held-elsewhere', 'cli/game-day'],
  ...['crash/kill', 'cli/readme', 'probe/lockout', 'safety/independent', 'cli/windows'],
  ...['systems/gate/rotation', 'systems/foreign/', 'systems/words/', 'systems/described/'],
  ...['systems/ansible/', 'systems/certificates/', 'systems/kubernetes/', 'systems/practice-'],
];

/** Runs the files that take longest first, so that all lanes end at about the same time. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((part) => moduleId.includes(`/test/${part}`));
      return at === -1 ? LONGEST.length : at;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}
