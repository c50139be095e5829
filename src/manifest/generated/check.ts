/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * Calls and what they are to return. Nothing of it runs in the fleet: `headway test` and `headway rehearse` make the calls in a runtime of their own.
 */
export interface Check {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Check"
metadata: Metadata
spec: CheckSpec
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
 * What is called, and with what in place of secrets.
 */
export interface CheckSpec {
/**
 * What one call may take.
 */
timeout?: string
/**
 * Values in place of secrets, for tests and rehearsals alone: they hold for the whole namespace and reach no fleet.
 * 
 * @maxItems 256
 */
standIns?: StandIn[]
deterministic?: Deterministic
/**
 * The calls.
 * 
 * @minItems 1
 * @maxItems 256
 */
calls: CheckCall[]
}
/**
 * One stand-in.
 */
export interface StandIn {
secretKeyRef: StandInRef
/**
 * The value; everybody who reads the repository reads it.
 */
value: string
}
/**
 * What it stands in for.
 */
export interface StandInRef {
/**
 * Name of the Secret.
 */
name: string
/**
 * Its key.
 */
key: string
}
/**
 * The components of the namespace run with Stepped clocks and Seeded numbers, in tests and rehearsals alone. Checks of one namespace have to agree.
 */
export interface Deterministic {
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
 * One call and what is expected of it. Calls of a document are made in their order, one after the other.
 */
export interface CheckCall {
/**
 * What is checked; unique in this document.
 */
name: string
export?: CheckExport
request?: CheckRequest
expect?: Expectation
}
/**
 * Calls an exported function, whether or not a Route leads to it. Exactly one of export and request.
 */
export interface CheckExport {
componentRef: CheckComponentRef
/**
 * Full name of the exported interface; absent: the function is exported by the world itself.
 */
interface?: string
/**
 * Name of the function.
 */
function: string
/**
 * What the function is called with: JSON by the names of its parameters in WIT, held against its types.
 */
parameters?: {
[k: string]: unknown
}
/**
 * What the function is called with, in the order of its parameters: each a text of WAVE (WebAssembly Value Encoding). At most one of parameters and arguments.
 * 
 * @maxItems 64
 * 
 * Items: A value.
 */
arguments?: string[]
}
/**
 * The component, in the same namespace.
 */
export interface CheckComponentRef {
/**
 * Its name.
 */
name: string
}
/**
 * Sends an HTTP request, as a visitor would: a Route has to take it. Exactly one of export and request.
 */
export interface CheckRequest {
/**
 * The host that is asked for.
 */
hostname?: string
/**
 * The path, and a query if there is one.
 */
path: string
/**
 * The method.
 */
method?: ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS")
/**
 * Headers to send.
 * 
 * @maxItems 64
 */
headers?: CheckHeader[]
/**
 * The body, as text. At most one of body and json.
 */
body?: string
/**
 * The body, as JSON; `content-type: application/json` goes with it unless written.
 */
json?: unknown
}
/**
 * One header.
 */
export interface CheckHeader {
/**
 * Its name; capitals make no difference.
 */
name: string
/**
 * Its value.
 */
value: string
}
/**
 * What has to come. Absent: of a function that it returns, and no `err`; of a request status 200.
 */
export interface Expectation {
/**
 * Of a function: what it returns, as JSON by its type; of a `result` type `{"ok": ...}` or `{"err": ...}`.
 */
result?: unknown
/**
 * Of a function: what it returns, as a text of WAVE. At most one of result and wave.
 */
wave?: string
/**
 * Of a request: the status.
 */
status?: number
/**
 * Of a request: headers that have to be there with these values.
 * 
 * @maxItems 64
 */
headers?: CheckHeader[]
/**
 * Of a request: the body, exactly. At most one of body, contains and json.
 */
body?: string
/**
 * Of a request: a text that the body has to hold.
 */
contains?: string
/**
 * Of a request: the body, as JSON. The order of members and white space make no difference.
 */
json?: unknown
}
