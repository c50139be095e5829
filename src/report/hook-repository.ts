/** Fields of a delivery that hold an address: GitHub, Gitea and Forgejo in `repository`, GitLab in `project` as well. */
const OBJECTS = ['repository', 'project'];
const FIELDS = [
  'clone_url',
  'ssh_url',
  'git_url',
  'html_url',
  'url',
  'git_http_url',
  'git_ssh_url',
  'http_url',
  'homepage',
];

/** The repositories that a delivery names, by `addressOf`; none where it is of no known form. */
export function repositoriesIn(body: Uint8Array): ReadonlySet<string> {
  const named = new Set<string>();
  const delivery = parsed(body);
  for (const object of OBJECTS) {
    const fields = recordOf(recordOf(delivery)[object]);
    for (const field of FIELDS) {
      const address = typeof fields[field] === 'string' ? addressOf(fields[field]) : undefined;
      if (address !== undefined) named.add(address);
    }
  }
  return named;
}

/** Host and path, however one signs in: `https://git.example/a/b.git` and `ssh://git@git.example:22/a/b` are one. */
export function addressOf(url: string): string | undefined {
  const scp = /^[^/@\s]+@([^/:\s]+):([^\s]+)$/.exec(url);
  const [host, path] = scp ? [scp[1]!, `/${scp[2]!}`] : partsOf(url);
  if (host === undefined || path === undefined) return undefined;
  return `${host.toLowerCase()}${path.replace(/\/+$/, '').replace(/\.git$/, '')}`;
}

function partsOf(url: string): readonly [string, string] | readonly [] {
  if (!URL.canParse(url)) return [];
  const { hostname, pathname } = new URL(url);
  return [hostname, pathname];
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
