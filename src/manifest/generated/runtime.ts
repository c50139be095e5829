/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */

/**
 * The host's own file (`headway run --config runtime.yaml`): what the machine decides and no commit can change. It is not a manifest and does not belong into the followed repository.
 */
export interface Runtime {
/**
 * The version of this form.
 */
apiVersion: "headway.dev/v1alpha1"
/**
 * The kind of this document.
 */
kind: "Runtime"
repository?: Repository
/**
 * Several repositories in the place of one: each is followed for itself and has its own journal, and all share one engine. In place of `repository`.
 * 
 * @minItems 1
 * @maxItems 16
 */
roots?: Root[]
/**
 * The folder for mirrors, journals and content store. One daemon at a time. A relative path is relative to this file.
 */
data?: string
/**
 * Where traffic is served.
 */
listen?: string
/**
 * Where the page, status and metrics are served.
 */
status?: string
/**
 * Send x-headway-release with each answer.
 */
releaseHeader?: boolean
preview?: Preview
webhook?: Webhook
artifacts?: Artifacts
report?: HostReport
secrets?: Secrets
/**
 * Processes that share the traffic address, each with replicas of its own; memory, replicas, connections and waiting processes of `limits` are shared out among them. More than one needs Linux.
 */
engines?: number
limits?: MachineLimits
log?: Log
}
/**
 * A repository to follow.
 */
export interface Repository {
/**
 * https, ssh, or file for a repository on this machine. Passwords and tokens never stand in the URL.
 */
url: string
/**
 * A branch, a tag, a full ref or a commit.
 */
ref?: string
/**
 * The folder in it that is followed; `.` is all of it.
 */
path?: string
credentials?: Credentials
ssh?: Ssh
/**
 * Certificates (PEM) that the server may be signed by, in place of those of the system. A relative path is relative to this file.
 */
caFile?: string
/**
 * A rewritten history is accepted once, from this accepted commit (40 or 64 hex digits).
 */
allowNonFastForwardFrom?: string
trust?: Trust
}
/**
 * How to sign in; exactly one of token or basic.
 */
export interface Credentials {
token?: SecretSource
basic?: BasicCredentials
}
/**
 * Where a secret comes from: exactly one of env or file. Never written here itself.
 */
export interface SecretSource {
/**
 * Name of an environment variable of the daemon.
 */
env?: string
/**
 * A file; a line end at its end is dropped. A relative path is relative to this file.
 */
file?: string
}
/**
 * User name and password.
 */
export interface BasicCredentials {
/**
 * The user name.
 */
username: string
password: SecretSource
}
/**
 * For ssh addresses: who signs in, and which server is believed. Nothing of the user's own ssh configuration is read.
 */
export interface Ssh {
/**
 * The private key, without a passphrase and readable by the daemon alone. A relative path is relative to this file.
 */
identityFile: string
/**
 * The keys of the server as lines of known_hosts, as `ssh-keyscan` prints them and somebody has checked them.
 * 
 * @minItems 1
 * @maxItems 64
 * 
 * Items: One line.
 */
knownHosts?: string[]
/**
 * The same as a file. A relative path is relative to this file.
 */
knownHostsFile?: string
}
/**
 * Whose commits are followed, decided by this machine: it judges every commit, the first one too, and takes the place of `spec.trust` of the repository's Environment, which is then not looked at. Absent: the Environment says.
 */
export interface Trust {
/**
 * `Head`: the head must be signed. `All`: every new commit, on every parent.
 */
mode: ("Off" | "Head" | "All")
/**
 * Who may sign.
 * 
 * @minItems 1
 * @maxItems 256
 */
signers: Signer[]
/**
 * Fingerprints of keys that count no more, in whoever's name: `SHA256:…`, or the hex digits of an OpenPGP key.
 * 
 * @maxItems 256
 * 
 * Items: A fingerprint.
 */
revoked?: string[]
/**
 * A commit whose date is further from the time at which it is first seen does not count. Absent: any date.
 */
maxAge?: string
/**
 * Who may change what, where that is not everybody who signs.
 * 
 * @maxItems 256
 */
paths?: TrustPathSpec[]
}
/**
 * A person or a machine, and its key: exactly one of ssh or openpgp.
 */
export interface Signer {
/**
 * How messages and paths name it.
 */
name: string
/**
 * The public key as in a `.pub` file; what follows it is a comment.
 */
ssh?: string
/**
 * The armoured public key.
 */
openpgp?: string
/**
 * Commits that are dated earlier do not count.
 */
validAfter?: string
/**
 * Commits that are first seen at this time or later do not count, whatever date they bear.
 */
validBefore?: string
}
/**
 * A folder, who may change it, and how many of them it takes: who commits, and who merges.
 */
export interface TrustPathSpec {
/**
 * A folder, relative to the followed path.
 */
path: string
/**
 * Names of signers.
 * 
 * @minItems 1
 * @maxItems 256
 * 
 * Items: The name of a signer.
 */
signers: string[]
/**
 * How many different ones.
 */
threshold?: number
}
/**
 * A repository and what of the fleet it may speak for.
 */
export interface Root {
/**
 * How status, logs and metrics call it, and its folder below `data`. Under another name it is another root.
 */
name: string
/**
 * The namespaces that this repository may hold; a document of another is refused. No two roots have one in common.
 * 
 * @minItems 1
 * @maxItems 1024
 * 
 * Items: A namespace.
 */
namespaces: string[]
repository: Repository
report?: HostReport
}
/**
 * Who may be told what came of each commit. Only what stands here is ever told or pushed; `Environment.spec.report` in the repository switches it on and off. With `roots` it stands in each root.
 */
