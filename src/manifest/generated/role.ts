/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * A named bundle of grants, for all components that refer to it.
 */
export interface Role {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Role"
metadata: Metadata
spec: RoleSpec
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
 * What it grants.
 */
export interface RoleSpec {
/**
 * The grants. A Role refers to no other Role.
 * 
 * @minItems 1
 * @maxItems 64
 */
capabilities: Grant[]
}
/**
 * One grant: a name and exactly one capability.
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
