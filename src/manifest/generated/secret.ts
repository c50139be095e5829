/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * Encrypted settings by key, for the components of the namespace that refer to them. Written by `headway secret`.
 */
export interface Secret {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Secret"
metadata: Metadata
spec: SecretSpec
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
 * The settings, and who can open them.
 */
export interface SecretSpec {
/**
 * Public keys of age, one for each host and each person who may open the values: `age-keygen` makes the pair.
 * 
 * @minItems 1
 * @maxItems 32
 * 
 * Items: A recipient.
 */
recipients: string[]
/**
 * The values, each under its key. A component refers to one by `valueFrom.secretKeyRef`; its version is part of the revision, so that a new value rolls out.
 * 
 * @minItems 1
 * @maxItems 64
 */
data: SealedSetting[]
}
/**
 * One setting.
 */
export interface SealedSetting {
/**
 * The key that references name.
 */
name: string
/**
 * Written anew with each new value, and kept when the same value is encrypted for other recipients. It is inside the encrypted value too.
 */
version: string
/**
 * Base64 of an age file, for all recipients. It holds the place it was made for, and opens nowhere else.
 */
encrypted: string
}
