/** How secrets stand in the value of one variable, or in the text of one file. */
export type SecretsFormat =
  /** The value is the one secret. */
  | { readonly kind: 'single' }
  /** Secrets joined by a separator. */
  | { readonly kind: 'list'; readonly separator: string }
  /** An array of strings, or one string, at a JSON pointer into the value; everything else in it is left as it is. */
  | { readonly kind: 'json'; readonly pointer: string };

/** How secrets, or a gate's settings, stand in a configuration of named values. */
export type ValueFormat = SecretsFormat | GateFormat;

/** The settings of a gate, or of a service that signs for one (`gate-v1`), each in a variable of its own. */
export interface GateFormat {
  readonly kind: 'gate';
  readonly names: GateNames;
  /**
   * A value that begins with `prefix` is not the secret: it names a file, which is `folder` + the rest of the value here.
   * `undefined`: a secret always stands in its variable.
   */
  readonly secretFiles: { readonly prefix: string; readonly folder: string } | undefined;
}

/** Names of the variables that `gate-v1` knows. */
export type GateNames = Readonly<Record<GateVariable, string>>;

/** What a gate, or a service that signs for one, is told by variables. */
export type GateVariable = 'secret' | 'prev' | 'keyId' | 'keyIdPrev' | 'strict' | 'revoked' | 'dual';

/** A text in a configuration: the value of that name, or what stands at a pointer in it. */
export interface TextAt {
  /** A variable; empty for a configuration that is one text. */
  readonly name: string;
  readonly pointer?: string | undefined;
}

/** What a configuration says of client ids, where clients have two. */
export interface IdPlaces {
  /** Of a client: the id that it sends. */
  readonly idAt?: TextAt | undefined;
  /** Of what accepts: the client for whom requests are taken that name none. */
  readonly defaultAt?: TextAt | undefined;
}

/** Deploy driver `env-file`, as far as it writes: variables in a file of `NAME=value` lines are replaced (atomically, 0600). */
export interface EnvFilePlace extends IdPlaces {
  readonly driver: 'env-file';
  readonly path: string;
  /** Holds the secrets; of a gate, the primary one. `{client}` and `{CLIENT}` stand for the client's id. */
  readonly variable: string;
  readonly format: ValueFormat;
}

/** Deploy driver `json-file`, as far as it writes: the array or text at a pointer in a JSON file is replaced (atomically, 0600). */
export interface JsonFilePlace extends IdPlaces {
  readonly driver: 'json-file';
  readonly path: string;
  readonly format: Extract<SecretsFormat, { kind: 'json' }>;
}

/** Deploy driver `command`: a program of the operator's is asked to read and write (`spec/deploy-command.md`). */
export interface CommandPlace extends IdPlaces {
  readonly driver: 'command';
  readonly command: readonly string[];
  /** Names of variables of our environment that it gets besides the few that every command gets. */
  readonly pass: readonly string[];
  /** The longest time for one answer. */
  readonly deadlineMs: number;
  /** Whom its requests are about. */
  readonly target: { readonly kind: 'replica' | 'template' | 'client'; readonly name: string };
  /** Present for a gate or a service that signs for one. */
  readonly format: GateFormat | undefined;
}

/** Deploy driver `ansible`, as far as it writes: the same on a host of an inventory, by `ansible-playbook`. */
export interface AnsiblePlace extends IdPlaces {
  readonly driver: 'ansible';
  /** Absolute path on this machine. */
  readonly inventory: string;
  /** The host's name in the inventory. */
  readonly host: string;
  /** Absolute path on the host. */
  readonly path: string;
  readonly become: boolean;
  /** Absolute path on this machine; `undefined`: the shipped playbook. */
  readonly playbook: string | undefined;
  readonly file: 'env' | 'json';
  /** As in `EnvFilePlace`; of a JSON file, empty. */
  readonly variable: string;
  readonly format: ValueFormat;
  /** Longest time for one run of `ansible-playbook`. */
  readonly deadlineMs: number;
}

/** How `kubectl` reaches a cluster. */
export interface Cluster {
  /** Absolute path; `undefined`: what `kubectl` takes by itself. */
  readonly kubeconfig: string | undefined;
  /** `undefined`: the current one of the kubeconfig. */
  readonly context: string | undefined;
  /** Names of variables of our environment that `kubectl` gets besides the few that every command gets. */
  readonly pass: readonly string[];
}

/** Deploy driver `kubernetes`, as far as it writes: keys of a Secret, applied server-side. */
export interface KubernetesPlace extends IdPlaces {
  readonly driver: 'kubernetes';
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly secret: string;
  /** Key of the Secret that holds the secrets; of a gate, the primary one. May have a placeholder for the client's id. */
  readonly key: string;
  readonly format: ValueFormat;
  /** Field managers from which the keys may be taken over. */
  readonly takeOver: readonly string[];
}

/** What `kubectl rollout` restarts. */
export interface Workload {
  readonly kind: 'deployment' | 'statefulset';
  readonly name: string;
}

/** Driver `kubernetes` of a process: its workload is rolled out anew. */
export interface KubernetesDeploy extends KubernetesPlace {
  readonly workload: Workload;
  /** The longest time for a rollout. */
  readonly deadlineMs: number;
  /** How many replicas of the fleet are pods of the workload; `undefined` for a client, whose instances are not probed. */
  readonly pods: number | undefined;
}

/** Where a configuration stands: what a template has, and what a process reads. */
export type Place = EnvFilePlace | JsonFilePlace | CommandPlace | AnsiblePlace | KubernetesPlace;

/** What makes a process read its configuration. */
export type Loading = 'reload' | 'restart';

/** Commands that make a process read what was written. At least one is given; there is no default for either. */
export interface LoadCommands {
  readonly reload: readonly string[] | undefined;
  readonly restart: readonly string[] | undefined;
  readonly deadlineMs: number;
}

/** Driver `env-file` of a process. */
export interface EnvFileDeploy extends EnvFilePlace, LoadCommands {}

/** Driver `json-file` of a process. */
export interface JsonFileDeploy extends JsonFilePlace, LoadCommands {}

/** Driver `command` of a process: the same program loads what was written. */
export interface CommandDeploy extends CommandPlace {
  readonly loads: readonly Loading[];
}

/** Driver `ansible` of a process. */
export interface AnsibleDeploy extends AnsiblePlace, LoadCommands {}

/** Where the configuration of a process stands, and what makes the process read it. */
export type Deploy = EnvFileDeploy | JsonFileDeploy | CommandDeploy | AnsibleDeploy | KubernetesDeploy;
