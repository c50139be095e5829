/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * How components change: strategy, gate and bake, for all that refer to it.
 */
export interface RolloutPolicy {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "RolloutPolicy"
metadata: Metadata
spec: RolloutPolicySpec
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
 * What is absent is a default.
 */
export interface RolloutPolicySpec {
strategy?: Strategy
gate?: Gate
bake?: Bake
history?: History
breaker?: Breaker
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
