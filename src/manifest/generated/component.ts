/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * What runs, and what it may touch: one WebAssembly component with its grants, limits and settings.
 */
export interface Component {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Component"
metadata: Metadata
spec: ComponentSpec
}
/**
 * Who this document is.
 */
export interface Metadata {
/**
 * Unique among the documents of this kind in the namespace.
 */
name: string
/**
 * The namespace it belongs to; the Environment says which path may hold it.
 */
namespace: string
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
 * What the component is to be.
 */
export interface ComponentSpec {
source: Source
/**
 * Pooled: instances answer many calls; where a second call on one fails, one each, and status says why: with probes.readiness.httpGet that is tried before the first request. PerRequest: one call each. Singleton: one instance, one call at a time; up to limits.queue requests wait in its mailbox, also while it is replaced.
 */
instancePolicy?: ("Pooled" | "PerRequest" | "Singleton")
/**
 * Strict: process and sandbox of the kernel. Process: own process. Shared: up to eight cells of the namespace that trust each other in one process, where a Policy names Shared; the sandbox is that of Auto. Auto: Strict where the machine can, else Process.
 */
isolation?: ("Auto" | "Process" | "Strict" | "Shared")
/**
 * Environment variables.
 * 
 * @maxItems 256
 */
env?: EnvVar[]
/**
 * Settings that the guest reads through wasi:config.
 * 
 * @maxItems 256
 */
config?: ConfigValue[]
/**
 * What it may touch beyond computing. Nothing is granted by default.
 * 
 * @maxItems 64
 */
capabilities?: Grant[]
ambient?: Ambient
/**
 * Imports that other components satisfy.
 * 
 * @maxItems 64
 */
links?: Link[]
limits?: ResourceLimits
scaling?: Scaling
probes?: ProbeSpec
supervision?: SupervisionSpec
drain?: Drain
rollout?: RolloutSpec
state?: State
/**
 * Hold everything about this component; hard stops still roll back.
 */
suspend?: boolean
/**
 * Another value replaces the replicas one by one, without a rollout.
 */
restartToken?: string
}
/**
 * Where the bytes come from; exactly one of path, https or oci.
 */
export interface Source {
/**
 * A .wasm file, relative to the followed path of the repository.
 */
path?: string
https?: HttpsSource
oci?: OciSource
}
/**
 * A file on a web server.
 */
export interface HttpsSource {
/**
 * Address of the file.
 */
url: string
/**
 * What the bytes hash to. A document without it is refused; `headway lock` writes it.
 */
digest?: string
}
/**
 * An artifact in an OCI registry.
 */
export interface OciSource {
/**
 * Registry and repository.
 */
image: string
/**
 * For people; the digest decides.
 */
tag?: string
/**
 * What the manifest hashes to. A document without it is refused; `headway lock` writes it.
 */
digest?: string
}
/**
 * An environment variable; exactly one of value or valueFrom.
 */
export interface EnvVar {
/**
 * Name of the variable.
 */
name: string
/**
 * The value itself; quote numbers and booleans.
 */
value?: string
valueFrom?: ValueFrom
}
/**
 * Where the value comes from instead; exactly one: secretKeyRef (a Secret) or configKeyRef (a Config).
 */
export interface ValueFrom {
secretKeyRef?: KeyRef
configKeyRef?: KeyRef
}
/**
 * A key of another document, in the same namespace.
 */
export interface KeyRef {
/**
 * Name of the document.
 */
name: string
/**
 * Key in it.
 */
key: string
}
/**
 * A setting; exactly one of value or valueFrom.
 */
export interface ConfigValue {
/**
 * Key of the setting.
 */
name: string
/**
 * The value itself; quote numbers and booleans.
 */
value?: string
valueFrom?: ValueFrom
}
/**
 * One grant: a name and exactly one capability; or a name and the Role whose grants it stands for.
 */
export interface Grant {
/**
 * Name that the audit prints.
 */
name: string
outboundHttp?: OutboundHttp
sockets?: Sockets
nameLookup?: NameLookup
filesystem?: Filesystem
keyValue?: KeyValue
blobStore?: BlobStore
messaging?: Messaging
sql?: Sql
roleRef?: RoleRef
/**
 * Enforce: what is not granted is denied. Audit: it is only counted.
 */
enforcement?: ("Enforce" | "Audit")
/**
 * The grant ends at this instant (RFC 3339, UTC).
 */
expireTime?: string
}
/**
 * HTTP requests that leave the component.
 */
export interface OutboundHttp {
/**
 * Allowed schemes.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A scheme.
 */
schemes?: ("http" | "https")[]
/**
 * Allowed hosts. An address that is not of the open internet has to be named, also where a name leads to it. `cart.shop.headway` is the entry `shop/cart`.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A host name, `*.` and a domain, an address or a CIDR block.
 */
hosts: string[]
/**
 * Allowed ports.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A TCP or UDP port.
 */
ports?: number[]
/**
 * Allowed methods; absent: all.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: An HTTP method.
 */
methods?: ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS")[]
}
/**
 * Connections over TCP or UDP.
 */
export interface Sockets {
/**
 * Allowed protocols.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A protocol.
 */
protocols?: ("Tcp" | "Udp")[]
/**
 * Allowed peers. An address that is not of the open internet has to be named, also where a name leads to it.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A host name, `*.` and a domain, an address or a CIDR block.
 */
hosts?: string[]
/**
 * Allowed ports of the peer.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A TCP or UDP port.
 */
ports?: number[]
/**
 * Where it may listen: every address and port by itself. Who connects there is not judged.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: An address and a port.
 */
listen?: string[]
}
/**
 * Look-ups of host names.
 */
export interface NameLookup {
/**
 * Names that may be looked up.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A host name, `*.` and a domain, an address or a CIDR block.
 */
hosts: string[]
}
/**
 * A folder in the file system of the component; exactly one of volume or path.
 */
export interface Filesystem {
/**
 * A writable folder of the node, of this namespace: made when it is first used, kept until somebody removes it, shared by all components and releases that name it.
 */
volume?: string
/**
 * A folder of the repository as the commit has it, relative to the followed path; read-only, at most 16 MiB in 4,096 files, without symbolic links. The component has it in memory, and it is part of its revision.
 */
path?: string
/**
 * Where the component sees it.
 */
mountPath: string
/**
 * What may be done with it.
 */
access?: ("ReadOnly" | "ReadWrite")
/**
 * What this component may let the volume grow to, in bytes of files. What others wrote counts.
 */
maxSize?: string
/**
 * How many files, folders and links this component may let the volume grow to.
 */
maxFiles?: number
}
/**
 * Keys of a key-value store.
 */
export interface KeyValue {
/**
 * The store.
 */
store: string
/**
 * Only keys that begin with this.
 */
keyPrefix?: string
/**
 * What may be done with it.
 */
access?: ("ReadOnly" | "ReadWrite")
/**
 * What this component may let the store grow to: keys and values together. What others wrote counts.
 */
maxSize?: string
/**
 * How many keys this component may let the store grow to.
 */
maxKeys?: number
/**
 * The largest value that it may write.
 */
maxValueSize?: string
}
/**
 * Objects of a blob store.
 */
export interface BlobStore {
/**
 * The container.
 */
container: string
/**
 * Only objects whose name begins with this.
 */
prefix?: string
/**
 * What may be done with it.
 */
access?: ("ReadOnly" | "ReadWrite")
}
/**
 * Messages over a bus.
 */
export interface Messaging {
/**
 * The bus.
 */
connection: string
/**
 * Subjects that it may publish to.
 * 
 * @maxItems 64
 * 
 * Items: A subject; `*` stands for one segment and `>` for the rest.
 */
publish?: string[]
/**
 * Subjects that it may receive from.
 * 
 * @maxItems 64
 * 
 * Items: A subject; `*` stands for one segment and `>` for the rest.
 */
subscribe?: string[]
}
/**
 * Statements in a relational database.
 */
export interface Sql {
/**
 * The database.
 */
connection: string
/**
 * What may be done with it.
 */
access?: ("ReadOnly" | "ReadWrite")
}
/**
 * A Role: all its grants, each under the name of this item, a dot, and its own.
 */
export interface RoleRef {
/**
 * Its name.
 */
name: string
/**
 * Its namespace: the own one, or that of the platform.
 */
namespace?: string
}
/**
 * What every component has without a grant: the time, and random numbers. Both can be denied, or made the same at each run.
 */
export interface Ambient {
/**
 * System: those of the machine. Denied: a call of wasi:clocks traps, and is recorded. Stepped: each instance begins at time, and each look finds it a step later.
 */
clocks?: ("System" | "Denied" | "Stepped")
/**
 * System: those of the machine. Denied: a call of wasi:random traps, and is recorded. Seeded: the same sequence in each instance; fit for tests, never for keys.
 */
random?: ("System" | "Denied" | "Seeded")
/**
 * Where Stepped clocks begin, for each instance (RFC 3339, UTC).
 */
time?: string
/**
 * How much later each look at a Stepped clock finds it.
 */
step?: string
/**
 * What Seeded numbers are made of, for each instance.
 */
seed?: number
}
/**
 * One link.
 */
export interface Link {
/**
 * The interface that is imported.
 */
import: string
/**
 * The component that exports it.
 */
componentRef: {
/**
 * Its name.
 */
name: string
/**
 * Its namespace; only the own one can be linked.
 */
namespace?: string
}
/**
 * Inline: same process, own memory; the process holds the grants of both. Remote: the cell of the other entry, with its own rollout, limits and state.
 */
mode?: ("Inline" | "Remote")
}
/**
 * What it may use. Each is enforced.
 */
export interface ResourceLimits {
/**
 * Linear memory of one instance.
 */
memory?: string
/**
 * Processor time per time, in thousandths of a processor or processors.
 */
cpu?: string
/**
 * Calls at a time in one replica.
 */
concurrency?: number
/**
 * Instances of the component in one replica, each with memory of its own. Where a call waits for the outside, another one needs another instance: calls beyond wait in the replica. As many as concurrency unless written.
 */
instances?: number
/**
 * Calls that one instance serves before a new one takes its place. No end unless written.
 */
requestsPerInstance?: number
/**
 * Requests that may wait for a free place in one replica.
 */
queue?: number
/**
 * A call ends by then.
 */
requestTimeout?: string
/**
 * Compile, instantiate and init end by then.
 */
startTimeout?: string
/**
 * The largest body of a request.
 */
requestBody?: string
/**
 * The largest body of an answer.
 */
responseBody?: string
/**
 * What it may write to stdout and stderr; the rest is dropped and counted.
 */
logBytesPerSecond?: string
/**
 * Headers of a request, and of an answer.
 */
headers?: number
/**
 * Resources that one instance may hold.
 */
handles?: number
/**
 * Sockets that one replica may have open: connections, listeners, those that wait for a connection, UDP.
 */
sockets?: number
/**
 * Files and folders of volumes that one replica may have open.
 */
files?: number
}
/**
 * How many replicas.
 */
export interface Scaling {
/**
 * At least. 0: none while nothing calls; the first call starts one and waits for it.
 */
minReplicas?: number
/**
 * At most, as the calls in flight ask for them; default: minReplicas, and 1 where that is 0.
 */
maxReplicas?: number
/**
 * Fewer run when fewer were enough for so long; none, when nothing called for so long.
 */
scaleDownAfter?: string
}
/**
 * How the runtime asks whether it is well.
 */
export interface ProbeSpec {
readiness?: Readiness
liveness?: Liveness
}
/**
 * Succeeds before a replica gets traffic; exactly one of httpGet or export.
 */
export interface Readiness {
httpGet?: HttpGet
export?: ExportRef
/**
 * Time between two tries.
 */
period?: string
/**
 * One try ends by then.
 */
timeout?: string
/**
 * Successes in a row.
 */
successThreshold?: number
/**
 * From start; a replica that is not ready by then fails the attempt.
 */
deadline?: string
}
/**
 * A GET through the handler of the component itself; 200 to 399 is a success.
 */
export interface HttpGet {
/**
 * Path and query of the request.
 */
path: string
/**
 * Header fields to send along.
 * 
 * @maxItems 64
 * 
 * Items: A header field.
 */
headers?: {
/**
 * Name of the field.
 */
name: string
/**
 * Value of the field.
 */
value: string
}[]
}
/**
 * An exported function of the component.
 */
export interface ExportRef {
/**
 * Full name of the exported interface; absent: the function is exported by the world itself.
 */
interface?: string
/**
 * Name of the function.
 */
function: string
}
/**
 * Fails when a replica has to be replaced; exactly one of httpGet or export.
 */
export interface Liveness {
httpGet?: HttpGet
export?: ExportRef
/**
 * Time between two tries.
 */
period?: string
/**
 * One try ends by then.
 */
timeout?: string
/**
 * Failures in a row.
 */
failureThreshold?: number
}
/**
 * What happens when a replica ends by itself.
 */
export interface SupervisionSpec {
/**
 * Restarts within the window; one more is a crash loop.
 */
maxRestarts?: number
/**
 * The window.
 */
window?: string
backoff?: Backoff
}
/**
 * The waits between restarts, doubling from initial to max.
 */
export interface Backoff {
/**
 * The first wait.
 */
initial?: string
/**
 * The longest wait.
 */
max?: string
}
/**
 * How a replica ends.
 */
export interface Drain {
/**
 * Requests in flight have this long to finish.
 */
deadline?: string
}
/**
 * How a change goes live: a policy by name, or strategy, gate and bake written here, never both; and the facts that people write.
 */
export interface RolloutSpec {
policyRef?: PolicyRef
strategy?: Strategy
gate?: Gate
bake?: Bake
history?: History
breaker?: Breaker
/**
 * Components with the same group go live, or roll back, together.
 */
group?: string
/**
 * Raise it to try a quarantined attempt again.
 */
retry?: number
/**
 * Approvals that have been given.
 * 
 * @maxItems 64
 */
approvals?: ApprovalFact[]
/**
 * Name of the component that this one takes over from (a rename).
 */
replaces?: string
emergency?: Emergency
}
/**
 * The RolloutPolicy to use.
 */
export interface PolicyRef {
/**
 * Its name.
 */
name: string
/**
 * Its namespace: the own one, or that of the platform.
 */
namespace?: string
}
/**
 * How traffic moves from what serves to the candidate.
 */
export interface Strategy {
/**
 * Immediate: at readiness, at once. BlueGreen: at once, after the gate has passed beside what serves, without traffic. Rolling: replica by replica, weight as their share. Canary: by steps.
 */
type: ("Immediate" | "BlueGreen" | "Rolling" | "Canary")
blueGreen?: BlueGreen
rolling?: Rolling
canary?: Canary
}
/**
 * Settings of BlueGreen.
 */
export interface BlueGreen {
/**
 * Host under which the candidate can be seen before the switch, whatever its release: below the preview domain of runtime.yaml, and granted to the namespace as a host of a Route is.
 */
previewHostname?: string
/**
 * The least time between preview and switch.
 */
previewDuration?: string
/**
 * The gate passes by then, or the attempt ends Inconclusive.
 */
deadline?: string
/**
 * A person says yes in git (`rollout.approvals`) before the switch.
 */
approval?: {
/**
 * Name that the approval carries.
 */
name: string
/**
 * Without an approval by then the attempt ends Inconclusive.
 */
deadline?: string
}
}
/**
 * Settings of Rolling.
 */
export interface Rolling {
/**
 * Replicas that may be missing meanwhile: what serves gives up so many before the new ones are ready. At least one always stays.
 */
maxUnavailable?: number
/**
 * Replicas that may be there in addition meanwhile. maxSurge + maxUnavailable are replaced in one step.
 */
maxSurge?: number
/**
 * The least time between two replicas, and before the last.
 */
minDuration?: string
/**
 * The gate passes by then, or the attempt ends Inconclusive.
 */
deadline?: string
}
/**
 * Settings of Canary.
 */
export interface Canary {
stickyBy?: StickyBy
/**
 * The steps in order. After the last one the candidate takes everything and bakes.
 * 
 * @minItems 1
 * @maxItems 32
 */
steps: CanaryStep[]
}
/**
 * Keeps a client on one side while the weights stand; exactly one of header or cookie.
 */
export interface StickyBy {
/**
 * The value of this header field decides.
 */
header?: string
/**
 * The value of this cookie decides.
 */
cookie?: string
}
/**
 * One step: hold `minDuration`, pass the gate before `deadline`.
 */
export interface CanaryStep {
/**
 * Percent of the requests that the candidate gets; strictly rising from step to step. Absent: that of the step before, 0 in the first.
 */
weight?: number
/**
 * Requests with one of these headers go to the candidate, whatever the weight and whatever sticks. In this step only.
 * 
 * @minItems 1
 * @maxItems 16
 */
headers?: HeaderMatch[]
/**
 * Send copies of GET, HEAD and OPTIONS requests to the candidate and drop its answers. In this step only. They reach nothing outside the cell, are counted apart, and no gate judges them.
 */
mirror?: {
/**
 * Percent of the requests of these methods to what serves that are copied.
 */
percent: number
}
/**
 * The least time at this weight.
 */
minDuration?: string
/**
 * The gate passes by then, or the attempt ends Inconclusive.
 */
deadline?: string
/**
 * A person says yes in git (`rollout.approvals`) before the next step.
 */
approval?: {
/**
 * Name that the approval carries.
 */
name: string
/**
 * Without an approval by then the attempt ends Inconclusive.
 */
deadline?: string
}
}
/**
 * A header match.
 */
export interface HeaderMatch {
/**
 * Name of the field, any case.
 */
name: string
/**
 * How the value is compared.
 */
type?: "Exact"
/**
 * Value to compare with.
 */
value: string
}
/**
 * What a candidate has to show before it gets more traffic.
 */
export interface Gate {
errors?: GateErrors
latency?: GateLatency
hardStops?: HardStops
/**
 * Requests that the candidate has to answer in each step.
 */
minSamples?: number
warmUp?: WarmUp
/**
 * What to do with too few samples. Synthesize: the runtime sends requests (default where there is a readiness probe). Hold: wait until the deadline (default otherwise). Fail: fail the attempt.
 */
insufficientData?: ("Synthesize" | "Hold" | "Fail")
synthetic?: Synthetic
}
/**
 * The share of failures: 5xx made by the guest, traps, deadlines.
 */
export interface GateErrors {
/**
 * A candidate at or below this share, or at the share of what serves, passes.
 */
tolerable?: string
/**
 * A candidate at or above this share fails. Above `tolerable`.
 */
intolerable?: string
/**
 * Which statuses of an answer count as failures. Traps, deadlines and answers that never came always do.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A class of statuses or one status.
 */
statuses?: string[]
/**
 * How far the share of 4xx may move away from that of what serves.
 */
maxShiftOfClientErrors?: string
}
/**
 * A bound for the tail of the latency; absent: not judged.
 */
export interface GateLatency {
/**
 * The percentile that is compared.
 */
percentile?: string
/**
 * How much above the percentile of what serves it may lie.
 */
maxIncreaseOverStable?: string
}
/**
 * What ends an attempt at once.
 */
export interface HardStops {
/**
 * Failures in a row while what serves does well.
 */
consecutiveErrors?: number
/**
 * Crashes within the window.
 */
crashes?: number
/**
 * The window for crashes.
 */
window?: string
}
/**
 * The first samples of an arm that are discarded: whichever is over first.
 */
export interface WarmUp {
/**
 * At most this many requests.
 */
requests?: number
/**
 * At most this long.
 */
duration?: string
}
/**
 * The requests that the runtime sends under Synthesize, exactly one of httpGet or export. Default: the readiness probe.
 */
export interface Synthetic {
/**
 * At most this many in a step.
 */
requests?: number
httpGet?: HttpGet
export?: ExportRef
}
/**
 * The time after promotion in which the gate still watches; then the release is proven.
 */
export interface Bake {
/**
 * How long it is watched.
 */
duration?: string
/**
 * Without enough samples by then it stays active but is not proven.
 */
deadline?: string
}
/**
 * Which proven releases are kept for a fast way back.
 */
export interface History {
/**
 * At most this many.
 */
revisions?: number
/**
 * At most this old.
 */
maxAge?: string
}
/**
 * Too many rollbacks: new attempts wait.
 */
export interface Breaker {
/**
 * Rollbacks within the window that open it.
 */
maxRollbacks?: number
/**
 * The rolling window.
 */
window?: string
}
/**
 * One approval.
 */
export interface ApprovalFact {
/**
 * Name that the step asks for.
 */
name: string
/**
 * The revision that is approved: at least 12 hex digits, quoted.
 */
revision: string
}
/**
 * Skip steps for one revision: readiness, switch, bake.
 */
export interface Emergency {
/**
 * The revision: at least 12 hex digits, quoted.
 */
revision: string
/**
 * Why; it is kept in the history.
 */
reason: string
}
/**
 * The form that the stores have which it may write to. A release with another version gets a copy of them, and its export headway:component/migrate brings the copy into its form before it serves; requests wait meanwhile, and there are no steps. Releases with the same version, or without any, share their stores.
 */
export interface State {
/**
 * Names the form; what migrate is told as from-version is this of the release before.
 */
version: string
/**
 * Migrate ends by then, beside limits.startTimeout.
 */
migrateTimeout?: string
}
