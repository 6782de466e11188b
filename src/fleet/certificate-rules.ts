import { posix } from 'node:path';
import type {
  ClientCertificatesInput,
  ReplicaCertificatesInput,
  TemplateCertificatesInput,
} from './certificates-schema.ts';
import type { DeployInput } from './deploy-schema.ts';
import { checkUsage } from './evidence-rules.ts';
import type { UsageInput } from './evidence-schema.ts';
import { commandsOf } from './read-certificates.ts';
import type { Path, Refuse } from './refuse.ts';
import type { FleetInput } from './schema.ts';

/** What has to hold between fields where certificates are rotated. */
export function checkCertificates(fleet: FleetInput, refuse: Refuse): void {
  const placed = parties(fleet);
  if (fleet.authority === undefined) checkAbsence(fleet, placed, refuse);
  else checkFleetOf(fleet, refuse);
  if (fleet.authority !== undefined) {
    for (const { path, what, needed, certificates } of placed) {
      if (needed && certificates === undefined)
        refuse(path, `needs certificates, because the fleet has an authority: ${what}`);
    }
  }
  checkLoading(placed, refuse);
  checkPlaces(fleet, placed, refuse);
  checkTemplateNames(fleet, refuse);
  checkHandshakes(fleet, refuse);
}

interface Party {
  readonly path: Path;
  readonly text: string;
  /** Whether a rotation of certificates has to change it. */
  readonly needed: boolean;
  readonly what: string;
  readonly certificates: ReplicaCertificatesInput | ClientCertificatesInput | TemplateCertificatesInput | undefined;
  /** `undefined` of a client that has none; `none` of what no process runs by. */
  readonly deploy: DeployInput | undefined | 'none';
}

function parties({ replicas, clients, templates }: FleetInput): Party[] {
  const at = (key: string, index: number) => ({ path: [key, index], text: `${key}[${index}]` });
  return [
    ...replicas.map(({ certificates, deploy }, index) => ({
      ...at('replicas', index),
      ...{ needed: true, what: 'where its bundle and its certificate stand', certificates, deploy },
    })),
    ...clients.map(({ certificates, deploy, movable }, index) => ({
      ...at('clients', index),
      ...{ needed: movable === 'us', what: 'where its bundle and its certificate stand', certificates, deploy },
    })),
    ...templates.map(({ certificates }, index) => ({
      ...at('templates', index),
      ...{ needed: true, what: 'what an instance made from it starts with', certificates, deploy: 'none' as const },
    })),
  ];
}

/** Without an authority nothing else of certificates has a meaning. */
function checkAbsence({ certificateUsage }: FleetInput, placed: readonly Party[], refuse: Refuse): void {
  const why =
    'is of no use without authority at the top of the file, who issues the next certificates: authority: { from: rotctl }';
  for (const { path, certificates } of placed) if (certificates !== undefined) refuse([...path, 'certificates'], why);
  if (certificateUsage !== undefined) refuse(['certificateUsage'], why);
}

/** A rotation proves by connections that fail closed; where none does, there is nothing to prove by. */
function checkFleetOf({ protocol, replicas, balancer, tls }: FleetInput, refuse: Refuse): void {
  if (protocol === 'gate-v1')
    refuse(['authority'], 'is not for protocol gate-v1, whose certificates rotctl does not rotate');
  for (const [index, { url }] of replicas.entries()) {
    if (!url.startsWith('https:'))
      refuse(['replicas', index, 'url'], 'must be https, because the fleet has an authority');
  }
  if (balancer !== undefined && !balancer.url.startsWith('https:'))
    refuse(['balancer', 'url'], 'must be https, because the fleet has an authority');
  const missing = (['ca', 'cert', 'key'] as const).filter((name) => tls[name] === undefined);
  if (missing.length > 0)
    refuse(
      ['tls'],
      `needs ${missing.join(', ')}: where certificates are rotated, rotctl shows one of its own in every probe`,
    );
  if (tls.required === false)
    refuse(
      ['tls', 'required'],
      'must be true where certificates are rotated: signers that serve callers without a certificate refuse nobody for theirs, so that nothing could be proven',
    );
}

function checkLoading(placed: readonly Party[], refuse: Refuse): void {
  for (const { path, certificates, deploy } of placed) {
    if (certificates === undefined || certificates.driver === 'command' || deploy === 'none') continue;
    const own = 'reload' in certificates || 'restart' in certificates;
    if (own || commandsOf(deploy) !== undefined) continue;
    refuse(
      [...path, 'certificates'],
      'needs a reload or a restart command: deploy has none that runs on this machine, which would be the default',
    );
  }
}

/** Changing one party's file must not change another's with it, and ours must not change under our hands. */
function checkPlaces({ tls }: FleetInput, placed: readonly Party[], refuse: Refuse): void {
  const seen = new Map<string, string>();
  for (const name of ['ca', 'cert', 'key'] as const) {
    const file = tls[name];
    if (file !== undefined) seen.set(posix.normalize(file), `rotctl's own tls.${name}`);
  }
  for (const { path, text, certificates } of placed) {
    if (certificates === undefined || certificates.driver === 'command') continue;
    const at = [...path, 'certificates'];
    const mine = new Set<string>();
    for (const name of ['trust', 'cert', 'key'] as const) {
      const file = posix.normalize(certificates[name]);
      const other = seen.get(file);
      if (other !== undefined)
        refuse(
          [...at, name],
          `is the same file as ${other}; each needs a file of its own, or one changes with the other`,
        );
      else if (mine.has(file) && !(name === 'key' && file === posix.normalize(certificates.cert)))
        refuse(
          [...at, name],
          'is the same file as its trust; what it trusts and what it shows change at different times',
        );
      mine.add(file);
    }
    for (const name of ['trust', 'cert', 'key'] as const) {
      const file = posix.normalize(certificates[name]);
      if (!seen.has(file)) seen.set(file, `${name} of ${text}`);
    }
  }
}

function checkTemplateNames({ templates, balancer }: FleetInput, refuse: Refuse): void {
  for (const [index, { certificates }] of templates.entries()) {
    if (certificates !== undefined && certificates.names.length === 0 && balancer === undefined)
      refuse(
        ['templates', index, 'certificates'],
        'needs names, which its certificate is made for: there is no balancer to go by',
      );
  }
}

/** Sources of evidence of handshakes are as those of secrets, but how a certificate is named is not theirs to say. */
function checkHandshakes(fleet: FleetInput, refuse: Refuse): void {
  const places: [FleetInput['certificateUsage'], Path][] = [
    [fleet.certificateUsage, ['certificateUsage']],
    ...fleet.clients.map(({ certificates }, index): [FleetInput['certificateUsage'], Path] => [
      certificates?.usage,
      ['clients', index, 'certificates', 'usage'],
    ]),
  ];
  for (const [given, path] of places) {
    if (given === undefined) continue;
    const each: [UsageInput, Path][] = Array.isArray(given)
      ? given.map((one, nth) => [one, [...path, nth]])
      : [[given, path]];
    for (const [one, at] of each) {
      checkUsage(fleet, one, at, refuse);
      if (one.fingerprint !== undefined)
        refuse(
          [...at, 'fingerprint'],
          'is not for certificates: SHA-256, SHA-1 and serial number are known by their form',
        );
    }
  }
}
