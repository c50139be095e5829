/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * `.headway.yaml` in the linted folder or above it in the same repository: how `headway lint` judges. It changes nothing that the daemon does; what the daemon refuses stays an error.
 */
export interface Lint {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Lint"
/**
 * Globs of files that are not read, relative to this file: YAML that is not Headway's and lies outside of the followed path.
 * 
 * @maxItems 256
 * 
 * Items: One glob: `*` within a segment, `**` over any number of them.
 */
ignore?: string[]
/**
 * The namespaces that `runtime.yaml` of the host gives to this repository, where it follows several: documents of another are an error for lint and plan too.
 * 
 * @minItems 1
 * @maxItems 256
 * 
 * Items: Name of a namespace.
 */
namespaces?: string[]
/**
 * Severities of rules of lint itself, by code.
 * 
 * @maxItems 256
 * 
 * Items: The severity of one rule.
 */
rules?: {
/**
 * The code of the rule.
 */
code: string
/**
 * `Ignore` says nothing about it.
 */
severity: ("Ignore" | "Warning" | "Error")
}[]
}
