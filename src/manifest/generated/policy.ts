/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * The ceiling for namespaces: the most that their components may ask for. It restricts; it grants nothing by itself.
 */
export interface Policy {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Policy"
metadata: Metadata
spec: PolicySpec
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
 * The ceiling. What is absent is not restricted.
 */
export interface PolicySpec {
/**
 * The namespaces it holds for; `*` is every namespace.
 * 
 * @minItems 1
 * @maxItems 10000
 * 
 * Items: A namespace or `*`.
 */
namespaces: string[]
/**
 * Enforce: what exceeds it is refused. Audit: it is only counted and reported.
 */
enforcement?: ("Enforce" | "Audit")
/**
 * At most these; an empty list forbids all.
 * 
 * @maxItems 64
 */
capabilities?: Ceiling[]
/**
 * Hosts that Routes of these namespaces may claim.
 * 
 * @maxItems 64
 * 
 * Items: A host.
 */
hostnames?: string[]
artifacts?: ArtifactCeiling
limits?: LimitCeiling
/**
 * The kinds of isolation that may be asked for. Auto needs both Process and Strict. Shared is asked for in vain unless a Policy names it here.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A kind of isolation.
 */
isolation?: ("Process" | "Strict" | "Shared")[]
rollout?: RolloutCeiling
}
/**
 * One ceiling: a name and exactly one capability.
 */
export interface Ceiling {
/**
 * Name that messages and the audit print.
 */
name: string
outboundHttp?: OutboundHttp
sockets?: Sockets
nameLookup?: NameLookup
filesystem?: FilesystemCeiling
keyValue?: KeyValueCeiling
blobStore?: BlobStoreCeiling
messaging?: MessagingCeiling
sql?: SqlCeiling
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
 * Folders.
 */
export interface FilesystemCeiling {
/**
 * Volumes that may be mounted.
 * 
 * @maxItems 64
 * 
 * Items: A volume.
 */
volumes?: string[]
/**
 * Folders of the repository that may be mounted, with what is below.
 * 
 * @maxItems 64
 * 
 * Items: A folder.
 */
paths?: string[]
/**
 * The most that may be done.
 */
access?: ("ReadOnly" | "ReadWrite")
}
/**
 * Key-value stores.
 */
export interface KeyValueCeiling {
/**
 * Stores.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A store.
 */
stores: string[]
/**
 * The most that may be done.
 */
access?: ("ReadOnly" | "ReadWrite")
}
/**
 * Blob stores.
 */
export interface BlobStoreCeiling {
/**
 * Containers.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A container.
 */
containers: string[]
/**
 * The most that may be done.
 */
access?: ("ReadOnly" | "ReadWrite")
}
/**
 * Buses.
 */
export interface MessagingCeiling {
/**
 * Buses.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A bus.
 */
connections: string[]
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
 * Relational databases.
 */
export interface SqlCeiling {
/**
 * Databases.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: A database.
 */
connections: string[]
/**
 * The most that may be done.
 */
access?: ("ReadOnly" | "ReadWrite")
}
/**
 * Where artifacts may come from, besides the repository, and by whom they have to be signed.
 */
export interface ArtifactCeiling {
/**
 * Registries, with a prefix of the repository.
 * 
 * @maxItems 64
 * 
 * Items: Registry and prefix.
 */
registries?: string[]
/**
 * Hosts of https sources.
 * 
 * @maxItems 64
 * 
 * Items: A host.
 */
httpsHosts?: string[]
/**
 * By whom artifacts have to be signed. An artifact that several rules name needs a signature for each of them; one that no rule names needs none.
 * 
 * @maxItems 32
 */
signatures?: SignatureRule[]
}
/**
 * One rule: a valid signature by one of the keys or identities is enough.
 */
export interface SignatureRule {
/**
 * What it is about: `oci:` and a repository, all below one (`/*`) or all (`*`); `https:` and a host with its port where that is not 443, all below one (`*.`) or all (`*`).
 */
source: string
/**
 * Public keys as `cosign generate-key-pair` writes them: PEM, ECDSA on P-256.
 * 
 * @minItems 1
 * @maxItems 16
 * 
 * Items: One key.
 */
keys?: string[]
/**
 * Identities that a certificate authority of the host's trusted root vouches for (runtime.yaml: artifacts.trustedRoot).
 * 
 * @minItems 1
 * @maxItems 16
 */
keyless?: SignerIdentity[]
}
/**
 * One identity.
 */
export interface SignerIdentity {
/**
 * Who vouched for the signer, exactly as in the certificate.
 */
issuer: string
/**
 * The signer's name in the certificate; `*` stands for any text.
 */
subject: string
}
/**
 * The most that limits and scaling may ask for.
 */
export interface LimitCeiling {
/**
 * For limits.memory.
 */
memory?: string
/**
 * For limits.cpu.
 */
cpu?: string
/**
 * For limits.concurrency.
 */
concurrency?: number
/**
 * For limits.instances; as many as concurrency where a component does not say.
 */
instances?: number
/**
 * For limits.queue.
 */
queue?: number
/**
 * For limits.startTimeout.
 */
startTimeout?: string
/**
 * For limits.responseBody.
 */
responseBody?: string
/**
 * For limits.logBytesPerSecond.
 */
logBytesPerSecond?: string
/**
 * For limits.headers.
 */
headers?: number
/**
 * For limits.handles.
 */
handles?: number
/**
 * For limits.sockets.
 */
sockets?: number
/**
 * For limits.files.
 */
files?: number
/**
 * For scaling.maxReplicas.
 */
maxReplicas?: number
}
/**
 * Bounds for rollouts.
 */
export interface RolloutCeiling {
/**
 * The shortest bake.
 */
minBake?: string
/**
 * The largest gate.errors.tolerable.
 */
maxTolerableErrors?: string
/**
 * Whether rollout.emergency may be used.
 */
allowEmergency?: boolean
}
