import { hostOf } from './address.ts';
import type {
  AuthoritySource,
  CertificateCommand,
  CertificateLoading,
  CertificatePlace,
  ClientCertificates,
  ReplicaCertificates,
  TemplateCertificates,
} from './certificates.ts';
import type {
  AuthorityInput,
  ClientCertificatesInput,
  ReplicaCertificatesInput,
  TemplateCertificatesInput,
} from './certificates-schema.ts';
import type { DeployInput } from './deploy-schema.ts';
import { usageSources } from './read-evidence.ts';
import type { FleetInput } from './schema.ts';

type Resolve = (path: string) => string;
type Target = CertificateCommand['target'];

/** Where neither `certificates` nor `deploy` says it. */
const DEADLINE_MS = 30_000;

/** Who issues, as the file says it. */
export function authorityOf({ authority, name }: FleetInput): AuthoritySource | undefined {
  return authority === undefined ? undefined : sourceOf(authority, name);
}

function sourceOf(input: AuthorityInput, fleet: string): AuthoritySource {
  if (input.from === 'command') {
    const { from, trust, issue, key, pass, deadline } = input;
    return { from, trust, issue, key, pass, deadlineMs: deadline };
  }
  const { from, key, days, commonName = `${fleet.slice(0, MOST_NAME)} CA` } = input;
  return { from, commonName, key, authorityDays: days.authority, certificateDays: days.certificate };
}

/** What of the fleet's name goes into the 64 characters of a common name, beside the date that is added. */
const MOST_NAME = 43;

/** `certificates` of a replica, which the rules have passed; nothing where it has none. */
export function replicaCertificates(
  { name, url, serverName, deploy, certificates }: FleetInput['replicas'][number],
  { balancer }: Pick<FleetInput, 'balancer'>,
  absolute: Resolve,
): { readonly certificates?: ReplicaCertificates } {
  if (certificates === undefined) return {};
  return {
    certificates: {
      place: placeOf(certificates, { kind: 'replica', name }, absolute),
      ...loadingOf(certificates, deploy),
      endSessions: certificates.driver === 'command' ? asked(certificates, 'end-sessions') : certificates.endSessions,
      names: distinct([dialled({ url, serverName }), ...dialledAt(balancer), ...certificates.names]),
    },
  };
}

/** `certificates` of a client, which the rules have passed; nothing where it has none. */
export function clientCertificates(
  { id, deploy, certificates }: FleetInput['clients'][number],
  { protocol, certificateUsage }: Pick<FleetInput, 'protocol' | 'certificateUsage'>,
  absolute: Resolve,
): { readonly certificates?: ClientCertificates } {
  if (certificates === undefined) return {};
  const { handshake, usage } = certificates;
  return {
    certificates: {
      place: placeOf(certificates, { kind: 'client', name: id }, absolute),
      ...loadingOf(certificates, deploy),
      commonName: certificates.commonName,
      handshake: handshake === undefined ? undefined : { command: handshake.command, deadlineMs: handshake.deadline },
      usage: usageSources(usage ?? certificateUsage, protocol, absolute),
    },
  };
}

/** `certificates` of a template, which the rules have passed; nothing where it has none. */
export function templateCertificates(
  { name, certificates }: FleetInput['templates'][number],
  { balancer }: Pick<FleetInput, 'balancer'>,
  absolute: Resolve,
): { readonly certificates?: TemplateCertificates } {
  if (certificates === undefined) return {};
  return {
    certificates: {
      place: placeOf(certificates, { kind: 'template', name }, absolute),
      names: distinct([...dialledAt(balancer), ...certificates.names]),
    },
  };
}

type Placed = ReplicaCertificatesInput | ClientCertificatesInput | TemplateCertificatesInput;

function placeOf(input: Placed, target: Target, absolute: Resolve): CertificatePlace {
  if (input.driver === 'command') {
    const { driver, command, pass, deadline, keys } = input;
    return { driver, command, pass, deadlineMs: deadline, target, keys };
  }
  const { trust, cert, key } = input;
  return { driver: 'files', trust: absolute(trust), cert: absolute(cert), key: absolute(key) };
}

/** The commands of `certificates` itself, or else of `deploy`, where that has commands. */
function loadingOf(
  input: ReplicaCertificatesInput | ClientCertificatesInput,
  deploy: DeployInput | undefined,
): CertificateLoading {
  if (input.driver === 'command')
    return { reload: asked(input, 'reload'), restart: asked(input, 'restart'), deadlineMs: input.deadline };
  const { reload, restart, deadline } = input;
  const other = commandsOf(deploy);
  const deadlineMs = deadline ?? other?.deadline ?? DEADLINE_MS;
  const own = reload !== undefined || restart !== undefined || other === undefined;
  return own ? { reload, restart, deadlineMs } : { reload: other.reload, restart: other.restart, deadlineMs };
}

/** The commands of a `deploy` that has some; those of other drivers are run elsewhere. */
export function commandsOf(
  deploy: DeployInput | undefined,
):
  | { readonly reload?: string[] | undefined; readonly restart?: string[] | undefined; readonly deadline: number }
  | undefined {
  const local =
    deploy !== undefined &&
    (deploy.driver === undefined || deploy.driver === 'env-file' || deploy.driver === 'json-file');
  return local ? deploy : undefined;
}

/** The program itself, where it is what carries this out. */
function asked(
  { command, loads }: { readonly command: readonly string[]; readonly loads: readonly string[] },
  load: string,
): readonly string[] | undefined {
  return loads.includes(load) ? command : undefined;
}

type Dialled = { readonly url: string; readonly serverName?: string | undefined };

function dialled({ url, serverName }: Dialled): string {
  return serverName ?? hostOf(new URL(url));
}

function dialledAt(endpoint: Dialled | undefined): readonly string[] {
  return endpoint === undefined ? [] : [dialled(endpoint)];
}

function distinct(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))];
}
