/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * Plain settings by key, for the components of the namespace that refer to them.
 */
export interface Config {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Config"
metadata: Metadata
spec: ConfigSpec
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
 * The settings.
 */
export interface ConfigSpec {
/**
 * The values, each under its key. A component refers to one by `valueFrom.configKeyRef`; the value is part of its revision, so that a change rolls out.
 * 
 * @minItems 1
 * @maxItems 256
 */
data: Setting[]
}
/**
 * One setting.
 */
export interface Setting {
/**
 * The key that references name.
 */
name: string
/**
 * The value; quote numbers and booleans. Everybody who reads the repository reads it: what is secret belongs into a Secret.
 */
value: string
}
