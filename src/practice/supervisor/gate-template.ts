import { readFileSync, rmSync } from 'node:fs';
import { envText, readEnvFile, required, type Variables } from '../env-file.ts';
import { type Layout, paths } from '../layout.ts';
import { writePrivate } from './files.ts';
import { SECRET, secretFileOf } from './gate-places.ts';

const MATERIAL = /^\s*(?:export\s+)?INTERSERVICE_HMAC_[A-Z_]+\s*=/;
/** Variables whose values are secrets. */
const SECRETS: readonly string[] = [SECRET, `${SECRET}_PREV`];

/**
 * Reads what a gate's env file becomes with the secrets and key ids of the template, and without those that the template
 * does not have; all else in it stays. Writes it when the result is called: a gate whose primary secret is in a file gets
 * its secrets in files. Throws when the template has no primary secret.
 */
export function renewedGate(layout: Layout, gate: string): () => void {
  const path = paths.replicaEnv(layout, gate);
  const own = readEnvFile(path);
  const template = readEnvFile(paths.templateEnv(layout));
  required(template, SECRET);
  const prefix = own.get('GATE_SECRETS_PREFIX') ?? '';
  const inFiles = prefix !== '' && own.get(SECRET)?.startsWith(prefix) === true;
  const [comment = '', ...lines] = readFileSync(path, 'utf8').split('\n');
  const kept = lines.filter((line) => !MATERIAL.test(line));
  return () => {
    const fresh = [...template].filter(([name]) => MATERIAL.test(`${name}=`));
    const placed = inFiles ? [...fresh, ...writeFiles(prefix, template)] : fresh;
    const [, ...material] = envText('', Object.fromEntries(placed)).trimEnd().split('\n');
    writePrivate(path, [comment, ...material, ...kept].join('\n'));
  };
}

/** Writes each secret that there is into its file, removes the files of the others, and gives the variables their paths. */
function writeFiles(prefix: string, template: Variables): readonly [string, string][] {
  return SECRETS.flatMap((name): [string, string][] => {
    const file = secretFileOf(prefix, name);
    const value = template.get(name) ?? '';
    if (value === '') {
      rmSync(file, { force: true });
      return [];
    }
    writePrivate(file, value);
    return [[name, file]];
  });
}
