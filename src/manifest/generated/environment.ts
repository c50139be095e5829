/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * What holds for all: exactly one per root.
 */
export interface Environment {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Environment"
metadata: Metadata
spec: EnvironmentSpec
}
/**
 * Who this document is; the kind is cluster-scoped and has no namespace.
 */
export interface Metadata {
/**
 * Unique among the documents of this kind.
 */
name: string
/**
 * Free labels for people and selections; they change nothing that runs.
 */
labels?: {
[k: string]: string
}
/**
 * Free notes for people and tools; they change nothing that runs.
 */
annotations?: {
[k: string]: string
}
}
/**
 * Settings of the environment.
 */
export interface EnvironmentSpec {
sync?: Sync
/**
 * Which namespace lives under which path. With tenants, a document outside the paths of its namespace is an error. Absent: one tenant, the whole root.
 * 
 * @maxItems 10000
 */
tenants?: Tenant[]
/**
 * Only its path, or no tenant path at all, may hold Environment and Policy; its RolloutPolicies may be used from every namespace.
 */
platformNamespace?: string
prune?: Prune
/**
 * Times in which nothing starts and nothing advances.
 * 
 * @maxItems 64
 */
freezeWindows?: FreezeWindowSpec[]
rollouts?: Rollouts
/**
 * Folders outside of the followed path whose documents belong to this Environment, as if they lay in it. Their own paths (tenants, artifacts) are relative to the base.
 * 
 * @minItems 1
 * @maxItems 16
 * 
 * Items: A folder of the same repository, relative to the followed path.
 */
bases?: string[]
/**
 * What `${name}` stands for in the texts of documents of the bases. One that is not used, or used and not here, is an error; `$${` is a plain `${`.
 * 
 * @maxItems 256
 */
variables?: Variable[]
/**
 * Changes of documents of the bases, in this order. The schema of the kind is checked afterwards.
 * 
 * @maxItems 256
 */
patches?: Patch[]
trust?: Trust
report?: Report
defaults?: EnvironmentDefaults
}
/**
 * How often the repository is looked at.
 */
export interface Sync {
/**
 * Time between two looks.
 */
interval?: string
/**
 * By how much that varies, so that many nodes do not ask at once.
 */
jitter?: string
}
/**
 * A namespace and a path.
 */
export interface Tenant {
/**
 * The namespace.
 */
namespace: string
/**
 * A folder, relative to the followed path.
 */
path: string
}
/**
 * What happens when documents vanish.
 */
export interface Prune {
/**
 * Whether what is no longer in git is stopped.
 */
enabled?: boolean
/**
 * More than this percentage (and more than one component) at once is held.
 */
maxDeletePercent?: number
/**
 * The hash of a held set, as plan and status print it.
 */
confirm?: string
}
/**
 * A window that opens by a schedule.
 */
export interface FreezeWindowSpec {
/**
 * Its name.
 */
name: string
/**
 * When it opens: minute, hour, day of month, month, day of week.
 */
schedule: string
/**
 * How long it stays open.
 */
duration: string
/**
 * Time zone of the schedule, by its IANA name.
 */
timeZone?: string
/**
 * For these only; absent: for all.
 * 
 * @maxItems 64
 * 
 * Items: A namespace.
 */
namespaces?: string[]
}
/**
 * Bounds for all rollouts together.
 */
export interface Rollouts {
/**
 * Candidates that are prepared at a time.
 */
maxConcurrent?: number
}
/**
 * A variable.
 */
export interface Variable {
/**
 * Its name.
 */
name: string
/**
 * Its text; quote numbers and booleans.
 */
value: string
}
/**
 * One change.
 */
export interface Patch {
target: PatchTarget
/**
 * A JSON merge patch (RFC 7386): mappings go into mappings, null takes a field away, everything else, lists too, takes the place of what was there. No variables.
 */
patch: {
[k: string]: unknown
}
}
/**
 * The document that it changes.
 */
export interface PatchTarget {
/**
 * Its kind.
 */
kind: ("Component" | "Route" | "Schedule" | "RolloutPolicy" | "Policy" | "Role" | "Config" | "Secret")
/**
 * Its namespace; absent for kinds without one.
 */
namespace?: string
/**
 * Its name.
 */
name: string
}
/**
 * Whose commits are followed. The settings of the last accepted commit judge the next one; those of the host's own file, where it has some, judge all. Absent: everybody's.
 */
export interface Trust {
/**
 * `Head`: the head must be signed. `All`: every new commit, on every parent.
 */
mode: ("Off" | "Head" | "All")
/**
 * Who may sign.
 * 
 * @minItems 1
 * @maxItems 256
 */
signers: Signer[]
/**
 * Fingerprints of keys that count no more, in whoever's name: `SHA256:…`, or the hex digits of an OpenPGP key.
 * 
 * @maxItems 256
 * 
 * Items: A fingerprint.
 */
revoked?: string[]
/**
 * A commit whose date is further from the time at which it is first seen does not count. Absent: any date.
 */
maxAge?: string
/**
 * Who may change what, where that is not everybody who signs.
 * 
 * @maxItems 256
 */
paths?: TrustPathSpec[]
}
/**
 * A person or a machine, and its key: exactly one of ssh or openpgp.
 */
export interface Signer {
/**
 * How messages and paths name it.
 */
name: string
/**
 * The public key as in a `.pub` file; what follows it is a comment.
 */
ssh?: string
/**
 * The armoured public key.
 */
openpgp?: string
/**
 * Commits that are dated earlier do not count.
 */
validAfter?: string
/**
 * Commits that are first seen at this time or later do not count, whatever date they bear.
 */
validBefore?: string
}
/**
 * A folder, who may change it, and how many of them it takes: who commits, and who merges.
 */
export interface TrustPathSpec {
/**
 * A folder, relative to the followed path.
 */
path: string
/**
 * Names of signers.
 * 
 * @minItems 1
 * @maxItems 256
 * 
 * Items: The name of a signer.
 */
signers: string[]
/**
 * How many different ones.
 */
threshold?: number
}
/**
 * What is told outside of Headway about each commit, of what runtime.yaml sets up (`report`): the repository switches it on and off, and names no receiver.
 */
export interface Report {
/**
 * Commit statuses and signed web hooks.
 */
statuses?: boolean
/**
 * Deployments of the forge, where its target in runtime.yaml has them.
 */
deployments?: boolean
/**
 * The outcome of each commit as a git note, pushed to refs/notes/headway: `git log --notes=headway` tells the story.
 */
notes?: boolean
/**
 * What follows a commit that was rolled back. nothing: it is told. proposeRevert: a branch with its revert is pushed and a pull request opened; the followed branch is never touched.
 */
onRollback?: ("nothing" | "proposeRevert")
}
/**
 * What is used where a component says nothing.
 */
export interface EnvironmentDefaults {
rolloutPolicyRef?: RolloutPolicyRef
}
/**
 * The RolloutPolicy for components without one.
 */
export interface RolloutPolicyRef {
/**
 * Its namespace.
 */
namespace: string
/**
 * Its name.
 */
name: string
}
