import { readVariable } from '../credential/env-file.ts';
import { setVariable, unsetVariable } from '../credential/env-lines.ts';
import { reveal, Secret } from '../credential/secret.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import type { EnvFilePlace, GateFormat } from '../fleet/fleet.ts';
import type { GateChange, GateSettings } from './gate.ts';

const PLAIN = ['keyId', 'keyIdPrev', 'strict', 'revoked', 'dual'] as const;

/** The gate's format of a place. Throws `INTERNAL` for another. */
export function gateFormat({ format }: EnvFilePlace): GateFormat {
  if (format.kind === 'gate') return format;
  throw new RotctlError('INTERNAL', `format ${format.kind} is not that of a gate`);
}

export function readSettings(text: string, deploy: EnvFilePlace): GateSettings {
  const { names } = gateFormat(deploy);
  const value = (name: keyof GateSettings) => readVariable(text, names[name], deploy.path);
  const secret = value('secret');
  if (secret === undefined)
    throw new RotctlError('INPUT_INVALID', `${names.secret} is not set in the file`, { at: { file: deploy.path } });
  const of = (one: string | undefined) => (one === undefined || one === '' ? undefined : Secret.fromText(one));
  return {
    secret: of(secret),
    prev: of(value('prev')),
    keyId: value('keyId'),
    keyIdPrev: value('keyIdPrev'),
    strict: value('strict'),
    revoked: value('revoked'),
    dual: value('dual'),
  };
}

export function applyChange(text: string, deploy: EnvFilePlace, change: GateChange): string {
  const { names } = gateFormat(deploy);
  const now = readSettings(text, deploy);
  const like = names.secret;
  let after = text;
  const set = (name: keyof GateSettings, value: string | null | undefined, known = '') => {
    if (value === undefined) return;
    after =
      value === null
        ? unsetVariable(after, names[name], deploy.path)
        : setVariable(after, names[name], value, deploy.path, { like, known });
  };
  for (const name of ['prev', 'secret'] as const) {
    const next = change[name];
    if (next === undefined || (next === null && now[name] === undefined)) continue;
    if (next === null) {
      set(name, null);
      continue;
    }
    if (now[name]?.signsLike(next)) continue;
    const known = reveal(next).toString('utf8');
    set(name, known, known);
  }
  for (const name of PLAIN) set(name, change[name]);
  return after;
}
