import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { answering, end, freePort } from './child-server.ts';
import type { Login } from './git-server.ts';
import type { Tls } from './nginx-git.ts';

const run = promisify(execFile);

/** A folder behind nginx over https, as teams serve their build results: `open/` to all, the rest after a login. */
export interface NginxFiles {
  /** `127.0.0.1:port` */
  readonly host: string;
  url(file: string): string;
  stop(): Promise<void>;
}

export async function startNginxFiles(root: string, scratch: string, login: Login, tls: Tls): Promise<NginxFiles> {
  await mkdir(scratch, { recursive: true });
  const port = await freePort();
  const { stdout: hash } = await run('openssl', ['passwd', '-apr1', login.password]);
  await writeFile(path.join(scratch, 'users'), `${login.username}:${hash}`);
  const configuration = path.join(scratch, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  await writeFile(
    configuration,
    `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${scratch}/nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  gzip on; gzip_types *; gzip_min_length 1;
  ${temporary.map((name) => `${name}_temp_path ${scratch}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${tls.certificate};
    ssl_certificate_key ${tls.key};
    root ${path.resolve(root)};
    location / { auth_basic files; auth_basic_user_file ${scratch}/users; }
    location /open/ { auth_basic off; }
    location /moved/ { rewrite ^/moved/(.*)$ /$1 redirect; }
    location /away/ { return 302 https://127.0.0.1:1/; }
  }
}
`,
  );
  for (const folder of [scratch, path.dirname(scratch)]) await chmod(folder, 0o755);
  const environment = { PATH: `${process.env['PATH']}:/usr/sbin`, LC_ALL: 'C' };
  const log = path.join(scratch, 'error.log');
  const child = spawn('nginx', ['-p', scratch, '-c', configuration, '-e', log], { env: environment, stdio: 'ignore' });
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
  });
  await Promise.race([failed, answering(port, log)]);
  return {
    host: `127.0.0.1:${port}`,
    url: (file) => `https://127.0.0.1:${port}/${file}`,
    stop: () => end(child),
  };
}
