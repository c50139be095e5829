import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { answering, end, freePort } from './child-server.ts';
import type { Login } from './git-server.ts';

const run = promisify(execFile);

/** The repositories of a folder behind nginx and fcgiwrap, as small teams serve them. Pushing needs the login too. */
export interface NginxGit {
  url(repository?: string): string;
  /** The same with the login in it, for a developer's `git push`. */
  pushUrl(repository?: string): string;
  stop(): Promise<void>;
}

/** PEM files. */
export interface Tls {
  readonly certificate: string;
  readonly key: string;
}

/**
 * @param root folder with the bare repositories (`http.receivepack` true for those that may be pushed to)
 * @param scratch folder for configuration, sockets and logs; its path must be short (a socket is in it)
 * @param tls https instead of http
 */
export async function startNginxGit(root: string, scratch: string, login: Login, tls?: Tls): Promise<NginxGit> {
  await mkdir(scratch, { recursive: true });
  const port = await freePort();
  const socket = path.join(scratch, 'cgi.sock');
  const { stdout: hash } = await run('openssl', ['passwd', '-apr1', login.password]);
  await writeFile(path.join(scratch, 'users'), `${login.username}:${hash}`);
  const configuration = path.join(scratch, 'nginx.conf');
  await writeFile(configuration, nginxConfiguration({ root: path.resolve(root), scratch, socket, port, tls }));
  // Workers of an nginx that root started are somebody else, and mkdtemp lets only its owner in.
  for (const folder of [scratch, path.dirname(scratch)]) await chmod(folder, 0o755);
  const environment = { PATH: `${process.env['PATH']}:/usr/sbin`, LC_ALL: 'C' };
  const children = [
    spawn('fcgiwrap', ['-c', '2', '-s', `unix:${socket}`], { env: environment, stdio: 'ignore' }),
    spawn('nginx', ['-p', scratch, '-c', configuration, '-e', path.join(scratch, 'error.log')], {
      env: environment,
      stdio: 'ignore',
    }),
  ];
  const failed = new Promise<never>((_resolve, reject) => {
    for (const child of children) child.once('error', reject);
  });
  const scheme = tls ? 'https' : 'http';
  const log = path.join(scratch, 'error.log');
  await Promise.race([failed, Promise.all([answering(port, log), answering(socket, log)])]);
  const user = `${encodeURIComponent(login.username)}:${encodeURIComponent(login.password)}`;
  return {
    url: (repository = 'repo.git') => `${scheme}://127.0.0.1:${port}/${repository}`,
    pushUrl: (repository = 'repo.git') => `${scheme}://${user}@127.0.0.1:${port}/${repository}`,
    stop: async () => {
      for (const child of children) await end(child);
    },
  };
}

interface Place {
  readonly root: string;
  readonly scratch: string;
  readonly socket: string;
  readonly port: number;
  readonly tls: Tls | undefined;
}

function nginxConfiguration(place: Place): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${place.scratch}/nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${place.scratch}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${place.port}${place.tls ? ' ssl' : ''};
    ${place.tls ? `ssl_certificate ${place.tls.certificate}; ssl_certificate_key ${place.tls.key};` : ''}
    client_max_body_size 100m;
    location / {
      auth_basic git;
      auth_basic_user_file ${place.scratch}/users;
      fastcgi_pass unix:${place.socket};
      fastcgi_buffering off;
      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT ${place.root};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param REMOTE_ADDR $remote_addr;
    }
  }
}
`;
}
