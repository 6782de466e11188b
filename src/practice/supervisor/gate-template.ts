import { readFileSync } from 'node:fs';
import { envText, readEnvFile, required } from '../env-file.ts';
import { type Layout, paths } from '../layout.ts';
import { writePrivate } from './files.ts';
import { SECRET, secretFileOf } from './gate-places.ts';

const MATERIAL = /^\s*(?:export\s+)?INTERSERVICE_HMAC_[A-Z_]+\s*=/;
/** Variables whose values are secrets. */
const SECRETS: readonly string[] = [SECRET, `${SECRET}_PREV`];

/**
 * Gives a gate's env file the secrets and key ids of the template, and takes away those that the template does not have;
 * all else in it stays. A gate whose primary secret is in a file gets its secrets in files. Throws when the template has
 * no primary secret.
 */
export function renewGate(layout: Layout, gate: string): void {
  const path = paths.replicaEnv(layout, gate);
  const own = readEnvFile(path);
  const template = readEnvFile(paths.templateEnv(layout));
  required(template, SECRET);
  const prefix = own.get('GATE_SECRETS_PREFIX') ?? '';
  const inFiles = prefix !== '' && own.get(SECRET)?.startsWith(prefix) === true;
  const fresh = [...template].filter(([name]) => MATERIAL.test(`${name}=`));
  const placed = fresh.map(([name, value]): [string, string] => {
    if (!inFiles || !SECRETS.includes(name) || value === '') return [name, value];
    writePrivate(secretFileOf(prefix, name), value);
    return [name, secretFileOf(prefix, name)];
  });
  const [comment = '', ...lines] = readFileSync(path, 'utf8').split('\n');
  const kept = lines.filter((line) => !MATERIAL.test(line));
  const [, ...material] = envText('', Object.fromEntries(placed)).trimEnd().split('\n');
  writePrivate(path, [comment, ...material, ...kept].join('\n'));
}
