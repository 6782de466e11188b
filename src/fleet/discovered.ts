import * as z from 'zod';
import { parseDocument } from '../document/parse.ts';
import type { SourceDocument } from '../document/source-document.ts';
import { validate } from '../document/validate.ts';
import { RotctlError } from '../errors/rotctl-error.ts';
import { hostOf } from './address.ts';
import { type Discovery, discovery, type ListedReplica, listedReplicas, resolver } from './discovery-schema.ts';
import { withProfile } from './profiles.ts';

const SOURCED = z.looseObject({ replicas: discovery, resolver });
const LISTED = z.looseObject({ replicas: listedReplicas });

/** What the list of an outside source may look like: an array, or a mapping with `replicas`. */
type Raw = { readonly [key: string]: unknown };

/** Where the replicas of a fleet file come from, and the name server to ask. */
export interface Source {
  readonly discovery: Discovery;
  readonly resolver: string | undefined;
}

/**
 * The source of a fleet file's replicas; `undefined` where they stand in the file.
 *
 * @throws RotctlError `INPUT_SYNTAX`, `INPUT_INVALID` with file, line and column
 */
export function discoveryOf(text: string, file: string): Source | undefined {
  const document = withProfile(parseDocument(text, file));
  if (!isSourced(document)) return undefined;
  const { replicas, resolver: server } = validate(document, SOURCED);
  return { discovery: replicas, resolver: server };
}

/**
 * Reads a list of replicas as a command prints it or a file holds it: a JSON or YAML array, a mapping with `replicas`, or
 * one JSON object a line.
 *
 * @param from what gave it, for messages
 * @throws RotctlError `FLEET_UNSURE`, saying what is wrong with it
 */
export function readListed(text: string, from: string): readonly ListedReplica[] {
  try {
    const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
    const perLine = lines.every((line) => /^\s*\{.*\}\s*$/.test(line) && !/^\s*\{\s*"replicas"/.test(line));
    const document = parseDocument(perLine && lines.length > 0 ? `[${lines.join(',\n')}]` : text, from);
    return isMapping(document.value) && 'replicas' in document.value
      ? validate(document, LISTED).replicas
      : validate(document, listedReplicas);
  } catch (error) {
    if (!(error instanceof RotctlError)) throw error;
    const at = error.at?.line === undefined ? '' : ` (line ${error.at.line})`;
    throw new RotctlError('FLEET_UNSURE', `the list of replicas from ${from}${at}: ${error.message}`);
  }
}

/** The replicas behind a name: each address is one, and bears the address as its name. */
export function listedAt(addresses: readonly string[], service: string): readonly ListedReplica[] {
  const url = new URL(service.includes('://') ? service : `https://${service}`);
  return addresses.toSorted().map((address) => {
    const host = address.includes(':') ? `[${address}]` : address;
    const port = url.port === '' ? '' : `:${url.port}`;
    return { name: address.replaceAll(':', '-'), url: `${url.protocol}//${host}${port}`, serverName: hostOf(url) };
  });
}

/**
 * A fleet file's document with its replicas in it, each made of the file's `deploy`, `certificates` and `log`, where it names a source.
 *
 * @throws RotctlError `FLEET_UNSURE` for fewer than `atLeast`, naming those that there are
 */
export function withReplicas(document: SourceDocument, listed: readonly ListedReplica[] | undefined): SourceDocument {
  if (!isSourced(document)) return document;
  const { replicas } = validate(document, SOURCED);
  if (listed === undefined)
    throw new RotctlError('INTERNAL', 'the replicas of this fleet file are discovered, and no list was given');
  if (listed.length < replicas.atLeast) {
    const names = listed.length === 0 ? 'none' : listed.map(({ name }) => name).join(', ');
    throw new RotctlError(
      'FLEET_UNSURE',
      `${listed.length} replicas are listed, fewer than the ${replicas.atLeast} of atLeast: ${names}`,
    );
  }
  const raw = document.value.replicas;
  return document.withValue({ ...document.value, replicas: listed.map((one) => made(one, raw)) });
}

function made({ name, url, serverName }: ListedReplica, raw: Raw): Raw {
  const { hostname, port, protocol } = new URL(url);
  const words: Readonly<Record<string, string>> = {
    name,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (protocol === 'https:' ? '443' : '80') : port,
  };
  const named = serverName ?? raw.serverName;
  return {
    name,
    url,
    ...(named === undefined ? {} : { serverName: named }),
    ...(raw.log === undefined ? {} : { log: filled(raw.log, words) }),
    deploy: filled(raw.deploy, words),
    ...(raw.certificates === undefined ? {} : { certificates: filled(raw.certificates, words) }),
  };
}

/** A value in whose texts `{name}`, `{host}` and `{port}` are replaced. */
function filled(value: unknown, words: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return value.replace(/\{(name|host|port)\}/g, (whole, word) => words[word] ?? whole);
  if (Array.isArray(value)) return value.map((one) => filled(one, words));
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, words)]));
}

type Sourced = SourceDocument & { readonly value: { readonly replicas: Raw } };

function isSourced(document: SourceDocument): document is Sourced {
  return isMapping(document.value) && isMapping(document.value.replicas);
}

function isMapping(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
