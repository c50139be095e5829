/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * Which HTTP requests a component answers, in the words of the Gateway API. Weights belong to the rollout, not here.
 */
export interface Route {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Route"
metadata: Metadata
spec: RouteSpec
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
 * What calls what.
 */
export interface RouteSpec {
/**
 * Hosts, without ports; `*.` and a domain stands for everything below it. Absent: every host.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A host.
 */
hostnames?: string[]
/**
 * The rules. A request goes to the most specific match of all routes.
 * 
 * @minItems 1
 * @maxItems 64
 */
rules: Rule[]
}
/**
 * Matches and the component that answers them.
 */
export interface Rule {
/**
 * The request matches one of these. Absent: every path.
 * 
 * @minItems 1
 * @maxItems 64
 */
matches?: Match[]
backendRef: BackendRef
/**
 * Whether copies of requests that a canary step mirrors may write outside, such as into a store, and send requests of their own. Allow: each copy does once more what its original did.
 */
mirroredWrites?: ("Deny" | "Allow")
timeouts?: Timeouts
limits?: RuleLimits
}
/**
 * All of these hold.
 */
export interface Match {
path?: PathMatch
/**
 * An HTTP method.
 */
method?: ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS")
/**
 * Header fields.
 * 
 * @maxItems 16
 */
headers?: HeaderMatch[]
}
/**
 * The path.
 */
export interface PathMatch {
/**
 * Exact: the whole path. PathPrefix: whole segments from the start.
 */
type?: ("Exact" | "PathPrefix")
/**
 * The path: begins with a slash, no query, no empty, `.` or `..` segments, no escapes.
 */
value?: string
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
 * The component that answers: exactly one, in the same namespace.
 */
export interface BackendRef {
/**
 * Its name.
 */
name: string
export?: ExportRef
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
 * Time limits of this rule.
 */
export interface Timeouts {
/**
 * The answer is complete by then; default: the limit of the component.
 */
request?: string
}
/**
 * Size limits of this rule.
 */
export interface RuleLimits {
/**
 * The largest body; default: the limit of the component.
 */
requestBody?: string
}
