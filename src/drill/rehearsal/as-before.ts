import type { Finding } from '../../probe/finding.ts';
import type { Snapshot } from '../../runner/configurations.ts';

/** A fleet's stored configurations at one time, by the name of each replica, template and client. */
export interface Standing {
  /** What they say, secrets by fingerprint. */
  readonly settings: ReadonlyMap<string, Snapshot>;
  /** The whole text of each; kept in memory alone, for it holds secrets. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Whether each party stands as it did: what its configuration says, and every other byte of it. */
export function compareStandings(before: Standing, after: Standing): Finding[] {
  const names = [...new Set([...before.settings.keys(), ...after.settings.keys()])];
  return names.map((name) => {
    const differing = differingSettings(before.settings.get(name), after.settings.get(name));
    const sameText = before.texts.get(name) === after.texts.get(name);
    const reason =
      differing.length > 0
        ? `other than before the drill: ${differing.join(', ')}`
        : 'its secrets are as before; other text in its configuration is not';
    const equal = differing.length === 0 && sameText;
    return {
      id: 'drill.as-before',
      verdict: equal ? 'pass' : 'fail',
      critical: true,
      target: name,
      expected: 'configured as before the drill, to the byte',
      seen: equal ? 'as before' : 'not as before',
      ...(equal ? {} : { reason }),
      samples: 1,
      ms: 0,
    };
  });
}

function differingSettings(was: Snapshot | undefined, is: Snapshot | undefined): string[] {
  if (was === undefined || is === undefined) return ['all of it'];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return names.filter((name) => (was[name] ?? []).join('\n') !== (is[name] ?? []).join('\n'));
}