export interface HostReport {
/**
 * Where people find the status page, as the link of a status. It is shown to everybody who sees the repository.
 */
pageUrl?: string
notes?: NotesAccess
proposals?: ProposalsAccess
/**
 * The receivers of statuses.
 * 
 * @maxItems 8
 */
targets?: ReportTarget[]
}
/**
 * Lets git notes be pushed to refs/notes/headway of the followed repository. Absent: none are.
 */
export interface NotesAccess {
credentials?: Credentials
/**
 * A private key without a passphrase, with which the commits of the notes are signed: an SSH key, or an OpenPGP key as `gpg --armor --export-secret-keys` writes it. A relative path is relative to this file.
 */
signingKey?: string
}
/**
 * Lets a branch with the revert be pushed and a pull request be opened after a rollback, for `onRollback: proposeRevert`. Credentials of their own, which may push branches `headway/revert-*` and open pull requests; the repository has to be followed over https. Absent: none are.
 */
export interface ProposalsAccess {
/**
 * The name of the target whose forge holds the repository.
 */
target: string
credentials: Credentials
/**
 * A private key without a passphrase, with which the revert is signed: an SSH key, or an OpenPGP key as `gpg --armor --export-secret-keys` writes it. A relative path is relative to this file.
 */
signingKey?: string
}
/**
 * One receiver: a forge, or a web hook.
 */
export interface ReportTarget {
/**
 * How status, metrics and log name it.
 */
name: string
/**
 * Whose API it speaks. Gitea: Forgejo and Codeberg too. Webhook: signed posts after the Standard Webhooks specification.
 */
type: ("GitHub" | "GitLab" | "Gitea" | "Webhook")
/**
 * Of the API: `https://api.github.com`, `https://gitlab.example.com/api/v4`, `https://codeberg.org/api/v1`; of a web hook the whole address. Without a slash at its end; redirects are not followed.
 */
url: string
/**
 * `owner/name`; of GitLab the whole path of the project.
 */
repository?: string
credentials?: Credentials
secret?: SecretSource
/**
 * GitHub: tell by check runs in the place of statuses. They know neutral, and hold the whole text; the token has to be that of a GitHub App with *Checks: write*.
 */
checks?: boolean
/**
 * GitHub and GitLab: also tell deployments, which the environments page of the forge shows.
 */
deployments?: boolean
/**
 * Certificates (PEM) that the server may be signed by, in place of those of the system. A relative path is relative to this file.
 */
caFile?: string
/**
 * For one request, from its start to the end of the answer.
 */
timeout?: string
}
/**
 * Lets people reach a BlueGreen candidate before its switch. It is unproven: open this only where everybody who reaches `listen` may see it. Absent: nobody can.
 */
export interface Preview {
/**
 * Candidates are found at `<release12>--<name>.<domain>`, for any port. Point a wildcard name at this machine.
 */
domain?: string
/**
 * Requests with `x-headway-preview: <release12>` go to that candidate, by its own routes.
 */
header?: boolean
}
/**
 * Accepts `POST /hooks/git` on the status address as a hint to look; it carries no state. Absent: off.
 */
export interface Webhook {
secret: SecretSource
}
/**
 * The servers that artifacts come from. A server that is not named here is asked without credentials, and only at a public address.
 */
export interface Artifacts {
/**
 * Web servers and registries that this machine knows.
 * 
 * @maxItems 64
 */
hosts?: ArtifactHost[]
/**
 * Credentials of registries, as `docker login` writes them (`config.json`); helper programs are not started. A relative path is relative to this file.
 */
dockerConfig?: string
/**
 * A trusted root of sigstore (`trusted_root.json`): the authorities and logs that keyless signatures are checked against, without a network. It is read anew each time. A relative path is relative to this file.
 */
trustedRoot?: string
}
/**
 * One server. It may have any address, also inside the network: to name it is to vouch for it.
 */
export interface ArtifactHost {
/**
 * As in the address of the artifact, with the port where it is not 443.
 */
host: string
credentials?: Credentials
/**
 * Certificates (PEM) that the server may be signed by, in place of those of the system. A relative path is relative to this file.
 */
caFile?: string
}
/**
 * How values of Secret documents are opened.
 */
export interface Secrets {
/**
 * Files of private keys as `age-keygen` writes them. Each must be readable by the daemon alone (mode 0600), and is read anew each time. A relative path is relative to this file.
 * 
 * @minItems 1
 * @maxItems 16
 * 
 * Items: One file.
 */
identityFiles: string[]
}
/**
 * What the machine gives.
 */
export interface MachineLimits {
/**
 * For all cells together; default: half of the machine.
 */
memory?: string
/**
 * Cells at a time.
 */
replicas?: number
/**
 * Client connections at a time.
 */
connections?: number
/**
 * Waiting processes that are kept ready.
 */
poolSize?: number
/**
 * The largest mirror of a repository.
 */
mirror?: string
/**
 * The content store; what is in use is never removed.
 */
store?: string
/**
 * A journal with its timeline; each root has one.
 */
journal?: string
}
/**
 * What is logged.
 */
export interface Log {
/**
 * The least severity.
 */
level?: ("trace" | "debug" | "info" | "warn" | "error" | "fatal")
}
