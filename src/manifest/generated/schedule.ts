/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * When a component is called by the clock: a command, or an exported function.
 */
export interface Schedule {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Schedule"
metadata: Metadata
spec: ScheduleSpec
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
 * When, what, and what happens when it takes too long or cannot start.
 */
export interface ScheduleSpec {
/**
 * Five fields: minute, hour, day of month, month, day of week. Where both days are restricted, either is enough.
 */
schedule: string
/**
 * An IANA time zone. A time that the clocks skip fires as much later as they skip; a time that comes twice fires the first time, unless the hours are `*`.
 */
timeZone?: string
/**
 * What happens at a time when the firing before still runs. Forbid: it is skipped. Allow: both run, up to 16. Replace: the one before is ended, then it starts.
 */
concurrencyPolicy?: ("Forbid" | "Allow" | "Replace")
/**
 * A firing that has not ended by then is stopped and has failed.
 */
deadline?: string
/**
 * How late a firing may start when it could not at its time: the daemon was down, or nothing was ready. Of several only the newest is made up for; the others are reported as missed.
 */
startingDeadline?: string
/**
 * true: nothing fires, and nothing is missed. At once and without a rollout; what runs goes on.
 */
suspend?: boolean
backendRef: ScheduleBackendRef
}
/**
 * The component that is called: exactly one, in the same namespace.
 */
export interface ScheduleBackendRef {
/**
 * Its name.
 */
name: string
export?: ExportRef
/**
 * What the function is called with: JSON by the names of its parameters in WIT, at most 16,384 bytes, held against its types. Not for commands.
 */
parameters?: {
[k: string]: unknown
}
/**
 * Arguments of a command, after its name. Only where `export` is wasi:cli/run.
 * 
 * @maxItems 64
 * 
 * Items: An argument.
 */
args?: string[]
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
